"""A message on its way out, and the outbox that remembers what became of it.

    accept ──► QUEUED ───its time, claimed───► SENDING ──provider says yes──► SENT
      │         │  ▲                            ▲ │ │ ──provider refuses────► REJECTED
      │         │  └──did not leave: later──────│─┘ └──nobody knows──► UNKNOWN ──found──► SENT
      │         └──cancel──► CANCELLED          │                       │   │
      └──────────────at once────────────────────┤                       │   └─provider silent for
                                                └──provider has none────┘     a day: for good

SENDING and UNKNOWN are never sent again blindly: the provider is asked for the Message-ID, which
was written down before the first attempt. Only when it answers, and has had time enough to know
(`ABSENT_AFTER`), that there is no such message, it is sent again. What cannot be sent for a day
ends as REJECTED.

Until it has ended, each row says when somebody is called for it next. Whoever finds that time long
past calls again (`overdue_at`).

Every claim is numbered. What a claim learns is written only while no later one has begun, but for
SENT, which nothing outweighs.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from postroom.domain.errors import PostroomError, consequence_of
from postroom.domain.ids import (
    AccountId,
    InternetMessageId,
    OutboxId,
    ProviderMessageId,
    ProviderThreadId,
)
from postroom.domain.message import Address, Header
from postroom.domain.sending_limit import CountedSend
from postroom.domain.upload import TransferMark, Upload

OUTBOX_LIFETIME = timedelta(days=30)
"""How long the same idempotency key gives the same answer, from when the message was to leave."""

SOONEST_SEND_AT = timedelta(seconds=50)
LATEST_SEND_AT = timedelta(days=366)
"""How far ahead a send may be scheduled: a minute when it was asked for, less what the request may
take on its way; and a year, leap years included."""

ABSENT_AFTER = timedelta(seconds=150)
"""How long after a send a provider's answer that it has no such message is believed: longer than
any call of ours may be on its way, and the third look-up (after 5, 30 and 120 seconds)."""

PATIENCE = timedelta(days=1)
"""How long a message is tried to be sent, or looked up, after it was to leave."""

CRASH_LOOKUP_DELAY = timedelta(minutes=2)
"""When a send is looked up whose function died: longer than any function of ours may run."""

CALL_LOST_AFTER = timedelta(minutes=20)
"""When a call that brought nothing counts as lost: a queue hands it out again nine minutes after a
worker died with it, so two may."""

STATUS_LIFETIME = timedelta(hours=72)
"""How long a scheduled send is listed after it ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingAttachment:
    """A file to send along. With a `content_id` it is shown inside the HTML body."""

    filename: str
    content_type: str
    content: bytes = field(default=b"", repr=False)
    content_id: str = ""
    is_inline: bool = False
    upload: Upload | None = None
    """Where the content lies, if it was uploaded before: it is too large to be held at once."""

    @property
    def size_bytes(self) -> int:
        """How large the file is."""
        return len(self.content) if self.upload is None else self.upload.size_bytes or 0


class AnswerKind(StrEnum):
    """How a message takes up an earlier one."""

    REPLY = "reply"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The message that an outgoing one takes up, so that both stand in one conversation."""

    kind: AnswerKind
    provider_id: ProviderMessageId
    provider_thread_id: ProviderThreadId
    internet_message_id: InternetMessageId = InternetMessageId("")
    references: tuple[InternetMessageId, ...] = ()
    """Its own references, then itself (RFC 5322 section 3.6.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message as its author wrote it, ready to be put into MIME."""

    message_id: InternetMessageId
    date: datetime
    from_: Address
    from_alias: bool = False
    """`from_` is another address than the account's own."""
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    body: str = ""
    is_plaintext: bool = False
    attachments: tuple[OutgoingAttachment, ...] = ()
    custom_headers: tuple[Header, ...] = ()
    answered: Answered | None = None
    mime: bytes = field(default=b"", repr=False)
    """The whole message, if its author put it into MIME: it is sent as it stands, and the other
    parts only tell what it says."""

    def dated(self, now: datetime) -> "OutgoingMessage":
        """Return it as it is sent now; what came in MIME tells its own time."""
        return self if self.mime else replace(self, date=now)

    @property
    def has_uploads(self) -> bool:
        """Whether it carries files that were uploaded before, and is handed over in pieces."""
        return any(each.upload is not None for each in self.attachments)


class SendState(StrEnum):
    """What is known about a send; see the state machine above."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


SETTLED = frozenset({SendState.SENT, SendState.REJECTED, SendState.CANCELLED})
"""States that end a send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """Where the provider put a message that left."""

    provider_id: ProviderMessageId
    provider_thread_id: ProviderThreadId


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """The durable record of one send. What it sends is kept elsewhere, as `kept_as`."""

    id: OutboxId
    account_id: AccountId
    request_hash: str
    """SHA-256 of what was asked for: the same key with another body is a conflict."""
    internet_message_id: InternetMessageId
    state: SendState
    created_at: datetime
    kept_as: str = ""
    """A name of its own, by which its content is kept and its schedule is known."""
    metadata: tuple[tuple[str, str], ...] = ()
    """What the application notes about the message once it has left."""
    send_at: datetime | None = None
    """When it is to leave, if that was not at once."""
    due_at: datetime | None = None
    """When a call goes on with it: a QUEUED one may be sent then, another is looked up. None once
    it has ended."""
    is_followed: bool = False
    """Its caller was told to follow it: it is listed among the scheduled sends."""
    claims: int = 0
    """How often it has begun to be sent."""
    claimed_at: datetime | None = None
    closed_at: datetime | None = None
    """When it ended."""
    sent: SentMessage | None = None
    error: str = ""
    consequence: str = ""
    """What the error means (`errors.consequence_of`)."""
    transfer: TransferMark = TransferMark("")
    """How far it has got at the provider, if it is handed over in pieces."""
    counted_as: tuple[CountedSend, ...] = ()
    """What it counts among what the account sends, from before it is handed over until it is sure
    that it has not left. Whoever writes the row without it gives it back, and nobody else."""

    @property
    def wanted_at(self) -> datetime:
        """When it was to leave."""
        return self.send_at or self.created_at

    @property
    def overdue_at(self) -> datetime | None:
        """From when on the call that goes on with it must have been lost.

        None when it has ended, and for a draft, of which nothing is kept: whoever asks again goes
        on with it.
        """
        has_ended = self.closed_at is not None or self.state in SETTLED
        if has_ended or not self.kept_as:
            return None
        return (self.due_at or self.claimed_at or self.wanted_at) + CALL_LOST_AFTER

    def claimed(self, now: datetime) -> "OutboxEntry":
        """Return the entry as it begins to be sent."""
        return replace(
            self,
            state=SendState.SENDING,
            due_at=now + CRASH_LOOKUP_DELAY,
            claims=self.claims + 1,
            claimed_at=now,
        )

    def put_off(self, until: datetime) -> "OutboxEntry":
        """Return the entry as it waits to be sent again: it did not leave, and does not count."""
        return replace(self.going_on(until), counted_as=())

    def going_on(self, at: datetime) -> "OutboxEntry":
        """Return the entry as it waits for the rest of it to be handed over."""
        return replace(self, state=SendState.QUEUED, due_at=at)

    def in_doubt(self, look_up_at: datetime) -> "OutboxEntry":
        """Return the entry as it is when nobody knows whether it left; it can be followed."""
        return replace(self, state=SendState.UNKNOWN, due_at=look_up_at, is_followed=True)

    def ended(
        self,
        state: SendState,
        now: datetime,
        *,
        sent: SentMessage | None = None,
        problem: PostroomError | None = None,
    ) -> "OutboxEntry":
        """Return the entry as it ends; `problem` is why it did not, or may not, have left."""
        return replace(
            self,
            state=state,
            due_at=None,
            closed_at=now,
            sent=sent,
            error=str(problem) if problem else "",
            consequence=consequence_of(problem) if problem else "",
            transfer=TransferMark(""),
            counted_as=(),
        )
