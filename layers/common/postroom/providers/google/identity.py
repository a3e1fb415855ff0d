"""Whose mailbox it is, proven by Google's signature (OpenID Connect).

https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken
"""

import httpx

from postroom.domain.account import Identity, ProviderName
from postroom.ports import Clock
from postroom.providers.google.endpoints import Endpoints
from postroom.providers.id_tokens import IdTokens

_ISSUERS = ("https://accounts.google.com", "accounts.google.com")


class Identities:
    """Reads who signed in from Google's id tokens."""

    def __init__(self, *, http: httpx.Client, endpoints: Endpoints, clock: Clock) -> None:
        self._tokens = IdTokens(
            provider_label="Google", keys_address=endpoints.keys, http=http, clock=clock
        )

    def verified(self, id_token: str, *, audience: str, nonce: str | None) -> Identity:
        """Return who an id token speaks of. Raises ConnectionRefused, Retryable."""
        claims = self._tokens.claims(
            id_token,
            audience=audience,
            nonce=nonce,
            required=("sub", "email"),
            issuers=_ISSUERS,
        )
        return Identity(
            provider=ProviderName.GOOGLE,
            subject=str(claims["sub"]),
            email=str(claims["email"]),
            name=str(claims.get("name") or ""),
        )
