"""API keys: how applications and administrators come in. Shown once, kept as hashes."""

from dataclasses import dataclass
from datetime import datetime

from postroom.domain.principal import Scope

KEY_PREFIX = "postroom_"
"""What every key begins with: it tells a key from a token, and scanners of leaked secrets what it
is. The deployment's own first key has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """What is known about a key; not the key."""

    id: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    """None: it lives until it is revoked."""
