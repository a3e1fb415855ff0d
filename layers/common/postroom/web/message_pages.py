"""Pages of messages and folders, as large as one answer may be."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from postroom.domain.conversation import CleanMessage
from postroom.domain.folder import Folder, folders_below
from postroom.domain.ids import AccountId, FolderId, MessageId
from postroom.domain.message import (
    MessageContent,
    MessagePage,
    Position,
    RawMessage,
    SearchPosition,
)
from postroom.web.paging import (
    folders_list,
    message_cursor,
    offset_cursor,
    page_offset,
    search_cursor,
)
from postroom.web.resolver import wire_bytes
from postroom.web.schemas.fields import wire
from postroom.web.schemas.folders import FolderListQuery, FolderOut
from postroom.web.schemas.messages import MessageListQuery, MessageOut, selected
from postroom.web.schemas.raw_messages import RawMessageOut

PAGE_BYTES_LIMIT = 5_000_000
"""A page ends early at this size; Lambda carries 6 MB, and the first message comes whole."""

Shown = Mapping[str, Any]
AnyPage = MessagePage[Position | SearchPosition]
"""Of what the store lists, or of what a provider's search finds."""


def message_page(
    page: AnyPage, query: MessageListQuery, *, of_list: str, key: bytes
) -> tuple[Sequence[Shown], str | None]:
    """Return the messages of a page that fit, and the token of the next page."""
    kept = fitting([_shown(page, index, query) for index in range(len(page.messages))])
    return kept, _next_cursor(page.beginning(len(kept)), of_list=of_list, key=key)


def raw_page(
    page: AnyPage, raw: Mapping[MessageId, RawMessage], *, of_list: str, key: bytes
) -> tuple[Sequence[Shown], str | None]:
    """Return those messages of a page in their MIME form that fit, and the next page's token."""
    kept = fitting(
        [
            raw_message(
                each.account_id, each.id, mime=raw[each.id].mime, address=raw[each.id].address
            )
            if each.id in raw
            else {}
            for each in page.messages
        ]
    )
    token = _next_cursor(page.beginning(len(kept)), of_list=of_list, key=key)
    return [each for each in kept if each], token


def clean_answer(cleaned: Sequence[CleanMessage]) -> Sequence[Shown]:
    """Return messages with their conversations; without their bodies where these do not fit."""
    shown = []
    for each in cleaned:
        out = wire(MessageOut.from_domain(each.mail.message, each.mail.content))
        out.pop("body_text", None)
        shown.append({**out, "conversation": each.conversation})
    if len(fitting(shown)) == len(shown):
        return shown
    return [{name: value for name, value in out.items() if name != "body"} for out in shown]


def folder_page(
    account_id: AccountId, folders: Sequence[Folder], query: FolderListQuery, *, key: bytes
) -> tuple[Sequence[Shown], str | None]:
    """Return a part of an account's folders, or all, and the token of the next part.

    Raises InvalidRequest.
    """
    parent_id = FolderId(query.parent_id) if query.parent_id else None
    folders = folders_below(folders, parent_id, directly=query.single_level)
    of_list = folders_list(account_id, parent_id, directly=query.single_level)
    begin = page_offset(query.page_token, of_list=of_list, key=key)
    end = len(folders) if query.limit is None else begin + query.limit
    shown = [shown_folder(account_id, each, query.select) for each in folders[begin:end]]
    return shown, offset_cursor(end, of_list=of_list, key=key) if end < len(folders) else None


def shown_folder(account_id: AccountId, folder: Folder, select: Sequence[str]) -> Shown:
    """Return a folder, or the selected parts of it and those that no SDK can do without."""
    shown = wire(FolderOut.from_domain(account_id, folder))
    return selected(shown, [*select, "name"] if select else [])


def raw_message(
    account_id: AccountId, message_id: MessageId, *, mime: bytes, address: str
) -> Shown:
    """Return a message in its MIME form, and nothing else of it.

    It comes as base64url, or as the address where a large one can be fetched.
    """
    return wire(
        RawMessageOut(
            id=message_id,
            grant_id=account_id,
            raw_mime=None if address else base64.urlsafe_b64encode(mime).decode(),
            raw_mime_url=address or None,
        )
    )


def _shown(page: AnyPage, index: int, query: MessageListQuery) -> Shown:
    message = page.messages[index]
    content = None
    if query.with_content():
        content = page.contents.get(message.id, MessageContent())
    out = wire(MessageOut.from_domain(message, content, fields=query.fields))
    if "body_text" not in query.select:
        # A list would be twice as long with both bodies of every message.
        out.pop("body_text", None)
    return selected(out, query.select)


def _next_cursor(page: AnyPage, *, of_list: str, key: bytes) -> str | None:
    following = page.next_position
    if following is None:
        return None
    if isinstance(following, SearchPosition):
        return search_cursor(following, of_list=of_list, key=key)
    return message_cursor(following, of_list=of_list, key=key)


def fitting(shown: Sequence[Shown]) -> Sequence[Shown]:
    """Return as many of the first as fit into one answer, and one at least."""
    size_bytes = 0
    for index, each in enumerate(shown):
        size_bytes += wire_bytes(json.dumps(each, ensure_ascii=False))
        if index > 0 and size_bytes > PAGE_BYTES_LIMIT:
            return shown[:index]
    return shown
