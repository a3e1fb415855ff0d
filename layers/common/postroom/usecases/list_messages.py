"""Reading mail: from the store only, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass

from postroom.domain.account import Account
from postroom.domain.errors import NotFound
from postroom.domain.folder import Folder
from postroom.domain.ids import AccountId, FolderId, MessageId, ProviderMessageId
from postroom.domain.message import (
    FullMessage,
    Message,
    MessageContent,
    MessageFilter,
    MessagePage,
    Position,
)
from postroom.ports import ContentStore, DownloadStore, FolderStore, MessageStore
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.read_attachment import DIRECT_DOWNLOAD_LIMIT_BYTES

_SCAN_LIMIT = 2_000
"""Messages looked at for one page; a rare match is then left to the next page's cursor."""

_LOOKUP_LIMIT = 100

_CONTENTS_AT_ONCE = 20

PAGE_CONTENT_LIMIT = 8_000_000
"""Characters of bodies after which a page ends: more fits into no answer, but fills the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawMessage:
    """A message in its MIME form, or the address where it can be fetched for some minutes."""

    mime: bytes = b""
    address: str = ""


def list_messages(
    *,
    account_id: AccountId,
    wanted: MessageFilter,
    limit: int,
    after: Position | None,
    with_content: bool,
    messages: MessageStore,
    contents: ContentStore,
) -> MessagePage:
    """Return one page of messages; with their bodies and headers only when these are wanted."""
    found, next_position = _matches(account_id, wanted, limit, after, messages)
    if not with_content:
        return MessagePage(messages=tuple(found), next_position=next_position)
    by_id: dict[MessageId, MessageContent] = {}
    for begin in range(0, len(found), _CONTENTS_AT_ONCE):
        some = [message.id for message in found[begin : begin + _CONTENTS_AT_ONCE]]
        by_id |= contents.get_many(account_id, some)
        shown = begin + len(some)
        size = sum(len(content.html) + len(content.text) for content in by_id.values())
        if size > PAGE_CONTENT_LIMIT and shown < len(found):
            last = found[shown - 1]
            return MessagePage(
                messages=tuple(found[:shown]),
                contents=by_id,
                next_position=Position(received_at=last.received_at, message_id=last.id),
            )
    return MessagePage(messages=tuple(found), contents=by_id, next_position=next_position)


def read_message(
    *,
    account_id: AccountId,
    message_id: MessageId,
    messages: MessageStore,
    contents: ContentStore,
) -> FullMessage:
    """Return a message with its content. Raises NotFound."""
    message = messages.get(account_id, message_id)
    content = contents.get_many(account_id, [message_id]).get(message_id, MessageContent())
    return FullMessage(message=message, content=content)


def read_raw_message(
    *,
    account: Account,
    message_id: MessageId,
    messages: MessageStore,
    mailboxes: Mailboxes,
    downloads: DownloadStore,
) -> RawMessage:
    """Return a message in its MIME form, from the provider; large ones are put aside.

    Raises NotFound, ProviderError.
    """
    provider_id: ProviderMessageId = messages.get(account.id, message_id).provider_id
    with mailboxes.open(account) as mailbox:
        mime = mailbox.raw(provider_id)
    if len(mime) <= DIRECT_DOWNLOAD_LIMIT_BYTES:
        return RawMessage(mime=mime)
    address = downloads.offer(account.id, filename=f"{message_id}.eml", content=mime)
    return RawMessage(address=address)


def list_folders(*, account_id: AccountId, folders: FolderStore) -> Sequence[Folder]:
    """Return an account's folders."""
    return folders.all(account_id)


def read_folder(*, account_id: AccountId, folder_id: FolderId, folders: FolderStore) -> Folder:
    """Return one folder. Raises NotFound."""
    for folder in folders.all(account_id):
        if folder.id == folder_id:
            return folder
    raise NotFound("There is no such folder.")


def _matches(
    account_id: AccountId,
    wanted: MessageFilter,
    limit: int,
    after: Position | None,
    messages: MessageStore,
) -> tuple[list[Message], Position | None]:
    """Walk the shortest view that holds every match.

    A place whose message does not stand in the view (any more) is passed over: rows of a view
    may be left behind by a crash, but never lack.
    """
    found: list[Message] = []
    position, looked_at = after, 0
    while looked_at < _SCAN_LIMIT:
        # One more than wanted tells whether there is a next page; a rare match is looked for in
        # full strides.
        asked = _LOOKUP_LIMIT if looked_at else min(limit + 1, _LOOKUP_LIMIT)
        places = messages.positions(
            account_id,
            wanted.view(),
            limit=asked,
            after=position,
            newest=wanted.received_before,
            oldest=wanted.received_after,
        )
        stored = messages.get_many(account_id, [place.message_id for place in places])
        for place in places:
            if len(found) == limit:
                return found, position
            message = stored.get(place.message_id)
            if message is not None and wanted.matches(message):
                found.append(message)
            position = place
        if len(places) < asked:
            return found, None
        looked_at += len(places)
    return found, position
