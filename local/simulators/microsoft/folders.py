"""A mail folder, those every mailbox has, and the log of what happened in it."""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

ROOT: Final = "msgfolderroot"
SYSTEM_FOLDERS: Final = {
    "archive": "Archive",
    "conversationhistory": "Conversation History",
    "deleteditems": "Deleted Items",
    "drafts": "Drafts",
    "inbox": "Inbox",
    "junkemail": "Junk Email",
    "outbox": "Outbox",
    "sentitems": "Sent Items",
}
"""Display names by well-known name.
https://learn.microsoft.com/en-us/graph/api/resources/mailfolder"""
HIDDEN_FOLDER: Final = "Conversation Action Settings"
WELL_KNOWN_OF_ROLE: Final = {
    "inbox": "inbox",
    "sent": "sentitems",
    "drafts": "drafts",
    "trash": "deleteditems",
    "junk": "junkemail",
    "archive": "archive",
}
ROLE_OF_WELL_KNOWN: Final = {name: role for role, name in WELL_KNOWN_OF_ROLE.items()}


class LogEntry(NamedTuple):
    """One thing that happened to a message in one folder."""

    number: int
    """Of the message, for life."""
    stay: int
    """Of the message in this folder."""
    kind: Literal["came", "changed", "left"]
    properties: frozenset[str] | None = None
    """What a change was confined to; None when it may be anything."""


@dataclass
class Folder:
    """One folder; `parent_id` is None for the root alone."""

    id: str
    name: str
    parent_id: str | None
    well_known: str | None = None
    hidden: bool = False
    total: int = 0
    unread: int = 0
    changed_at: int = 0
    """The mailbox's folder step of the latest change, the counts included."""
    order: list[tuple[int, int]] = field(default_factory=list)
    """(time received, number) of its messages, ascending."""
    log: list[LogEntry] = field(default_factory=list)
