"""Whose mailbox it is, proven by Google's signature (OpenID Connect).

https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken

Only connecting needs this; the cryptography behind it takes as long to load as all the rest.
"""

from datetime import datetime, timedelta
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from postroom.domain.account import Identity, ProviderName
from postroom.domain.errors import ConnectionRefused, Retryable
from postroom.ports import Clock
from postroom.providers.google.endpoints import Endpoints

_ISSUERS = ["https://accounts.google.com", "accounts.google.com"]
_CLOCK_SKEW_SECONDS = 60
_KEYS_LIFETIME = timedelta(hours=1)
_KEYS_RETRY = timedelta(minutes=1)
"""How often an unknown key id may make us ask for the keys again."""


class Identities:
    """Verifies id tokens; reads Google's keys again when they are old or lack one."""

    def __init__(self, *, http: httpx.Client, endpoints: Endpoints, clock: Clock) -> None:
        self._http = http
        self._address = endpoints.keys
        self._clock = clock
        self._keys: KeySet | None = None
        self._read_at: datetime | None = None

    def verified(self, id_token: str, *, audience: str, nonce: str) -> Identity:
        """Return who an id token speaks of. Raises ConnectionRefused, Retryable."""
        expected = jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=_CLOCK_SKEW_SECONDS,
            iss={"essential": True, "values": _ISSUERS},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
            email={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = self._claims(id_token)
            expected.validate(claims)
        except (JoseError, ValueError) as error:
            raise ConnectionRefused(
                "identity_invalid", "Google's answer does not prove whose mailbox this is."
            ) from error
        return Identity(
            provider=ProviderName.GOOGLE,
            subject=str(claims["sub"]),
            email=str(claims["email"]),
            name=str(claims.get("name") or ""),
        )

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            return self._decoded(token, max_age=_KEYS_LIFETIME)
        except InvalidKeyIdError:
            return self._decoded(token, max_age=_KEYS_RETRY)

    def _decoded(self, token: str, *, max_age: timedelta) -> dict[str, Any]:
        now = self._clock.now()
        if self._keys is None or self._read_at is None or now - self._read_at >= max_age:
            self._keys = self._published()
            self._read_at = now
        return jwt.decode(token, self._keys, algorithms=["RS256"]).claims

    def _published(self) -> KeySet:
        try:
            response = self._http.get(self._address)
            response.raise_for_status()
            return KeySet.import_key_set(response.json())
        except (httpx.HTTPError, JoseError, ValueError, LookupError, TypeError) as error:
            raise Retryable("Google's signing keys cannot be read") from error
