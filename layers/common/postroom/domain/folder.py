"""A folder: what one provider calls a label and the other a folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from postroom.domain.errors import InvalidRequest
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
class FolderColors:
    """A folder's colours as `#rrggbb`."""

    background: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder of one account, with the counts that the provider gives."""

    id: FolderId
    provider_id: str
    """The provider's own name for it."""
    name: str
    role: FolderRole | None = None
    is_system: bool = False
    parent_id: FolderId | None = None
    child_count: int = 0
    total_count: int | None = None
    unread_count: int | None = None
    background_color: str = ""
    text_color: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderChange:
    """What a person wants of a folder; None leaves a part as it is."""

    name: str | None = None
    parent_id: FolderId | None = None
    to_top: bool = False
    """Out of its parent, into none."""
    background_color: str | None = None
    text_color: str | None = None


def folders_below(
    folders: Sequence[Folder], parent_id: FolderId | None, *, directly: bool
) -> Sequence[Folder]:
    """Return the folders inside one, or all of them without one; in their order.

    With `directly` only those of the next level. Raises InvalidRequest without that parent.
    """
    known = {folder.id: folder for folder in folders}
    if parent_id is not None and parent_id not in known:
        raise InvalidRequest("There is no folder with this id.", field="parent_id")
    if directly:
        return [folder for folder in folders if _parent_of(folder, known) == parent_id]
    if parent_id is None:
        return folders
    inside, level = set[FolderId](), {parent_id}
    while level:
        level = {each.id for each in folders if each.parent_id in level} - inside - {parent_id}
        inside |= level
    return [folder for folder in folders if folder.id in inside]


def _parent_of(folder: Folder, known: Mapping[FolderId, Folder]) -> FolderId | None:
    """Return where a folder lies; what lies in something that is no folder lies at the top."""
    return folder.parent_id if folder.parent_id in known else None
