"""Gmail's labels as folders: https://developers.google.com/workspace/gmail/api/guides/labels.

Gmail keeps labels in one flat row. A label `Work/Invoices` lies in the label `Work` because people
and Gmail's own pages read it so; the API knows nothing of it. Whoever renames `Work` has to rename
what lies inside as well.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from postroom.domain.errors import NotFound, Rejected
from postroom.domain.folder import Folder, FolderColors, FolderRole
from postroom.domain.ids import FolderId
from postroom.domain.message import Message, MessageChange
from postroom.providers.google.batch import LARGEST_BATCH
from postroom.providers.google.client import GmailClient
from postroom.providers.google.endpoints import quoted
from postroom.providers.google.errors import Aborted
from postroom.providers.google.mapping import DRAFT, STARRED, UNREAD
from postroom.providers.google.types import Label
from postroom.providers.refusals import ServerFailed

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

_TAKEN = "there is a label of this name already"


class Labels:
    """The labels of one mailbox."""

    def __init__(self, client: GmailClient) -> None:
        self._client = client

    def all(self) -> list[Folder]:
        """Return all labels. One whose counts Gmail does not give now has none."""
        listed = self._listed()
        counted: dict[str, Any] = {}
        for begin in range(0, len(listed), LARGEST_BATCH):
            some = listed[begin : begin + LARGEST_BATCH]
            paths = {str(n): _path(FolderId(label["id"])) for n, label in enumerate(some)}
            for answer in self._client.batch(paths).values():
                if answer.status == 200:
                    label = json.loads(answer.content)
                    counted[label["id"]] = label
        return folders_of([counted.get(label["id"], label) for label in listed])

    def create(self, name: str, parent: Folder | None, colors: FolderColors | None) -> Folder:
        """Make a label. Raises Rejected, NotFound when its parent is gone."""
        above = None if parent is None else _known(self._present(), parent.id)
        body = {
            "name": _inside(above, name),
            "labelListVisibility": "labelShow",
            "messageListVisibility": "show",
            **_color(colors),
        }
        with _names_are_unique():
            made: Label = self._client.create("labels", body)
        return _folder(made, None if above is None else above.id, [])

    def update(
        self, folder: Folder, name: str, parent: Folder | None, colors: FolderColors | None
    ) -> Folder:
        """Rename a label and all those inside, and colour it. Raises Rejected, NotFound.

        What the change leaves as it was stays as Gmail has it now: the folder may be behind. Those
        inside come first, so that a change that died on its way can be made once more.
        """
        present = self._present()
        now = _known(present, folder.id)
        was_inside = None if now.parent_id is None else present[now.parent_id]
        above = was_inside
        if (parent.id if parent else None) != folder.parent_id:
            above = None if parent is None else _known(present, parent.id)
        own_name = _own_name(now.name if name == folder.name else name, was_inside, above)
        after = replace(now, name=_inside(above, own_name), parent_id=above.id if above else None)
        for label_id, new_name in _renamed(now, after, present).items():
            with _names_are_unique():
                self._client.patch(_path(label_id), {"name": new_name})
        body = {**({"name": after.name} if after.name != now.name else {}), **_color(colors)}
        if body:
            with _names_are_unique():
                self._client.patch(_path(folder.id), body)
        if colors is None:
            return after
        return replace(after, background_color=colors.background, text_color=colors.text)

    def delete(self, folder: Folder) -> None:
        """Delete a label. Raises NotFound, Rejected."""
        self._client.delete(_path(folder.id))

    def _listed(self) -> list[Label]:
        answer = self._client.get("labels")
        listed: list[Label] | None = answer.get("labels") if isinstance(answer, dict) else None
        if not listed:  # every mailbox has the labels of the system
            raise ServerFailed("Gmail's answer is no list of labels")
        return listed

    def _present(self) -> dict[FolderId, Folder]:
        """Return the labels as they are now, without counts."""
        return {folder.id: folder for folder in folders_of(self._listed())}


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


@dataclass(frozen=True, slots=True)
class LabelChanges:
    """Labels to add and to remove."""

    add: frozenset[FolderId]
    remove: frozenset[FolderId]


def label_changes(message: Message, change: MessageChange) -> LabelChanges:
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
    return LabelChanges(add, remove)


def _folder(label: Label, parent_id: FolderId | None, above: Sequence[FolderId | None]) -> Folder:
    folder_id = FolderId(label["id"])
    color = label.get("color", {})
    return Folder(
        id=folder_id,
        provider_id=folder_id,
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


def _path(label_id: FolderId) -> str:
    return f"labels/{quoted(label_id)}"


def _known(present: dict[FolderId, Folder], label_id: FolderId) -> Folder:
    try:
        return present[label_id]
    except KeyError:
        raise NotFound("Gmail has no such label any more") from None


def _inside(parent: Folder | None, own_name: str) -> str:
    """Return the whole name of a label. Raises Rejected for a parent that can have none."""
    if parent is None:
        return own_name
    if parent.is_system:
        raise Rejected(f"Gmail's own label {parent.name} cannot have labels inside")
    return f"{parent.name}/{own_name}"


def _own_name(name: str, *parents: Folder | None) -> str:
    """Return the last part of a name, also of one that is told whole, as Gmail shows it."""
    for parent in parents:
        if parent is not None and name.startswith(f"{parent.name}/"):
            return name.removeprefix(f"{parent.name}/")
    return name


def _renamed(before: Folder, after: Folder, present: dict[FolderId, Folder]) -> dict[FolderId, str]:
    """Return the new names of the labels inside one that gets another name. Raises Rejected."""
    if before.name == after.name:
        return {}
    if after.name.startswith(f"{before.name}/"):
        raise Rejected("a label cannot lie inside itself")
    inside = {
        each.id: after.name + each.name.removeprefix(before.name)
        for each in present.values()
        if not each.is_system and each.name.startswith(f"{before.name}/")
    }
    others = {each.name.casefold() for each in present.values()} - {
        present[each].name.casefold() for each in (*inside, before.id)
    }
    if not others.isdisjoint(name.casefold() for name in (after.name, *inside.values())):
        raise Rejected(_TAKEN)
    return inside


def _color(colors: FolderColors | None) -> dict[str, Any]:
    if colors is None:
        return {}
    return {"color": {"backgroundColor": colors.background, "textColor": colors.text}}


@contextmanager
def _names_are_unique() -> Iterator[None]:
    """Read the answer to a name that is taken, which Gmail gives in its words for a collision."""
    try:
        yield
    except Aborted as error:
        raise Rejected(
            _TAKEN, provider_code=error.provider_code, provider_message=error.provider_message
        ) from error
