"""Identifiers: ours are opaque and match `[A-Za-z0-9_-]+`, theirs keep the provider's name.

One official SDK does not escape ids in paths, and `%2F` in a path breaks routing: hence the
alphabet. A message keeps its id for ever, also after a resync or a restore, because the id is
derived from the account and the provider's id.
"""

import base64
import hashlib
import secrets
import uuid
from datetime import datetime
from typing import NewType

AccountId = NewType("AccountId", str)
MessageId = NewType("MessageId", str)
ThreadId = NewType("ThreadId", str)
DraftId = NewType("DraftId", str)
FolderId = NewType("FolderId", str)
AttachmentId = NewType("AttachmentId", str)
OutboxId = NewType("OutboxId", str)
CreationId = NewType("CreationId", str)
EventId = NewType("EventId", str)
PersonId = NewType("PersonId", str)

ProviderMessageId = NewType("ProviderMessageId", str)
ProviderThreadId = NewType("ProviderThreadId", str)

ProviderDraftId = NewType("ProviderDraftId", str)
"""What a provider knows a draft by, however often its author changes it."""

InternetMessageId = NewType("InternetMessageId", str)
"""The Message-ID of RFC 5322, with its angle brackets. Never unique within a mailbox."""

_DERIVED_ID_LENGTH = 27
"""Characters of base64url: 162 bits, so that two ids never meet."""


def new_account_id() -> AccountId:
    """Make the id of a new account: a random UUID, as clients of the contract expect."""
    return AccountId(str(uuid.uuid4()))


def new_person_id() -> PersonId:
    """Make the id of somebody new."""
    return PersonId(str(uuid.uuid4()))


def new_token() -> str:
    """Make 256 random bits, path-safe: for codes, tokens, states and row ids."""
    return secrets.token_urlsafe(32)


def message_id(account_id: AccountId, provider_id: ProviderMessageId) -> MessageId:
    """Derive a message's id: the same mail has the same id for ever."""
    return MessageId(_derived(account_id, "message", provider_id))


def thread_id(account_id: AccountId, provider_id: ProviderThreadId) -> ThreadId:
    """Derive a thread's id from the provider's thread, never from a subject."""
    return ThreadId(_derived(account_id, "thread", provider_id))


def draft_id(account_id: AccountId, provider_id: ProviderDraftId) -> DraftId:
    """Derive a draft's id: it stays while the draft's message is replaced by another one."""
    return DraftId(_derived(account_id, "draft", provider_id))


def folder_id(account_id: AccountId, provider_id: str) -> FolderId:
    """Derive a folder's id where the provider's own is long or not path-safe."""
    return FolderId(_derived(account_id, "folder", provider_id))


def outbox_id(account_id: AccountId, idempotency_key: str) -> OutboxId:
    """Derive the id of a send: the same key on the same account is the same send."""
    return OutboxId(_derived(account_id, "outbox", idempotency_key))


def creation_id(account_id: AccountId, idempotency_key: str) -> CreationId:
    """Derive the id of a draft's making: the same key on the same account makes one draft."""
    return CreationId(_derived(account_id, "draft creation", idempotency_key))


def event_id(account_id: AccountId, event_type: str, at: datetime, object_id: str = "") -> EventId:
    """Derive an event's id: the same change is told under the same id.

    `object_id` names what of the account has changed, where it is not the account itself.
    """
    of_what = f"{event_type}@{at.isoformat()}" + (f"#{object_id}" if object_id else "")
    return EventId(_derived(account_id, "event", of_what))


def attachment_id(message: MessageId, part_id: str) -> AttachmentId:
    """Make an attachment's id; it can be resolved without naming the message again.

    `part_id` is the provider's stable name of the part within its message.
    """
    return AttachmentId(message + _base64url(part_id.encode()))


def parse_attachment_id(attachment: str) -> tuple[MessageId, str] | None:
    """Tell which message and part an attachment id means; None when it is none of ours."""
    message, encoded_part = attachment[:_DERIVED_ID_LENGTH], attachment[_DERIVED_ID_LENGTH:]
    if not encoded_part:
        return None
    try:
        part_id = base64.urlsafe_b64decode(encoded_part + "=" * (-len(encoded_part) % 4)).decode()
    except ValueError:
        return None
    return MessageId(message), part_id


def _derived(account_id: AccountId, kind: str, value: str) -> str:
    digest = hashlib.sha256("\0".join((account_id, kind, value)).encode()).digest()
    return _base64url(digest)[:_DERIVED_ID_LENGTH]


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")
