"""A folder: what one provider calls a label and the other a folder."""

from dataclasses import dataclass
from enum import StrEnum

from postroom.domain.ids import FolderId


class FolderRole(StrEnum):
    """What a folder is for, where the provider says so (RFC 6154 where it has a word)."""

    INBOX = "inbox"
    SENT = "sent"
    DRAFTS = "drafts"
    TRASH = "trash"
    SPAM = "spam"
    ARCHIVE = "archive"
    IMPORTANT = "important"
    STARRED = "starred"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder of one account, with the counts that the provider gives."""

    id: FolderId
    name: str
    role: FolderRole | None = None
    is_system: bool = False
    parent_id: FolderId | None = None
    child_count: int = 0
    total_count: int | None = None
    unread_count: int | None = None
    background_color: str = ""
    text_color: str = ""
