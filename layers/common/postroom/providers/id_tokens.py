"""Who signed in, proven by the provider's signature (OpenID Connect Core 1.0, 3.1.3.7).

Only connecting needs this; the cryptography behind it takes as long to load as all the rest, so
providers import this module when they come to it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from postroom.domain.errors import ConnectionRefused, Retryable
from postroom.ports import Clock

_CLOCK_SKEW_SECONDS = 60
_KEYS_LIFETIME = timedelta(hours=1)
_KEYS_RETRY = timedelta(minutes=1)
"""How often an unknown key id may make us ask for the keys again."""


class IdTokens:
    """Verifies id tokens; reads the provider's keys again when they are old or lack one."""

    def __init__(
        self, *, provider_label: str, keys_address: str, http: httpx.Client, clock: Clock
    ) -> None:
        self._label = provider_label
        self._http = http
        self._address = keys_address
        self._clock = clock
        self._keys: KeySet | None = None
        self._read_at: datetime | None = None

    def claims(
        self,
        id_token: str,
        *,
        audience: str,
        nonce: str | None,
        required: tuple[str, ...],
        issuers: tuple[str, ...] = (),
    ) -> Mapping[str, Any]:
        """Return the claims of a token that is signed, in time, and meant for this very sign-in.

        `required` claims must be there. None for `nonce`: a token that came with a refreshed access
        token has none (OpenID Connect Core 1.0, 12.2). Without `issuers` the caller has to look at
        `iss` itself.
        Raises ConnectionRefused, and Retryable when the keys cannot be read.
        """
        essential = dict.fromkeys(("iss", *required), jwt.ClaimsOption(essential=True))
        if issuers:
            essential["iss"] = jwt.ClaimsOption(essential=True, values=list(issuers))
        if nonce is not None:
            essential["nonce"] = jwt.ClaimsOption(essential=True, value=nonce)
        expected = jwt.JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=_CLOCK_SKEW_SECONDS,
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            **essential,
        )
        try:
            claims = self._read(id_token)
            expected.validate(claims)
        except (JoseError, ValueError) as error:
            raise self.unproven() from error
        return claims

    def unproven(self) -> ConnectionRefused:
        """Return the refusal of an identity that is not proven."""
        return ConnectionRefused(
            "identity_invalid", f"{self._label}'s answer does not prove whose mailbox this is."
        )

    def _read(self, token: str) -> dict[str, Any]:
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
            raise Retryable(f"{self._label}'s signing keys cannot be read") from error
