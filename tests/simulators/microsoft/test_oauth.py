"""Entra's OAuth, as a product meets it."""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug import Request, Response
from werkzeug.test import EnvironBuilder

from local.simulators.clock import SimulatorClock
from local.simulators.grants import Grants
from local.simulators.microsoft.identity import PERSONAL_TENANT, tenant_of
from local.simulators.microsoft.mailbox import Mailbox
from local.simulators.microsoft.oauth import TOKEN_STYLE, OAuthServer
from local.simulators.settings import Settings
from local.simulators.signing_key import SigningKey

WORK = "ada@company.example"
PERSONAL = "grace@outlook.example"
ALIAS = "sales@company.example"
REDIRECT = "https://product.example/callback"
GRAPH = "https://graph.microsoft.com/"
SCOPES = f"openid profile email offline_access {GRAPH}User.Read {GRAPH}Mail.ReadWrite"
VERIFIER = "v" * 64
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Entra:
    """The server with a work and a personal account, and the product's side of it."""

    clock: SimulatorClock = field(default_factory=lambda: SimulatorClock(lambda: NOW))
    grants: Grants = field(default_factory=lambda: Grants(TOKEN_STYLE))
    key: SigningKey = field(default_factory=SigningKey)
    settings: Settings = field(default_factory=lambda: Settings(auto_consent=True))
    mailboxes: dict[str, Mailbox] = field(
        default_factory=lambda: {
            WORK: Mailbox(WORK, "Ada Örn", (ALIAS,)),
            PERSONAL: Mailbox(PERSONAL, "Grace Ho"),
        }
    )

    def call(
        self,
        endpoint: str,
        tenant: str = "common",
        *,
        query: dict[str, str] | None = None,
        form: dict[str, str] | None = None,
    ) -> Response:
        """Call one of the addresses."""
        builder = EnvironBuilder(
            path=f"/{tenant}/{endpoint}",
            base_url="http://login.example/",
            query_string=query,
            data=form,
            method="GET" if form is None else "POST",
        )
        server = OAuthServer(self.grants, self.mailboxes, self.key, self.clock, self.settings)
        return server.handle(endpoint, Request(builder.get_environ()), tenant)

    def authorize(self, address: str = WORK, tenant: str = "common", **changes: str) -> Response:
        """Open the authorize address."""
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        query = {
            "client_id": "client-1",
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": SCOPES,
            "state": "the-state",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            "login_hint": address,
            **changes,
        }
        return self.call("authorize", tenant, query=query)

    def code(self, address: str = WORK, tenant: str = "common", **changes: str) -> str:
        """Return the code that comes back."""
        return brought_back(self.authorize(address, tenant, **changes))["code"]

    def token(self, tenant: str = "common", **form: str) -> Response:
        """Call the token endpoint."""
        client = {"client_id": "client-1", "client_secret": "secret"}
        return self.call("token", tenant, form={**client, **form})

    def exchange(self, code: str, tenant: str = "common", **form: str) -> Response:
        """Exchange a code."""
        usual = {"grant_type": "authorization_code", "redirect_uri": REDIRECT}
        return self.token(tenant, **{**usual, "code": code, "code_verifier": VERIFIER, **form})

    def refresh(self, refresh_token: str, tenant: str = "common", **form: str) -> Response:
        """Use a refresh token."""
        usual = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self.token(tenant, **{**usual, **form})

    def connect(self, address: str = WORK, **changes: str) -> dict[str, Any]:
        """Return the tokens for an account."""
        return body_of(self.exchange(self.code(address, **changes)))


@pytest.fixture
def entra() -> Entra:
    return Entra()


def brought_back(response: Response) -> dict[str, str]:
    assert response.status_code == 302, response.get_data(as_text=True)
    query = parse_qs(urlsplit(response.headers["Location"]).query)
    assert query["state"] == ["the-state"]
    return {name: values[0] for name, values in query.items()}


def body_of(response: Response) -> dict[str, Any]:
    body: dict[str, Any] = response.get_json()
    return body


def claims_of(entra: Entra, tokens: dict[str, Any]) -> dict[str, Any]:
    keys = KeySet.import_key_set(body_of(entra.call("keys")))  # type: ignore[arg-type]
    return jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims


def test_tokens_and_identity(entra: Entra) -> None:
    """The id token says who, and in which tenant; scopes come back short, without offline."""
    tokens = entra.connect(nonce="once")
    claims = claims_of(entra, tokens)

    assert tokens["token_type"] == "Bearer"
    assert 3600 <= tokens["expires_in"] <= 5400
    assert set(tokens["scope"].split()) == {
        *("openid", "profile", "email", "User.Read", "Mail.ReadWrite")
    }
    assert claims["iss"] == f"https://login.microsoftonline.com/{claims['tid']}/v2.0"
    assert (claims["aud"], claims["nonce"], claims["ver"]) == ("client-1", "once", "2.0")
    assert (claims["email"], claims["preferred_username"]) == (WORK, WORK)
    assert claims["name"] == "Ada Örn"
    now_ms = entra.clock.now_ms()
    bearer = entra.grants.bearer(tokens["access_token"], now_ms)
    assert bearer is not None
    assert (bearer.address, bearer.expires_ms) == (WORK, now_ms + tokens["expires_in"] * 1000)


def test_identity_is_stable_and_subject_is_the_clients_own(entra: Entra) -> None:
    """Tenant and object id stay the same; the subject differs between applications."""
    one = claims_of(entra, entra.connect())
    again = claims_of(entra, entra.connect(ALIAS))
    code = entra.code(client_id="client-2")
    other = claims_of(entra, body_of(entra.exchange(code, client_id="client-2")))
    personal = claims_of(entra, entra.connect(PERSONAL))

    assert (one["tid"], one["oid"], one["sub"]) == (again["tid"], again["oid"], again["sub"])
    assert (one["tid"], one["oid"]) == (other["tid"], other["oid"])
    assert one["sub"] != other["sub"]
    assert personal["tid"] == PERSONAL_TENANT
    assert personal["oid"].startswith("00000000-0000-0000-")


def test_without_openid_no_identity_and_without_offline_no_refresh(entra: Entra) -> None:
    """Each comes only with its scope, also when an earlier consent had it."""
    entra.connect()

    tokens = entra.connect(scope=f"{GRAPH}Mail.Send")

    assert "id_token" not in tokens
    assert "refresh_token" not in tokens
    assert set(tokens["scope"].split()) == {"Mail.Send", "Mail.ReadWrite", "User.Read"}


@pytest.mark.parametrize(
    ("form", "status", "error", "number"),
    [
        ({"code_verifier": "wrong" * 10}, 400, "invalid_grant", 501481),
        ({"code_verifier": ""}, 400, "invalid_grant", 50148),
        ({"redirect_uri": "https://other.example/"}, 400, "invalid_grant", 50011),
        ({"client_id": "someone-else"}, 400, "invalid_grant", 70000),
        ({"client_id": "bad-client"}, 400, "unauthorized_client", 700016),
        ({"client_secret": "bad-secret"}, 401, "invalid_client", 7000215),
        ({"client_secret": ""}, 401, "invalid_client", 7000218),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"grant_type": ""}, 400, "invalid_request", 900144),
        ({"code": "nonsense"}, 400, "invalid_grant", 9002313),
    ],
)
def test_exchange_is_strict(
    entra: Entra, form: dict[str, str], status: int, error: str, number: int
) -> None:
    """Refusals have Entra's shape: its number, a text that begins with it, and trace ids."""
    answer = entra.exchange(**{"code": entra.code(), **form})

    body = body_of(answer)
    assert (answer.status_code, body["error"]) == (status, error)
    assert body["error_codes"] == [number]
    assert body["error_description"].startswith(f"AADSTS{number}: ")
    assert body["timestamp"] == "2026-11-21 12:00:00Z"
    assert {"trace_id", "correlation_id", "error_uri"} <= body.keys()


def test_code_works_once_and_not_for_long(entra: Entra) -> None:
    """A used code and an old one are told apart."""
    used, old = entra.code(), entra.code()
    assert entra.exchange(used).status_code == 200
    entra.clock.advance(601)

    assert body_of(entra.exchange(used))["error_codes"] == [54005]
    assert body_of(entra.exchange(old))["error_codes"] == [70008]


def test_every_use_gives_a_new_refresh_token(entra: Entra) -> None:
    """The old one goes on working beside it, for its ninety days."""
    first = entra.connect()["refresh_token"]

    renewed = body_of(entra.refresh(first))
    again = entra.refresh(first)
    entra.clock.advance(90 * 24 * 3600 + 1)
    late = body_of(entra.refresh(renewed["refresh_token"]))

    assert renewed["refresh_token"] != first
    assert "Mail.ReadWrite" in renewed["scope"]
    assert again.status_code == 200
    assert (late["error"], late["error_codes"]) == ("invalid_grant", [700082])


def test_used_refresh_tokens_can_be_revoked(entra: Entra) -> None:
    """With `revoke_old` only the newest one works."""
    entra.settings = entra.settings.updated({"refresh_tokens": "revoke_old"})
    first = entra.connect()["refresh_token"]
    renewed = body_of(entra.refresh(first))["refresh_token"]

    refused = body_of(entra.refresh(first))

    assert (refused["error"], refused["error_codes"]) == ("invalid_grant", [50173])
    assert entra.refresh(renewed).status_code == 200


def test_expired_and_withdrawn_grants(entra: Entra) -> None:
    """A token that ran out and one whose consent was taken back are told apart."""
    work, personal = entra.connect(WORK), entra.connect(PERSONAL)

    entra.grants.expire(entra.grants.refresh_tokens, [WORK])
    entra.grants.withdraw([PERSONAL])

    assert body_of(entra.refresh(work["refresh_token"]))["error_codes"] == [700082]
    assert body_of(entra.refresh(personal["refresh_token"]))["error_codes"] == [50173]


def test_refresh_belongs_to_its_client_and_its_scopes(entra: Entra) -> None:
    """Another client is refused, and so is a scope that nobody consented to."""
    token = entra.connect()["refresh_token"]

    stolen = body_of(entra.refresh(token, client_id="client-2"))
    more = body_of(entra.refresh(token, scope=f"offline_access {GRAPH}Mail.Send"))
    same = entra.refresh(token, scope=SCOPES)

    assert stolen["error_codes"] == [70000]
    assert (more["error_codes"], more["suberror"]) == ([65001], "consent_required")
    assert same.status_code == 200


@pytest.mark.parametrize(
    ("tenant", "address", "works"),
    [
        ("common", WORK, True),
        ("common", PERSONAL, True),
        ("organizations", WORK, True),
        ("organizations", PERSONAL, False),
        ("consumers", PERSONAL, True),
        ("consumers", WORK, False),
        ("company.example", WORK, True),
        (tenant_of(WORK), WORK, True),
        (tenant_of(WORK), PERSONAL, False),
        (PERSONAL_TENANT, PERSONAL, True),
        ("11111111-2222-3333-4444-555555555555", WORK, False),
    ],
)
def test_tenant_decides_who_signs_in(
    entra: Entra, tenant: str, address: str, *, works: bool
) -> None:
    """An account of another tenant ends on a page that says so, and tokens are refused."""
    page = entra.authorize(address, tenant)
    answer = entra.exchange(entra.code(address), tenant)

    if works:
        assert brought_back(page)["code"]
        assert answer.status_code == 200
    else:
        assert page.status_code == 400
        assert "AADSTS50020" in page.get_data(as_text=True)
        assert body_of(answer)["error_codes"] == [50020]


def test_nonsense_is_no_tenant(entra: Entra) -> None:
    """What is neither a GUID, a domain nor a known word is refused everywhere."""
    assert "AADSTS90002" in entra.authorize(tenant="nonsense").get_data(as_text=True)
    assert body_of(entra.exchange(entra.code(), "nonsense"))["error_codes"] == [90002]
    assert body_of(entra.call("openid_configuration", "nonsense"))["error_codes"] == [90002]


@pytest.mark.parametrize(
    ("answer", "number", "subcode"),
    [("deny", 65004, None), ("cancel", 65004, "cancel"), ("admin_required", 90094, None)],
)
def test_consent_that_is_not_given(
    entra: Entra, answer: str, number: int, subcode: str | None
) -> None:
    """The visitor comes back with access_denied and a text that begins with the number."""
    entra.settings = entra.settings.updated({"consent": answer})

    back = brought_back(entra.authorize())

    assert back["error"] == "access_denied"
    assert back["error_description"].startswith(f"AADSTS{number}: ")
    assert back.get("error_subcode") == subcode
    assert "code" not in back


def test_administrator_agrees_for_all(entra: Entra) -> None:
    """After an administrator's consent the tenant's accounts may; personal ones always may."""
    entra.settings = entra.settings.updated({"consent": "admin_required"})
    assert brought_back(entra.authorize())["error"] == "access_denied"

    query = {
        "client_id": "client-1",
        "redirect_uri": REDIRECT,
        "scope": f"{GRAPH}Mail.ReadWrite {GRAPH}User.Read",
        "state": "the-state",
    }
    agreed = brought_back(entra.call("admin_consent", "company.example", query=query))

    assert (agreed["admin_consent"], agreed["tenant"]) == ("True", tenant_of(WORK))
    assert set(agreed["scope"].split()) == set(query["scope"].split())
    assert brought_back(entra.authorize())["code"]
    assert brought_back(entra.authorize(PERSONAL))["code"]
    more = brought_back(entra.authorize(scope=f"{SCOPES} {GRAPH}Mail.Send"))
    assert more["error_description"].startswith("AADSTS90094")


def test_administrator_declines(entra: Entra) -> None:
    """The administrator comes back with access_denied too."""
    entra.settings = entra.settings.updated({"consent": "deny"})
    query = {"client_id": "client-1", "redirect_uri": REDIRECT, "state": "the-state"}

    back = brought_back(entra.call("admin_consent", "company.example", query=query))

    assert (back["error"], back["admin_consent"]) == ("access_denied", "True")


def test_unticked_scopes_are_not_granted(entra: Entra) -> None:
    """A denied scope is missing from the answer, named in the short or the long form."""
    entra.settings = entra.settings.updated({"deny_scopes": [f"{GRAPH}Mail.ReadWrite"]})

    assert "Mail.ReadWrite" not in entra.connect()["scope"].split()


def test_consent_page_for_a_person(entra: Entra) -> None:
    """Without automatic consent a page lets the owner choose among the tenant's accounts."""
    entra.settings = Settings()
    page = entra.authorize(tenant="organizations", redirect_uri=f"{REDIRECT}?kept=1")
    text = page.get_data(as_text=True)
    hidden = re.search(r'name="q" value="([^"]*)"', text)
    assert hidden is not None
    form = {"q": hidden[1].replace("&amp;", "&"), "address": WORK}

    allowed = entra.call("consent", "organizations", form={**form, "answer": "allow"})
    cancelled = entra.call("consent", "organizations", form={**form, "answer": "cancel"})
    smuggled = entra.call(
        "consent", "organizations", form={**form, "address": PERSONAL, "answer": "allow"}
    )

    assert WORK in text
    assert PERSONAL not in text
    assert "Read and write access to your mail" in text
    assert brought_back(allowed)["kept"] == "1"
    assert (
        entra.exchange(brought_back(allowed)["code"], redirect_uri=f"{REDIRECT}?kept=1").status_code
        == 200
    )
    assert brought_back(cancelled)["error_subcode"] == "cancel"
    assert smuggled.status_code == 400


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"client_id": "bad-client"}, "AADSTS700016"),
        ({"client_id": ""}, "client_id"),
        ({"redirect_uri": ""}, "redirect_uri"),
        ({"redirect_uri": "/relative"}, "AADSTS50011"),
        ({"scope": ""}, "scope"),
    ],
)
def test_what_cannot_be_sent_back_is_shown(
    entra: Entra, changes: dict[str, str], shown: str
) -> None:
    """A wrong client or redirect address ends on a page at Entra."""
    page = entra.authorize(**changes)

    assert page.status_code == 400
    assert shown in page.get_data(as_text=True)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"code_challenge_method": "MD5"}, "invalid_request"),
        ({"scope": "https://other.example/Mail.Read"}, "invalid_scope"),
    ],
)
def test_what_can_be_sent_back_is(entra: Entra, changes: dict[str, str], error: str) -> None:
    """Other mistakes come back to the product with the state."""
    assert brought_back(entra.authorize(**changes))["error"] == error


def test_fragment_mode(entra: Entra) -> None:
    """The answer can come after the number sign."""
    answer = entra.authorize(response_mode="fragment")

    assert answer.headers["Location"].startswith(f"{REDIRECT}#code=")


def test_configuration_names_the_same_host(entra: Entra) -> None:
    """The metadata leads to the simulator, and the issuer is Microsoft's."""
    shared = body_of(entra.call("openid_configuration"))
    own = body_of(entra.call("openid_configuration", "company.example"))

    assert shared["token_endpoint"] == "http://login.example/common/oauth2/v2.0/token"
    assert shared["issuer"] == "https://login.microsoftonline.com/{tenantid}/v2.0"
    assert own["issuer"] == f"https://login.microsoftonline.com/{tenant_of(WORK)}/v2.0"
