"""Connecting a mailbox, from the first redirect to the application's token.

begin ─► ConnectionRequest (one-time, ten minutes, bound to this browser by a cookie)
      ─► consent at the provider
      ─► finish consumes it ─► account ─► AuthorizationCode (one-time, ten minutes)
      ─► exchange consumes it ─► BearerToken
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from postroom.domain.account import ProviderName
from postroom.domain.ids import AccountId, PersonId

CONNECTION_LIFETIME = timedelta(minutes=10)
"""How long a person may take at the consent page, and an application with its code."""

ACCESS_TOKEN_LIFETIME = timedelta(hours=1)
REFRESH_TOKEN_LIFETIME = timedelta(days=180)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRequest:
    """What has to be remembered while a person is at the provider's consent page."""

    provider: ProviderName
    redirect_uri: str
    """The application's return address."""
    state: str
    """The application's own state, handed back untouched."""
    code_challenge: str
    """The application's PKCE challenge; empty when it uses none."""
    offline: bool
    """Whether the application wants a refresh token of ours."""
    login_hint: str
    browser_hash: str
    """SHA-256 of the cookie that was set in the browser which began."""
    code_verifier: str = field(repr=False)
    """Our PKCE verifier towards the provider."""
    nonce: str = field(repr=False)
    expires_at: datetime
    registration_id: str = ""
    """Which of the administrator's clients the person was sent with; empty: the config's own."""
    for_organisation: bool = False
    """An administrator was asked to allow the application; no mailbox is connected."""
    for_console: bool = False
    """Somebody signs in to the console with the mailbox; the rest says as whom."""
    person_id: PersonId | None = None
    """Who was signed in when they began. None: whoever the mailbox belongs to, or somebody new."""
    by_administrator: bool = False
    """An administrator connects it, who needs no invitation."""
    invitation_id: str = ""
    """The link that they followed, if they did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationCode:
    """What the application's one-time code stands for."""

    account_id: AccountId
    redirect_uri: str
    code_challenge: str
    offline: bool
    expires_at: datetime


class BearerKind(StrEnum):
    """What a token of ours is good for."""

    ACCESS = "access"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerToken:
    """A token of ours, bound to one account. Only its hash is stored."""

    kind: BearerKind
    account_id: AccountId
    expires_at: datetime
    parent: str = field(default="", repr=False)
    """The refresh token that an access token came with or from: it ends with that. Empty: none."""

    @property
    def issued_at(self) -> datetime:
        """When it was made: each kind lives equally long."""
        is_access = self.kind is BearerKind.ACCESS
        return self.expires_at - (ACCESS_TOKEN_LIFETIME if is_access else REFRESH_TOKEN_LIFETIME)
