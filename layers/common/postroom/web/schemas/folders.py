"""Folders."""

from collections.abc import Mapping

from pydantic import Field

from postroom.domain.folder import Folder, FolderRole
from postroom.domain.ids import AccountId
from postroom.web.schemas.fields import Input, Names, Output, PageLimit, PageToken

_ATTRIBUTES: Mapping[FolderRole, str] = {
    FolderRole.INBOX: "\\Inbox",
    FolderRole.SENT: "\\Sent",
    FolderRole.DRAFTS: "\\Drafts",
    FolderRole.TRASH: "\\Trash",
    FolderRole.SPAM: "\\Junk",
    FolderRole.ARCHIVE: "\\Archive",
    FolderRole.IMPORTANT: "\\Important",
    FolderRole.STARRED: "\\Flagged",
}
"""RFC 6154 section 2 and RFC 8457; `\\Inbox` is the contract's own."""


class FolderListQuery(Input):
    """How to list folders. Without a limit all of them come."""

    limit: PageLimit | None = None
    page_token: PageToken = None
    select: Names = Field(default_factory=list)


class FolderOut(Output):
    """A folder. Counts are the provider's, and missing where it gives none."""

    id: str
    grant_id: str
    object: str = "folder"
    name: str
    parent_id: str | None
    background_color: str | None
    text_color: str | None
    system_folder: bool
    child_count: int
    unread_count: int | None
    total_count: int | None
    attributes: list[str]

    @classmethod
    def from_domain(cls, account_id: AccountId, folder: Folder) -> "FolderOut":
        """Render a folder."""
        attribute = _ATTRIBUTES.get(folder.role) if folder.role else None
        return cls(
            id=folder.id,
            grant_id=account_id,
            name=folder.name,
            parent_id=folder.parent_id,
            background_color=folder.background_color or None,
            text_color=folder.text_color or None,
            system_folder=folder.is_system,
            child_count=folder.child_count,
            unread_count=folder.unread_count,
            total_count=folder.total_count,
            attributes=[attribute] if attribute else [],
        )
