"""/v3/connect/token, /revoke, /tokeninfo: tokens and what they stand for."""

import base64
import json
import time
from typing import Any
from urllib.parse import quote

import pytest

from tests.functions.conftest import (
    ADDRESS,
    ADMINISTRATOR_KEY,
    APPLICATION_ID,
    PUBLIC_URL,
    SAMPLE_GRANT,
    Deployment,
)

FOUR_KEYS = {"error", "error_code", "error_description", "error_uri"}


@pytest.fixture(scope="module")
def grant(deployment: Deployment) -> str:
    return deployment.names[SAMPLE_GRANT]


def _ask(deployment: Deployment, body: Any, *, status: int = 200, **more: Any) -> dict[str, Any]:
    return deployment.call("POST", "/v3/connect/token", body, status=status, **more)


def _for(grant: str, **changed: Any) -> dict[str, Any]:
    return {
        "client_id": APPLICATION_ID,
        "client_secret": ADMINISTRATOR_KEY,
        "grant_type": "client_credentials",
        "grant_id": grant,
    } | changed


def test_tokens_say_what_they_stand_for(deployment: Deployment, grant: str) -> None:
    """An application gets a token for an account it names; both tokens describe that account."""
    issued = _ask(deployment, _for(grant))
    assert issued["token_type"] == "Bearer"
    assert "refresh_token" not in issued

    for name in ("access_token", "id_token"):
        query = f"{name}={quote(issued[name])}"
        told = deployment.call("GET", "/v3/connect/tokeninfo", bearer="", query=query)
        assert told["request_id"]
        info = told["data"]
        assert (info["iss"], info["aud"]) == (PUBLIC_URL, APPLICATION_ID)
        assert (info["sub"], info["email"]) == (grant, ADDRESS)
        assert info["exp"] - info["iat"] == issued["expires_in"] == 3600
        assert abs(info["iat"] - time.time()) < 120

    me = deployment.call("GET", "/v3/grants/me", bearer=issued["access_token"])["data"]
    assert me["id"] == grant


def test_a_revoked_token_stands_for_nothing(deployment: Deployment, grant: str) -> None:
    """Revoking one access token leaves others alone."""
    first, second = (_ask(deployment, _for(grant))["access_token"] for _ in range(2))
    deployment.call("POST", "/v3/connect/revoke", bearer="", query=f"token={first}")
    deployment.call("GET", "/v3/grants/me", bearer=first, status=401)
    deployment.call("GET", "/v3/grants/me", bearer=second)
    refused = deployment.call(
        "GET", "/v3/connect/tokeninfo", query=f"access_token={first}", status=400
    )
    assert set(refused) >= FOUR_KEYS


def _forged(token: str) -> str:
    head, claims, signature = token.split(".")
    changed = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"email": "eve@example.com"}
    return f"{head}.{base64.urlsafe_b64encode(json.dumps(changed).encode()).decode()}.{signature}"


def _unsigned(token: str) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    return f"{head}.{token.split('.')[1]}."


@pytest.mark.parametrize("change", [_forged, _unsigned, lambda token: token[:-4]])
def test_an_id_token_that_is_not_ours_is_refused(
    deployment: Deployment, grant: str, change: Any
) -> None:
    """Changed, unsigned or cut short."""
    token = change(_ask(deployment, _for(grant))["id_token"])
    refused = deployment.call("GET", "/v3/connect/tokeninfo", query=f"id_token={token}", status=400)
    assert refused["error_description"].startswith("id_token: ")


@pytest.mark.parametrize(
    "query",
    ["", "id_token=", "access_token=&id_token=", "access_token=a&id_token=b", "access_token=%00",
     "id_token=a.b.c", "access_token=" + "x" * 5_000],
)  # fmt: skip
def test_tokeninfo_wants_one_token(deployment: Deployment, query: str) -> None:
    """Neither, both, or none that ever was: the shape that the SDKs know from OAuth."""
    assert set(deployment.call("GET", "/v3/connect/tokeninfo", query=query, status=400)) >= (
        FOUR_KEYS
    )


@pytest.mark.parametrize(
    ("changed", "status", "error", "named"),
    [
        ({"client_id": None}, 400, "invalid_request", "client_id"),
        ({"client_id": "another"}, 401, "invalid_client", "client_id"),
        ({"client_id": 7}, 400, "invalid_request", "client_id"),
        ({"client_secret": "wrong"}, 401, "invalid_client", "client_secret"),
        ({"client_secret": ["x"]}, 400, "invalid_request", "client_secret"),
        ({"client_secret": "x" * 5_000}, 400, "invalid_request", "client_secret"),
        ({"grant_type": None}, 400, "invalid_request", "grant_type"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", "grant_type"),
        ({"grant_id": None}, 400, "invalid_request", "grant_id"),
        ({"grant_id": "nobody"}, 400, "invalid_grant", ""),
        ({"grant_type": "authorization_code"}, 400, "invalid_request", "code"),
        ({"grant_type": "refresh_token"}, 400, "invalid_request", "refresh_token"),
        (
            {"grant_type": "refresh_token", "refresh_token": {"a": 1}},
            400,
            "invalid_request",
            "refresh_token",
        ),
        (
            {"grant_type": "authorization_code", "code": "x", "redirect_uri": 1},
            400,
            "invalid_request",
            "redirect_uri",
        ),
        (
            {"grant_type": "authorization_code", "code": "x", "code_verifier": []},
            400,
            "invalid_request",
            "code_verifier",
        ),
    ],
)  # fmt: skip
def test_bad_token_requests_are_named(
    deployment: Deployment,
    grant: str,
    changed: dict[str, Any],
    status: int,
    error: str,
    named: str,
) -> None:
    """Every field, in the words of RFC 6749."""
    answer = _ask(deployment, _for(grant, **changed), status=status, bearer="")
    assert set(answer) >= FOUR_KEYS
    assert answer["error"] == error
    assert named in answer["error_description"]


def test_an_account_can_be_chosen_only_with_a_secret(deployment: Deployment, grant: str) -> None:
    """The application's id is no secret; the key may stand in the header alone."""
    wanted = _for(grant, client_secret=None)
    assert _ask(deployment, wanted, bearer="", status=401)["error"] == "invalid_client"
    assert _ask(deployment, wanted, bearer=ADMINISTRATOR_KEY)["grant_id"] == grant


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        (["grants.write"], 400),
        (["grants.read", "grants.write", "mail.read", "mail.write"], 400),
        (["grants.read", "grants.write", "mail.read", "mail.write", "mail.send"], 200),
    ],
)
def test_no_key_gets_a_token_that_reaches_further(
    deployment: Deployment, grant: str, scopes: list[str], status: int
) -> None:
    """A key that may only connect could have read everybody's mail by a token for their grant."""
    body = {"name": "Narrow", "scopes": scopes}
    made = deployment.call("POST", "/v3/api-keys", body, status=201)["data"]
    answer = _ask(deployment, _for(grant, client_secret=made["api_key"]), status=status)
    assert answer.get("error") == (None if status == 200 else "unauthorized_client")
