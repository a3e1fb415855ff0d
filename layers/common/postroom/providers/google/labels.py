"""Gmail's labels as folders: https://developers.google.com/workspace/gmail/api/guides/labels."""

from collections.abc import Sequence

from postroom.domain.folder import Folder, FolderRole
from postroom.domain.ids import FolderId
from postroom.domain.message import Message, MessageChange
from postroom.providers.google.mapping import DRAFT, STARRED, UNREAD
from postroom.providers.google.types import Label

_ROLES = {
    "INBOX": FolderRole.INBOX,
    "SENT": FolderRole.SENT,
    "DRAFT": FolderRole.DRAFTS,
    "TRASH": FolderRole.TRASH,
    "SPAM": FolderRole.SPAM,
    "IMPORTANT": FolderRole.IMPORTANT,
    "STARRED": FolderRole.STARRED,
    "UNREAD": FolderRole.UNREAD,
}
_GMAIL_ALONE_SETS = frozenset({FolderId("SENT"), DRAFT, FolderId("CHAT")})
_FLAGS = frozenset({UNREAD, STARRED})


def folders_of(labels: Sequence[Label]) -> list[Folder]:
    """Map labels; a user label `a/b` lies in the label `a` where that exists."""
    by_name = {label["name"]: FolderId(label["id"]) for label in labels if _is_users(label)}
    parents = {
        FolderId(label["id"]): by_name.get(label["name"].rpartition("/")[0])
        for label in labels
        if _is_users(label)
    }
    above = list(parents.values())
    return [_folder(label, parents.get(FolderId(label["id"])), above) for label in labels]


def label_changes(
    message: Message, change: MessageChange
) -> tuple[frozenset[FolderId], frozenset[FolderId]]:
    """Return the labels to add and to remove.

    `folders` replaces all labels but those that Gmail alone sets, and but the flags it does not
    name. What a flag asks for is asked of Gmail even if the message seems to have it: the copy may
    be behind the mailbox.
    """
    current = frozenset(message.folders)
    add: frozenset[FolderId] = frozenset()
    remove: frozenset[FolderId] = frozenset()
    if change.folders is not None:
        wanted = frozenset(change.folders)
        add = wanted - (current & _GMAIL_ALONE_SETS)
        remove = current - wanted - _GMAIL_ALONE_SETS - _FLAGS
    for label, wish in ((UNREAD, change.unread), (STARRED, change.starred)):
        if wish is True:
            add |= {label}
        elif wish is False:
            add -= {label}
            remove |= {label}
    return add, remove


def _folder(label: Label, parent_id: FolderId | None, above: Sequence[FolderId | None]) -> Folder:
    folder_id = FolderId(label["id"])
    color = label.get("color", {})
    return Folder(
        id=folder_id,
        name=label["name"],
        role=_ROLES.get(folder_id),
        is_system=not _is_users(label),
        parent_id=parent_id,
        child_count=above.count(folder_id),
        total_count=label.get("messagesTotal"),
        unread_count=label.get("messagesUnread"),
        background_color=color.get("backgroundColor", ""),
        text_color=color.get("textColor", ""),
    )


def _is_users(label: Label) -> bool:
    return label.get("type") == "user"
