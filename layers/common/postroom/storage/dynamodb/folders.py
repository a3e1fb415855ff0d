"""The folders of each account, one row each."""

from collections.abc import Sequence

from postroom.domain.folder import Folder, FolderRole
from postroom.domain.ids import AccountId, FolderId
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row
from postroom.storage.dynamodb.table import Table


class DynamoFolderStore:
    """Folders in the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def all(self, account_id: AccountId) -> Sequence[Folder]:
        """Return all folders of an account, ordered by id."""
        return [_folder(row) for row in self._table.query(keys.folders(account_id))]

    def replace_all(self, account_id: AccountId, folders: Sequence[Folder]) -> None:
        """Keep exactly these folders; writes only what differs.

        Called under the account's lease, so it may look first and write then.
        """
        there = {folder.id: folder for folder in self.all(account_id)}
        wanted = {folder.id: folder for folder in folders}
        self._table.write_batch(
            puts={
                keys.folder(account_id, folder.id): _row(folder)
                for folder in wanted.values()
                if there.get(folder.id) != folder
            },
            deletes=[keys.folder(account_id, each) for each in there if each not in wanted],
        )


def _row(folder: Folder) -> Row:
    return {
        "id": folder.id,
        "name": folder.name,
        "role": folder.role,
        "is_system": folder.is_system,
        "parent_id": folder.parent_id,
        "child_count": folder.child_count,
        "total_count": folder.total_count,
        "unread_count": folder.unread_count,
        "background_color": folder.background_color,
        "text_color": folder.text_color,
    }


def _folder(row: Row) -> Folder:
    return Folder(
        id=FolderId(row["id"]),
        name=row["name"],
        role=None if row["role"] is None else FolderRole(row["role"]),
        is_system=row["is_system"],
        parent_id=None if row["parent_id"] is None else FolderId(row["parent_id"]),
        child_count=row["child_count"],
        total_count=row["total_count"],
        unread_count=row["unread_count"],
        background_color=row["background_color"],
        text_color=row["text_color"],
    )
