"""What a mailbox's owner does in another client, and what a look into the mailbox shows."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from local.simulators import mime
from local.simulators.google.labels import LABEL_OF_ROLE, ROLES, Label
from local.simulators.google.mailbox import Mailbox, StoredMessage
from local.simulators.provider import Change, InvalidChange

_FLAGS = {
    "read": ((), ("UNREAD",)),
    "unread": (("UNREAD",), ()),
    "star": (("STARRED",), ()),
    "unstar": ((), ("STARRED",)),
}
_PLACES = frozenset({"INBOX", "TRASH", "SPAM"})


def truth(mailbox: Mailbox, page: int, page_size: int) -> dict[str, Any]:
    """Return the folders with their counts and a page of messages, newest first.

    A message's `folders` are all its label ids, flags included, as Gmail gives them.
    """
    folders = [
        {
            "id": label.id,
            "name": label.name,
            "role": ROLES.get(label.id),
            "total": mailbox.tally(label.id).all.total(),
            "unread": mailbox.tally(label.id).unread.total(),
        }
        for label in mailbox.labels.values()
    ]
    end = (page + 1) * page_size
    shown = islice(mailbox.newest_first(), page * page_size, end)
    body: dict[str, Any] = {"folders": folders, "messages": [_seen(each) for each in shown]}
    if len(mailbox.messages) > end:
        body["next"] = page + 1
    return body


def labels_for(mailbox: Mailbox, folder: str) -> set[str]:
    """Return the labels that put a message into a folder: a role, a label's id or its name.

    Raises InvalidChange.
    """
    if folder.lower() == "archive":
        return set()
    label = _label(mailbox, folder)
    if label is None:
        raise InvalidChange(f"folder: there is no {folder}")
    return {label.id}


def apply(mailbox: Mailbox, changes: Sequence[Change]) -> None:
    """Apply all changes, or none when one makes no sense; raises InvalidChange.

    Labels that do not exist are made, as people make them in passing.
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
        _apply_one(mailbox, mailbox.messages[change.id], change)


def _apply_one(mailbox: Mailbox, message: StoredMessage, change: Change) -> None:
    if change.op in _FLAGS:
        mailbox.change_labels(message, *_FLAGS[change.op])
    elif change.op == "trash":
        mailbox.trash(message)
    elif change.op == "delete":
        mailbox.remove(message)
    elif change.op == "move" and (change.folder or "").lower() == "archive":
        mailbox.change_labels(message, [], _PLACES)
    else:
        folder = change.folder or ""
        label = _label(mailbox, folder) or mailbox.add_label(folder)
        if change.op == "unlabel":
            mailbox.change_labels(message, [], [label.id])
        else:
            left = _PLACES - {label.id} if change.op == "move" else ()
            mailbox.change_labels(message, [label.id], left)


def _label(mailbox: Mailbox, folder: str) -> Label | None:
    label_id = LABEL_OF_ROLE.get(folder.lower(), folder)
    return mailbox.labels.get(label_id) or mailbox.label_named(folder)


def _seen(message: StoredMessage) -> dict[str, Any]:
    parts = mime.parse(message.raw)
    files = [part for part in parts.walk() if part.is_attachment]
    return {
        "id": message.id,
        "thread_id": message.thread_id,
        "internet_message_id": next(iter(message.internet_message_ids), None),
        "subject": mime.decode_words(mime.first_header(parts.headers, "Subject")),
        "folders": sorted(message.label_ids),
        "unread": "UNREAD" in message.label_ids,
        "starred": "STARRED" in message.label_ids,
        "draft": "DRAFT" in message.label_ids,
        "categories": [],
        "attachments": [
            {"filename": f.filename, "content_type": f.mime_type, "size": len(f.content)}
            for f in files
        ],
        "size": len(message.raw),
        "received_at": message.internal_date_ms // 1000,
    }
