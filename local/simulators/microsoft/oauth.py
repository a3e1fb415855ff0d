"""Entra's OAuth 2 and OpenID Connect server, v2.0.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow

    GET …/authorize ─ consent page ─ POST ─▶ redirect_uri?code&state ─ POST …/token ─▶ tokens
       │   └─ auto_consent and a known login_hint ──▲       │ error=access_denied
       └─ wrong client, tenant or account: a page, nobody is sent back

Answers come back in the query or the fragment; `form_post` is not simulated. Which redirect
addresses an application has registered is not known here, so any is taken.
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from werkzeug import Request, Response

from local.simulators.clock import SimulatorClock
from local.simulators.consent_page import ConsentPage, Permission, error_page
from local.simulators.grants import Code, Grants, Token, TokenStyle
from local.simulators.mailboxes import mailbox_at
from local.simulators.microsoft import identity
from local.simulators.microsoft.entra_errors import EntraError
from local.simulators.microsoft.mailbox import Mailbox
from local.simulators.microsoft.scopes import MEANINGS, OFFLINE, OPENID, RESOURCE, short_names
from local.simulators.oauth import challenge_of, client_of, json_answer, redirect_back
from local.simulators.settings import Settings
from local.simulators.signing_key import SigningKey

TOKEN_STYLE = TokenStyle("1.A", "EwB4A8l6BAAU", "1.AQ")
CODE_MS = 600_000
REFRESH_TOKEN_MS = 90 * 24 * 3600 * 1000
"""https://learn.microsoft.com/en-us/entra/identity-platform/refresh-tokens"""
LEAST_ACCESS_SECONDS, MOST_ACCESS_SECONDS = 3600, 5400
"""https://learn.microsoft.com/en-us/entra/identity-platform/configurable-token-lifetimes"""
_LOGIN = "https://login.microsoftonline.com"


class OAuthServer:
    """One request at a time: the simulator holds its lock."""

    def __init__(
        self,
        grants: Grants,
        mailboxes: Mapping[str, Mailbox],
        key: SigningKey,
        clock: SimulatorClock,
        settings: Settings,
    ) -> None:
        self._grants = grants
        self._mailboxes = mailboxes
        self._key = key
        self._clock = clock
        self._settings = settings

    def handle(self, endpoint: str, request: Request, tenant: str) -> Response:
        """Answer one of a tenant's addresses."""
        known = tenant.lower() in identity.SHARED_TENANTS or identity.tenant_id(tenant)
        if endpoint in {"authorize", "consent", "admin_consent"}:
            try:
                if not known:
                    raise EntraError(90002)
                if endpoint == "admin_consent":
                    return self._admin_consent(request, tenant)
                return self._authorize(request, tenant)
            except EntraError as error:
                return error_page("Microsoft", 400, error.error, str(error))
        try:
            if not known:
                raise EntraError(90002)
            if endpoint == "token":
                return json_answer(self._token(request, tenant))
        except EntraError as error:
            return error.response(self._clock.now())
        if endpoint == "keys":
            return json_answer(self._key.published())
        return json_answer(_configuration(request, tenant))

    # --- sign-in and consent

    def _authorize(self, request: Request, tenant: str) -> Response:
        """Answer GET, and POST from the page; raises EntraError where nobody can be sent back."""
        posted = request.method == "POST"
        query = request.form.get("q", "") if posted else request.query_string.decode()
        asked = dict(parse_qsl(query))
        _check_client(asked, "scope")
        try:
            _check_request(asked)
        except EntraError as error:
            return _back(asked, error.parameters(self._clock.now()))
        if posted:
            mailbox = self._mailboxes.get(request.form.get("address", "").lower())
            answer = "grant" if request.form.get("answer") == "allow" else "cancel"
        else:
            mailbox = mailbox_at(self._mailboxes, asked.get("login_hint", ""))
            answer = self._settings.consent
            if not self._settings.auto_consent or mailbox is None:
                return self._page(request, query, asked, mailbox, tenant)
        return self._answered(asked, mailbox, answer, tenant)

    def _answered(
        self, asked: dict[str, str], mailbox: Mailbox | None, answer: str, tenant: str
    ) -> Response:
        """Send the visitor back with a code or an error; raises EntraError for a wrong account."""
        if mailbox is not None and not identity.may_sign_in(tenant, mailbox.address):
            raise EntraError(50020)
        now = self._clock.now()
        if answer == "cancel":
            subcode = {"error_subcode": "cancel"}
            return _back(asked, {**EntraError(65004).parameters(now), **subcode})
        if mailbox is None or answer == "deny":
            return _back(asked, EntraError(65004).parameters(now))
        scopes = short_names(asked["scope"].split())
        if not self._administrator_agrees(asked["client_id"], mailbox.address, scopes):
            return _back(asked, EntraError(90094).parameters(now))
        code = self._grants.add_code(self._consented(asked, mailbox.address, scopes))
        return _back(asked, {"code": code, "session_state": str(uuid.uuid4())})

    def _administrator_agrees(self, client_id: str, address: str, scopes: frozenset[str]) -> bool:
        if self._settings.consent != "admin_required" or identity.is_personal(address):
            return True
        agreed = self._grants.consents.get((client_id, identity.tenant_of(address)), frozenset())
        return scopes - OPENID <= agreed

    def _consented(self, asked: dict[str, str], address: str, scopes: frozenset[str]) -> Code:
        """Note the consent, and return a code for it.

        What was allowed earlier comes along: a consent is given to an application for good.
        """
        key = (asked["client_id"], address)
        denied = short_names(self._settings.deny_scopes)
        before = self._grants.consents.get(key, frozenset()) - OPENID
        granted = (scopes | before) - denied
        self._grants.consents[key] = granted
        return Code(
            client_id=asked["client_id"],
            redirect_uri=asked["redirect_uri"],
            address=address,
            scopes=granted,
            challenge=asked.get("code_challenge", ""),
            challenge_method=asked.get("code_challenge_method", "plain"),
            nonce=asked.get("nonce", ""),
            gives_refresh_token=OFFLINE in granted,
            expires_ms=self._clock.now_ms() + CODE_MS,
        )

    def _admin_consent(self, request: Request, tenant: str) -> Response:
        """Agree for a whole tenant, as its administrator.

        With automatic consent an address that names the tenant is answered at once. Raises
        EntraError where nobody can be sent back.
        https://learn.microsoft.com/en-us/entra/identity-platform/v2-admin-consent
        """
        posted = request.method == "POST"
        query = request.form.get("q", "") if posted else request.query_string.decode()
        asked = dict(parse_qsl(query))
        _check_client(asked)
        agreeing: str | None = None
        answer = "grant" if self._settings.consent == "admin_required" else self._settings.consent
        if posted:
            address = request.form.get("address", "").lower()
            agreeing = identity.tenant_of(address) if address in self._mailboxes else None
            answer = "grant" if request.form.get("answer") == "allow" else "cancel"
            if agreeing and not identity.may_sign_in(tenant, address):
                raise EntraError(50020)
        elif self._settings.auto_consent:
            agreeing = identity.tenant_id(tenant)
        if agreeing is None and not posted:
            return self._page(request, query, asked, None, tenant)
        if agreeing is None or answer != "grant":
            error = EntraError(65004).parameters(self._clock.now())
            return _back(asked, {**error, "admin_consent": "True"})
        scopes = short_names(asked.get("scope", "").split()) - OPENID
        if not scopes or scopes == {".default"}:
            scopes = frozenset(MEANINGS) - OPENID
        key = (asked["client_id"], agreeing)
        self._grants.consents[key] = self._grants.consents.get(key, frozenset()) | scopes
        told = " ".join(f"{RESOURCE}{scope}" for scope in sorted(scopes))
        return _back(asked, {"admin_consent": "True", "tenant": agreeing, "scope": told})

    def _page(
        self,
        request: Request,
        query: str,
        asked: dict[str, str],
        hinted: Mailbox | None,
        tenant: str,
    ) -> Response:
        scopes = dict.fromkeys(asked.get("scope", "").split())
        return ConsentPage(
            vendor="Microsoft",
            action=request.path,
            client_id=asked["client_id"],
            query=query,
            login_hint=hinted.address if hinted else "",
            mailboxes=[
                (each.address, each.name)
                for each in self._mailboxes.values()
                if identity.may_sign_in(tenant, each.address)
            ],
            permissions=[
                Permission(scope, MEANINGS.get(scope.removeprefix(RESOURCE), scope), fixed=True)
                for scope in scopes
            ],
        ).response()

    # --- tokens

    def _token(self, request: Request, tenant: str) -> dict[str, Any]:
        form = request.form
        client_id, client_secret = client_of(request)
        for name, value in (("client_id", client_id), ("grant_type", form.get("grant_type"))):
            if not value:
                raise EntraError(900144, name)
        if client_id.startswith("bad-"):
            raise EntraError(700016)
        if not client_secret:
            raise EntraError(7000218)
        if client_secret.startswith("bad-"):
            raise EntraError(7000215)
        if form["grant_type"] == "authorization_code":
            return self._exchange(client_id, form, tenant)
        if form["grant_type"] == "refresh_token":
            return self._refresh(client_id, form, tenant)
        raise EntraError(70003)

    def _exchange(self, client_id: str, form: Mapping[str, str], tenant: str) -> dict[str, Any]:
        text = form.get("code", "")
        if not text:
            raise EntraError(900144, "code")
        code = self._grants.codes.get(text)
        if code is None:
            raise EntraError(54005 if self._grants.ended.get(text) == "used" else 9002313)
        if code.client_id != client_id:
            raise EntraError(70000)
        self._grants.take_code(text)
        if code.expires_ms <= self._clock.now_ms():
            raise EntraError(70008)
        if code.redirect_uri != form.get("redirect_uri"):
            raise EntraError(50011)
        if code.challenge:
            verifier = form.get("code_verifier", "")
            if not verifier:
                raise EntraError(50148)
            if challenge_of(verifier, code.challenge_method) != code.challenge:
                raise EntraError(501481)
        token = Token(client_id, code.address, code.scopes)
        return self._tokens(token, tenant, nonce=code.nonce, renewable=code.gives_refresh_token)

    def _refresh(self, client_id: str, form: Mapping[str, str], tenant: str) -> dict[str, Any]:
        text = form.get("refresh_token", "")
        if not text:
            raise EntraError(900144, "refresh_token")
        token = self._grants.refresh_tokens.get(text)
        if token is None:
            ending = self._grants.ended.get(text)
            raise EntraError({"expired": 700082, "revoked": 50173}.get(ending or "", 9002313))
        if not token.lives(self._clock.now_ms()):
            raise EntraError(700082)
        if token.client_id != client_id:
            raise EntraError(70000)
        if not short_names(form.get("scope", "").split()) - OPENID <= token.scopes:
            raise EntraError(65001)
        answer = self._tokens(token, tenant, nonce="", renewable=True)
        if self._settings.refresh_tokens == "revoke_old":
            self._grants.end_refresh_token(text, "revoked")
        return answer

    def _tokens(self, token: Token, tenant: str, *, nonce: str, renewable: bool) -> dict[str, Any]:
        if not identity.may_sign_in(tenant, token.address):
            raise EntraError(50020)
        now_ms = self._clock.now_ms()
        spread = MOST_ACCESS_SECONDS - LEAST_ACCESS_SECONDS
        # They differ as Microsoft's do, but a story that is played again has the same ones.
        seconds = LEAST_ACCESS_SECONDS + 607 * self._grants.access_tokens_issued % (spread + 1)
        access_token = replace(token, expires_ms=now_ms + seconds * 1000)
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "scope": " ".join(sorted(token.scopes - {OFFLINE})),
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": self._grants.add_access_token(access_token, now_ms),
        }
        if renewable:
            renewing = replace(token, expires_ms=now_ms + REFRESH_TOKEN_MS)
            answer["refresh_token"] = self._grants.add_refresh_token(renewing)
        if "openid" in token.scopes:
            answer["id_token"] = self._key.sign(self._claims(token, now_ms // 1000, nonce))
        return answer

    def _claims(self, token: Token, now: int, nonce: str) -> dict[str, Any]:
        """Return what the id token says.

        https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference
        """
        tenant = identity.tenant_of(token.address)
        claims: dict[str, Any] = {
            "ver": "2.0",
            "iss": f"{_LOGIN}/{tenant}/v2.0",
            "aud": token.client_id,
            "sub": identity.subject_of(token.client_id, token.address),
            "tid": tenant,
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
        }
        if "profile" in token.scopes:
            claims["oid"] = identity.object_id_of(token.address)
            claims["preferred_username"] = token.address
            claims["name"] = self._mailboxes[token.address].name
        if "email" in token.scopes:
            claims["email"] = token.address
        return {**claims, "nonce": nonce} if nonce else claims


def _check_client(asked: dict[str, str], *more: str) -> None:
    """Raise EntraError for what ends on a page at Entra."""
    for name in ("client_id", "redirect_uri", *more):
        if not asked.get(name):
            raise EntraError(900144, name)
    if asked["client_id"].startswith("bad-"):
        raise EntraError(700016)
    if not urlsplit(asked["redirect_uri"]).scheme:
        raise EntraError(50011)


def _check_request(asked: dict[str, str]) -> None:
    """Raise EntraError for what the visitor is sent back with."""
    if asked.get("response_type") != "code":
        raise EntraError(70005)
    if asked.get("response_mode", "query") not in {"query", "fragment"}:
        raise EntraError(70007)
    if asked.get("code_challenge_method", "plain") not in {"plain", "S256"}:
        raise EntraError(90023)
    if any(":" in scope for scope in short_names(asked["scope"].split())):
        raise EntraError(70011)


def _back(asked: dict[str, str], parameters: dict[str, str]) -> Response:
    if "state" in asked:
        parameters = {**parameters, "state": asked["state"]}
    response = redirect_back(asked["redirect_uri"], parameters)
    if asked.get("response_mode") == "fragment":
        head, _, tail = response.headers["Location"].rpartition("?")
        response.headers["Location"] = f"{head}#{tail}"
    return response


def _configuration(request: Request, tenant: str) -> dict[str, Any]:
    """Return the OpenID Connect metadata; shared tenants leave the issuer's tenant open."""
    here = f"{request.host_url}{tenant}"
    issuer = identity.tenant_id(tenant) or "{tenantid}"
    return {
        "issuer": f"{_LOGIN}/{issuer}/v2.0",
        "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
        "token_endpoint": f"{here}/oauth2/v2.0/token",
        "jwks_uri": f"{here}/discovery/v2.0/keys",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "scopes_supported": ["openid", "profile", "email", OFFLINE],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "tid", "email", "name"],
    }
