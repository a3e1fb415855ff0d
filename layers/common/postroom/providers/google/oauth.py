"""Google's OAuth 2 and OpenID Connect, with PKCE.

https://developers.google.com/identity/protocols/oauth2/web-server
https://developers.google.com/identity/openid-connect/openid-connect
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx

from postroom.domain.credentials import Authorization, Tokens
from postroom.domain.errors import ConnectionRefused, ReauthRequired, Retryable
from postroom.ports import AuthorizationRequest, Clock
from postroom.providers.answers import retry_after
from postroom.providers.google.endpoints import Endpoints
from postroom.providers.google.errors import token_error
from postroom.providers.oauth_client import TokenEndpoint, consent_address, unreachable

if TYPE_CHECKING:
    from postroom.providers.google.identity import Identities

GMAIL_MODIFY = "https://www.googleapis.com/auth/gmail.modify"
"""Read, label, trash and send; all but deleting for good."""
GMAIL_FULL = "https://mail.google.com/"

DEFAULT_SCOPES = ("openid", "email", "profile", GMAIL_MODIFY)
_IDENTITY_SCOPES = ("openid", "email")
"""Asked for whatever the administrator set: they bring the identity that an account is known by."""

_OTHER_NAMES = {
    "https://www.googleapis.com/auth/userinfo.email": "email",
    "https://www.googleapis.com/auth/userinfo.profile": "profile",
}
"""What a scope that was granted is called when it is asked for."""
_IMPLIED = {GMAIL_FULL: GMAIL_MODIFY, **_OTHER_NAMES}
"""What an account is noted to have beside what was granted."""

_CONTAINED_IN_MODIFY = frozenset(
    f"https://www.googleapis.com/auth/gmail.{name}"
    for name in ("readonly", "metadata", "compose", "send", "labels")
)
_CONTAINED: Mapping[str, frozenset[str]] = {
    GMAIL_FULL: _CONTAINED_IN_MODIFY | {GMAIL_MODIFY},
    GMAIL_MODIFY: _CONTAINED_IN_MODIFY,
}
"""All that a scope contains: https://developers.google.com/workspace/gmail/api/auth/scopes"""


class GoogleOAuth:
    """The administrator's OAuth client at Google."""

    def __init__(
        self,
        *,
        client_id: str,
        read_client_secret: Callable[[], str],
        scopes: tuple[str, ...],
        http: httpx.Client,
        endpoints: Endpoints,
        identities: Callable[[], "Identities"],
        clock: Clock,
    ) -> None:
        self._client_id = client_id
        self._scopes = tuple(dict.fromkeys((*_IDENTITY_SCOPES, *(scopes or DEFAULT_SCOPES))))
        self._http = http
        self._endpoints = endpoints
        self._identities = identities
        self._clock = clock
        self._token_endpoint = TokenEndpoint(
            provider_label="Google",
            address=endpoints.token,
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
        """Return the address of the consent page; `prompt=consent` brings a refresh token."""
        return consent_address(
            self._endpoints.authorize,
            client_id=self._client_id,
            scopes=self._scopes,
            request=request,
            access_type="offline",
            prompt="consent",
            include_granted_scopes="true",
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
            if error.provider_code == "invalid_grant":
                raise ConnectionRefused(
                    "code_invalid",
                    "Google no longer accepts this sign-in. Please connect the mailbox again.",
                ) from error
            raise ConnectionRefused(
                "access_denied", "The organisation does not allow this application."
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
            str(answer.get("id_token", "")), audience=self._client_id, nonce=nonce
        )
        granted = str(answer.get("scope", "")).split()
        scopes = (*granted, *(_IMPLIED[scope] for scope in granted if scope in _IMPLIED))
        return Authorization(
            identity=identity,
            scopes=tuple(sorted(set(scopes))),
            tokens=tokens,
        )

    def refresh(self, tokens: Tokens) -> Tokens:
        """Get a new access token. The refresh token is empty unless Google changed it."""
        return self._token_endpoint.refresh(tokens)

    def revoke(self, tokens: Tokens) -> None:
        """Withdraw the whole consent; a token that Google does not know is gone already."""
        token = tokens.refresh_token or tokens.access_token
        try:
            response = self._http.post(self._endpoints.revoke, data={"token": token})
        except httpx.RequestError as error:
            raise unreachable("Google", error) from error
        if not response.is_success and response.status_code != 400:
            raise Retryable(
                "Google cannot withdraw the consent now",
                retry_after=retry_after(response.headers, now=self._clock.now()),
            )


def missing_scopes(wanted: Collection[str], *, among: Collection[str]) -> frozenset[str]:
    """Return those wanted that some scopes neither are, in another form, nor contain."""
    had = frozenset(_OTHER_NAMES.get(scope, scope) for scope in among)
    had = had.union(*(_CONTAINED.get(scope, ()) for scope in had))
    return frozenset(scope for scope in wanted if _OTHER_NAMES.get(scope, scope) not in had)
