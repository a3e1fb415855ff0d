"""Microsoft's OAuth 2 and OpenID Connect (Entra, v2.0), with PKCE.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
https://learn.microsoft.com/en-us/entra/identity-platform/v2-admin-consent

Refresh tokens replace themselves: each answer brings a new one, which lives for 90 days from then
on, and the old one goes on to work. Whoever stores them keeps the newest.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx

from postroom.domain.credentials import Authorization, Tokens
from postroom.domain.errors import ConnectionRefused, ReauthRequired
from postroom.ports import AuthorizationRequest, Clock
from postroom.providers.answers import text
from postroom.providers.microsoft.endpoints import Endpoints
from postroom.providers.microsoft.errors import code_in, token_error
from postroom.providers.oauth_client import TokenEndpoint, consent_address

if TYPE_CHECKING:
    from postroom.providers.microsoft.identity import Identities

GRAPH_RESOURCE = "https://graph.microsoft.com/"
"""What the long form of a scope begins with; Entra answers with either form."""

MAIL_SCOPES = ("Mail.ReadWrite", "Mail.Send")
"""Without these nothing works: read, change and delete, send."""

_CONTAINED: Mapping[str, frozenset[str]] = {
    "Mail.ReadWrite": frozenset({"Mail.Read", "Mail.ReadBasic"}),
    "Mail.Read": frozenset({"Mail.ReadBasic"}),
}
"""All that a scope contains: https://learn.microsoft.com/en-us/graph/permissions-reference"""

DEFAULT_SCOPES = tuple(f"{GRAPH_RESOURCE}{name}" for name in MAIL_SCOPES)
_ALWAYS = ("openid", "profile", "email", "offline_access", f"{GRAPH_RESOURCE}User.Read")
"""Asked for whatever the administrator set: `profile` brings the object id that an account is known
by, `User.Read` its address, `offline_access` the refresh token."""

_ADMIN_CONSENT_MISSING = frozenset({"65001", "90093", "90094", "90095"})
"""The organisation lets its people allow no application, or not this one."""

_DECLINED = "65004"
_ONE_TENANT_ONLY = "50194"

_REGISTRATION_WRONG = frozenset({"50011", "500113", "650053", "70011", "700016", "90002", "900971"})
"""Redirect address, scope, application or tenant are not known to Entra."""

_ACCOUNT_NOT_ALLOWED = frozenset({"50020", "50034", "50105", "500208", "53000", "53001", "53003"})
"""Of another tenant, not assigned to the application, or kept out by conditional access."""


class MicrosoftOAuth:
    """The administrator's OAuth client at Microsoft."""

    def __init__(
        self,
        *,
        client_id: str,
        read_client_secret: Callable[[], str],
        tenant: str,
        scopes: tuple[str, ...],
        http: httpx.Client,
        endpoints: Endpoints,
        identities: Callable[[], "Identities"],
        clock: Clock,
    ) -> None:
        self._client_id = client_id
        self._tenant = tenant
        asked = {_short(scope): scope for scope in (*_ALWAYS, *(scopes or DEFAULT_SCOPES))}
        self._scopes = tuple(asked.values())
        self._endpoints = endpoints
        self._identities = identities
        self._token_endpoint = TokenEndpoint(
            provider_label="Microsoft",
            address=endpoints.token(tenant),
            client_id=client_id,
            read_client_secret=read_client_secret,
            http=http,
            clock=clock,
            read_error=lambda status, headers, content: token_error(
                status, headers, content, now=clock.now()
            ),
        )

    def asked_scopes(self) -> frozenset[str]:
        """Return the scopes of the consent page."""
        return frozenset(self._scopes)

    def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return the address of the consent page.

        People choose the account, since many are signed in to several. Asking for consent again
        (`prompt=consent`) is not needed for a refresh token, and would shut out the people of
        organisations whose administrator has given consent for them.
        """
        return consent_address(
            self._endpoints.authorize(self._tenant),
            client_id=self._client_id,
            scopes=self._scopes,
            request=request,
            response_mode="query",
            prompt="select_account",
        )

    def exchange_code(
        self, *, code: str, redirect_uri: str, code_verifier: str, nonce: str
    ) -> Authorization:
        """Trade a code for tokens and a verified identity."""
        try:
            answer, tokens = self._token_endpoint.trade_code(
                code=code, redirect_uri=redirect_uri, code_verifier=code_verifier
            )
        except ReauthRequired as error:
            refusal = self._refusal(error.provider_code, redirect_uri)
            raise refusal or ConnectionRefused(
                "code_invalid",
                "Microsoft no longer accepts this sign-in. Please connect the mailbox again.",
            ) from error
        return self._authorization(answer, tokens, nonce=nonce)

    def authorization_of(self, refresh_token: str) -> Authorization:
        """Tell what a refresh token stands for; it needs the scope `openid`."""
        answer, tokens = self._token_endpoint.trade_refresh_token(refresh_token)
        kept = replace(tokens, refresh_token=tokens.refresh_token or refresh_token)
        return self._authorization(answer, kept, nonce=None)

    def _authorization(
        self, answer: Mapping[str, Any], tokens: Tokens, *, nonce: str | None
    ) -> Authorization:
        identity = self._identities().verified(
            text(answer.get("id_token")),
            access_token=tokens.access_token,
            tenant=self._tenant,
            audience=self._client_id,
            nonce=nonce,
        )
        granted = {_short(scope) for scope in text(answer.get("scope")).split()}
        if tokens.refresh_token:
            # Entra does not name it among the granted ones; the refresh token is the proof.
            granted.add("offline_access")
        return Authorization(identity=identity, scopes=tuple(sorted(granted)), tokens=tokens)

    def refresh(self, tokens: Tokens) -> Tokens:
        """Get a new access token, and a new refresh token with it."""
        return self._token_endpoint.refresh(tokens)

    def consent_refusal(
        self, *, error: str, description: str, redirect_uri: str
    ) -> ConnectionRefused:
        """Return what the `error` on the way back from the consent page means."""
        refusal = self._refusal(code_in(description), redirect_uri)
        if refusal is not None:
            return refusal
        if error in {"server_error", "temporarily_unavailable"}:
            return ConnectionRefused(
                "provider_unavailable", "Microsoft cannot sign anybody in now; please try again."
            )
        reason = "access_denied" if error == "access_denied" else "provider_error"
        return ConnectionRefused(reason, "The consent was not given.")

    def _refusal(self, code: str, redirect_uri: str) -> ConnectionRefused | None:
        """Return what one of Entra's numbers means to somebody who wants to connect a mailbox."""
        if code in _ADMIN_CONSENT_MISSING:
            return ConnectionRefused(
                "admin_consent_required",
                "An administrator of your organisation has to allow this application first, at "
                f"{self.admin_consent_url(redirect_uri)} - then connect the mailbox again.",
            )
        if code == _DECLINED:
            return ConnectionRefused("access_denied", "The consent was not given.")
        if code == _ONE_TENANT_ONLY:
            return ConnectionRefused(
                "provider_misconfigured",
                "The application is registered for one organisation only: set the connector's "
                "tenant to that organisation's id, or register the application for all.",
            )
        if code in _REGISTRATION_WRONG:
            return ConnectionRefused(
                "provider_misconfigured",
                f"Microsoft does not accept the connector's registration (AADSTS{code}).",
            )
        if code in _ACCOUNT_NOT_ALLOWED:
            return ConnectionRefused(
                "account_not_allowed",
                "This account may not be connected: it belongs to another organisation than the "
                "application is meant for, or its organisation's rules forbid it.",
            )
        return None

    def admin_consent_url(self, redirect_uri: str, *, state: str = "") -> str:
        """Return where an administrator allows the application for a whole organisation."""
        tenant = self._tenant
        if tenant in {"common", "consumers"}:
            tenant = "organizations"
        query = {
            "client_id": self._client_id,
            "scope": " ".join(self._scopes),
            "redirect_uri": redirect_uri,
            **({"state": state} if state else {}),
        }
        return f"{self._endpoints.admin_consent(tenant)}?{urlencode(query)}"


def missing_scopes(wanted: Collection[str], *, among: Collection[str]) -> frozenset[str]:
    """Return those wanted that some scopes neither are, in either form, nor contain."""
    had = frozenset(map(_short, among))
    had = had.union(*(_CONTAINED.get(scope, ()) for scope in had))
    return frozenset(scope for scope in wanted if _short(scope) not in had)


def _short(scope: str) -> str:
    return scope.removeprefix(GRAPH_RESOURCE)
