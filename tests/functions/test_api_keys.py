"""/v3/api-keys: made, shown once, used, listed, revoked."""

import json
import time
from typing import Any

import pytest

from tests.functions.conftest import Deployment


def _error(answer: dict[str, Any]) -> str:
    return str(answer["error"]["message"])


def test_a_key_is_shown_once_and_works_until_it_is_revoked(deployment: Deployment) -> None:
    """From its making to its end: nobody can read it again, and revoking counts at once."""
    made = deployment.call(
        "POST", "/v3/api-keys", {"name": "Reports", "scopes": ["grants.read"]}, status=201
    )["data"]
    key = made.pop("api_key")
    assert made["scopes"] == ["grants.read"]
    listed = deployment.call("GET", "/v3/api-keys")
    assert made in listed["data"]
    assert key not in json.dumps(listed)

    assert deployment.call("GET", "/v3/grants", bearer=key)["data"]
    refused = deployment.call("GET", "/v3/connectors", bearer=key, status=403)
    assert refused["error"]["type"] == "insufficient_scopes"

    deployment.call("DELETE", f"/v3/api-keys/{made['id']}")
    deployment.call("GET", "/v3/grants", bearer=key, status=401)
    deployment.call("DELETE", f"/v3/api-keys/{made['id']}", status=404)


def test_a_key_without_scopes_does_everything_but_administration(deployment: Deployment) -> None:
    """The key of an application, as the SDKs know it; settings stay the administrator's."""
    made = deployment.call("POST", "/v3/api-keys", {"name": "The application"}, status=201)["data"]
    assert made["scopes"] == [
        "grants.read",
        "grants.write",
        "mail.read",
        "mail.send",
        "mail.write",
        "webhooks",
    ]
    deployment.call("GET", "/v3/api-keys", bearer=made["api_key"], status=403)


def test_a_key_of_an_administrator_makes_more(deployment: Deployment) -> None:
    """The deployment's own key need not be given to anybody."""
    wanted = {"name": "Second", "scopes": ["administration"], "expires_at": int(time.time()) + 60}
    made = deployment.call("POST", "/v3/api-keys", wanted, status=201)["data"]
    deployment.call("POST", "/v3/api-keys", {"name": "x"}, bearer=made["api_key"], status=201)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\r\nb"}, "name"),
        ({"name": "x", "scopes": "mail.read"}, "scopes"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": [None]}, "scopes.0"),
        ({"name": "x", "scopes": ["mail.everything"]}, "scopes.0"),
        ({"name": "x", "scopes": ["mail.read"] * 50}, "scopes"),
        ({"name": "x", "expires_at": "tomorrow"}, "expires_at"),
        ({"name": "x", "expires_at": 1}, "expires_at"),
        ({"name": "x", "expires_at": 10**20}, "expires_at"),
        ("[]", "body"),
        ("{", "body"),
    ],
)
def test_bad_keys_are_named_and_not_made(deployment: Deployment, body: Any, named: str) -> None:
    """Each wrong part is named, and nothing is stored."""
    before = deployment.call("GET", "/v3/api-keys")["data"]
    assert _error(deployment.call("POST", "/v3/api-keys", body, status=400)).startswith(named)
    assert deployment.call("GET", "/v3/api-keys")["data"] == before


@pytest.mark.parametrize(("scopes", "error"), [(["mail.read"], "unauthorized_client"), (None, "")])
def test_a_key_is_a_client_secret_when_it_may_connect(
    deployment: Deployment, scopes: list[str] | None, error: str
) -> None:
    """Trading codes needs `grants.write`; who has it is told about the code, not about the key."""
    body = {"name": "x"} | ({"scopes": scopes} if scopes else {})
    made = deployment.call("POST", "/v3/api-keys", body, status=201)["data"]
    exchange = {
        "client_id": deployment.call("GET", "/v3/applications")["data"]["application_id"],
        "client_secret": made["api_key"],
        "grant_type": "authorization_code",
        "code": "nobody has this code",
        "redirect_uri": "https://app.example.com/return",
    }
    answer = deployment.call("POST", "/v3/connect/token", exchange, status=400)
    assert answer["error"] == (error or "invalid_grant")
