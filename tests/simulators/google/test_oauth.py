"""OAuth, as a product meets it."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.simulators.conftest import FRIEND, OWNER, Control
from tests.simulators.google.conftest import FULL, MODIFY, REDIRECT, Consent

EMAIL = "https://www.googleapis.com/auth/userinfo.email"


def profile(http: httpx.Client, access_token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {access_token}"}
    return http.get("/gmail/v1/users/me/profile", headers=headers)


def test_tokens_scopes_and_identity(control: Control, consent: Consent) -> None:
    """The id token is signed by the published key; the scopes come back with their long names."""
    back = consent.authorize(OWNER, MODIFY, nonce="once")
    tokens = consent.exchange(back["code"]).json()

    keys = KeySet.import_key_set(control.http.get("/oauth2/v3/certs").json())
    claims = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims

    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3599)
    assert set(tokens["scope"].split()) == {"openid", EMAIL, MODIFY}
    assert claims["iss"] == "https://accounts.google.com"
    assert (claims["aud"], claims["nonce"]) == ("client-1", "once")
    assert (claims["email"], claims["email_verified"]) == (OWNER, True)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    userinfo = control.http.get("/v1/userinfo", headers=headers).json()
    assert userinfo["sub"] == claims["sub"]


def test_code_works_once(consent: Consent) -> None:
    """A code that was exchanged is worth nothing any more."""
    code = consent.authorize(OWNER)["code"]
    assert consent.exchange(code).status_code == 200

    again = consent.exchange(code)

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"code_verifier": "wrong" * 10}, 400, "invalid_grant"),
        ({"code_verifier": ""}, 400, "invalid_grant"),
        ({"redirect_uri": "https://other.example/"}, 400, "redirect_uri_mismatch"),
        ({"client_id": "someone-else"}, 400, "invalid_grant"),
        ({"client_id": "bad-client"}, 401, "invalid_client"),
        ({"client_secret": "bad-secret"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_exchange_is_strict(
    consent: Consent, form: dict[str, str], status: int, error: str
) -> None:
    """Verifier, redirect address and client must be those of the authorization."""
    code = consent.authorize(OWNER)["code"]

    answer = consent.exchange(code, **form)

    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_refresh_token_comes_once_unless_asked_again(consent: Consent) -> None:
    """The first offline consent gives a refresh token; later ones need `prompt=consent`."""
    first = consent.exchange(consent.authorize(OWNER)["code"]).json()
    second = consent.exchange(consent.authorize(OWNER)["code"]).json()
    forced = consent.exchange(consent.authorize(OWNER, prompt="consent")["code"]).json()
    online = consent.exchange(
        consent.authorize(FRIEND, access_type="online", prompt="consent")["code"]
    ).json()

    assert ["refresh_token" in each for each in (first, second, forced, online)] == [
        True,
        False,
        True,
        False,
    ]


def test_refresh_expiry_and_revocation(control: Control, consent: Consent) -> None:
    """Access tokens last an hour; a refresh token gives new ones until it is revoked."""
    tokens = consent.connect(OWNER)
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}

    control.post("clock", {"advance_seconds": 3601})
    expired = profile(control.http, tokens["access_token"])
    renewed = consent.token(**refresh).json()
    works = profile(control.http, renewed["access_token"])
    revoked = control.http.post("/revoke", data={"token": renewed["access_token"]})
    dead = consent.token(**refresh)

    assert expired.status_code == 401
    assert expired.json()["error"]["errors"][0]["reason"] == "authError"
    assert "refresh_token" not in renewed
    assert works.status_code == revoked.status_code == 200
    assert dead.json() == {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }
    assert profile(control.http, renewed["access_token"]).status_code == 401
    assert control.http.post("/revoke", data={"token": "unknown"}).status_code == 400


def test_tokens_expire_on_command(control: Control, consent: Consent) -> None:
    """`expire` ends the tokens of one mailbox and leaves the other's."""
    mine, hers = consent.connect(OWNER), consent.connect(FRIEND)

    control.post("expire", {"what": "access_tokens", "address": OWNER})
    control.post("expire", {"what": "refresh_tokens", "address": OWNER})

    def refresh(tokens: dict[str, Any]) -> int:
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        return consent.token(**form).status_code

    assert profile(control.http, mine["access_token"]).status_code == 401
    assert profile(control.http, hers["access_token"]).status_code == 200
    assert (refresh(mine), refresh(hers)) == (400, 200)


@pytest.mark.parametrize("answer", ["deny", "cancel"])
def test_denied_consent_comes_back_as_an_error(
    control: Control, consent: Consent, answer: str
) -> None:
    """The visitor returns with access_denied, the state, and no code."""
    control.settings(consent=answer)

    back = consent.authorize(OWNER)

    assert back["error"] == "access_denied"
    assert "code" not in back


def test_unticked_scopes_are_not_granted(control: Control, consent: Consent) -> None:
    """A denied scope is missing from the answer, and its calls are refused."""
    control.settings(deny_scopes=[MODIFY])
    tokens = consent.connect(OWNER, f"{MODIFY} https://www.googleapis.com/auth/gmail.send")

    refused = profile(control.http, tokens["access_token"])

    assert MODIFY not in tokens["scope"].split()
    assert refused.status_code == 403
    assert refused.json()["error"]["errors"][0]["reason"] == "insufficientPermissions"


def test_earlier_scopes_can_be_included(consent: Consent) -> None:
    """With include_granted_scopes a later consent brings the earlier scopes along."""
    consent.connect(OWNER, MODIFY)

    later = consent.authorize(OWNER, FULL, include_granted_scopes="true")

    assert {MODIFY, FULL} <= set(later["scope"].split())


def test_consent_page_for_a_person(control: Control, consent: Consent) -> None:
    """Without automatic consent a page lets the owner choose, untick, allow or cancel."""
    control.settings(auto_consent=False)
    query = {
        "client_id": "client-1",
        "redirect_uri": f"{REDIRECT}?kept=1",
        "response_type": "code",
        "scope": f"openid email {MODIFY} {FULL}",
        "state": "<s>",
    }
    page = control.http.get("/o/oauth2/v2/auth", params=query)
    assert page.status_code == 200
    assert OWNER in page.text
    hidden = re.search(r'name="q" value="([^"]*)"', page.text)
    assert hidden is not None
    form = {"q": hidden[1].replace("&amp;", "&"), "address": OWNER, "scope": ["openid", MODIFY]}

    allowed = control.http.post("/o/oauth2/v2/auth", data={**form, "answer": "allow"})
    cancelled = control.http.post("/o/oauth2/v2/auth", data={**form, "answer": "cancel"})

    back = parse_qs(urlsplit(allowed.headers["Location"]).query)
    assert (back["kept"], back["state"]) == (["1"], ["<s>"])
    assert set(back["scope"][0].split()) == {"openid", MODIFY}
    assert "error=access_denied" in cancelled.headers["Location"]


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"client_id": "bad-client"}, "invalid_client"),
        ({"redirect_uri": ""}, "redirect_uri"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_what_cannot_be_sent_back_is_shown(
    control: Control, changes: dict[str, str], shown: str
) -> None:
    """A wrong client or redirect address ends on a page at Google."""
    query = {
        "client_id": "client-1",
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": FULL,
        **changes,
    }

    page = control.http.get("/o/oauth2/v2/auth", params=query)

    assert page.status_code in {400, 401}
    assert shown in page.text


def test_metadata_scope_sees_no_bodies(control: Control, consent: Consent) -> None:
    """With gmail.metadata, searches and full messages are refused."""
    message_id = control.deliver(OWNER, b"Subject: x\r\n\r\nsecret")
    token = consent.connect(OWNER, "https://www.googleapis.com/auth/gmail.metadata")
    headers = {"Authorization": f"Bearer {token['access_token']}"}

    def status(path: str) -> int:
        return control.http.get(f"/gmail/v1/users/me/{path}", headers=headers).status_code

    assert status("messages") == 200
    assert status("messages?q=x") == 403
    assert status(f"messages/{message_id}?format=full") == 403
    assert status(f"messages/{message_id}?format=metadata") == 200
