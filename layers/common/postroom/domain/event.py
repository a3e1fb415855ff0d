"""Events: what an application wants to hear of, once each.

An event is written in the same transaction as the change that it tells of, so that there is never
one without the other. Its id is derived from the change: whoever meets it twice knows it again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from postroom.domain.account import Account
from postroom.domain.ids import AccountId, EventId, event_id
from postroom.domain.outgoing import OutboxEntry

EVENT_LIFETIME = timedelta(days=7)
"""How long an event can be read."""


class EventType(StrEnum):
    """What happened; the values are the contract's, and all of them are known to both SDKs.

    Nobody is told whether mail was opened, its links were, or a thread was replied to: Postroom
    tracks nothing. Webhooks may name those, too, since applications do.
    """

    GRANT_CREATED = "grant.created"
    GRANT_UPDATED = "grant.updated"
    GRANT_DELETED = "grant.deleted"
    GRANT_EXPIRED = "grant.expired"
    MESSAGE_CREATED = "message.created"
    MESSAGE_UPDATED = "message.updated"
    MESSAGE_DELETED = "message.deleted"
    MESSAGE_SENT = "message.send_success"
    MESSAGE_NOT_SENT = "message.send_failed"
    MESSAGE_BOUNCED = "message.bounce_detected"
    MESSAGE_OPENED = "message.opened"
    MESSAGE_OPENED_LEGACY = "message.opened.legacy"
    LINK_CLICKED = "message.link_clicked"
    LINK_CLICKED_LEGACY = "message.link_clicked.legacy"
    THREAD_REPLIED = "thread.replied"
    THREAD_REPLIED_LEGACY = "thread.replied.legacy"
    FOLDER_CREATED = "folder.created"
    FOLDER_UPDATED = "folder.updated"
    FOLDER_DELETED = "folder.deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to an account."""

    id: EventId
    type: EventType
    account_id: AccountId
    at: datetime
    object_id: str = ""
    """What of the account it is about: the outbox id of a send."""
    reason: str = ""
    """Why, of what went wrong."""

    @classmethod
    def of_account(cls, event_type: EventType, account: Account) -> Self:
        """Tell of an account's change to what it is now."""
        return cls(
            id=event_id(account.id, event_type, account.updated_at),
            type=event_type,
            account_id=account.id,
            at=account.updated_at,
        )

    @classmethod
    def of_send(cls, event_type: EventType, entry: OutboxEntry) -> Self:
        """Tell how a send that somebody follows has ended."""
        at = entry.closed_at or entry.created_at
        return cls(
            id=event_id(entry.account_id, event_type, at, entry.id),
            type=event_type,
            account_id=entry.account_id,
            at=at,
            object_id=entry.id,
            reason=entry.error,
        )
