"""People who use the console: who they are, how they stay signed in, and who may become one.

    API key ───────────────► administrator ┐
                                           ├─► Session (a cookie; its hash is stored)
    consent ─► account ─► person ──────────┘

A person is an id and the accounts that carry it. One session can be both, an administrator's and
a person's: whoever sets a deployment up for themselves connects their own mailbox in the same
browser. Its administrator's part ends sooner, and with the key that opened it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from postroom.domain.account import Account
from postroom.domain.ids import PersonId

SESSION_PREFIX = "postroom_session_"
"""What every session's token begins with: it tells it from keys and tokens of the API."""

PERSON_SESSION_LIFETIME = timedelta(days=30)
"""How long a person stays signed in who does not come back."""

PERSON_SESSION_LONGEST = timedelta(days=90)
"""After that even a daily visitor signs in anew."""

ADMINISTRATOR_SESSION_LIFETIME = timedelta(hours=12)
"""A working day; it is not prolonged."""

ROTATION_AGE = timedelta(hours=1)
"""A token that is older is replaced when a page is opened."""

ROTATION_GRACE = timedelta(minutes=1)
"""How long a replaced token still serves requests that are on their way, of other tabs too."""

INVITATION_LINK_LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyInUse:
    """The API key that an administrator signed in with: the session ends when it does."""

    api_key_id: str
    """Empty: the deployment's own first key."""
    fingerprint: str
    """SHA-256 of the first key, so that a replaced one ends its sessions; empty for others."""
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody signed in to the console. Only the hash of its token is stored."""

    person_id: PersonId | None
    key: KeyInUse | None
    began_at: datetime
    """The sign-in; a replaced token keeps it."""
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who uses the console, with what they connected."""

    id: PersonId
    accounts: tuple[Account, ...]


class SignUp(StrEnum):
    """Who may become a person by connecting a mailbox."""

    INVITED = "invited"
    ANYONE = "anyone"


class InvitationKind(StrEnum):
    """What an invitation goes by."""

    ADDRESS = "address"
    """Whoever has this address, as often as they like."""
    DOMAIN = "domain"
    """Whoever has an address of this domain."""
    LINK = "link"
    """Whoever has the link, once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Somebody who may become a person."""

    id: str
    kind: InvitationKind
    value: str
    """The address or the domain, in lower case; for a link, what the administrator noted."""
    created_at: datetime
    ends_at: datetime | None
    """None: until it is withdrawn."""
