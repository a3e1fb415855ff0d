"""Google's OAuth 2 and OpenID Connect, with PKCE.

https://developers.google.com/identity/protocols/oauth2/web-server
https://developers.google.com/identity/openid-connect/openid-connect
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
from authlib.oauth2.client import OAuth2Client

from postroom.domain.credentials import Authorization, Tokens
from postroom.domain.errors import ConnectionRefused, ReauthRequired, Retryable
from postroom.ports import AuthorizationRequest, Clock
from postroom.providers.google.endpoints import Endpoints
from postroom.providers.google.errors import json_object, retry_after, token_error

if TYPE_CHECKING:
    from postroom.providers.google.identity import Identities

GMAIL_MODIFY = "https://www.googleapis.com/auth/gmail.modify"
"""Read, label, trash and send; all but deleting for good."""
GMAIL_FULL = "https://mail.google.com/"

DEFAULT_SCOPES = ("openid", "email", "profile", GMAIL_MODIFY)
_IDENTITY_SCOPES = ("openid", "email")
"""Asked for whatever the administrator set: they bring the identity that an account is known by."""

_IMPLIED = {
    GMAIL_FULL: GMAIL_MODIFY,
    "https://www.googleapis.com/auth/userinfo.email": "email",
    "https://www.googleapis.com/auth/userinfo.profile": "profile",
}
"""What a scope contains, or is called when it is asked for."""


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
        self._read_client_secret = read_client_secret
        self._scopes = tuple(dict.fromkeys((*_IDENTITY_SCOPES, *(scopes or DEFAULT_SCOPES))))
        self._http = http
        self._endpoints = endpoints
        self._identities = identities
        self._clock = clock

    def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return the address of the consent page; `prompt=consent` brings a refresh token."""
        client = OAuth2Client(
            session=None, client_id=self._client_id, redirect_uri=request.redirect_uri
        )
        hint = {"login_hint": request.login_hint} if request.login_hint else {}
        address, _ = client.create_authorization_url(
            self._endpoints.authorize,
            state=request.state,
            scope=" ".join(self._scopes),
            nonce=request.nonce,
            code_challenge=request.code_challenge,
            code_challenge_method="S256",
            access_type="offline",
            prompt="consent",
            include_granted_scopes="true",
            **hint,
        )
        return str(address)

    def exchange_code(
        self, *, code: str, redirect_uri: str, code_verifier: str, nonce: str
    ) -> Authorization:
        """Trade a code for tokens and a verified identity."""
        try:
            answer, tokens = self._tokens(
                "authorization_code",
                code=code,
                redirect_uri=redirect_uri,
                code_verifier=code_verifier,
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
        if not tokens.refresh_token:
            raise ReauthRequired("there is no refresh token")
        _, renewed = self._tokens("refresh_token", refresh_token=tokens.refresh_token)
        return renewed

    def revoke(self, tokens: Tokens) -> None:
        """Withdraw the whole consent; a token that Google does not know is gone already."""
        token = tokens.refresh_token or tokens.access_token
        try:
            response = self._http.post(self._endpoints.revoke, data={"token": token})
        except httpx.RequestError as error:
            raise _unreachable(error) from error
        if not response.is_success and response.status_code != 400:
            raise Retryable(
                "Google cannot withdraw the consent now",
                retry_after=retry_after(response.headers, "", now=self._clock.now()),
            )

    def _tokens(self, grant_type: str, **fields: str) -> tuple[Mapping[str, Any], Tokens]:
        """Ask the token endpoint; returns its answer, and the tokens in it."""
        # Authlib's own httpx client is written for the successor of httpx and warns about this
        # one, hence its neutral client with our session. The no-op auth leaves the client's id
        # and secret where Google documents them, in the body.
        client = OAuth2Client(session=self._http, client_id=self._client_id)
        client.register_compliance_hook("access_token_response", self._checked)
        client_secret = self._read_client_secret()
        try:
            answer: Mapping[str, Any] = client.fetch_token(
                self._endpoints.token,
                grant_type=grant_type,
                auth=httpx.Auth(),
                client_id=self._client_id,
                client_secret=client_secret,
                **fields,
            )
            return answer, self._read_tokens(answer)
        except httpx.RequestError as error:
            raise _unreachable(error) from error
        except (TypeError, ValueError, OverflowError):
            # Not chained: such an error may quote the answer, and with it the tokens.
            raise Retryable("Google's token endpoint gave no readable tokens") from None

    def _checked(self, response: httpx.Response) -> httpx.Response:
        """Turn a refusal into our error while its status and headers are still known.

        A refusal may come with status 200: then its `error` tells.
        """
        answer = json_object(response.content)
        if not response.is_success or not answer or "error" in answer:
            raise token_error(
                response.status_code, response.headers, response.content, now=self._clock.now()
            )
        return response

    def _read_tokens(self, answer: Mapping[str, Any]) -> Tokens:
        access_token = answer.get("access_token")
        if not access_token or not isinstance(access_token, str):
            raise Retryable("Google's token endpoint gave no token")
        lifetime = timedelta(seconds=int(answer.get("expires_in") or 0))
        return Tokens(
            access_token=access_token,
            refresh_token=str(answer.get("refresh_token") or ""),
            expires_at=self._clock.now() + lifetime,
        )


def _unreachable(error: httpx.RequestError) -> Retryable:
    return Retryable(f"no answer from Google ({type(error).__name__})")
