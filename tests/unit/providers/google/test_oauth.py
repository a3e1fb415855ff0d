"""Google's OAuth: what the consent page is told, and whose word is believed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from postroom.domain.credentials import Authorization
from postroom.domain.errors import (
    ConnectionRefused,
    Misconfigured,
    PostroomError,
    ReauthRequired,
    Retryable,
)
from postroom.ports import AuthorizationRequest
from postroom.providers.google.endpoints import endpoints
from postroom.providers.google.identity import Identities
from postroom.providers.google.oauth import GMAIL_FULL, GMAIL_MODIFY, GoogleOAuth
from tests.builders import NOW, make_tokens
from tests.fakes import FixedClock
from tests.unit.providers.id_token_making import (
    KEY,
    NEXT_KEY,
    OTHER_KEY,
    published,
    signed,
    unsigned,
)

CLAIMS: dict[str, Any] = {
    "iss": "https://accounts.google.com",
    "aud": "client",
    "sub": "108",
    "email": "ada@example.com",
    "name": "Ada Lovelace",
    "nonce": "nonce-1",
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 3600,
}


def id_token(key: RSAKey = KEY, **changes: Any) -> str:
    return signed(CLAIMS, key, **changes)


def tokens(**changes: Any) -> httpx.Response:
    answer = {
        "access_token": "access",
        "refresh_token": "refresh",
        "expires_in": 3599,
        "scope": f"openid https://www.googleapis.com/auth/userinfo.email {GMAIL_MODIFY}",
        "token_type": "Bearer",
        "id_token": id_token(),
    }
    return httpx.Response(200, json={**answer, **changes})


@dataclass
class Google:
    """Google's OAuth server, with one scripted answer."""

    answer: httpx.Response | Exception = field(default_factory=tokens)
    keys: list[RSAKey] = field(default_factory=lambda: [KEY])
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    keys_read: int = 0
    clock: FixedClock = field(default_factory=FixedClock)

    def __post_init__(self) -> None:
        self.http = httpx.Client(transport=httpx.MockTransport(self._handle))
        self.identities = Identities(http=self.http, endpoints=endpoints(), clock=self.clock)

    def oauth(self, scopes: tuple[str, ...] = ()) -> GoogleOAuth:
        """Return our client of it."""
        return GoogleOAuth(
            client_id="client",
            read_client_secret=lambda: "s3cret&+%",
            scopes=scopes,
            http=self.http,
            endpoints=endpoints(),
            identities=lambda: self.identities,
            clock=self.clock,
        )

    def exchange(self) -> Authorization:
        """Trade some code."""
        return self.oauth().exchange_code(
            code="4/0A+b", redirect_uri="https://p.example/cb", code_verifier="v", nonce="nonce-1"
        )

    def _handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth2/v3/certs":
            self.keys_read += 1
            return httpx.Response(200, json=published(self.keys))
        self.forms.append(parse_qs(request.content.decode()))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def refused(status: int, code: str) -> httpx.Response:
    # Authlib refuses descriptions with quotes, which Google's do contain.
    return httpx.Response(status, json={"error": code, "error_description": 'no "such" thing'})


def asked(oauth: GoogleOAuth, login_hint: str = "") -> dict[str, list[str]]:
    url = oauth.authorization_url(
        AuthorizationRequest(
            redirect_uri="https://p.example/cb",
            state="state-1",
            nonce="nonce-1",
            code_challenge="challenge",
            login_hint=login_hint,
        )
    )
    assert url.startswith("https://accounts.google.com/o/oauth2/v2/auth?")
    return parse_qs(urlsplit(url).query)


def test_the_consent_page_is_told_everything() -> None:
    """Offline access and a prompt bring a refresh token; PKCE and nonce bind the code."""
    assert asked(Google().oauth(), "ada+x@example.com") == {
        "response_type": ["code"],
        "client_id": ["client"],
        "redirect_uri": ["https://p.example/cb"],
        "scope": [f"openid email profile {GMAIL_MODIFY}"],
        "state": ["state-1"],
        "nonce": ["nonce-1"],
        "code_challenge": ["challenge"],
        "code_challenge_method": ["S256"],
        "access_type": ["offline"],
        "prompt": ["consent"],
        "include_granted_scopes": ["true"],
        "login_hint": ["ada+x@example.com"],
    }


def test_own_scopes_never_cost_the_identity() -> None:
    """Whatever the administrator asks for, an account is known by its subject."""
    assert asked(Google().oauth((GMAIL_FULL,)))["scope"] == [f"openid email {GMAIL_FULL}"]


def test_a_code_brings_tokens_and_a_proven_identity() -> None:
    """The secret and the verifier travel in the body, whatever characters they have."""
    # Given
    google = Google()
    # When
    authorization = google.exchange()
    # Then
    (form,) = google.forms
    assert form["client_secret"] == ["s3cret&+%"]
    assert (form["code"], form["code_verifier"]) == (["4/0A+b"], ["v"])
    assert (authorization.identity.subject, authorization.identity.name) == ("108", "Ada Lovelace")
    assert authorization.tokens.expires_at == NOW + timedelta(seconds=3599)
    assert {"email", "openid", GMAIL_MODIFY} <= set(authorization.scopes)


def test_the_full_scope_contains_what_is_required() -> None:
    """A wider scope than needed is never reported as missing."""
    authorization = Google(tokens(scope=f"openid {GMAIL_FULL}")).exchange()
    assert GMAIL_MODIFY in authorization.scopes


def test_a_missing_refresh_token_is_empty() -> None:
    """The account's older one is kept then."""
    assert Google(tokens(refresh_token=None)).exchange().tokens.refresh_token == ""


@pytest.mark.parametrize(
    "token",
    [
        id_token(aud="another-client"),
        id_token(iss="https://evil.example"),
        id_token(nonce="another"),
        id_token(nonce=None),
        id_token(exp=int(NOW.timestamp()) - 3600),
        id_token(exp=None),
        id_token(sub=None),
        id_token(email=None),
        id_token(OTHER_KEY),
        unsigned(CLAIMS),
        id_token()[:-8],
        "",
        "no.token.é",
    ],
    ids=[
        *("another client's", "another issuer's", "another nonce", "no nonce", "expired"),
        *("without an end", "nobody's", "without an address", "signed by another", "unsigned"),
        *("cut off", "nothing", "no token"),
    ],
)
def test_an_identity_that_is_not_proven_makes_no_account(token: str) -> None:
    """Signature, issuer, audience, nonce and time all have to fit."""
    with pytest.raises(ConnectionRefused) as refusal:
        Google(tokens(id_token=token)).exchange()
    assert refusal.value.reason == "identity_invalid"


def test_keys_are_kept_and_read_again_when_one_is_unknown() -> None:
    """Google changes its keys; nobody may make us ask for them at every call."""
    # Given
    google = Google()
    google.exchange()
    google.exchange()
    assert google.keys_read == 1
    # When a new key signs, a while later
    google.keys.append(NEXT_KEY)
    google.answer = tokens(id_token=id_token(NEXT_KEY))
    google.clock.advance(timedelta(minutes=2))
    # Then
    assert google.exchange().identity.subject == "108"
    assert google.keys_read == 2


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refused(400, "invalid_grant"), ConnectionRefused),
        (refused(400, "admin_policy_enforced"), ConnectionRefused),
        (refused(401, "invalid_client"), Misconfigured),
        (refused(429, "rate_limit_exceeded"), Retryable),
        (httpx.Response(502, content=b"<html>"), Retryable),
        (httpx.Response(200, content=b"<html>"), Retryable),
        (tokens(access_token=""), Retryable),
        (httpx.ConnectError("down"), Retryable),
        (httpx.ReadTimeout("slow"), Retryable),
    ],
)
def test_a_code_that_is_not_exchanged_says_why(
    answer: httpx.Response | Exception, expected: type[PostroomError]
) -> None:
    """A used code is the person's to repeat, a bad client the operator's, the rest passes."""
    with pytest.raises(expected) as problem:
        Google(answer).exchange()
    if isinstance(problem.value, ConnectionRefused):
        assert problem.value.reason in {"code_invalid", "access_denied"}


def test_a_refresh_gives_a_new_access_token() -> None:
    """Google keeps the refresh token: an empty one in the answer changes nothing."""
    # Given
    google = Google(tokens(refresh_token=None, id_token=None))
    old = make_tokens(refresh_token="old-refresh")
    # When
    new = google.oauth().refresh(old)
    # Then
    assert google.forms[0]["refresh_token"] == ["old-refresh"]
    assert old.renewed(new).refresh_token == "old-refresh"
    assert new.access_token == "access"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refused(400, "invalid_grant"), ReauthRequired),
        (refused(400, "admin_policy_enforced"), ReauthRequired),
        (refused(401, "unauthorized_client"), Misconfigured),
        (refused(503, "invalid_grant"), Retryable),
        (
            httpx.Response(429, json={"error": {"code": 429}}, headers={"Retry-After": "5"}),
            Retryable,
        ),
        (httpx.RemoteProtocolError("cut"), Retryable),
    ],
)
def test_a_failed_refresh_says_whose_turn_it_is(
    answer: httpx.Response | Exception, expected: type[PostroomError]
) -> None:
    """Only a dead consent stops the account."""
    with pytest.raises(expected):
        Google(answer).oauth().refresh(make_tokens())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(200, json={"error": "invalid_grant"}), ReauthRequired),
        (httpx.Response(200, json={"error": "invalid_client"}), Misconfigured),
        (httpx.Response(200, json={"error": None}), Retryable),
        (httpx.Response(200, content=b'{"access_token": "acc'), Retryable),
        (httpx.Response(200, content=b'{"access_token": "a", "expires_in": 1e999}'), Retryable),
        (httpx.Response(200, content=b'{"access_token": "a", "expires_in": NaN}'), Retryable),
        (httpx.Response(200, json=[]), Retryable),
        (httpx.Response(200, json={"expires_in": 3599}), Retryable),
        (tokens(access_token=["a"]), Retryable),
        (tokens(expires_in="soon"), Retryable),
        (tokens(expires_in=[3599]), Retryable),
        (tokens(expires_in=10**15), Retryable),
        (tokens(expires_at=[]), Retryable),
    ],
)
def test_an_answer_that_is_no_token_is_an_error_of_ours(
    answer: httpx.Response, expected: type[PostroomError]
) -> None:
    """Whatever comes with status 200: a foreign error ended the worker and was never noted."""
    with pytest.raises(PostroomError) as problem:
        Google(answer).oauth().refresh(make_tokens())
    assert type(problem.value) is expected


def test_without_a_refresh_token_nothing_is_asked() -> None:
    """Then only the owner can help."""
    google = Google()
    with pytest.raises(ReauthRequired):
        google.oauth().refresh(make_tokens(refresh_token=""))
    assert google.forms == []


@pytest.mark.parametrize("status", [200, 400])
def test_a_consent_is_withdrawn_or_gone_already(status: int) -> None:
    """Both are fine."""
    google = Google(httpx.Response(status, json={}))
    google.oauth().revoke(make_tokens(refresh_token="r1"))
    assert google.forms == [{"token": ["r1"]}]


@pytest.mark.parametrize("answer", [httpx.Response(503), httpx.ConnectError("down")])
def test_a_consent_that_could_not_be_withdrawn_is_tried_again(
    answer: httpx.Response | Exception,
) -> None:
    """It still stands until Google says otherwise."""
    with pytest.raises(Retryable):
        Google(answer).oauth().revoke(make_tokens())


def test_a_simulator_replaces_every_host() -> None:
    """No call may reach Google, and no token may follow, when a simulator is set."""
    simulated = endpoints("http://127.0.0.1:4601/")
    names: list[Callable[[Any], str]] = [
        lambda e: e.authorize,
        lambda e: e.token,
        lambda e: e.revoke,
        lambda e: e.keys,
        lambda e: e.gmail,
        lambda e: e.upload,
        lambda e: e.batch,
    ]
    for name in names:
        real, ours = urlsplit(name(endpoints())), urlsplit(name(simulated))
        assert (ours.netloc, ours.path) == ("127.0.0.1:4601", real.path)
