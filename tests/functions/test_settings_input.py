"""Bad settings: every field of the application, its return addresses and connectors is named."""

from typing import Any

import pytest

from tests.functions.conftest import Deployment

REDIRECT_URIS = "/v3/applications/redirect-uris"
LONG = "x" * 3_000


def _refused(deployment: Deployment, method: str, path: str, body: Any, named: str) -> None:
    answer = deployment.call(method, path, body, status=400)
    assert answer["error"]["type"] == "invalid_request_error"
    assert answer["error"]["message"].startswith(f"{named}: ")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"branding": "x"}, "branding"),
        ({"branding": {"name": ""}}, "branding.name"),
        ({"branding": {"name": 7}}, "branding.name"),
        ({"branding": {"name": LONG}}, "branding.name"),
        ({"branding": {"name": "x", "icon_url": "javascript:x"}}, "branding.icon_url"),
        ({"branding": {"name": "x", "website_url": 1}}, "branding.website_url"),
        ({"branding": {"name": "x", "description": LONG}}, "branding.description"),
        ({"hosted_authentication": []}, "hosted_authentication"),
        ({"hosted_authentication": {"spacing": "wide"}}, "hosted_authentication.spacing"),
        ({"hosted_authentication": {"spacing": -1}}, "hosted_authentication.spacing"),
        ({"hosted_authentication": {"title": "a\nb"}}, "hosted_authentication.title"),
        (
            {"hosted_authentication": {"terms_of_service_url": "x"}},
            "hosted_authentication.terms_of_service_url",
        ),
        ({"idp_settings": {"origins": ["x"]}}, "idp_settings.origins"),
        ({"domain": LONG}, "domain"),
        ({"domain": {}}, "domain"),
        ({"domain": "a b"}, "domain"),
        ({"domain": "https://x.example"}, "domain"),
        ({"domain": "x..example"}, "domain"),
        ({"callback_uris": "https://x.example"}, "callback_uris"),
        ({"callback_uris": [None]}, "callback_uris.0"),
        ({"callback_uris": [{"platform": "web"}]}, "callback_uris.0.url"),
        (
            {"callback_uris": [{"url": "https://x.example"}, {"url": "nowhere"}]},
            "callback_uris.1.url",
        ),
        ({"callback_uris": [{"url": "https://x.example/#a"}]}, "callback_uris.0.url"),
        ({"callback_uris": [{"url": "http://x.example/"}]}, "callback_uris.0.url"),
        ({"callback_uris": [{"url": "app://x", "platform": "web"}]}, "callback_uris.0.url"),
        ({"callback_uris": [{"url": "https://x.example", "id": "none"}]}, "callback_uris.0.id"),
        ({"callback_uris": [{"url": "https://x.example"}] * 2}, "callback_uris.1.url"),
        ({"callback_uris": [{"url": "https://x.y", "platform": "z"}]}, "callback_uris.0.platform"),
        ({"callback_uris": [{"url": "https://x.example", "a": 1}]}, "callback_uris.0.a"),
        ({"callback_uris": [{"url": "https://x.example"}] * 101}, "callback_uris"),
        ({"additional_settings": {"a": 1}}, "additional_settings.a"),
        ({"additional_settings": 7}, "additional_settings"),
        (
            {"branding": {"name": "x"}, "additional_settings": {"login_url": "https://x.example"}},
            "additional_settings.login_url",
        ),
        (
            {"additional_settings": {"rotate_refresh_token": True}},
            "additional_settings.rotate_refresh_token",
        ),
        (
            {"additional_settings": {"refresh_token_expiration_idle": 60}},
            "additional_settings.refresh_token_expiration_idle",
        ),
    ],
)
def test_bad_applications_are_named(deployment: Deployment, body: Any, named: str) -> None:
    """And nothing of it is kept."""
    before = deployment.call("GET", "/v3/applications")["data"]
    _refused(deployment, "PATCH", "/v3/applications", body, named)
    assert deployment.call("GET", "/v3/applications")["data"] == before


BAD_REDIRECTS: list[tuple[dict[str, Any], str]] = [
    ({"url": ""}, "url"),
    ({"url": 7}, "url"),
    ({"url": "nowhere"}, "url"),
    ({"url": "https://x.example/" + LONG}, "url"),
    ({"url": "https://x.example/#part"}, "url"),
    ({"url": "http://x.example/"}, "url"),
    ({"url": "javascript:alert(1)", "platform": "js"}, "url"),
    ({"url": "https://x.example/\r\nSet-Cookie: a=b"}, "url"),
    # Nobody could come back to these, and they were registered.
    ({"url": "https://x.example/a b"}, "url"),
    ({"url": "https://x.example/a\u00a0b"}, "url"),
    ({"url": "https://x.example:99999/"}, "url"),
    ({"url": "https://*.x.example/cb"}, "url"),
    ({"url": "https://x..example/"}, "url"),
    ({"url": "app://a b", "platform": "ios"}, "url"),
    ({"platform": "toaster"}, "platform"),
    ({"platform": ["web"]}, "platform"),
    ({"settings": "x"}, "settings"),
    ({"settings": {"bundle_id": 1}}, "settings.bundle_id"),
    ({"settings": {"origin": LONG}}, "settings.origin"),
]


@pytest.mark.parametrize(
    ("changed", "named"),
    [*BAD_REDIRECTS, ({"url": None}, "url")],
)
def test_bad_return_addresses_are_named(
    deployment: Deployment, changed: dict[str, Any], named: str
) -> None:
    """A code must never be sent to one."""
    before = deployment.call("GET", REDIRECT_URIS)["data"]
    _refused(deployment, "POST", REDIRECT_URIS, {"url": "https://x.example/"} | changed, named)
    assert deployment.call("GET", REDIRECT_URIS)["data"] == before


@pytest.mark.parametrize(("changed", "named"), BAD_REDIRECTS)
def test_bad_changes_of_return_addresses_are_named(
    deployment: Deployment, changed: dict[str, Any], named: str
) -> None:
    """The address stays as it was."""
    before = deployment.call("GET", REDIRECT_URIS)["data"]
    _refused(deployment, "PATCH", f"{REDIRECT_URIS}/{before[0]['id']}", changed, named)
    assert deployment.call("GET", REDIRECT_URIS)["data"] == before


@pytest.mark.parametrize(
    "url", ["https://[::1]:3000/", "http://localhost/", "https://büro.example/a%20b", "app.x:/"]
)
def test_good_return_addresses_are_taken(deployment: Deployment, url: str) -> None:
    """Null is left out, in a new one as in a change."""
    body = {"url": url, "platform": "desktop" if url == "app.x:/" else None, "settings": None}
    made = deployment.call("POST", REDIRECT_URIS, body, status=201)["data"]
    path = f"{REDIRECT_URIS}/{made['id']}"
    change = {"url": None, "platform": None, "settings": None}
    assert deployment.call("PATCH", path, change)["data"] == made
    assert made["platform"] == (body["platform"] or "web")
    deployment.call("DELETE", path)


def test_a_connector_takes_null_for_what_is_left_out(deployment: Deployment) -> None:
    """`settings: null` was refused where its siblings may be null."""
    (before,) = deployment.call("GET", "/v3/connectors")["data"]
    change = {"name": None, "settings": None, "scope": None, "active_credential_id": None}
    for method in ("PATCH", "PUT"):
        changed = deployment.call(method, "/v3/connectors/google", change)["data"]
        assert changed | {"updated_at": 0} == before | {"updated_at": 0}


def test_a_return_address_is_registered_once(deployment: Deployment) -> None:
    """The second is told that there is one."""
    (known, *_) = deployment.call("GET", REDIRECT_URIS)["data"]
    answer = deployment.call("POST", REDIRECT_URIS, {"url": known["url"]}, status=409)
    assert answer["error"]["type"] == "conflict_error"


def test_connectors_are_shown_in_part(deployment: Deployment) -> None:
    """What `select` names, and the provider, which no SDK can do without."""
    for query, names in (
        ("select=name,created_at", {"provider", "name", "created_at"}),
        ("select=nothing", {"provider"}),
    ):
        (shown,) = deployment.call("GET", "/v3/connectors", query=query)["data"]
        assert set(shown) == names
    (whole,) = deployment.call("GET", "/v3/connectors", query="select=None")["data"]
    assert {"settings", "redirect_uri"} <= set(whole)


SETTINGS = {"client_id": "a", "client_secret": "b"}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"provider": None}, "provider"),
        ({"provider": "imap"}, "provider"),
        ({"provider": 1}, "provider"),
        ({"name": ""}, "name"),
        ({"name": LONG}, "name"),
        ({"settings": None}, "settings"),
        ({"settings": {}}, "settings.client_id"),
        ({"settings": {"client_id": "a"}}, "settings.client_secret"),
        ({"settings": SETTINGS | {"client_id": LONG}}, "settings.client_id"),
        ({"settings": SETTINGS | {"client_secret": "ü"}}, "settings.client_secret"),
        ({"settings": SETTINGS | {"topic_name": "gmail"}}, "settings.topic_name"),
        ({"settings": SETTINGS | {"tenant": "evil.example/x"}}, "settings.tenant"),
        ({"scope": "openid"}, "scope"),
        ({"scope": ["a b"]}, "scope.0"),
        ({"scope": [""]}, "scope.0"),
        ({"scope": ["x"] * 101}, "scope"),
    ],
)
def test_bad_connectors_are_named(
    deployment: Deployment, changed: dict[str, Any], named: str
) -> None:
    """And none is made."""
    body = {"provider": "microsoft", "settings": SETTINGS} | changed
    _refused(deployment, "POST", "/v3/connectors", body, named)
    assert len(deployment.call("GET", "/v3/connectors")["data"]) == 1
    if "provider" not in changed and changed.get("settings", 1):
        for method in ("PATCH", "PUT"):
            change = dict(changed)
            if "settings.client" in named and len(change["settings"]) < 2:
                continue  # a change may leave either out
            _refused(deployment, method, "/v3/connectors/google", change, named)


@pytest.mark.parametrize(
    ("method", "path", "body", "named"),
    [
        ("POST", "/v3/connectors", {"topic_name": "projects/product/topics/mail"}, "topic_name"),
        ("PATCH", "/v3/connectors/google", {"tenant": "common"}, "tenant"),
    ],
)
def test_settings_of_another_provider_are_named(
    deployment: Deployment, method: str, path: str, body: dict[str, str], named: str
) -> None:
    """Kept without effect, they let an administrator believe that they had one."""
    whole = {"provider": "microsoft", "settings": SETTINGS | body}
    given = whole if method == "POST" else {"settings": body}
    _refused(deployment, method, path, given, f"settings.{named}")
    assert len(deployment.call("GET", "/v3/connectors")["data"]) == 1
