"""ID tokens of ours (OpenID Connect Core 1.0, section 2): who an access token was given for.

They are signed with a key of this deployment alone (HS256), so only it can tell whether one is
real: `GET /v3/connect/tokeninfo?id_token=`.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from postroom.domain.account import Account
from postroom.domain.errors import ConnectionRefused
from postroom.domain.ids import AccountId

_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityTokens:
    """Makes and reads them, under a key derived from the deployment's `signing_key`."""

    issuer: str
    """The deployment's address."""
    audience: str
    """The application's id."""
    signing_key: bytes

    def make(self, account: Account, *, issued_at: datetime, lifetime: timedelta) -> str:
        """Make the token of an account."""
        began = int(issued_at.timestamp())
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": account.id,
            "email": account.identity.email,
            "iat": began,
            "exp": began + int(lifetime.total_seconds()),
        }
        return jwt.encode({"alg": _ALGORITHM}, claims, self._key(), algorithms=[_ALGORITHM])

    def read(self, token: str, *, now: datetime) -> tuple[AccountId, datetime, datetime]:
        """Return whose token it is, when it was made, and its end. Raises ConnectionRefused."""
        expected = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.audience},
            exp={"essential": True},
        )
        try:
            claims = jwt.decode(token, self._key(), algorithms=[_ALGORITHM]).claims
            expected.validate(claims)
        except (JoseError, ValueError):
            raise ConnectionRefused(
                "invalid_request", "id_token: It is not one of ours, or it has expired."
            ) from None
        began, ends = (datetime.fromtimestamp(claims[name], UTC) for name in ("iat", "exp"))
        return AccountId(claims["sub"]), began, ends

    def _key(self) -> OctKey:
        own = hmac.new(self.signing_key, b"identity_token", hashlib.sha256).digest()
        return OctKey.import_key(own)
