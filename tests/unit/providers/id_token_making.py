"""Id tokens as a provider signs them, and as those do who are not the provider."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
NEXT_KEY = RSAKey.generate_key(2048, {"kid": "k2", "use": "sig", "alg": "RS256"})


def signed(claims: Mapping[str, Any], key: RSAKey = KEY, **changes: Any) -> str:
    """Sign claims; a change to None leaves one out."""
    changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
    return jwt.encode({"alg": "RS256", "kid": key.kid}, changed, key)


def unsigned(claims: Mapping[str, Any]) -> str:
    """Make the token that a reader believes who takes the algorithm from the token itself."""
    parts = (json.dumps(part).encode() for part in ({"alg": "none", "kid": "k1"}, dict(claims)))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


def published(keys: list[RSAKey]) -> Any:
    """Return keys as a provider publishes them."""
    return KeySet([*keys]).as_dict(private=False)
