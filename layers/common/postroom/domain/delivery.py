"""Deliveries: one event told to one webhook, at most three times.

first attempt ──2xx────────────────────────────────────────► DELIVERED
  │ │ ──a redirect, 404, a private address, …──────────────► FAILED: asking again helps nobody
  │ └───408, 429, 5xx, no answer──► RETRYING ──2 minutes──► second ──10 minutes──► third, the last
  └─ whoever dies meanwhile: the queue hands the call out again, and the webhook may hear twice
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from postroom.domain.account import Account
from postroom.domain.event import Event, EventType
from postroom.domain.folder import Folder
from postroom.domain.ids import AccountId, EventId
from postroom.domain.message import Message, MessageContent
from postroom.domain.outgoing import OutboxEntry

MOST_ATTEMPTS = 3
RETRY_FACTOR = 5
"""How much longer the second wait is than the first: with two minutes, the last attempt comes
twelve minutes after the first one (the contract's are 10 to 20)."""

CALL_LIMIT = timedelta(seconds=10)
"""How long a webhook may take to answer; the contract's."""

DELIVERY_LIFETIME = timedelta(days=7)
"""How long an attempt can be looked at: as long as its event."""


class CallFailure(StrEnum):
    """Why there is no answer."""

    NO_ADDRESS = "no_address"
    """The DNS knows none."""
    PRIVATE_ADDRESS = "private_address"
    """The host leads into a private network by now; nothing was called."""
    NO_CONNECTION = "no_connection"
    NO_TRUST = "no_trust"
    """No TLS: a certificate that is not the host's, or has expired."""
    TOO_SLOW = "too_slow"
    NO_ANSWER = "no_answer"
    """It closed the connection, or said what is no HTTP."""


class DeliveryState(StrEnum):
    """What an attempt came to; see the state machine above."""

    DELIVERED = "delivered"
    RETRYING = "retrying"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What calling a webhook came to: a status, or why there is none."""

    status: int | None = None
    failure: CallFailure | None = None

    @property
    def is_success(self) -> bool:
        """Whether the webhook has taken the event: any 2xx says so."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def may_change(self) -> bool:
        """Whether asking again may help."""
        if self.status is None:
            return self.failure is not CallFailure.PRIVATE_ADDRESS
        return self.status in (408, 429) or self.status >= 500


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryCall:
    """What the queue of events carries: nothing of what is told, which is read when it is."""

    event_id: EventId
    webhook_id: str
    attempt: int
    """1 is the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt, as the webhook's owner sees it: nothing personal, and no body."""

    webhook_id: str
    event_id: EventId
    event_type: EventType
    account_id: AccountId
    event_at: datetime
    attempt: int
    at: datetime
    answer: Answer
    duration_ms: int

    @property
    def state(self) -> DeliveryState:
        """What it came to."""
        if self.answer.is_success:
            return DeliveryState.DELIVERED
        if self.answer.may_change and self.attempt < MOST_ATTEMPTS:
            return DeliveryState.RETRYING
        return DeliveryState.FAILED

    @property
    def place(self) -> str:
        """Where it stands among the webhook's: by its event's time, its attempts together."""
        return f"{event_place(self.event_id, self.event_at)}{self.attempt}"


def event_place(event_id: EventId, event_at: datetime) -> str:
    """Return what the places of all attempts to tell an event begin with; it sorts by time."""
    return f"{event_at.astimezone(UTC).isoformat(timespec='milliseconds')}#{event_id}#"


def wait_after(attempt: int, *, first_wait: timedelta) -> timedelta:
    """Return how long the next attempt waits."""
    factor: int = RETRY_FACTOR ** (attempt - 1)
    return first_wait * factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event with what it is about, as that is now. What its type does not need is None."""

    event: Event
    account: Account | None = None
    message: Message | None = None
    content: MessageContent | None = None
    folder: Folder | None = None
    send: OutboxEntry | None = None
