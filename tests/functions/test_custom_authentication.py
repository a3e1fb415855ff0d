"""Connecting by a token, changing a grant, guessing providers: the answers and the refusals."""

import json
from typing import Any

import httpx
import pytest

from tests.contract import aws
from tests.functions.conftest import ADDRESS, SAMPLE_GRANT, Deployment


@pytest.fixture(scope="module")
def token(deployment: Deployment) -> str:
    """Ada's refresh token, as if the application had got it from Google itself."""
    name = f"postroom/test/tokens/{deployment.names[SAMPLE_GRANT]}"
    secret = aws.client("secretsmanager").get_secret_value(SecretId=name)
    return str(json.loads(secret["SecretString"])["refresh_token"])


def _custom(token: str, **changed: Any) -> dict[str, Any]:
    return {"provider": "google", "settings": {"refresh_token": token}} | changed


def test_a_mailbox_is_connected_by_a_token(deployment: Deployment, token: str) -> None:
    """The mailbox is known: its grant stays, with what the application says about it now."""
    body = _custom(token, state="again", scope=["openid"])
    grant = deployment.call("POST", "/v3/connect/custom", body, status=201)["data"]
    assert grant["id"] == deployment.names[SAMPLE_GRANT]
    assert (grant["email"], grant["state"], grant["grant_status"]) == (ADDRESS, "again", "valid")
    assert token not in json.dumps(grant)


def test_a_grant_is_changed(deployment: Deployment, token: str) -> None:
    """Another consent of the same owner, or scopes that were granted; `{}` changes nothing."""
    path = f"/v3/grants/{deployment.names[SAMPLE_GRANT]}"
    before = deployment.call("GET", path)["data"]
    for body in ({}, {"scope": before["scope"]}, {"settings": None, "scope": None}):
        changed = deployment.call("PATCH", path, body)["data"]
        assert changed["updated_at"] == before["updated_at"]
    changed = deployment.call("PATCH", path, {"settings": {"refresh_token": token}})["data"]
    assert changed["id"] == before["id"]


def test_a_token_that_does_not_tell_whose_it_is_is_refused(deployment: Deployment) -> None:
    """Asked for without `openid`, it opens a mailbox and nobody knows whose."""
    (connector,) = deployment.call("GET", "/v3/connectors")["data"]
    place = {
        "client_id": connector["settings"]["client_id"],
        "redirect_uri": "https://their.example/return",
    }
    asked = {
        "response_type": "code",
        "access_type": "offline",
        "prompt": "consent",
        "login_hint": "charles@example.org",
        "scope": "https://www.googleapis.com/auth/gmail.modify",
    }
    consent = deployment.simulator.get("/o/oauth2/v2/auth", params=place | asked)
    code = httpx.URL(consent.headers["location"]).params["code"]
    grant = {"client_secret": "x", "grant_type": "authorization_code", "code": code}
    token = deployment.simulator.post("/token", data=place | grant).json()["refresh_token"]

    answer = deployment.call("POST", "/v3/connect/custom", _custom(token), status=400)

    assert answer["error"]["message"].startswith("settings.refresh_token: ")
    assert "openid" in answer["error"]["message"]
    assert deployment.call("GET", "/v3/grants", query="email=charles@example.org")["data"] == []


BAD_TOKENS: list[tuple[Any, str]] = [
    (None, "settings.refresh_token"),
    ("", "settings.refresh_token"),
    (7, "settings.refresh_token"),
    (["x"], "settings.refresh_token"),
    ("x" * 8_193, "settings.refresh_token"),
    ("a\r\nb", "settings.refresh_token"),
    ("nobody has it", "settings.refresh_token"),
    ("nobody-has-it", "settings.refresh_token"),
]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        *[({"settings": {"refresh_token": token}}, named) for token, named in BAD_TOKENS],
        ({"settings": None}, "settings"),
        ({"settings": {}}, "settings.refresh_token"),
        ({"settings": {"username": "ada", "password": "x"}}, "settings.refresh_token"),
        ({"settings": {"credential_id": "c"}}, "settings.refresh_token"),
        ({"settings": {"refresh_token": "x", "credential_id": 7}}, "settings.credential_id"),
        ({"settings": {"refresh_token": "x", "credential_id": "none"}}, "settings.credential_id"),
        (
            {"settings": {"refresh_token": "x", "credential_id": "x" * 101}},
            "settings.credential_id",
        ),
        ({"settings": "x"}, "settings"),
        ({"provider": None}, "provider"),
        ({"provider": "imap"}, "provider"),
        ({"provider": ["google"]}, "provider"),
        ({"scope": "openid"}, "scope"),
        ({"scope": ["two words"]}, "scope.0"),
        ({"scope": ["x" * 257]}, "scope.0"),
        ({"scope": ["x"] * 101}, "scope"),
        ({"state": "x" * 257}, "state"),
        ({"state": 1}, "state"),
        ({"state": "a\nb"}, "state"),
    ],
)
def test_bad_custom_requests_are_named(
    deployment: Deployment, changed: dict[str, Any], named: str
) -> None:
    """Every field; whatever is wrong, no account comes of it."""
    before = deployment.call("GET", "/v3/grants")["data"]
    body = _custom("nobody-has-it", **changed)
    answer = deployment.call("POST", "/v3/connect/custom", body, status=400)
    assert answer["error"]["message"].startswith(f"{named}: ")
    after = deployment.call("GET", "/v3/grants")["data"]
    assert [grant["id"] for grant in after] == [grant["id"] for grant in before]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        *[({"settings": {"refresh_token": token}}, named) for token, named in BAD_TOKENS],
        ({"settings": {}}, "settings.refresh_token"),
        ({"settings": []}, "settings"),
        ({"scope": "openid"}, "scope"),
        ({"scope": [None]}, "scope.0"),
        ({"scope": ["calendar"]}, "The owner did not grant"),
    ],
)
def test_bad_changes_of_a_grant_are_named(
    deployment: Deployment, body: dict[str, Any], named: str
) -> None:
    """Every field of the change."""
    path = f"/v3/grants/{deployment.names[SAMPLE_GRANT]}"
    answer = deployment.call("PATCH", path, body, status=400)
    assert answer["error"]["message"].startswith(f"{named}: ")


def test_a_provider_without_a_connector_is_named(deployment: Deployment) -> None:
    """There is nothing that Microsoft could be asked with."""
    body = _custom("x", provider="microsoft")
    answer = deployment.call("POST", "/v3/connect/custom", body, status=400)
    assert answer["error"]["message"] == "provider: There is no connector for microsoft."


@pytest.mark.parametrize(
    ("query", "provider"),
    [
        ("email=a%2Bb%40gmail.com", "google"),
        ("email=a%40outlook.com", None),
        ("email=a%40outlook.com&all_provider_types=True", "microsoft"),
        ("email=a%40me.com&all_provider_types=true", "icloud"),
    ],
)
def test_providers_are_guessed(deployment: Deployment, query: str, provider: str | None) -> None:
    """What is not set up is only told when all are asked for."""
    answer = deployment.call("POST", "/v3/providers/detect", query=query)["data"]
    assert answer["detected"] == (provider is not None)
    assert answer.get("provider") == provider
    assert "@" in answer["email_address"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", "email"),
        ("email=", "email"),
        ("email=ada", "email"),
        ("email=a%0Ab%40gmail.com", "email"),
        ("email=" + "x" * 320 + "%40gmail.com", "email"),
        ("email=a%40gmail.com&all_provider_types=maybe", "all_provider_types"),
    ],
)
def test_bad_addresses_are_named(deployment: Deployment, query: str, named: str) -> None:
    """Missing, empty, no address, too long."""
    answer = deployment.call("POST", "/v3/providers/detect", query=query, status=400)
    assert answer["error"]["message"].startswith(f"{named}: ")


def test_a_connector_is_verified(deployment: Deployment) -> None:
    """It works, or not, with what to do about it; one that is not there is not found."""
    path = "/v3/connectors/google"
    assert deployment.call("POST", f"{path}/verify")["data"]["problems"] == []
    deployment.call("PATCH", path, {"settings": {"client_secret": "bad-secret"}})
    # The function has read the secret, and remembers it for five minutes.
    deployment.call("PATCH", path, {"settings": {"client_id": "bad-id"}})
    found = deployment.call("POST", f"{path}/verify")["data"]
    assert (found["works"], len(found["problems"])) == (False, 1)
    (detail,) = found["details"]
    assert detail == {
        "code": "client_refused",
        "message": found["problems"][0],
        "provider_code": "invalid_client",
    }
    assert found["redirect_uri"].endswith("/v3/connect/callback")
    deployment.call("POST", "/v3/connectors/microsoft/verify", status=404)
    deployment.call("POST", "/v3/connectors/imap/verify", status=400)
