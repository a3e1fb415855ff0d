"""The folders of each account, one row each."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from postroom.domain.folder import Folder, FolderRole
from postroom.domain.ids import AccountId, FolderId
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, to_text
from postroom.storage.dynamodb.parallel import in_parallel
from postroom.storage.dynamodb.table import ConditionFailed, Table

_NOT_SEEN_SINCE = "attribute_not_exists(#seen_at) OR #seen_at <= :seen_at"


class DynamoFolderStore:
    """Folders in the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def all(self, account_id: AccountId, *, with_hidden: bool = False) -> Sequence[Folder]:
        """Return all folders of an account, ordered by id."""
        rows = self._table.query(keys.folders(account_id))
        return [_folder(row) for row in rows if with_hidden or not _is_hidden(row)]

    def show(
        self,
        account_id: AccountId,
        folders: Sequence[Folder],
        *,
        changed: FolderId,
        asked_at: datetime,
        at: datetime,
    ) -> None:
        """Let exactly these folders be seen, and hide others; writes only what differs."""
        there = self._rows(account_id)
        puts = _differing(folders, there)
        wanted = {folder.id for folder in folders}
        puts |= {
            each: {**_row(_folder(row)), "is_hidden": True}
            for each, row in there.items()
            if each not in wanted and not _is_hidden(row)
        }
        if (own := puts.pop(changed, None)) is not None:
            self._table.put(keys.folder(account_id, changed), own | {"seen_at": to_text(at)})
        self._write(account_id, asked_at, puts)

    def expect(self, account_id: AccountId, folder_ids: Collection[FolderId]) -> None:
        """Remember folders that mail was stored in, hidden if they are not there yet."""
        there = {row["id"] for row in self._table.query(keys.folders(account_id))}
        for folder_id in set(folder_ids) - there:
            row = _row(Folder(id=folder_id, provider_id=folder_id, name=""))
            with suppress(ConditionFailed):
                self._table.put(
                    keys.folder(account_id, folder_id),
                    {**row, "is_hidden": True},
                    "attribute_not_exists(#pk)",
                )

    def replace_all(
        self,
        account_id: AccountId,
        folders: Sequence[Folder],
        *,
        known: Collection[FolderId] | None = None,
        asked_at: datetime | None = None,
    ) -> None:
        """Keep these folders in place of the `known` ones, or of all; writes only what differs."""
        there = self._rows(account_id)
        puts = _differing(folders, there)
        gone = there.keys() - {folder.id for folder in folders}
        if known is not None:
            gone &= set(known)
        self._write(account_id, asked_at, puts, gone)

    def _write(
        self,
        account_id: AccountId,
        asked_at: datetime | None,
        puts: Mapping[FolderId, Row],
        gone: Collection[FolderId] = (),
    ) -> None:
        """Put and delete rows, but for those that were seen later than `asked_at`."""
        if asked_at is None:
            self._table.write_batch(
                puts={keys.folder(account_id, each): row for each, row in puts.items()},
                deletes=[keys.folder(account_id, each) for each in gone],
            )
            return
        seen_at = {"seen_at": to_text(asked_at)}

        def write(folder_id: FolderId) -> None:
            key = keys.folder(account_id, folder_id)
            with suppress(ConditionFailed):
                if folder_id in puts:
                    self._table.put(key, puts[folder_id] | seen_at, _NOT_SEEN_SINCE, seen_at)
                else:
                    self._table.delete(key, _NOT_SEEN_SINCE, seen_at)

        in_parallel(write, [*puts, *gone])

    def _rows(self, account_id: AccountId) -> dict[FolderId, Row]:
        return {FolderId(row["id"]): row for row in self._table.query(keys.folders(account_id))}


def _differing(folders: Sequence[Folder], there: Mapping[FolderId, Row]) -> dict[FolderId, Row]:
    return {
        folder.id: _row(folder)
        for folder in folders
        if folder.id not in there
        or _is_hidden(there[folder.id])
        or _folder(there[folder.id]) != folder
    }


def _is_hidden(row: Row) -> bool:
    return bool(row.get("is_hidden"))


def _row(folder: Folder) -> Row:
    return {
        "id": folder.id,
        "provider_id": folder.provider_id,
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
        # Rows without one are of a provider whose own names are the ids.
        provider_id=row.get("provider_id") or row["id"],
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
