"""What an administrator and an application set up, through the official SDK, typed models and all.

Nothing of the SDK is replaced; where it has a bug of its own, the test says so.
"""

import base64
import hashlib
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from nylas import Client
from nylas.models.errors import NylasApiError, NylasOAuthError

from local.running_stack import RunningStack
from tests.e2e.conftest import SimulatedProvider, come_back


def _refused(call: Any, *arguments: Any, **named: Any) -> NylasApiError:
    with pytest.raises(NylasApiError) as refusal:
        call(*arguments, **named)
    found: NylasApiError = refusal.value
    return found


def test_the_application_and_its_return_addresses(postroom: Client, stack: RunningStack) -> None:
    """Read and changed as a whole; addresses made, read, changed, listed and removed."""
    details = postroom.applications.info().data
    assert details.application_id == stack.client_id
    assert details.branding.name
    renamed = postroom.applications.update({"branding": {"name": "Letterbox"}}).data
    assert (renamed.application_id, renamed.branding.name) == (stack.client_id, "Letterbox")

    made = postroom.applications.redirect_uris.create(
        {"url": "https://sdk.example/return", "platform": "web", "settings": {"origin": "x"}}
    ).data
    assert (made.url, made.platform, made.settings.origin) == (
        "https://sdk.example/return",
        "web",
        "x",
    )
    changed = postroom.applications.redirect_uris.update(
        made.id, {"url": "https://sdk.example/other"}
    ).data
    assert changed.url == "https://sdk.example/other"
    assert postroom.applications.redirect_uris.find(made.id).data.url == changed.url
    assert made.id in [each.id for each in postroom.applications.redirect_uris.list().data]

    known = postroom.applications.info().data.callback_uris
    wanted: Any = [{"id": each.id, "url": each.url} for each in known]
    added = postroom.applications.update(
        {"callback_uris": [*wanted, {"url": "https://sdk.example/new"}]}
    ).data.callback_uris
    assert added[:-1] == known
    assert (added[-1].url, added[-1].platform) == ("https://sdk.example/new", "web")
    left = postroom.applications.update({"callback_uris": wanted}).data.callback_uris
    assert left == known
    assert _refused(postroom.applications.redirect_uris.find, added[-1].id).status_code == 404

    assert postroom.applications.redirect_uris.destroy(made.id).request_id
    assert _refused(postroom.applications.redirect_uris.find, made.id).status_code == 404
    twice = _refused(postroom.applications.redirect_uris.create, {"url": "nowhere"})
    assert (twice.status_code, twice.type) == (400, "invalid_request_error")


def test_connectors_are_found_listed_and_changed(
    postroom: Client, provider: SimulatedProvider
) -> None:
    """The connector of each provider, with what it may tell."""
    found = postroom.connectors.find(provider.name).data
    assert found.provider == provider.name
    assert found.settings["client_id"]
    assert "client_secret" not in found.settings
    listed = postroom.connectors.list(query_params={"limit": 5}).data
    assert provider.name in [each.provider for each in listed]
    changed = postroom.connectors.update(provider.name, {"name": "Renamed"}).data
    assert changed.provider == provider.name
    assert _refused(postroom.connectors.find, "fastmail").status_code == 400


def test_credentials_are_managed_and_used(
    stack: RunningStack, postroom: Client, provider: SimulatedProvider, return_address: str
) -> None:
    """Another client of the administrator's: every method, and a mailbox connected with it."""
    made = postroom.connectors.credentials.create(
        provider.name,
        {
            "name": "The new one",
            "credential_type": "connector",
            "credential_data": {"client_id": "another-client", "client_secret": "another-secret"},
        },
    ).data
    assert (made.name, made.credential_type) == ("The new one", "connector")
    assert made.created_at
    credentials = postroom.connectors.credentials
    assert credentials.find(provider.name, made.id).data.id == made.id
    query = {"limit": 5, "offset": 0, "sort_by": "created_at", "order_by": "desc"}
    assert made.id in [each.id for each in credentials.list(provider.name, query).data]
    renamed = credentials.update(provider.name, made.id, {"name": "Renamed"}).data
    assert renamed.name == "Renamed"

    address = provider.address("another-client")
    provider.call("POST", "mailboxes", json={"address": address})
    url = postroom.auth.url_for_oauth2(
        {
            "client_id": stack.client_id,
            "redirect_uri": return_address,
            "provider": provider.name,
            "login_hint": address,
            "credential_id": made.id,
        }
    )
    with httpx.Client(timeout=60) as browser:
        code = come_back(browser, url)["code"]
    token = postroom.auth.exchange_code_for_token(
        {"client_id": stack.client_id, "redirect_uri": return_address, "code": code}
    )
    assert postroom.grants.find(token.grant_id).data.credential_id == made.id
    assert _refused(credentials.destroy, provider.name, made.id).status_code == 409
    postroom.grants.destroy(token.grant_id)
    assert credentials.destroy(provider.name, made.id).request_id
    assert _refused(credentials.find, provider.name, made.id).status_code == 404


def test_an_administrator_is_asked_for_the_organisation(
    stack: RunningStack, postroom: Client, microsoft: SimulatedProvider, return_address: str
) -> None:
    """The SDK's address for administrators leads to Microsoft and back to the application."""
    url = postroom.auth.url_for_admin_consent(
        {
            "client_id": stack.client_id,
            "redirect_uri": return_address,
            "credential_id": "",
            "state": "theirs",
        }
    )
    administrator = microsoft.address("administrator")
    microsoft.call("POST", "mailboxes", json={"address": administrator})
    with httpx.Client(timeout=60) as browser:
        page = browser.get(url, follow_redirects=True)
        assert page.is_success, page.text
        choice = {"q": page.url.query.decode(), "address": administrator, "answer": "allow"}
        agreed = browser.post(page.url.copy_with(query=None), data=choice)
        assert agreed.status_code == 302, agreed.text
        answer = come_back(browser, agreed.headers["location"])
    assert answer == {"admin_consent": "True", "state": "theirs"}


def test_providers_are_detected(postroom: Client) -> None:
    """A domain that everybody knows, and one that nobody does (the DNS has no answer here)."""
    found = postroom.auth.detect_provider({"email": "ada+b@gmail.com"}).data
    assert (found.detected, found.provider, found.email_address) == (
        True,
        "google",
        "ada+b@gmail.com",
    )
    found = postroom.auth.detect_provider({"email": "ada@me.com", "all_provider_types": True}).data
    assert (found.detected, found.provider) == (True, "icloud")
    nobody = postroom.auth.detect_provider({"email": "ada@nowhere.invalid"}).data
    assert (nobody.detected, nobody.provider) == (False, None)


@pytest.fixture
def tokens(
    stack: RunningStack, postroom: Client, provider: SimulatedProvider, return_address: str
) -> Iterator[Any]:
    """What an application gets for a mailbox of its own, with a refresh token."""
    address = provider.address(f"tokens-{uuid.uuid4().hex[:6]}")
    provider.call("POST", "mailboxes", json={"address": address})
    url = postroom.auth.url_for_oauth2(
        {
            "client_id": stack.client_id,
            "redirect_uri": return_address,
            "provider": provider.name,
            "login_hint": address,
            "access_type": "offline",
            "include_grant_scopes": True,
            "prompt": "select_provider,detect",
            "smtp_required": True,
        }
    )
    with httpx.Client(timeout=60) as browser:
        code = come_back(browser, url)["code"]
    answer = postroom.auth.exchange_code_for_token(
        {"client_id": stack.client_id, "redirect_uri": return_address, "code": code}
    )
    yield answer
    postroom.grants.destroy(answer.grant_id)


def test_tokens_are_refreshed_described_and_revoked(
    stack: RunningStack, postroom: Client, return_address: str, tokens: Any
) -> None:
    """The life of an application's tokens."""
    assert (tokens.token_type, tokens.expires_in) == ("Bearer", 3600)
    for info in (
        postroom.auth.id_token_info(tokens.id_token).data,
        postroom.auth.validate_access_token(tokens.access_token).data,
    ):
        assert (info.sub, info.email, info.aud) == (
            tokens.grant_id,
            tokens.email,
            stack.client_id,
        )
        assert info.exp - info.iat == 3600
    renewed = postroom.auth.refresh_access_token(
        {
            "client_id": stack.client_id,
            "redirect_uri": return_address,
            "refresh_token": tokens.refresh_token,
        }
    )
    assert renewed.grant_id == tokens.grant_id
    owner = Client(api_key=renewed.access_token, api_uri=stack.api_uri)
    assert owner.grants.find("me").data.id == tokens.grant_id
    assert postroom.auth.revoke(renewed.access_token) is True
    assert _refused(owner.grants.find, "me").status_code == 401
    with pytest.raises(NylasOAuthError) as refusal:
        postroom.auth.validate_access_token(renewed.access_token)
    assert (refusal.value.error, refusal.value.status_code) == ("invalid_request", 400)


def test_a_challenge_as_in_the_rfc_is_understood(
    stack: RunningStack, postroom: Client, provider: SimulatedProvider, return_address: str
) -> None:
    """RFC 7636's own form of PKCE beside the SDK's, without any secret."""
    address, verifier = provider.address("rfc7636"), uuid.uuid4().hex + uuid.uuid4().hex
    provider.call("POST", "mailboxes", json={"address": address})
    digest = hashlib.sha256(verifier.encode()).digest()
    query = {
        "client_id": stack.client_id,
        "redirect_uri": return_address,
        "response_type": "code",
        "provider": provider.name,
        "login_hint": address,
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    exchange = {
        "client_id": stack.client_id,
        "redirect_uri": return_address,
        "grant_type": "authorization_code",
    }
    answers = []
    for given in ("x" * 64, verifier):
        with httpx.Client(timeout=60) as browser:
            url = str(httpx.URL(f"{stack.api_uri}/v3/connect/auth", params=query))
            code = come_back(browser, url)["code"]
        body = exchange | {"code": code, "code_verifier": given}
        answers.append(httpx.post(f"{stack.api_uri}/v3/connect/token", json=body, timeout=60))
    assert [answer.status_code for answer in answers] == [400, 200]
    assert answers[1].json()["email"] == address


def test_grants_are_found_listed_changed_and_connected_by_a_token(
    postroom: Client, provider: SimulatedProvider, tokens: Any
) -> None:
    """By id and by address; listed with filters; a token that nobody gave is refused."""
    grant = postroom.grants.find(tokens.email).data
    assert (grant.id, grant.provider, grant.grant_status) == (
        tokens.grant_id,
        provider.name,
        "valid",
    )
    for query in (
        {"email": tokens.email},
        {"email": tokens.email, "provider": provider.name, "grant_status": "valid"},
        {"limit": 200, "sortBy": "created_at", "orderBy": "desc", "since": grant.created_at},
    ):
        listed = postroom.grants.list(query_params=query).data
        assert grant.id in [each.id for each in listed], query
    newest = postroom.grants.list(query_params={"limit": 1, "offset": 0}).data
    assert [each.id for each in newest] == [grant.id]
    assert postroom.grants.update(grant.id, {"scope": grant.scope}).data.id == grant.id
    refused = _refused(
        postroom.auth.custom_authentication,
        {"provider": provider.name, "settings": {"refresh_token": "nobody-gave-it"}},
    )
    assert refused.status_code == 400
    assert "settings.refresh_token" in str(refused)


def test_a_mailbox_is_connected_by_a_token(
    postroom: Client, stack: RunningStack, provider: SimulatedProvider, http: httpx.Client
) -> None:
    """Custom authentication: the application asked its user itself, with the connector's client."""
    address = provider.address("custom")
    provider.call("POST", "mailboxes", json={"address": address})
    connector = postroom.connectors.find(provider.name).data
    token = _token_of_their_own(http, stack, provider, connector.settings["client_id"], address)
    grant = postroom.auth.custom_authentication(
        {
            "provider": provider.name,
            "settings": {"refresh_token": token},
            "scope": [],
            "state": "theirs",
        }
    ).data
    assert (grant.email, grant.state, grant.grant_status) == (address, "theirs", "valid")
    changed = postroom.grants.update(grant.id, {"settings": {"refresh_token": token}}).data
    assert changed.id == grant.id
    postroom.grants.destroy(grant.id)


def test_a_token_of_another_client_comes_with_its_credential(
    postroom: Client, stack: RunningStack, provider: SimulatedProvider, http: httpx.Client
) -> None:
    """`settings.credential_id`: the connector's other client, which renews the token."""
    address = provider.address("bulk")
    provider.call("POST", "mailboxes", json={"address": address})
    credentials = postroom.connectors.credentials
    data = {"client_id": "bulk-client", "client_secret": "our-secret"}
    made = credentials.create(
        provider.name, {"name": "Bulk", "credential_type": "connector", "credential_data": data}
    ).data
    token = _token_of_their_own(http, stack, provider, "bulk-client", address)
    wanted: Any = {"provider": provider.name, "settings": {"refresh_token": token}}
    refused = _refused(postroom.auth.custom_authentication, wanted)
    assert (refused.status_code, refused.type) == (400, "invalid_request_error")
    assert "settings.refresh_token" in str(refused)

    wanted["settings"]["credential_id"] = made.id
    grant = postroom.auth.custom_authentication(wanted).data
    assert (grant.email, grant.credential_id) == (address, made.id)
    postroom.grants.destroy(grant.id)
    credentials.destroy(provider.name, made.id)


def _token_of_their_own(
    http: httpx.Client,
    stack: RunningStack,
    provider: SimulatedProvider,
    client_id: str,
    address: str,
) -> str:
    """Return the refresh token that an application gets from the provider without Postroom."""
    paths = {
        "google": ("/o/oauth2/v2/auth", "/token"),
        "microsoft": ("/common/oauth2/v2.0/authorize", "/common/oauth2/v2.0/token"),
    }
    scopes = {
        "google": "openid email profile https://www.googleapis.com/auth/gmail.modify",
        "microsoft": "openid email profile offline_access Mail.ReadWrite Mail.Send User.Read",
    }
    authorize, token = paths[provider.name]
    place = {"client_id": client_id, "redirect_uri": "https://their.example/return"}
    query = place | {
        "response_type": "code",
        "scope": scopes[provider.name],
        "login_hint": address,
        "access_type": "offline",
        "state": "s",
    }
    consent = provider.client.get(authorize, params=query)
    assert consent.status_code == 302, consent.text
    code = httpx.URL(consent.headers["location"]).params["code"]
    answer = provider.client.post(
        token,
        data=place
        | {"client_secret": "our-secret", "grant_type": "authorization_code", "code": code},
    )
    assert answer.is_success, answer.text
    return str(answer.json()["refresh_token"])


def test_webhooks_are_managed(postroom: Client, http: httpx.Client) -> None:
    """Every method of the SDK, and the other SDK's way to another secret."""
    made = postroom.webhooks.create(
        {
            "trigger_types": ["message.created", "grant.expired"],
            "webhook_url": "https://93.184.215.14/hook",
            "description": "d",
            "notification_email_addresses": ["ops@example.com"],
        }
    ).data
    assert made.webhook_secret
    found = postroom.webhooks.find(made.id).data
    assert (found.webhook_url, found.status) == ("https://93.184.215.14/hook", "active")
    assert [each.value for each in found.trigger_types] == ["message.created", "grant.expired"]
    assert [each for each in postroom.webhooks.list().data if each.id == made.id] == [found]
    changed = postroom.webhooks.update(made.id, {"description": "d2"}).data
    assert (changed.description, changed.status) == ("d2", "active")
    rotated = postroom.webhooks.rotate_secret(made.id).data
    assert rotated.webhook_secret not in ("", made.webhook_secret)
    other = http.post(f"/v3/webhooks/rotate-secret/{made.id}", json={}).json()["data"]
    assert other["webhook_secret"] != rotated.webhook_secret
    assert postroom.webhooks.ip_addresses().data.ip_addresses == []
    refused = _refused(
        postroom.webhooks.create,
        {"trigger_types": ["message.created"], "webhook_url": "https://127.0.0.1/hook"},
    )
    assert (refused.status_code, refused.type) == (400, "invalid_request_error")
    assert postroom.webhooks.destroy(made.id).data.status == "success"
    assert _refused(postroom.webhooks.find, made.id).status_code == 404


def test_an_application_works_with_a_key_of_its_own(
    stack: RunningStack, http: httpx.Client, tokens: Any
) -> None:
    """A scoped key opens what it was made for, through the SDK, until it is revoked."""
    made = http.post("/v3/api-keys", json={"name": "Reader", "scopes": ["grants.read"]})
    assert made.status_code == 201, made.text
    key = made.json()["data"]
    reader = Client(api_key=key["api_key"], api_uri=stack.api_uri)
    assert reader.grants.find(tokens.grant_id).data.email == tokens.email
    for refused in (
        _refused(reader.messages.list, tokens.grant_id),
        _refused(reader.grants.destroy, tokens.grant_id),
        _refused(reader.connectors.list),
    ):
        assert (refused.status_code, refused.type) == (403, "insufficient_scopes")
    assert http.delete(f"/v3/api-keys/{key['id']}").status_code == 200
    assert _refused(reader.grants.find, tokens.grant_id).status_code == 401
