"""Microsoft's OAuth: what the consent page is told, whose word is believed, what refusals say."""

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
from postroom.providers.microsoft.endpoints import endpoints
from postroom.providers.microsoft.identity import Identities
from postroom.providers.microsoft.oauth import MicrosoftOAuth
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
from tests.unit.providers.microsoft.graph import refusal

TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
PERSON = "690222be-ff1a-4d56-abd1-7e4f7d38e474"
CALLBACK = "https://p.example/v3/connect/callback"
MAIL = "https://graph.microsoft.com/Mail.ReadWrite https://graph.microsoft.com/Mail.Send"
CLAIMS: dict[str, Any] = {
    "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
    "aud": "client",
    "sub": "pairwise",
    "tid": TENANT,
    "oid": PERSON,
    "name": "Ada L.",
    "preferred_username": "somebody.else@contoso.com",
    "nonce": "nonce-1",
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 3600,
}
ME = {"id": PERSON, "displayName": "Ada Lovelace", "mail": "ada@contoso.com"}


def id_token(key: RSAKey = KEY, **changes: Any) -> str:
    return signed(CLAIMS, key, **changes)


def of_tenant(directory: str) -> str:
    return id_token(tid=directory, iss=f"https://login.microsoftonline.com/{directory}/v2.0")


def tokens(**changes: Any) -> httpx.Response:
    answer = {
        "access_token": "access",
        "refresh_token": "refresh",
        "expires_in": 4211,
        "ext_expires_in": 4211,
        "scope": f"openid profile email {MAIL} User.Read",
        "token_type": "Bearer",
        "id_token": id_token(),
    }
    return httpx.Response(200, json={**answer, **changes})


def refused(word: str, *numbers: int, status: int = 400) -> httpx.Response:
    answer = {"error": word, "error_description": 'no "such" thing', "error_codes": numbers}
    return httpx.Response(status, json=answer)


@dataclass
class Entra:
    """Microsoft's sign-in, with one scripted answer, and what Graph says of the person."""

    answer: httpx.Response | Exception = field(default_factory=tokens)
    me: httpx.Response = field(default_factory=lambda: httpx.Response(200, json=ME))
    tenant: str = "common"
    keys: list[RSAKey] = field(default_factory=lambda: [KEY])
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    keys_read: list[str] = field(default_factory=list)
    clock: FixedClock = field(default_factory=FixedClock)

    def __post_init__(self) -> None:
        self.http = httpx.Client(transport=httpx.MockTransport(self._handle))
        self.identities = Identities(http=self.http, endpoints=endpoints(), clock=self.clock)

    def oauth(self, scopes: tuple[str, ...] = ()) -> MicrosoftOAuth:
        """Return our client of it."""
        return MicrosoftOAuth(
            client_id="client",
            read_client_secret=lambda: "s3cret&+%",
            tenant=self.tenant,
            scopes=scopes,
            http=self.http,
            endpoints=endpoints(),
            identities=lambda: self.identities,
            clock=self.clock,
        )

    def exchange(self) -> Authorization:
        """Trade some code."""
        return self.oauth().exchange_code(
            code="1.A+b", redirect_uri=CALLBACK, code_verifier="v", nonce="nonce-1"
        )

    def _handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "graph.microsoft.com":
            assert request.url.path == "/v1.0/me"
            assert request.headers["Authorization"] == "Bearer access"
            return self.me
        assert request.url.host == "login.microsoftonline.com"
        if request.url.path.endswith("/discovery/v2.0/keys"):
            self.keys_read.append(request.url.path.split("/")[1])
            return httpx.Response(200, json=published(self.keys))
        assert request.url.path == f"/{self.tenant}/oauth2/v2.0/token"
        self.forms.append(parse_qs(request.content.decode()))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def asked(oauth: MicrosoftOAuth, login_hint: str = "") -> tuple[str, dict[str, list[str]]]:
    parts = urlsplit(
        oauth.authorization_url(
            AuthorizationRequest(
                redirect_uri=CALLBACK,
                state="state-1",
                nonce="nonce-1",
                code_challenge="challenge",
                login_hint=login_hint,
            )
        )
    )
    return f"{parts.scheme}://{parts.netloc}{parts.path}", parse_qs(parts.query)


# ── The consent page ─────────────────────────────────────────────────────────────────────


def test_the_consent_page_is_told_everything() -> None:
    """`offline_access` brings a refresh token; PKCE and nonce bind the code."""
    address, query = asked(Entra().oauth(), "ada+x@contoso.com")
    assert address == "https://login.microsoftonline.com/common/oauth2/v2.0/authorize"
    assert query == {
        "response_type": ["code"],
        "response_mode": ["query"],
        "client_id": ["client"],
        "redirect_uri": [CALLBACK],
        "scope": [
            f"openid profile email offline_access https://graph.microsoft.com/User.Read {MAIL}"
        ],
        "state": ["state-1"],
        "nonce": ["nonce-1"],
        "code_challenge": ["challenge"],
        "code_challenge_method": ["S256"],
        "prompt": ["select_account"],
        "login_hint": ["ada+x@contoso.com"],
    }


@pytest.mark.parametrize("tenant", ["organizations", "consumers", TENANT, "contoso.com"])
def test_the_tenant_decides_who_may_sign_in(tenant: str) -> None:
    """A registration for one organisation does not work at the address for all."""
    address, _ = asked(Entra(tenant=tenant).oauth())
    assert address == f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize"


def test_own_scopes_never_cost_the_identity_nor_the_lasting_access() -> None:
    """Nor is a scope asked for twice, in its short and in its long form."""
    _, query = asked(Entra().oauth(("Mail.ReadWrite", "User.Read")))
    assert query["scope"] == ["openid profile email offline_access User.Read Mail.ReadWrite"]


# ── The code ─────────────────────────────────────────────────────────────────────────────


def test_a_code_brings_tokens_and_a_proven_identity() -> None:
    """The account is known by tenant and object id: addresses change hands."""
    # Given
    entra = Entra()
    # When
    authorization = entra.exchange()
    # Then
    (form,) = entra.forms
    assert form["client_secret"] == ["s3cret&+%"]
    assert (form["code"], form["code_verifier"]) == (["1.A+b"], ["v"])
    assert authorization.identity.subject == f"{TENANT}.{PERSON}"
    assert authorization.identity.email == "ada@contoso.com"
    assert authorization.identity.name == "Ada Lovelace"
    assert authorization.tokens.expires_at == NOW + timedelta(seconds=4211)
    assert set(authorization.scopes) == {
        *("openid", "profile", "email", "offline_access"),
        *("User.Read", "Mail.ReadWrite", "Mail.Send"),
    }


def test_without_a_refresh_token_there_is_no_lasting_access() -> None:
    """Entra does not say so in `scope`; the token itself is the proof."""
    authorization = Entra(tokens(refresh_token=None)).exchange()
    assert authorization.tokens.refresh_token == ""
    assert "offline_access" not in authorization.scopes


def test_a_personal_account_is_known_by_its_user_name() -> None:
    """`mail` is empty for some of them, and for accounts without a mailbox."""
    me = httpx.Response(200, json={"mail": None, "userPrincipalName": "ada@outlook.com"})
    entra = Entra(tokens(id_token=of_tenant(PERSONAL)), me=me)
    identity = entra.exchange().identity
    assert (identity.email, identity.name) == ("ada@outlook.com", "Ada L.")
    assert identity.subject == f"{PERSONAL}.{PERSON}"


@pytest.mark.parametrize(
    "token",
    [
        id_token(aud="another-client"),
        id_token(iss="https://evil.example"),
        id_token(iss=f"https://login.microsoftonline.com/{PERSONAL}/v2.0"),
        id_token(iss=f"https://sts.windows.net/{TENANT}/"),
        id_token(iss=None),
        id_token(nonce="another"),
        id_token(nonce=None),
        id_token(exp=int(NOW.timestamp()) - 61),
        id_token(exp=None),
        id_token(tid=None),
        id_token(oid=None),
        id_token(oid=7),
        id_token(OTHER_KEY),
        unsigned(CLAIMS),
        id_token()[:-8],
        "",
        "no.token.é",
    ],
    ids=[
        *("another client's", "another issuer's", "another tenant's", "of the first version"),
        *("no issuer", "another nonce", "no nonce", "expired", "without an end", "no tenant"),
        *("nobody's", "of a number", "signed by another", "unsigned", "cut off", "nothing"),
        "no token",
    ],
)
def test_an_identity_that_is_not_proven_makes_no_account(token: str) -> None:
    """Signature, issuer (of the token's own tenant), audience, nonce and time all have to fit."""
    with pytest.raises(ConnectionRefused) as refusal_:
        Entra(tokens(id_token=token)).exchange()
    assert refusal_.value.reason == "identity_invalid"


def test_a_clock_that_is_a_minute_off_is_forgiven() -> None:
    """No more than that."""
    late = id_token(exp=int(NOW.timestamp()) - 59)
    assert Entra(tokens(id_token=late)).exchange().identity.subject


@pytest.mark.parametrize(
    ("tenant", "directory", "is_let_in"),
    [
        (TENANT, TENANT, True),
        (TENANT.upper(), TENANT, True),
        (TENANT, PERSONAL, False),
        ("consumers", PERSONAL, True),
        ("consumers", TENANT, False),
        ("organizations", TENANT, True),
        ("organizations", PERSONAL, False),
        ("common", PERSONAL, True),
        ("contoso.com", TENANT, True),
    ],
)
def test_an_account_of_another_tenant_is_not_believed(
    tenant: str,
    directory: str,
    is_let_in: bool,  # noqa: FBT001
) -> None:
    """Entra keeps them out; this is for the day when a setting there is wrong."""
    entra = Entra(tokens(id_token=of_tenant(directory)), tenant=tenant)
    if is_let_in:
        assert entra.exchange().identity.subject == f"{directory}.{PERSON}"
    else:
        with pytest.raises(ConnectionRefused):
            entra.exchange()


def test_keys_are_those_of_the_tenant_and_read_again_when_one_is_unknown() -> None:
    """Microsoft changes its keys; nobody may make us ask for them at every call."""
    # Given
    entra = Entra(tenant="contoso.com")
    entra.exchange()
    entra.exchange()
    assert entra.keys_read == ["contoso.com"]
    # When a new key signs, a while later
    entra.keys.append(NEXT_KEY)
    entra.answer = tokens(id_token=id_token(NEXT_KEY))
    entra.clock.advance(timedelta(minutes=2))
    # Then
    assert entra.exchange().identity.subject
    assert entra.keys_read == ["contoso.com", "contoso.com"]


@pytest.mark.parametrize(
    ("me", "expected"),
    [
        (refusal(404, "ResourceNotFound"), ConnectionRefused),
        (refusal(403, "Authorization_RequestDenied"), ConnectionRefused),
        (httpx.Response(200, json={"mail": None}), ConnectionRefused),
        (refusal(429), Retryable),
        (refusal(503), Retryable),
        (httpx.Response(200, json=[]), Retryable),
    ],
)
def test_a_person_without_an_address_is_refused(
    me: httpx.Response, expected: type[PostroomError]
) -> None:
    """An account has to be called something; a Graph that is busy passes."""
    with pytest.raises(expected):
        Entra(me=me).exchange()


@pytest.mark.parametrize(
    ("answer", "expected", "reason"),
    [
        (refused("invalid_grant", 54005), ConnectionRefused, "code_invalid"),
        (refused("invalid_grant", 70008), ConnectionRefused, "code_invalid"),
        (refused("invalid_grant", 501481), ConnectionRefused, "code_invalid"),
        (refused("invalid_grant", 65001), ConnectionRefused, "admin_consent_required"),
        (refused("interaction_required", 53003), ConnectionRefused, "account_not_allowed"),
        (refused("invalid_client", 7000215, status=401), Misconfigured, ""),
        (refused("temporarily_unavailable", 90033), Retryable, ""),
        (httpx.Response(502, content=b"<html>"), Retryable, ""),
        (tokens(access_token=""), Retryable, ""),
        (httpx.ConnectError("down"), Retryable, ""),
        (httpx.ReadTimeout("slow"), Retryable, ""),
    ],
)
def test_a_code_that_is_not_exchanged_says_why(
    answer: httpx.Response | Exception, expected: type[PostroomError], reason: str
) -> None:
    """A used code is the person's to repeat, a bad client the operator's, the rest passes."""
    with pytest.raises(expected) as problem:
        Entra(answer).exchange()
    assert getattr(problem.value, "reason", "") == reason


# ── Refreshing ───────────────────────────────────────────────────────────────────────────


def test_a_refresh_brings_another_refresh_token() -> None:
    """It replaces itself with every use, and lives for 90 days from then on."""
    # Given
    entra = Entra(tokens(refresh_token="newer", id_token=None))
    old = make_tokens(refresh_token="old-refresh")
    # When
    new = entra.oauth().refresh(old)
    # Then
    assert entra.forms[0]["refresh_token"] == ["old-refresh"]
    assert old.renewed(new).refresh_token == "newer"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refused("invalid_grant", 50173), ReauthRequired),
        (refused("invalid_client", 7000222, status=401), Misconfigured),
        (refused("invalid_grant", 50173, status=503), Retryable),
        (httpx.RemoteProtocolError("cut"), Retryable),
        (httpx.Response(200, json=[]), Retryable),
    ],
)
def test_a_failed_refresh_says_whose_turn_it_is(
    answer: httpx.Response | Exception, expected: type[PostroomError]
) -> None:
    """Only a dead consent stops the account."""
    with pytest.raises(expected):
        Entra(answer).oauth().refresh(make_tokens())


# ── The way back without a code ──────────────────────────────────────────────────────────


def told(error: str, description: str, *, tenant: str = "common") -> ConnectionRefused:
    return (
        Entra(tenant=tenant)
        .oauth()
        .consent_refusal(error=error, description=description, redirect_uri=CALLBACK)
    )


@pytest.mark.parametrize("number", [65001, 90093, 90094, 90095])
@pytest.mark.parametrize(
    ("tenant", "place"),
    [("common", "organizations"), ("consumers", "organizations"), (TENANT, TENANT)],
)
def test_who_needs_an_administrator_is_told_where_to_send_them(
    number: int, tenant: str, place: str
) -> None:
    """The address works as it stands: it names application, permissions and the way back."""
    refusal_ = told("access_denied", f"AADSTS{number}: Administrator …", tenant=tenant)
    assert refusal_.reason == "admin_consent_required"
    (address,) = [word for word in str(refusal_).split() if word.startswith("https://")]
    parts = urlsplit(address)
    assert (parts.netloc, parts.path) == (
        "login.microsoftonline.com",
        f"/{place}/v2.0/adminconsent",
    )
    query = parse_qs(parts.query)
    assert query["client_id"] == ["client"]
    assert query["redirect_uri"] == [CALLBACK]
    assert "https://graph.microsoft.com/Mail.Send" in query["scope"][0].split()


@pytest.mark.parametrize(
    ("error", "description", "reason"),
    [
        ("access_denied", "AADSTS65004: User declined to consent.", "access_denied"),
        ("access_denied", "The user has denied access to the scope requested.", "access_denied"),
        ("access_denied", "AADSTS50105: not assigned to a role.", "account_not_allowed"),
        ("invalid_request", "AADSTS50020: User account …", "account_not_allowed"),
        (
            "invalid_request",
            "AADSTS50194: not configured as multi-tenant",
            "provider_misconfigured",
        ),
        ("invalid_client", "AADSTS650053: The application asked for …", "provider_misconfigured"),
        ("temporarily_unavailable", "", "provider_unavailable"),
        ("server_error", "AADSTS90033: A transient error …", "provider_unavailable"),
        ("invalid_request", "AADSTS9999999: new", "provider_error"),
        ("", "", "provider_error"),
    ],
)
def test_every_way_back_has_its_reason(error: str, description: str, reason: str) -> None:
    """A sentence for the person, and a word for the application."""
    refusal_ = told(error, description)
    assert refusal_.reason == reason
    assert str(refusal_)


def test_a_registration_for_one_organisation_names_the_setting() -> None:
    """The administrator reads what to change, not a number."""
    assert "tenant" in str(told("invalid_request", "AADSTS50194: …"))


def test_nothing_of_what_came_back_is_repeated() -> None:
    """A description is anybody's text, and this sentence travels on to the application."""
    assert "evil" not in str(told("access_denied", "AADSTS65004: https://evil.example <b>"))


# ── Addresses ────────────────────────────────────────────────────────────────────────────


def test_a_simulator_replaces_every_host() -> None:
    """No call may reach Microsoft, and no token may follow, when a simulator is set."""
    simulated = endpoints("http://127.0.0.1:4602/")
    for name in ("authorize", "token", "keys", "admin_consent"):
        real, ours = (urlsplit(getattr(each, name)("common")) for each in (endpoints(), simulated))
        assert (ours.netloc, ours.path) == ("127.0.0.1:4602", real.path)
    assert simulated.graph == "http://127.0.0.1:4602/v1.0"
    assert str(simulated.checked_link("http://127.0.0.1:4602/v1.0/me?x=1"))
    assert str(simulated.checked_upload_link("http://127.0.0.1:4602/upload/1"))
    for check in (simulated.checked_link, simulated.checked_upload_link):
        for link in ("https://graph.microsoft.com/v1.0/me", "http://127.0.0.1:4603/", "x"):
            with pytest.raises(Retryable):
                check(link)
