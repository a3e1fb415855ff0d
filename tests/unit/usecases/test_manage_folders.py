"""Managing folders: at the provider first, then seen at once, and never undone by a sync."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import InvalidRequest, NotFound, ProviderError, Rejected, Retryable
from postroom.domain.folder import Folder, FolderChange, FolderRole
from postroom.domain.ids import AccountId, FolderId
from postroom.domain.message import MessageChange
from postroom.ports import FolderStore
from postroom.usecases.change_message import change_message
from postroom.usecases.manage_folders import (
    FolderTools,
    change_folder,
    create_folder,
    delete_folder,
)
from tests.world import GOOGLE_ALONE, World, make_mail

ADDRESS = "rosa@mail.example"


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with one message."""
    world.simulator.add_mailbox(ADDRESS)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Receipt"))
    connected = world.connect(ADDRESS)
    world.work_off()
    return connected


def _tools(world: World) -> FolderTools:
    return FolderTools(
        mailboxes=world.mailboxes,
        folders=world.folders,
        sync_states=world.sync_states,
        work=world.work,
        clock=world.clock,
    )


def _create(world: World, account: Account, name: str, parent: Folder | None = None) -> Folder:
    wanted = FolderChange(name=name, parent_id=parent.id if parent else None)
    return create_folder(account=account, wanted=wanted, tools=_tools(world))


def _change(world: World, account: Account, folder: Folder, **change: Any) -> Folder:
    return change_folder(
        account=account,
        folder_id=folder.id,
        change=FolderChange(**change),
        tools=_tools(world),
    )


def _delete(world: World, account: Account, folder_id: FolderId) -> None:
    delete_folder(account=account, folder_id=folder_id, tools=_tools(world))


def _put_all_into(world: World, account: Account, folder: Folder) -> None:
    for message in world.stored(account.id).values():
        change_message(
            account=account,
            message_id=message.id,
            change=MessageChange(folders=(folder.id,)),
            mailboxes=world.mailboxes,
            stores=world.stores,
            folders=world.folders,
            sync_states=world.sync_states,
            work=world.work,
            clock=world.clock,
        )


def _seen(world: World, account: Account) -> dict[str, Folder]:
    """The folders that a reader sees, by the provider's ids."""
    return {folder.provider_id: folder for folder in world.folders.all(account.id)}


def _assert_right(world: World, account: Account) -> None:
    """What readers see is what the provider has, now and after the next sync."""
    for _ in range(2):
        truth = world.simulator.control("GET", f"mailboxes/{ADDRESS}")["folders"]
        expected = {folder["id"]: folder["name"] for folder in truth}
        assert {each: folder.name for each, folder in _seen(world, account).items()} == expected
        world.work_off()
    world.assert_equal(account)


def test_a_folder_is_made_and_made_in_another(world: World, account: Account) -> None:
    """Both are seen at once, where they are."""
    work = _create(world, account, "Work")
    invoices = _create(world, account, "Invoices", work)
    assert (work.name, work.parent_id, work.is_system) == ("Work", None, False)
    assert invoices.parent_id == work.id
    assert _seen(world, account)[work.provider_id].child_count == 1
    _assert_right(world, account)


def test_renaming_takes_along_what_lies_inside(world: World, account: Account) -> None:
    """The folder keeps its id, its mail and its children."""
    # Given
    work = _create(world, account, "Work")
    invoices = _create(world, account, "Invoices", work)
    _put_all_into(world, account, invoices)
    # When
    job = _change(world, account, work, name="Job")
    # Then
    assert (job.id, job.name) == (work.id, "Job")
    inside = _seen(world, account)[invoices.provider_id]
    assert (inside.parent_id, inside.name.rpartition("/")[2]) == (work.id, "Invoices")
    assert world.subjects(account.id, folder=invoices.id) == ["Receipt"]
    _assert_right(world, account)


def test_a_folder_is_moved_into_another_and_out_of_all(world: World, account: Account) -> None:
    """Its name stays."""
    work, private = _create(world, account, "Work"), _create(world, account, "Private")
    invoices = _create(world, account, "Invoices", work)
    moved = _change(world, account, invoices, parent_id=private.id)
    assert (moved.id, moved.parent_id) == (invoices.id, private.id)
    assert moved.name.rpartition("/")[2] == "Invoices"
    top = _change(world, account, moved, to_top=True)
    assert (top.name, top.parent_id) == ("Invoices", None)
    _assert_right(world, account)


def test_a_renamed_folder_stays_where_it_is(world: World, account: Account) -> None:
    """A change without a parent is no move."""
    work = _create(world, account, "Work")
    invoices = _create(world, account, "Invoices", work)
    bills = _change(world, account, invoices, name="Bills")
    assert (bills.parent_id, bills.name.rpartition("/")[2]) == (work.id, "Bills")
    _assert_right(world, account)


def test_a_deleted_folder_is_where_its_provider_puts_it(world: World, account: Account) -> None:
    """Gone, and its mail stays, or in the trash with all that it holds; the copy says the same."""
    # Given
    work = _create(world, account, "Work")
    _put_all_into(world, account, work)
    world.work_off()
    # When
    _delete(world, account, work.id)
    # Then
    left = _seen(world, account).get(work.provider_id)
    trash = world.folder(account.id, FolderRole.TRASH)
    assert left is None or left.parent_id == trash
    _assert_right(world, account)
    assert world.subjects(account.id) == ["Receipt"]


@GOOGLE_ALONE
def test_mail_leaves_a_deleted_label(world: World, account: Account) -> None:
    """Gmail's history does not tell of it: the sync has to know which label went."""
    # Given
    work = _create(world, account, "Work")
    _put_all_into(world, account, work)
    world.work_off()
    # When
    _delete(world, account, work.id)
    world.work_off()
    # Then
    assert world.subjects(account.id, folder=work.id) == []
    assert world.folders.all(account.id, with_hidden=True) == world.folders.all(account.id)
    world.assert_equal(account)


def test_a_change_of_nothing_asks_nobody(world: World, account: Account) -> None:
    """The folder is answered as it is."""
    work = _create(world, account, "Work")
    before = world.simulator.calls_made()
    assert _change(world, account, work) == work
    assert world.simulator.calls_made() == before


def test_a_name_that_is_taken_is_refused(world: World, account: Account) -> None:
    """By the provider, whose names they are; nothing changes."""
    work, private = _create(world, account, "Work"), _create(world, account, "Private")
    with pytest.raises(Rejected):
        _create(world, account, "Work")
    with pytest.raises(Rejected):
        _change(world, account, private, name="work")
    assert _seen(world, account)[private.provider_id].name == "Private"
    assert _create(world, account, "Work", private).id != work.id
    _assert_right(world, account)


def test_the_providers_own_folders_stay(world: World, account: Account) -> None:
    """The refusal is a sentence that names the folder."""
    inbox = world.folder(account.id, FolderRole.INBOX)
    (folder,) = (each for each in world.folders.all(account.id) if each.id == inbox)
    with pytest.raises(InvalidRequest, match=folder.name):
        _change(world, account, folder, name="Mine")
    with pytest.raises(InvalidRequest, match=folder.name):
        _delete(world, account, inbox)


def test_a_folder_cannot_lie_in_itself(world: World, account: Account) -> None:
    """Nor in what lies in it."""
    work = _create(world, account, "Work")
    invoices = _create(world, account, "Invoices", work)
    year = _create(world, account, "2026", invoices)
    for parent in (work, invoices, year):
        with pytest.raises(InvalidRequest) as refusal:
            _change(world, account, work, parent_id=parent.id)
        assert refusal.value.field == "parent_id"


def test_what_is_not_there_is_named(world: World, account: Account) -> None:
    """An unknown parent is the caller's mistake; an unknown folder is not found."""
    with pytest.raises(InvalidRequest) as refusal:
        create_folder(
            account=account,
            wanted=FolderChange(name="a", parent_id=FolderId("nowhere")),
            tools=_tools(world),
        )
    assert refusal.value.field == "parent_id"
    with pytest.raises(NotFound):
        _delete(world, account, FolderId("nowhere"))


def test_colors_are_for_folders_that_have_them(world: World, account: Account) -> None:
    """Passed on, or refused by name; never ignored."""
    work = _create(world, account, "Work")
    colors = {"background_color": "#16a766", "text_color": "#ffffff"}
    if not world.mailboxes.traits(account).has_folder_colors:
        with pytest.raises(InvalidRequest) as refusal:
            _change(world, account, work, **colors)
        assert refusal.value.field == "background_color"
        return
    green = _change(world, account, work, **colors)
    assert (green.background_color, green.text_color) == ("#16a766", "#ffffff")
    dark = _change(world, account, work, text_color="#000000")
    assert (dark.background_color, dark.text_color) == ("#16a766", "#000000")
    with pytest.raises(InvalidRequest) as refusal:
        create_folder(
            account=account,
            wanted=FolderChange(name="a", text_color="#000000"),
            tools=_tools(world),
        )
    assert refusal.value.field == "background_color"


def test_a_failed_change_changes_nothing(world: World, account: Account) -> None:
    """When the provider does not answer, the copy stays as it was."""
    work = _create(world, account, "Work")
    before = _seen(world, account)
    world.simulator.fail_calls("any", status=503, times=9)
    for change in (
        lambda: _create(world, account, "Other"),
        lambda: _change(world, account, work, name="Job"),
        lambda: _delete(world, account, work.id),
    ):
        with pytest.raises(ProviderError):
            change()
    assert _seen(world, account) == before


@GOOGLE_ALONE
def test_a_made_folder_is_shown_though_the_provider_fails_then(
    world: World, account: Account
) -> None:
    """The caller was told of a failure, did it again, and was told that the name was taken."""
    # Given a provider that fails once the label is made
    world.simulator.fail_calls("batch", status=503, times=9)
    # When
    made = _create(world, account, "Work")
    # Then
    assert _seen(world, account)[made.provider_id].name == "Work"


@GOOGLE_ALONE
def test_a_lost_answer_shows_itself_in_the_next_sync(world: World, account: Account) -> None:
    """The label was made, and nobody would have looked for an hour."""
    # Given
    world.simulator.fail_calls("folders", drop=True, after_effect=True, times=1)
    # When
    with pytest.raises(Retryable):
        _create(world, account, "Work")
    world.work_off()
    # Then
    assert "Work" in {folder.name for folder in _seen(world, account).values()}


class _OvertakenStore:
    """A folder store in which something happens just before the sync writes what it has read."""

    def __init__(self, store: FolderStore, meanwhile: Callable[[], object]) -> None:
        self._store = store
        self._meanwhile: Callable[[], object] | None = meanwhile
        self.on_top_then: set[str] = set()
        """Names of the folders that were seen right after that, and in no other folder."""

    def all(self, account_id: AccountId, *, with_hidden: bool = False) -> Sequence[Folder]:
        """Look in the store."""
        return self._store.all(account_id, with_hidden=with_hidden)

    def show(
        self,
        account_id: AccountId,
        folders: Sequence[Folder],
        *,
        changed: FolderId,
        asked_at: datetime,
        at: datetime,
    ) -> None:
        """Show in the store."""
        self._store.show(account_id, folders, changed=changed, asked_at=asked_at, at=at)

    def expect(self, account_id: AccountId, folder_ids: Collection[FolderId]) -> None:
        """Remember in the store."""
        self._store.expect(account_id, folder_ids)

    def replace_all(
        self,
        account_id: AccountId,
        folders: Sequence[Folder],
        *,
        known: Collection[FolderId] | None = None,
        asked_at: datetime | None = None,
    ) -> None:
        """Let it happen, then write what was read before."""
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()
        self._store.replace_all(account_id, folders, known=known, asked_at=asked_at)
        if meanwhile is not None:
            then = self._store.all(account_id)
            self.on_top_then = {folder.name for folder in then if folder.parent_id is None}


def test_a_sync_at_the_same_time_undoes_nothing(world: World, account: Account) -> None:
    """It had read the folders a moment before: the new one was gone again, the old ones back."""
    # Given
    old, plain = _create(world, account, "Old"), _create(world, account, "Plain")
    world.work_off()

    def meanwhile() -> None:
        world.clock.advance(timedelta(milliseconds=1))
        _delete(world, account, old.id)
        _change(world, account, plain, name="Renamed")
        _create(world, account, "New")

    overtaken = _OvertakenStore(world.folders, meanwhile)
    world.folders = overtaken
    # When
    world.sync_states.ring(account.id, folders_changed=True)
    world.ring(account)
    world.work_off()
    # Then
    assert {"New", "Renamed"} <= overtaken.on_top_then
    assert overtaken.on_top_then.isdisjoint({"Old", "Plain"})
    assert "New" in {folder.name for folder in _seen(world, account).values()}
    _assert_right(world, account)
