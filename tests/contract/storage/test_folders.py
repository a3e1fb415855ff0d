"""FolderStore, in memory and in the table."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from postroom.domain.folder import FolderRole
from postroom.domain.ids import FolderId
from postroom.ports import FolderStore
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.folders import DynamoFolderStore
from postroom.storage.dynamodb.keys import Key
from postroom.storage.dynamodb.table import Table
from tests.builders import ACCOUNT_ID, NOW, OTHER_ACCOUNT_ID, make_folder
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
        label = make_folder(
            provider_id="AAMkAD/+=_" * 12,
            parent_id=FolderId("Label_0"),
            background_color="#fff",
            child_count=2,
        )

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

    def test_a_folder_that_is_not_shown_is_still_there(self, folders: FolderStore) -> None:
        """Readers see it no more; whoever takes the mail out of it finds it."""
        label, other = make_folder(), make_folder(id=FolderId("Label_9"))
        folders.replace_all(ACCOUNT_ID, [INBOX, label])

        folders.show(ACCOUNT_ID, [INBOX, other], changed=other.id, asked_at=NOW, at=NOW)

        assert list(folders.all(ACCOUNT_ID)) == [INBOX, other]
        assert list(folders.all(ACCOUNT_ID, with_hidden=True)) == [INBOX, label, other]

    def test_a_hidden_folder_comes_back(self, folders: FolderStore) -> None:
        """When the provider still has it, whoever hid it."""
        label = make_folder()
        show = partial(folders.show, changed=label.id, asked_at=NOW, at=NOW)
        for see in (show, folders.replace_all):
            folders.replace_all(ACCOUNT_ID, [label])
            show(ACCOUNT_ID, [])

            see(ACCOUNT_ID, [label])

            assert list(folders.all(ACCOUNT_ID)) == [label]

    def test_a_hidden_folder_goes(self, folders: FolderStore) -> None:
        """With the next reading of all."""
        folders.replace_all(ACCOUNT_ID, [INBOX, make_folder()])
        folders.show(ACCOUNT_ID, [INBOX], changed=make_folder().id, asked_at=NOW, at=NOW)

        folders.replace_all(ACCOUNT_ID, [INBOX])

        assert list(folders.all(ACCOUNT_ID, with_hidden=True)) == [INBOX]

    def test_a_folder_that_mail_lies_in_is_expected(self, folders: FolderStore) -> None:
        """Nobody sees it before the provider has listed it; one that is there stays as it is."""
        folders.replace_all(ACCOUNT_ID, [INBOX])

        folders.expect(ACCOUNT_ID, {INBOX.id, FolderId("Label_9")})
        folders.expect(ACCOUNT_ID, {FolderId("Label_9")})
        folders.expect(ACCOUNT_ID, set())

        assert list(folders.all(ACCOUNT_ID)) == [INBOX]
        hidden = folders.all(ACCOUNT_ID, with_hidden=True)
        assert [each.id for each in hidden] == ["INBOX", "Label_9"]

    def test_whoever_reads_the_folders_forgets_none_that_came_meanwhile(
        self, folders: FolderStore
    ) -> None:
        """Only what the reader has looked at goes: mail may have come to lie in another one."""
        folders.replace_all(ACCOUNT_ID, [INBOX, make_folder()])
        folders.expect(ACCOUNT_ID, {FolderId("Label_9")})

        folders.replace_all(ACCOUNT_ID, [INBOX], known={INBOX.id, make_folder().id})

        hidden = folders.all(ACCOUNT_ID, with_hidden=True)
        assert [each.id for each in hidden] == ["INBOX", "Label_9"]

    def test_what_was_seen_since_the_provider_was_asked_stays(self, folders: FolderStore) -> None:
        """A label that was deleted or renamed stood there again as it had been, for a moment."""
        # Given
        renamed, deleted, made = (make_folder(id=FolderId(f"Label_{each}")) for each in "123")
        before = [INBOX, renamed, deleted]
        folders.replace_all(ACCOUNT_ID, before)
        now = [INBOX, replace(renamed, name="New"), made]
        folders.show(ACCOUNT_ID, now, changed=made.id, asked_at=NOW, at=NOW)
        # When
        earlier = NOW - timedelta(milliseconds=1)
        known = {each.id for each in (*before, made)}
        folders.replace_all(ACCOUNT_ID, before, known=known, asked_at=earlier)
        # Then
        assert list(folders.all(ACCOUNT_ID)) == now
        assert deleted in folders.all(ACCOUNT_ID, with_hidden=True)
        folders.replace_all(ACCOUNT_ID, before, known=known, asked_at=NOW)
        assert list(folders.all(ACCOUNT_ID, with_hidden=True)) == before

    def test_of_two_readers_neither_undoes_what_the_other_has_done(
        self, folders: FolderStore
    ) -> None:
        """Both changed a label at once, and the one whose list was older was the last to write."""
        # Given one who has listed the labels before the other changed one
        old, first, second = (make_folder(id=FolderId(f"Label_{each}")) for each in "123")
        folders.replace_all(ACCOUNT_ID, [INBOX, old])
        earlier, asked_at, later = (NOW + timedelta(milliseconds=each) for each in (1, 2, 3))
        folders.show(ACCOUNT_ID, [INBOX, second], changed=second.id, asked_at=asked_at, at=asked_at)
        # When
        listed = [INBOX, old, first]
        folders.show(ACCOUNT_ID, listed, changed=first.id, asked_at=earlier, at=later)
        # Then
        assert list(folders.all(ACCOUNT_ID)) == [INBOX, first, second]

    def test_a_readers_own_change_is_shown(self, folders: FolderStore) -> None:
        """Another one's list had the old name, came earlier, and was written in between."""
        # Given
        work, job = make_folder(name="Work"), make_folder(name="Job")
        folders.replace_all(ACCOUNT_ID, [INBOX, work])
        times = [NOW + timedelta(milliseconds=each) for each in range(4)]
        other = make_folder(id=FolderId("Label_9"))
        folders.show(
            ACCOUNT_ID,
            [INBOX, replace(work, child_count=1), other],
            changed=other.id,
            asked_at=times[0],
            at=times[2],
        )
        # When
        folders.show(
            ACCOUNT_ID, [INBOX, job, other], changed=job.id, asked_at=times[1], at=times[3]
        )
        # Then
        assert list(folders.all(ACCOUNT_ID)) == [INBOX, job, other]

    def test_what_a_sync_has_seen_is_not_hidden_by_an_older_list(
        self, folders: FolderStore
    ) -> None:
        """A label of another client's was gone again until the next sync."""
        # Given
        theirs, ours = make_folder(), make_folder(id=FolderId("Label_9"))
        folders.replace_all(ACCOUNT_ID, [INBOX], asked_at=NOW)
        later = NOW + timedelta(milliseconds=2)
        folders.replace_all(ACCOUNT_ID, [INBOX, theirs], asked_at=later)
        # When
        asked_at = NOW + timedelta(milliseconds=1)
        folders.show(ACCOUNT_ID, [INBOX, ours], changed=ours.id, asked_at=asked_at, at=later)
        # Then
        assert list(folders.all(ACCOUNT_ID)) == [INBOX, theirs, ours]

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

    def put(self, key: Key, *rest: Any) -> Any:
        """Write, and note where."""
        self.written.append(key.sk)
        return super().put(key, *rest)

    def delete(self, key: Key, *rest: Any) -> Any:
        """Delete, and note where."""
        self.written.append(key.sk)
        return super().delete(key, *rest)


def test_unchanged_folders_cost_nothing(table: Table, dynamodb: Any) -> None:
    """Reading the folders every round writes only what differs."""
    counting = CountingTable(dynamodb, "mail")
    folders = DynamoFolderStore(counting)
    folders.replace_all(ACCOUNT_ID, [INBOX, make_folder()], asked_at=NOW)
    counting.written.clear()

    folders.replace_all(ACCOUNT_ID, [INBOX, make_folder(total_count=1)], asked_at=NOW)

    assert counting.written == [make_folder().id]


def test_older_row_is_called_by_its_id(table: Table) -> None:
    """Rows from before folders had two names belong to a provider whose ids are its own."""
    folders = DynamoFolderStore(table)
    folders.replace_all(ACCOUNT_ID, [INBOX])
    table.update(keys.folder(ACCOUNT_ID, INBOX.id), "REMOVE #provider_id")

    assert list(folders.all(ACCOUNT_ID)) == [INBOX]
