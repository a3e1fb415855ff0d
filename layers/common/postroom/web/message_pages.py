"""Pages of messages and folders, as large as one answer may be."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from postroom.domain.folder import Folder
from postroom.domain.ids import AccountId, MessageId
from postroom.domain.message import MessageContent, MessagePage, Position
from postroom.web.paging import folders_list, message_cursor, offset_cursor, page_offset
from postroom.web.resolver import wire_bytes
from postroom.web.schemas.fields import wire
from postroom.web.schemas.folders import FolderListQuery, FolderOut
from postroom.web.schemas.messages import MessageListQuery, MessageOut, selected

PAGE_BYTES_LIMIT = 5_000_000
"""A page ends early at this size; Lambda carries 6 MB, and the first message comes whole."""

Shown = Mapping[str, Any]


def message_page(
    page: MessagePage, query: MessageListQuery, *, of_list: str, key: bytes
) -> tuple[Sequence[Shown], str | None]:
    """Return the messages of a page that fit, and the token of the next page."""
    shown = [_shown(page, index, query) for index in range(len(page.messages))]
    kept = _fitting(shown)
    following = page.next_position
    if len(kept) < len(shown):
        last = page.messages[len(kept) - 1]
        following = Position(received_at=last.received_at, message_id=last.id)
    if following is None:
        return kept, None
    return kept, message_cursor(following, of_list=of_list, key=key)


def folder_page(
    account_id: AccountId, folders: Sequence[Folder], query: FolderListQuery, *, key: bytes
) -> tuple[Sequence[Shown], str | None]:
    """Return a part of an account's folders, or all, and the token of the next part."""
    of_list = folders_list(account_id)
    begin = page_offset(query.page_token, of_list=of_list, key=key)
    end = len(folders) if query.limit is None else begin + query.limit
    shown = [
        selected(wire(FolderOut.from_domain(account_id, each)), [*query.select, "name"])
        if query.select
        else wire(FolderOut.from_domain(account_id, each))
        for each in folders[begin:end]
    ]
    return shown, offset_cursor(end, of_list=of_list, key=key) if end < len(folders) else None


def raw_message(
    account_id: AccountId, message_id: MessageId, *, mime: bytes, address: str
) -> Shown:
    """Return a message in its MIME form, and nothing else of it.

    It comes as base64url, or as the address where a large one can be fetched.
    """
    form = {"raw_mime": base64.urlsafe_b64encode(mime).decode()}
    return {
        "grant_id": account_id,
        "object": "message",
        "id": message_id,
        **({"raw_mime_url": address} if address else form),
    }


def _shown(page: MessagePage, index: int, query: MessageListQuery) -> Shown:
    message = page.messages[index]
    content = None
    if query.with_content():
        content = page.contents.get(message.id, MessageContent())
    out = wire(MessageOut.from_domain(message, content, fields=query.fields))
    if "body_text" not in query.select:
        # A list would be twice as long with both bodies of every message.
        out.pop("body_text", None)
    return selected(out, query.select)


def _fitting(shown: Sequence[Shown]) -> Sequence[Shown]:
    size_bytes = 0
    for index, each in enumerate(shown):
        size_bytes += wire_bytes(json.dumps(each, ensure_ascii=False))
        if index > 0 and size_bytes > PAGE_BYTES_LIMIT:
            return shown[:index]
    return shown
