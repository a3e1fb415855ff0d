"""FolderStore, in memory and in the table."""

from typing import Any

import pytest

from postroom.domain.folder import FolderRole
from postroom.domain.ids import FolderId
from postroom.ports import FolderStore
from postroom.storage.dynamodb.folders import DynamoFolderStore
from postroom.storage.dynamodb.keys import Key
from postroom.storage.dynamodb.table import Table
from tests.builders import ACCOUNT_ID, OTHER_ACCOUNT_ID, make_folder
from tests.fakes import InMemoryFolderStore


@pytest.fixture(params=["memory", "dynamodb"])
def folders(request: pytest.FixtureRequest) -> FolderStore:
    if request.param == "memory":
        return InMemoryFolderStore()
    return DynamoFolderStore(request.getfixturevalue("table"))


INBOX = make_folder(
    id=FolderId("INBOX"),
    name="INBOX",
    role=FolderRole.INBOX,
    is_system=True,
    total_count=12,
    unread_count=3,
)


class TestFolderStore:
    """The folders of each account."""

    def test_folders_are_kept_whole(self, folders: FolderStore) -> None:
        """A folder comes back as it was stored, with what is unknown left unknown."""
        label = make_folder(parent_id=FolderId("Label_0"), background_color="#fff", child_count=2)

        folders.replace_all(ACCOUNT_ID, [label, INBOX])

        assert list(folders.all(ACCOUNT_ID)) == [INBOX, label]

    def test_accounts_have_their_own_folders(self, folders: FolderStore) -> None:
        """One account's folders are none of another's."""
        folders.replace_all(ACCOUNT_ID, [INBOX])

        assert list(folders.all(OTHER_ACCOUNT_ID)) == []

    def test_folders_are_replaced_as_a_whole(self, folders: FolderStore) -> None:
        """What is no longer there goes, what changed changes, what is new comes."""
        folders.replace_all(ACCOUNT_ID, [INBOX, make_folder(id=FolderId("Label_9"))])

        renamed, new = make_folder(id=FolderId("INBOX"), name="Inbox"), make_folder()
        folders.replace_all(ACCOUNT_ID, [renamed, new])

        assert list(folders.all(ACCOUNT_ID)) == [renamed, new]

    def test_hundreds_of_folders_are_kept(self, folders: FolderStore) -> None:
        """A mailbox may have more folders than a batch has places."""
        many = [make_folder(id=FolderId(f"Label_{number:03}"), name="📁") for number in range(130)]

        folders.replace_all(ACCOUNT_ID, many)
        assert list(folders.all(ACCOUNT_ID)) == many

        folders.replace_all(ACCOUNT_ID, [])
        assert list(folders.all(ACCOUNT_ID)) == []


class CountingTable(Table):
    """A table that remembers what is written into it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.written: list[str] = []

    def write_batch(self, puts: Any = None, deletes: Any = ()) -> None:
        """Write, and note where."""
        deletes = list(deletes)
        self.written += [Key(*key).sk for key in [*(puts or {}), *deletes]]
        super().write_batch(puts, deletes)


def test_unchanged_folders_cost_nothing(table: Table, dynamodb: Any) -> None:
    """Reading the folders every round writes only what differs."""
    counting = CountingTable(dynamodb, "mail")
    folders = DynamoFolderStore(counting)
    folders.replace_all(ACCOUNT_ID, [INBOX, make_folder()])
    counting.written.clear()

    folders.replace_all(ACCOUNT_ID, [INBOX, make_folder(total_count=1)])

    assert counting.written == ["Label_1"]
