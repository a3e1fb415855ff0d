"""Finding the folders that somebody names: by their ids, or as their provider names its own."""

from collections.abc import Collection, Sequence

from postroom.domain.account import Account
from postroom.domain.errors import InvalidRequest
from postroom.domain.folder import Folder
from postroom.domain.ids import FolderId
from postroom.ports import FolderStore
from postroom.usecases.mailboxes import Mailboxes


def find_folders(
    *,
    account: Account,
    names: Sequence[str],
    field: str,
    folders: FolderStore,
    mailboxes: Mailboxes,
) -> list[FolderId]:
    """Return the ids of folders in which mail is looked for.

    Before the folders are synced none is known, and there is no mail either: then every name will
    do. Raises InvalidRequest, naming the field, for a folder that the account does not have.
    """
    known = folders.all(account.id) if names else ()
    if not known:
        return [FolderId(name) for name in names]
    found: list[FolderId] = []
    for name in names:
        folder = find_folder(name, account=account, known=known, mailboxes=mailboxes)
        if folder is None:
            raise InvalidRequest(
                "There is no folder with this id (names do not count).", field=field
            )
        found.append(folder.id)
    return found


def find_folder(
    name: str, *, account: Account, known: Collection[Folder], mailboxes: Mailboxes
) -> Folder | None:
    """Return the folder with an id, or the one that the account's provider always names so."""
    for folder in known:
        if folder.id == name:
            return folder
    role = mailboxes.traits(account).folder_names.get(name.casefold())
    return next((folder for folder in known if role and folder.role is role), None)
