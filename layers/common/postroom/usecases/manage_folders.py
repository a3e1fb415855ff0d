"""Making, changing and deleting folders: at the provider first, then here.

provider ──► shown as the provider has them now ──► doorbell ──► the sync reads them again

What a reader sees is right at once. Mail leaves a deleted folder in the sync alone: there may be
more of it than a request has time for, and nobody else changes it at the same time.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from postroom.domain.account import Account
from postroom.domain.errors import InvalidRequest, NotFound, ProviderError
from postroom.domain.folder import Folder, FolderChange, FolderColors
from postroom.domain.ids import FolderId
from postroom.observability import logger
from postroom.ports import Clock, FolderStore, Mailbox, SyncStateStore, WorkQueue
from postroom.usecases.mailboxes import Mailboxes


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderTools:
    """What managing folders works with."""

    mailboxes: Mailboxes
    folders: FolderStore
    sync_states: SyncStateStore
    work: WorkQueue
    clock: Clock


def create_folder(*, account: Account, wanted: FolderChange, tools: FolderTools) -> Folder:
    """Make a folder. Raises InvalidRequest, ProviderError; Rejected for a name that is taken."""
    if not wanted.name:
        raise InvalidRequest("A folder needs a name.", field="name")
    colors = _colors(wanted, None, account, tools.mailboxes)
    known = _known(account, tools)
    parent = _parent(wanted.parent_id, known)
    with _changing(account, tools) as mailbox:
        made = mailbox.create_folder(wanted.name, parent, colors=colors)
        return _show(account, mailbox, tools, made.id, answered=made)[made.id]


def change_folder(
    *, account: Account, folder_id: FolderId, change: FolderChange, tools: FolderTools
) -> Folder:
    """Rename, move or colour a folder; what the change does not name stays as it is.

    A change without any part asks nobody. Raises NotFound, InvalidRequest, ProviderError; Rejected
    for a name that is taken.
    """
    known = _known(account, tools)
    folder = _own(folder_id, known)
    if change == FolderChange():
        return folder
    colors = _colors(change, folder, account, tools.mailboxes)
    wanted_id = folder.parent_id if change.parent_id is None else change.parent_id
    parent = None if change.to_top else _parent(wanted_id, known)
    _refuse_circle(folder, parent, known)
    with _changing(account, tools) as mailbox:
        changed = mailbox.update_folder(
            folder, name=change.name or folder.name, parent=parent, colors=colors
        )
        return _show(account, mailbox, tools, changed.id, answered=changed)[changed.id]


def delete_folder(*, account: Account, folder_id: FolderId, tools: FolderTools) -> None:
    """Delete a folder as its provider does. Raises NotFound, InvalidRequest, ProviderError."""
    known = _known(account, tools)
    folder = _own(folder_id, known)
    with _changing(account, tools) as mailbox:
        mailbox.delete_folder(folder)
        _show(account, mailbox, tools, folder.id, answered=None)


@contextmanager
def _changing(account: Account, tools: FolderTools) -> Iterator[Mailbox]:
    """Open the mailbox for a change, and have the folders read again whatever comes of it.

    A call without an answer may have had its effect; a refusal may mean that our copy is behind.
    """
    try:
        with tools.mailboxes.open(account) as mailbox:
            yield mailbox
    finally:
        tools.sync_states.ring(account.id, folders_changed=True)
        tools.work.sync(account.id)


def _show(
    account: Account,
    mailbox: Mailbox,
    tools: FolderTools,
    folder_id: FolderId,
    *,
    answered: Folder | None,
) -> dict[FolderId, Folder]:
    """Show the folders after one was changed as the provider has them now, or as they should be.

    The change is made: a failure here must not be told as one of the change.
    """
    # A provider may take a moment to list what it has just made.
    changed = {} if answered is None else {folder_id: answered}
    asked_at = tools.clock.now()
    try:
        shown = changed | {folder.id: folder for folder in mailbox.folders()}
    except ProviderError as problem:
        logger.warning("folders_not_read", extra={"problem": type(problem).__name__})
        known = _known(account, tools)
        shown = {each: known[each] for each in known if each != folder_id} | changed
    tools.folders.show(
        account.id,
        [*shown.values()],
        changed=folder_id,
        asked_at=asked_at,
        at=tools.clock.now(),
    )
    return shown


def _known(account: Account, tools: FolderTools) -> dict[FolderId, Folder]:
    return {folder.id: folder for folder in tools.folders.all(account.id)}


def _own(folder_id: FolderId, known: Mapping[FolderId, Folder]) -> Folder:
    """Return a folder that its owner may change."""
    folder = known.get(folder_id)
    if folder is None:
        raise NotFound("There is no such folder.")
    if folder.is_system:
        raise InvalidRequest(
            f"'{folder.name}' is a folder of the provider's own: it cannot be changed or deleted."
        )
    return folder


def _parent(folder_id: FolderId | None, known: Mapping[FolderId, Folder]) -> Folder | None:
    if folder_id is None:
        return None
    if folder_id not in known:
        raise InvalidRequest("There is no folder with this id.", field="parent_id")
    return known[folder_id]


def _refuse_circle(folder: Folder, parent: Folder | None, known: Mapping[FolderId, Folder]) -> None:
    above, passed = parent, set[FolderId]()
    while above is not None and above.id not in passed:
        if above.id == folder.id:
            raise InvalidRequest("A folder cannot lie inside itself.", field="parent_id")
        passed.add(above.id)
        above = None if above.parent_id is None else known.get(above.parent_id)


def _colors(
    change: FolderChange, folder: Folder | None, account: Account, mailboxes: Mailboxes
) -> FolderColors | None:
    """Return the colours that a folder is to have, or None when none is named.

    Providers take both at once; the one that is not named is the one that the folder has.
    """
    named = {"background_color": change.background_color, "text_color": change.text_color}
    if not any(named.values()):
        return None
    if not mailboxes.traits(account).has_folder_colors:
        field = next(name for name, color in named.items() if color)
        raise InvalidRequest("Folders of this account have no colours.", field=field)
    background = change.background_color or (folder.background_color if folder else "")
    text = change.text_color or (folder.text_color if folder else "")
    for name, color in (("background_color", background), ("text_color", text)):
        if not color:
            raise InvalidRequest("Name both colours, or neither.", field=name)
    return FolderColors(background=background, text=text)
