"""What a mailbox's owner does in another client, and what a look into the mailbox shows."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from local.simulators.microsoft.errors import GraphError
from local.simulators.microsoft.folders import ROLE_OF_WELL_KNOWN, ROOT, WELL_KNOWN_OF_ROLE, Folder
from local.simulators.microsoft.mailbox import Mailbox
from local.simulators.microsoft.stored_message import NOT_FLAGGED, StoredMessage
from local.simulators.provider import Change, InvalidChange


def truth(mailbox: Mailbox, page: int, page_size: int) -> dict[str, Any]:
    """Return the folders with their counts and a page of messages, newest first.

    Ids are those for life; a message's `folders` is the one it lies in; hidden folders stay so.
    """
    folders = [
        {
            "id": folder.id,
            "name": folder.name,
            "role": ROLE_OF_WELL_KNOWN.get(folder.well_known or ""),
            "total": folder.total,
            "unread": folder.unread,
        }
        for folder in mailbox.folders.values()
        if folder.well_known != ROOT and not folder.hidden
    ]
    end = (page + 1) * page_size
    shown = islice(mailbox.by_date(None, newest_first=True), page * page_size, end)
    body: dict[str, Any] = {"folders": folders, "messages": [_seen(each) for each in shown]}
    if len(mailbox.messages) > end:
        body["next"] = page + 1
    return body


def folder_for(mailbox: Mailbox, folder: str) -> Folder:
    """Return a folder by role, well-known name, id or display name; raises InvalidChange."""
    found = _folder(mailbox, folder)
    if found is None:
        raise InvalidChange(f"folder: there is no {folder}")
    return found


def apply(mailbox: Mailbox, changes: Sequence[Change], now_ms: int) -> None:
    """Apply all changes, or none when one makes no sense; raises InvalidChange.

    `label` and `unlabel` add and remove a category, whose name is the change's `folder`. Folders
    that do not exist are made, as people make them in passing.
    """
    deleted: set[str] = set()
    for change in changes:
        if change.id not in mailbox.messages or change.id in deleted:
            raise InvalidChange(f"id: there is no message {change.id}")
        if change.op in {"move", "label", "unlabel"} and not change.folder:
            raise InvalidChange(f"folder: {change.op} needs one")
        if change.op == "delete":
            deleted.add(change.id)
    for change in changes:
        _apply_one(mailbox, mailbox.messages[change.id], change, now_ms)


def _apply_one(mailbox: Mailbox, message: StoredMessage, change: Change, now_ms: int) -> None:
    if change.op == "delete":
        mailbox.remove(message)
    elif change.op == "trash":
        mailbox.move(message, mailbox.folder("deleteditems"), now_ms)
    elif change.op == "move":
        name = change.folder or ""
        folder = _folder(mailbox, name) or mailbox.add_folder(name, mailbox.root)
        mailbox.move(message, folder, now_ms)
    elif change.op in {"read", "unread"}:
        if message.is_read != (change.op == "read"):
            mailbox.set_read(message, is_read=change.op == "read")
            mailbox.changed(message, now_ms, ["isRead"])
    elif change.op in {"star", "unstar"}:
        if message.is_flagged != (change.op == "star"):
            message.flag = {"flagStatus": "flagged"} if change.op == "star" else dict(NOT_FLAGGED)
            mailbox.changed(message, now_ms, ["flag"])
    else:
        _categorize(mailbox, message, change, now_ms)


def _categorize(mailbox: Mailbox, message: StoredMessage, change: Change, now_ms: int) -> None:
    category = change.folder or ""
    if (category in message.categories) == (change.op == "unlabel"):
        kept = [each for each in message.categories if each != category]
        message.categories = kept if change.op == "unlabel" else [*kept, category]
        mailbox.changed(message, now_ms, ["categories"])


def _folder(mailbox: Mailbox, name: str) -> Folder | None:
    try:
        return mailbox.folder(WELL_KNOWN_OF_ROLE.get(name.lower(), name))
    except GraphError:
        wanted = name.casefold()
        return next((f for f in mailbox.folders.values() if f.name.casefold() == wanted), None)


def _seen(message: StoredMessage) -> dict[str, Any]:
    content = message.content
    return {
        "id": message.id,
        "thread_id": message.conversation_id,
        "internet_message_id": message.internet_message_id or None,
        "subject": content.subject,
        "folders": [message.folder_id],
        "unread": not message.is_read,
        "starred": message.is_flagged,
        "draft": message.is_draft,
        "categories": list(message.categories),
        "attachments": [
            {"filename": f.name, "content_type": f.content_type, "size": len(f.content)}
            for f in content.attachments
        ],
        "size": len(message.mime()),
        "received_at": message.received_ms // 1000,
    }
