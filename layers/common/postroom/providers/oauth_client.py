"""The administrator's OAuth 2 client at a provider, as far as all providers agree (RFC 6749)."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx
from authlib.oauth2.client import OAuth2Client

from postroom.domain.credentials import Tokens
from postroom.domain.errors import ReauthRequired, Retryable
from postroom.ports import AuthorizationRequest, Clock
from postroom.providers.answers import json_object
from postroom.providers.http_calls import ReadError


def consent_address(
    authorize: str,
    *,
    client_id: str,
    scopes: tuple[str, ...],
    request: AuthorizationRequest,
    **more: str,
) -> str:
    """Return the address of a consent page (RFC 6749 4.1.1, RFC 7636, OpenID Connect nonce)."""
    client = OAuth2Client(session=None, client_id=client_id, redirect_uri=request.redirect_uri)
    hint = {"login_hint": request.login_hint} if request.login_hint else {}
    address, _ = client.create_authorization_url(
        authorize,
        state=request.state,
        scope=" ".join(scopes),
        nonce=request.nonce,
        code_challenge=request.code_challenge,
        code_challenge_method="S256",
        **more,
        **hint,
    )
    return str(address)


class TokenEndpoint:
    """Trades codes and refresh tokens for tokens. Shows no token in any error."""

    def __init__(
        self,
        *,
        provider_label: str,
        address: str,
        client_id: str,
        read_client_secret: Callable[[], str],
        http: httpx.Client,
        clock: Clock,
        read_error: ReadError,
    ) -> None:
        self._label = provider_label
        self._address = address
        self._client_id = client_id
        self._read_client_secret = read_client_secret
        self._http = http
        self._clock = clock
        self._read_error = read_error

    def trade_code(
        self, *, code: str, redirect_uri: str, code_verifier: str
    ) -> tuple[Mapping[str, Any], Tokens]:
        """Return the answer to a code, and the tokens in it. Raises what `read_error` names."""
        return self._ask(
            "authorization_code", code=code, redirect_uri=redirect_uri, code_verifier=code_verifier
        )

    def refresh(self, tokens: Tokens) -> Tokens:
        """Get a new access token. The refresh token is empty unless the provider gave another.

        Raises ReauthRequired without a refresh token, and what `read_error` names.
        """
        if not tokens.refresh_token:
            raise ReauthRequired("there is no refresh token")
        _, renewed = self.trade_refresh_token(tokens.refresh_token)
        return renewed

    def trade_refresh_token(self, refresh_token: str) -> tuple[Mapping[str, Any], Tokens]:
        """Return the answer to a refresh token, and the tokens in it. Raises as `trade_code`."""
        return self._ask("refresh_token", refresh_token=refresh_token)

    def _ask(self, grant_type: str, **fields: str) -> tuple[Mapping[str, Any], Tokens]:
        # Authlib's own httpx client is written for the successor of httpx and warns about this
        # one, hence its neutral client with our session. The no-op auth leaves the client's id
        # and secret where providers document them, in the body.
        client = OAuth2Client(session=self._http, client_id=self._client_id)
        client.register_compliance_hook("access_token_response", self._checked)
        client_secret = self._read_client_secret()
        try:
            answer: Mapping[str, Any] = client.fetch_token(
                self._address,
                grant_type=grant_type,
                auth=httpx.Auth(),
                client_id=self._client_id,
                client_secret=client_secret,
                **fields,
            )
            return answer, self._read_tokens(answer)
        except httpx.RequestError as error:
            raise unreachable(self._label, error) from error
        except (TypeError, ValueError, OverflowError):
            # Not chained: such an error may quote the answer, and with it the tokens.
            raise Retryable(f"{self._label}'s token endpoint gave no readable tokens") from None

    def _checked(self, response: httpx.Response) -> httpx.Response:
        """Turn a refusal into our error while its status and headers are still known.

        A refusal may come with status 200: then its `error` tells.
        """
        answer = json_object(response.content)
        if not response.is_success or not answer or "error" in answer:
            raise self._read_error(response.status_code, response.headers, response.content)
        return response

    def _read_tokens(self, answer: Mapping[str, Any]) -> Tokens:
        access_token = answer.get("access_token")
        if not access_token or not isinstance(access_token, str):
            raise Retryable(f"{self._label}'s token endpoint gave no token")
        lifetime = timedelta(seconds=int(answer.get("expires_in") or 0))
        return Tokens(
            access_token=access_token,
            refresh_token=str(answer.get("refresh_token") or ""),
            expires_at=self._clock.now() + lifetime,
        )


def unreachable(provider_label: str, error: httpx.RequestError) -> Retryable:
    """Return the error for a call without an answer; it never shows the call's address."""
    return Retryable(f"no answer from {provider_label} ({type(error).__name__})")
