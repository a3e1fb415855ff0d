"""Google's OAuth 2 and OpenID Connect server.

https://developers.google.com/identity/protocols/oauth2/web-server

    GET /o/oauth2/v2/auth ─ consent page ─ POST ─▶ redirect_uri?code&state ─ POST /token
            └─ auto_consent and a known login_hint ──────▲      │ error=access_denied
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from werkzeug import Request, Response

from local.simulators.clock import SimulatorClock
from local.simulators.consent_page import ConsentPage, Permission, error_page
from local.simulators.google.mailbox import Mailbox
from local.simulators.google.pubsub import ISSUER
from local.simulators.google.scopes import LONG_NAMES, MEANINGS, UNTICKABLE
from local.simulators.grants import Code, Grants, Token, TokenStyle
from local.simulators.mailboxes import mailbox_at
from local.simulators.oauth import challenge_of, client_of, json_answer, redirect_back
from local.simulators.settings import Settings
from local.simulators.signing_key import SigningKey

TOKEN_STYLE = TokenStyle("4/0A", "ya29.a0", "1//0", most_refresh_tokens=100)
"""https://developers.google.com/identity/protocols/oauth2#expiration"""
ACCESS_TOKEN_MS = 3_600_000
CODE_MS = 600_000
_EXPIRED = "Token has been expired or revoked."


class OAuthRefused(Exception):
    """The token endpoint's error: HTTP status, OAuth's code and a description."""

    def __init__(self, status: int, code: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.code = code


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

    def handle(self, endpoint: str, request: Request) -> Response:
        """Answer one of the server's addresses."""
        try:
            if endpoint == "authorize":
                return self._authorize(request)
            if endpoint == "token":
                return json_answer(self._token(request))
            if endpoint == "revoke":
                return self._revoke(request)
            if endpoint == "certs":
                response = json_answer(self._key.published())
                response.headers["Cache-Control"] = "public, max-age=3600"
                return response
            return self._userinfo(request)
        except OAuthRefused as refused:
            body = {"error": refused.code, "error_description": str(refused)}
            return json_answer(body, refused.status)

    def _authorize(self, request: Request) -> Response:
        posted = request.method == "POST"
        query = request.form.get("q", "") if posted else request.query_string.decode()
        asked = dict(parse_qsl(query))
        wrong = _wrong_with(asked)
        if wrong is not None:
            return wrong
        if posted:
            address = request.form.get("address", "").lower()
            ticked = frozenset(request.form.getlist("scope"))
            allowed = request.form.get("answer") == "allow" and address in self._mailboxes
            return self._answered(asked, address, ticked, allowed=allowed)
        hinted = mailbox_at(self._mailboxes, asked.get("login_hint", ""))
        scopes = list(dict.fromkeys(asked["scope"].split()))
        if self._settings.consent == "admin_required":
            message = "This app is blocked by the administrator of your organisation."
            return error_page("Google", 400, "admin_policy_enforced", message)
        if self._settings.auto_consent and hinted is not None:
            allowed = self._settings.consent == "grant"
            return self._answered(asked, hinted.address, frozenset(scopes), allowed=allowed)
        known = [(mailbox.address, mailbox.name) for mailbox in self._mailboxes.values()]
        return ConsentPage(
            vendor="Google",
            action="/o/oauth2/v2/auth",
            client_id=asked["client_id"],
            query=query,
            login_hint=hinted.address if hinted else "",
            mailboxes=known,
            permissions=[
                Permission(each, MEANINGS.get(each, f"Permission: {each}"), each in UNTICKABLE)
                for each in scopes
            ],
        ).response()

    def _answered(
        self, asked: dict[str, str], address: str, ticked: frozenset[str], *, allowed: bool
    ) -> Response:
        """Send the visitor back with a code, or with the news that access was denied."""
        state = {"state": asked["state"]} if "state" in asked else {}
        if not allowed:
            return redirect_back(asked["redirect_uri"], {"error": "access_denied", **state})
        wanted = frozenset(asked["scope"].split()) & ticked
        denied = frozenset(self._settings.deny_scopes)
        scopes = frozenset(LONG_NAMES.get(scope, scope) for scope in wanted - denied)
        scopes -= denied
        consent = (asked["client_id"], address)
        before = self._grants.consents.get(consent)
        if before and asked.get("include_granted_scopes") == "true":
            scopes |= before
        self._grants.consents[consent] = scopes | (before or frozenset())
        offline = asked.get("access_type") == "offline"
        again = "consent" in asked.get("prompt", "").split()
        code = Code(
            client_id=asked["client_id"],
            redirect_uri=asked["redirect_uri"],
            address=address,
            scopes=scopes,
            challenge=asked.get("code_challenge", ""),
            challenge_method=asked.get("code_challenge_method", "plain"),
            nonce=asked.get("nonce", ""),
            gives_refresh_token=offline and (before is None or again),
            expires_ms=self._clock.now_ms() + CODE_MS,
        )
        answer = {**state, "code": self._grants.add_code(code), "scope": " ".join(sorted(scopes))}
        return redirect_back(asked["redirect_uri"], answer)

    def _token(self, request: Request) -> dict[str, Any]:
        form = request.form
        client_id, client_secret = client_of(request)
        if not client_id or client_id.startswith("bad-"):
            raise OAuthRefused(401, "invalid_client", "The OAuth client was not found.")
        if not client_secret or client_secret.startswith("bad-"):
            raise OAuthRefused(401, "invalid_client", "Unauthorized")
        if form.get("grant_type") == "authorization_code":
            return self._exchange(client_id, form)
        if form.get("grant_type") == "refresh_token":
            token = self._grants.refresh_tokens.get(form.get("refresh_token", ""))
            if token is None or token.address not in self._mailboxes:
                raise OAuthRefused(400, "invalid_grant", _EXPIRED)
            if token.client_id != client_id:
                raise OAuthRefused(401, "unauthorized_client", "Unauthorized")
            return self._tokens(token, nonce="")
        raise OAuthRefused(
            400, "unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}"
        )

    def _exchange(self, client_id: str, form: Mapping[str, str]) -> dict[str, Any]:
        code = self._grants.take_code(form.get("code", ""))
        if code is None or code.client_id != client_id or code.address not in self._mailboxes:
            raise OAuthRefused(400, "invalid_grant", "Malformed auth code.")
        if code.expires_ms <= self._clock.now_ms():
            raise OAuthRefused(400, "invalid_grant", "Bad Request")
        if code.redirect_uri != form.get("redirect_uri"):
            raise OAuthRefused(400, "redirect_uri_mismatch", "Bad Request")
        if code.challenge:
            _check_verifier(code, form.get("code_verifier", ""))
        token = Token(client_id, code.address, code.scopes)
        answer = self._tokens(token, code.nonce)
        if code.gives_refresh_token:
            answer["refresh_token"] = self._grants.add_refresh_token(token)
        return answer

    def _tokens(self, token: Token, nonce: str) -> dict[str, Any]:
        now_ms = self._clock.now_ms()
        access_token = self._grants.add_access_token(
            replace(token, expires_ms=now_ms + ACCESS_TOKEN_MS), now_ms
        )
        answer: dict[str, Any] = {
            "access_token": access_token,
            "expires_in": 3599,
            "scope": " ".join(sorted(token.scopes)),
            "token_type": "Bearer",
        }
        if "openid" in token.scopes:
            seconds = now_ms // 1000
            claims = {
                "iss": ISSUER,
                "azp": token.client_id,
                "aud": token.client_id,
                "iat": seconds,
                "exp": seconds + 3600,
                **self._identity(token),
            }
            answer["id_token"] = self._key.sign({**claims, "nonce": nonce} if nonce else claims)
        return answer

    def _revoke(self, request: Request) -> Response:
        text = request.form.get("token") or request.args.get("token", "")
        if not self._grants.revoke(text):
            raise OAuthRefused(400, "invalid_token", "Token expired or revoked")
        return json_answer({})

    def _userinfo(self, request: Request) -> Response:
        _, _, text = request.headers.get("Authorization", "").partition(" ")
        token = self._grants.bearer(text, self._clock.now_ms())
        if token is None:
            raise OAuthRefused(401, "invalid_request", "Invalid Credentials")
        return json_answer(self._identity(token))

    def _identity(self, token: Token) -> dict[str, Any]:
        claims: dict[str, Any] = {"sub": subject_of(token.address)}
        if LONG_NAMES["email"] in token.scopes:
            claims |= {"email": token.address, "email_verified": True}
        if LONG_NAMES["profile"] in token.scopes and token.address in self._mailboxes:
            claims["name"] = self._mailboxes[token.address].name
        return claims


def subject_of(address: str) -> str:
    """Return the stable 21-digit subject of a mailbox."""
    digest = int.from_bytes(hashlib.sha256(address.lower().encode()).digest())
    return str(10**20 + digest % (9 * 10**20))


def _wrong_with(asked: dict[str, str]) -> Response | None:
    for name in ("client_id", "redirect_uri", "scope"):
        if not asked.get(name):
            return error_page(
                "Google", 400, "invalid_request", f"Missing required parameter: {name}"
            )
    if not urlsplit(asked["redirect_uri"]).scheme:
        return error_page(
            "Google", 400, "redirect_uri_mismatch", "The redirect address is not absolute."
        )
    if asked["client_id"].startswith("bad-"):
        return error_page("Google", 401, "invalid_client", "The OAuth client was not found.")
    if asked.get("response_type") != "code":
        return error_page(
            "Google", 400, "unsupported_response_type", "Only response_type=code is offered."
        )
    if asked.get("code_challenge_method", "plain") not in {"plain", "S256"}:
        return error_page("Google", 400, "invalid_request", "Invalid code_challenge_method")
    return None


def _check_verifier(code: Code, verifier: str) -> None:
    """Check PKCE (RFC 7636); raises OAuthRefused."""
    if not verifier:
        raise OAuthRefused(400, "invalid_grant", "Missing code verifier.")
    if challenge_of(verifier, code.challenge_method) != code.challenge:
        raise OAuthRefused(400, "invalid_grant", "Invalid code verifier.")
