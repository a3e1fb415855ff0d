"""What an event tells: its object is read when it is told, as it is then."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from postroom.domain.account import Account, AccountStatus
from postroom.domain.delivery import Told
from postroom.domain.errors import NotFound
from postroom.domain.event import Event, EventType
from postroom.domain.ids import MessageId, OutboxId, message_id
from postroom.domain.message import Message
from postroom.ports import AccountStore, ContentStore, FolderStore, MessageStore, OutboxStore


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingTools:
    """Where the objects of events are."""

    accounts: AccountStore
    messages: MessageStore
    contents: ContentStore
    folders: FolderStore
    outbox: OutboxStore


def told_of(event: Event, *, tools: TellingTools) -> Told | None:
    """Return an event with its object, or None when nothing is left to tell.

    Of an account that is being deleted, its end is told and nothing else.
    """
    account = _account(event, tools)
    if event.type is EventType.GRANT_DELETED:
        return Told(event=event, account=account)
    reader = _READERS.get(event.type)
    if account is None or account.status is AccountStatus.DELETING or reader is None:
        return None
    return reader(event, account, tools)


def _account(event: Event, tools: TellingTools) -> Account | None:
    try:
        return tools.accounts.get(event.account_id)
    except NotFound:
        return None


def _itself(event: Event, account: Account, _tools: TellingTools) -> Told:
    return Told(event=event, account=account)


def _message(event: Event, account: Account, tools: TellingTools) -> Told | None:
    found = _stored(account, MessageId(event.object_id), tools)
    if found is None:
        return None
    content = tools.contents.get_many(account.id, [found.id]).get(found.id)
    return Told(event=event, account=account, message=found, content=content)


def _send(event: Event, account: Account, tools: TellingTools) -> Told | None:
    try:
        entry = tools.outbox.get(account.id, OutboxId(event.object_id))
    except NotFound:
        return None
    message = None
    if entry.sent is not None:
        # It may have left before its copy is here.
        message = _stored(account, message_id(account.id, entry.sent.provider_id), tools)
    return Told(event=event, account=account, message=message, send=entry)


def _folder(event: Event, account: Account, tools: TellingTools) -> Told | None:
    for folder in tools.folders.all(account.id):
        if folder.id == event.object_id:
            return Told(event=event, account=account, folder=folder)
    return None


def _stored(account: Account, wanted: MessageId, tools: TellingTools) -> Message | None:
    try:
        return tools.messages.get(account.id, wanted)
    except NotFound:
        return None


_Reader = Callable[[Event, Account, TellingTools], Told | None]

_READERS: Mapping[EventType, _Reader] = {
    EventType.GRANT_CREATED: _itself,
    EventType.GRANT_UPDATED: _itself,
    EventType.GRANT_EXPIRED: _itself,
    EventType.MESSAGE_CREATED: _message,
    EventType.MESSAGE_UPDATED: _message,
    EventType.MESSAGE_DELETED: _itself,
    EventType.MESSAGE_SENT: _send,
    EventType.MESSAGE_NOT_SENT: _send,
    EventType.FOLDER_CREATED: _folder,
    EventType.FOLDER_UPDATED: _folder,
    EventType.FOLDER_DELETED: _itself,
}
"""All that is ever written: nothing of opened mail, clicked links and replies is tracked."""
