"""OAuth clients and tokens. None of them shows its secret when printed."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from postroom.domain.account import Identity

REFRESH_MARGIN = timedelta(seconds=120)
"""An access token this close to its end is renewed first: clock skew plus the slowest call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What an account's owner entrusted to us."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime

    def usable(self, now: datetime) -> bool:
        """Whether the access token outlasts the margin."""
        return now + REFRESH_MARGIN < self.expires_at

    def renewed(self, newer: "Tokens") -> "Tokens":
        """Take over newer tokens; a missing refresh token never overwrites a good one."""
        return Tokens(
            access_token=newer.access_token,
            refresh_token=newer.refresh_token or self.refresh_token,
            expires_at=newer.expires_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """The administrator's registration at a provider."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """What a provider answers to a consent: who, what was granted, and the tokens."""

    identity: Identity
    scopes: tuple[str, ...]
    tokens: Tokens
