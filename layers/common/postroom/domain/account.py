"""An account: one connected mailbox.

    connect ──► ACTIVE ──consent dies──► REAUTH_REQUIRED ──reconnect──► ACTIVE
                  │ ▲                         │
                  │ └──mailbox is back── MAILBOX_UNAVAILABLE
                  └──────────delete──────► DELETING ──► (gone)

Data and cursor stay through REAUTH_REQUIRED and MAILBOX_UNAVAILABLE. A DELETING account answers
like one that does not exist, while its rows are erased step by step.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from postroom.domain.ids import AccountId, PersonId


class ProviderName(StrEnum):
    """The providers Postroom can connect; the values are the contract's."""

    GOOGLE = "google"
    MICROSOFT = "microsoft"


class AccountStatus(StrEnum):
    """Whether an account can be synced; see the state machine above."""

    ACTIVE = "active"
    REAUTH_REQUIRED = "reauth_required"
    MAILBOX_UNAVAILABLE = "mailbox_unavailable"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who signed in, by the provider's own, unchanging subject. The address may change."""

    provider: ProviderName
    subject: str
    email: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One connected mailbox with its status."""

    id: AccountId
    identity: Identity
    status: AccountStatus
    scopes: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    state: str = ""
    """What the application passed as `state` when it connected the account."""
    registration_id: str = ""
    """Which client the consent was given to; empty means the provider config's own."""
    person_id: PersonId | None = None
    """Whose it is in the console. Only `AccountStore.claim` writes it; None: its owner has not
    signed in there."""
