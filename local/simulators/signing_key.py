"""The RSA key a simulator signs its tokens with, and publishes."""

from functools import cache, cached_property
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey


@cache
def _new_key() -> RSAKey:
    """Make a key; one serves all simulators of a process, since making one takes a moment."""
    return RSAKey.generate_key(2048)


class SigningKey:
    """Made on first use; survives restarts in PEM."""

    def __init__(self, pem: bytes | None = None) -> None:
        self._pem = pem

    @cached_property
    def _key(self) -> RSAKey:
        key = RSAKey.import_key(self._pem) if self._pem else _new_key()
        key.ensure_kid()
        return key

    def pem(self) -> bytes:
        """Return the private key."""
        return self._key.as_pem(private=True)

    def sign(self, claims: dict[str, Any]) -> str:
        """Return an RS256 JSON Web Token."""
        header = {"alg": "RS256", "kid": self._key.kid, "typ": "JWT"}
        return jwt.encode(header, claims, self._key)

    def published(self) -> dict[str, Any]:
        """Return the JSON Web Key Set with the public key."""
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "alg": "RS256", "use": "sig"}]}
