"""Folders."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StringConstraints

from postroom.domain.folder import Folder, FolderChange, FolderRole
from postroom.domain.ids import AccountId, FolderId
from postroom.web.schemas.fields import (
    Body,
    Names,
    Output,
    PageLimit,
    PageToken,
    Query,
    ShortName,
    spelled,
)

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


Color = Annotated[str, spelled(r"#[0-9a-fA-F]{6}", "Give a colour like '#16a766'")]


class FolderIn(Body):
    """What a folder shall be. What is left out, or null, stays as it is."""

    name: ShortName | None = None
    parent_id: Annotated[str, StringConstraints(max_length=256)] | None = None
    """An empty one means none: the folder lies in no other."""
    background_color: Color | None = None
    text_color: Color | None = None

    def to_domain(self) -> FolderChange:
        """Return the change."""
        return FolderChange(
            name=self.name,
            parent_id=FolderId(self.parent_id) if self.parent_id else None,
            to_top=self.parent_id == "",
            background_color=self.background_color and self.background_color.lower(),
            text_color=self.text_color and self.text_color.lower(),
        )


class NewFolderIn(FolderIn):
    """A folder to make."""

    name: ShortName


class FolderQuery(Query):
    """How to show a folder."""

    select: Names = Field(default_factory=list)
    include_hidden_folders: bool = False
    """Changes nothing: a folder that is hidden is not copied."""


class FolderListQuery(Query):
    """Which folders to list, and how. Without a limit all of them come."""

    parent_id: Annotated[str, StringConstraints(max_length=256)] = ""
    """Those inside this one; empty: all."""
    single_level: bool = False
    """Of those, only the ones that lie there directly."""
    include_hidden_folders: bool = False
    """Changes nothing: what providers hide holds no mail, and is not copied."""
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
