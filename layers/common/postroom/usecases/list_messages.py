"""Reading mail: from the store only, newest first."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

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
    PlaceT_co,
    Position,
    RawMessage,
)
from postroom.ports import LOOKUP_LIMIT, ContentStore, DownloadStore, FolderStore, MessageStore
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.read_attachment import DIRECT_DOWNLOAD_LIMIT_BYTES

_SCAN_LIMIT = 2_000
"""Messages looked at for one page; a rare match is then left to the next page's cursor."""

_CONTENTS_AT_ONCE = 20

PAGE_CONTENT_LIMIT = 8_000_000
"""Characters of bodies after which a page ends: more fits into no answer, but fills the memory."""


RAW_PAGE_LIMIT = 20
"""Messages of a page in their MIME form: each is a call to the provider."""


def list_messages(
    *,
    account_id: AccountId,
    wanted: MessageFilter,
    limit: int,
    after: Position | None,
    with_content: bool,
    messages: MessageStore,
    contents: ContentStore,
) -> MessagePage[Position]:
    """Return one page of messages; with their bodies and headers only when these are wanted."""
    found, next_position = _matches(account_id, wanted, limit, after, messages)
    page = MessagePage(
        messages=tuple(found),
        places=tuple(map(Position.of, found)),
        next_position=next_position,
    )
    return with_contents(account_id, page, contents) if with_content else page


def with_contents(
    account_id: AccountId, page: MessagePage[PlaceT_co], contents: ContentStore
) -> MessagePage[PlaceT_co]:
    """Add bodies and headers; the page ends early when they are more than an answer could hold."""
    by_id: dict[MessageId, MessageContent] = {}
    size, count = 0, 0
    while count < len(page.messages) and size <= PAGE_CONTENT_LIMIT:
        some = [each.id for each in page.messages[count : count + _CONTENTS_AT_ONCE]]
        by_id |= contents.get_many(account_id, some)
        count += len(some)
        size = sum(len(content.html) + len(content.text) for content in by_id.values())
    return replace(page.beginning(count), contents=by_id)


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
    return _offered(account.id, message_id, mime, downloads)


def read_raw_messages(
    *,
    account: Account,
    page: MessagePage[PlaceT_co],
    mailboxes: Mailboxes,
    downloads: DownloadStore,
) -> tuple[MessagePage[PlaceT_co], Mapping[MessageId, RawMessage]]:
    """Return a page's messages in their MIME form; the page ends early when they are large.

    One that its provider has no longer is left out of them. Raises ProviderError.
    """
    found: dict[MessageId, RawMessage] = {}
    size = count = 0
    with mailboxes.open(account) as mailbox:
        for message in page.beginning(RAW_PAGE_LIMIT).messages:
            if size > DIRECT_DOWNLOAD_LIMIT_BYTES:
                break
            try:
                mime = mailbox.raw(message.provider_id)
            except NotFound:
                mime = b""
            if mime:
                found[message.id] = _offered(account.id, message.id, mime, downloads)
            size, count = size + len(mime), count + 1
    return page.beginning(count), found


def list_folders(*, account_id: AccountId, folders: FolderStore) -> Sequence[Folder]:
    """Return an account's folders."""
    return folders.all(account_id)


def read_folder(*, account_id: AccountId, folder_id: FolderId, folders: FolderStore) -> Folder:
    """Return one folder. Raises NotFound."""
    for folder in folders.all(account_id):
        if folder.id == folder_id:
            return folder
    raise NotFound("There is no such folder.")


def _offered(
    account_id: AccountId, message_id: MessageId, mime: bytes, downloads: DownloadStore
) -> RawMessage:
    if len(mime) <= DIRECT_DOWNLOAD_LIMIT_BYTES:
        return RawMessage(mime=mime)
    return RawMessage(
        address=downloads.offer(account_id, filename=f"{message_id}.eml", content=mime)
    )


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
        asked = LOOKUP_LIMIT if looked_at else min(limit + 1, LOOKUP_LIMIT)
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
            stands = message is not None and _stands(message, place, after, found)
            if message is not None and stands and wanted.matches(message):
                found.append(message)
            position = place
        if len(places) < asked:
            return found, None
        looked_at += len(places)
    return found, position


def _stands(
    message: Message, place: Position, after: Position | None, found: Sequence[Message]
) -> bool:
    """Whether a message is listed here: one whose time has changed may have an old place, too.

    It may also have no new one yet, if it is newer: then that was passed, and it was not found.
    """
    own = Position.of(message)
    was_passed = own > place and (after is None or own < after)
    return own == place or (was_passed and all(message.id != each.id for each in found))
