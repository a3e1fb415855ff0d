"""A message on its way out, and the outbox that remembers what became of it.

    claim ─► SENDING ──provider says yes───► SENT
                │    ──provider refuses────► REJECTED
                └────nobody knows──────────► UNKNOWN ──found at the provider──► SENT
                                                └─────not found for a day─────► UNKNOWN, for good

SENDING and UNKNOWN are never sent again blindly: the provider is asked for the Message-ID, which
was written down before the first attempt.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from postroom.domain.ids import (
    AccountId,
    InternetMessageId,
    OutboxId,
    ProviderMessageId,
    ProviderThreadId,
)
from postroom.domain.message import Address, Header

OUTBOX_LIFETIME = timedelta(days=30)
"""How long the same idempotency key gives the same answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingAttachment:
    """A file to send along. With a `content_id` it is shown inside the HTML body."""

    filename: str
    content_type: str
    content: bytes = field(repr=False)
    content_id: str = ""
    is_inline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message as its author wrote it, ready to be put into MIME."""

    message_id: InternetMessageId
    date: datetime
    from_: Address
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    body: str = ""
    is_plaintext: bool = False
    attachments: tuple[OutgoingAttachment, ...] = ()
    custom_headers: tuple[Header, ...] = ()
    in_reply_to: InternetMessageId = InternetMessageId("")
    references: tuple[InternetMessageId, ...] = ()
    provider_thread_id: ProviderThreadId | None = None
    """The thread it answers, in the provider's terms."""


class SendState(StrEnum):
    """What is known about a send; see the state machine above."""

    SENDING = "sending"
    SENT = "sent"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """Where the provider put a message that left."""

    provider_id: ProviderMessageId
    provider_thread_id: ProviderThreadId


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """The durable record of one send."""

    id: OutboxId
    account_id: AccountId
    request_hash: str
    """SHA-256 of what was asked for: the same key with another body is a conflict."""
    internet_message_id: InternetMessageId
    state: SendState
    created_at: datetime
    sent: SentMessage | None = None
    error: str = ""
