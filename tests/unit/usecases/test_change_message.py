"""Changing mail: at the provider first, then seen at once by readers."""

from datetime import timedelta

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import InvalidRequest, NotFound, ProviderError
from postroom.domain.folder import FolderRole
from postroom.domain.ids import FolderId, MessageId
from postroom.domain.message import FullMessage, MessageChange
from postroom.usecases.change_message import change_message, delete_message
from postroom.usecases.mailboxes import Mailboxes
from tests.interruptions import accompanied, interrupted
from tests.world import GOOGLE_ALONE, MICROSOFT_ALONE, World, make_mail

ADDRESS = "rosa@mail.example"


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with one unread message."""
    world.simulator.add_mailbox(ADDRESS)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Read me"))
    connected = world.connect(ADDRESS)
    world.work_off()
    return connected


def _only(world: World, account: Account) -> MessageId:
    (message,) = world.stored(account.id).values()
    return message.id


def _change(
    world: World,
    account: Account,
    message_id: str,
    change: MessageChange,
    *,
    mailboxes: Mailboxes | None = None,
) -> FullMessage:
    return change_message(
        account=account,
        message_id=MessageId(message_id),
        change=change,
        mailboxes=mailboxes or world.mailboxes,
        stores=world.stores,
        folders=world.folders,
        sync_states=world.sync_states,
        work=world.work,
        clock=world.clock,
    )


def _delete(world: World, account: Account, *, for_good: bool) -> None:
    delete_message(
        account=account,
        message_id=_only(world, account),
        for_good=for_good,
        mailboxes=world.mailboxes,
        stores=world.stores,
        sync_states=world.sync_states,
        work=world.work,
        clock=world.clock,
    )


@pytest.mark.parametrize(
    "change",
    [
        MessageChange(unread=False),
        MessageChange(starred=True),
        MessageChange(unread=False, starred=True),
    ],
)
def test_a_change_is_seen_here_and_there(
    world: World, account: Account, change: MessageChange
) -> None:
    """The mailbox and the copy are equal right after the change, and after the next sync."""
    _change(world, account, _only(world, account), change)
    world.assert_equal(account)
    world.work_off()
    world.assert_equal(account)


@pytest.mark.parametrize("role", [FolderRole.TRASH, FolderRole.SPAM, FolderRole.INBOX])
def test_a_move_is_seen_here_and_there(world: World, account: Account, role: FolderRole) -> None:
    """The folder that a message was put into is the one it lies in, at both places."""
    folder = world.folder(account.id, role)
    _change(world, account, _only(world, account), MessageChange(folders=(folder,)))
    world.assert_equal(account)
    assert world.subjects(account.id, folder=folder) == ["Read me"]
    world.work_off()
    world.assert_equal(account)


@GOOGLE_ALONE
@pytest.mark.parametrize("folders", [(), ("IMPORTANT",), ("INBOX", "IMPORTANT")])
def test_a_message_lies_in_any_number_of_labels(
    world: World, account: Account, folders: tuple[FolderId, ...]
) -> None:
    """In none it is archived; in several it stands in each of their lists."""
    _change(world, account, _only(world, account), MessageChange(folders=folders))
    world.assert_equal(account)
    world.work_off()
    world.assert_equal(account)


@MICROSOFT_ALONE
@pytest.mark.parametrize("roles", [(), (FolderRole.INBOX, FolderRole.TRASH)])
def test_where_a_message_has_one_folder_it_needs_one(
    world: World, account: Account, roles: tuple[FolderRole, ...]
) -> None:
    """A client that knows labels is told what it may ask for; nothing moves."""
    folders = tuple(world.folder(account.id, role) for role in roles)
    with pytest.raises(InvalidRequest, match="exactly one folder") as refusal:
        _change(world, account, _only(world, account), MessageChange(folders=folders))
    assert refusal.value.field == "folders"
    world.assert_equal(account)


@MICROSOFT_ALONE
def test_an_owner_who_overtakes_our_change_within_a_second_wins(
    world: World, account: Account
) -> None:
    """Versions of whole seconds: starred here, unstarred there, synced; our late write starred it.

    The provider had told its last word, and no change ever came to put it right.
    """
    message_id = _only(world, account)
    provider_id = world.messages.get(account.id, message_id).provider_id

    def owner_undoes_and_sync_sees_it() -> None:
        world.simulator.change(ADDRESS, {"op": "unstar", "id": provider_id})
        world.sync(account)

    store = world.messages
    world.messages = interrupted(store, before="put", by=owner_undoes_and_sync_sees_it)
    _change(world, account, message_id, MessageChange(starred=True))
    world.messages = store
    world.work_off()
    world.assert_equal(account)


@MICROSOFT_ALONE
def test_categories_are_replaced(world: World, account: Account) -> None:
    """They stand beside folders and flags, here and there, and go again."""
    for names in (("Blue", "Red"), ("Red",), ()):
        answered = _change(world, account, _only(world, account), MessageChange(categories=names))
        assert set(answered.message.categories) == set(names)
        (seen,) = world.simulator.messages(ADDRESS).values()
        assert set(seen["categories"]) == set(names)
        world.work_off()
        (stored,) = world.stored(account.id).values()
        assert set(stored.categories) == set(names)


@GOOGLE_ALONE
def test_categories_are_refused_where_there_are_none(world: World, account: Account) -> None:
    """The refusal says what there is instead. An empty list asks for nothing."""
    message_id = _only(world, account)
    with pytest.raises(InvalidRequest, match="use folders") as refusal:
        _change(world, account, message_id, MessageChange(categories=("Red",)))
    assert refusal.value.field == "categories"
    _change(world, account, message_id, MessageChange(categories=()))


def test_a_failed_change_changes_nothing(world: World, account: Account) -> None:
    """When the provider does not answer, the copy stays as it was."""
    world.simulator.fail_calls("modify", status=503, times=9)
    with pytest.raises(ProviderError):
        _change(world, account, _only(world, account), MessageChange(unread=False))
    assert world.subjects(account.id, unread=True) == ["Read me"]


def test_a_change_of_nothing_asks_nobody(world: World, account: Account) -> None:
    """A client that sent `{}` was refused by the provider; it is answered the message as it is."""
    world.simulator.fail_calls("modify", status=400, times=9)
    message_id = _only(world, account)
    answered = _change(world, account, message_id, MessageChange())
    assert [answered.message] == list(world.stored(account.id).values())
    with pytest.raises(NotFound):
        _change(world, account, "A" * 27, MessageChange())


def test_an_unknown_folder_is_named(world: World, account: Account) -> None:
    """A folder that does not exist is refused before the provider is asked."""
    with pytest.raises(InvalidRequest) as refusal:
        _change(
            world,
            account,
            _only(world, account),
            MessageChange(folders=(FolderId("Nowhere"),)),
        )
    assert refusal.value.field == "folders"


def test_a_long_unknown_folder_is_not_repeated_whole(world: World, account: Account) -> None:
    """An id of a megabyte came back in the message of the error."""
    folder_id = FolderId("x" * 1_000_000)
    with pytest.raises(InvalidRequest) as refusal:
        _change(world, account, _only(world, account), MessageChange(folders=(folder_id,)))
    assert len(str(refusal.value)) < 100


def test_an_unknown_message_is_not_found(world: World, account: Account) -> None:
    """Nothing to change, nothing asked."""
    with pytest.raises(NotFound):
        _change(world, account, "A" * 27, MessageChange(unread=False))


def test_deleting_moves_to_the_trash(world: World, account: Account) -> None:
    """The usual deletion can be taken back by the owner."""
    _delete(world, account, for_good=False)
    trash, inbox = (world.folder(account.id, role) for role in (FolderRole.TRASH, FolderRole.INBOX))
    assert world.subjects(account.id, folder=trash) == ["Read me"]
    assert world.subjects(account.id, folder=inbox) == []
    world.assert_equal(account)


@MICROSOFT_ALONE
def test_deleting_for_good_leaves_nothing(world: World, account: Account) -> None:
    """Gone here and there, and it does not come back with the next sync."""
    _delete(world, account, for_good=True)
    assert world.subjects(account.id) == []
    world.assert_equal(account)
    world.work_off()
    world.assert_equal(account)


def test_a_change_is_seen_while_a_sync_has_an_older_state_in_hand(
    world: World, account: Account
) -> None:
    """The reader's own was undone for a moment, for versions do not tell which of two was last.

    At Outlook both were made within a second, and Gmail tells no version of what it was asked for.
    """
    # Given
    message_id = _only(world, account)
    provider_id = world.messages.get(account.id, message_id).provider_id
    world.simulator.change(ADDRESS, {"op": "star", "id": provider_id})
    messages, folders = world.messages, world.folders
    in_hand: list[bool] = []
    seen: list[bool] = []

    def read_meanwhile() -> None:
        if in_hand:
            in_hand.clear()
            world.messages = messages
            world.clock.advance(timedelta(milliseconds=1))
            _change(world, account, message_id, MessageChange(unread=False))
            seen.clear()

    def look() -> None:
        seen.append(messages.get(account.id, message_id).unread)

    holding = interrupted(messages, before="get_many", by=lambda: in_hand.append(True))
    world.messages = accompanied(holding, "put", by=read_meanwhile)
    world.folders = accompanied(folders, "expect", by=look)
    # When
    world.sync(account)
    # Then
    assert seen
    assert not any(seen)
    world.work_off()
    world.assert_equal(account)


@MICROSOFT_ALONE
def test_what_a_sync_has_in_hand_stays_deleted(world: World, account: Account) -> None:
    """A mail was trashed, deleted for good, and there again: the sync was looking at the trash."""
    # Given a change that the next sync looks at
    _delete(world, account, for_good=False)
    messages, pending = world.messages, world.pending
    looks: list[bool] = []
    seen: list[list[str]] = []

    def delete_once_looked() -> None:
        if looks:
            looks.clear()
            world.clock.advance(timedelta(seconds=1))
            _delete(world, account, for_good=True)
            seen.clear()

    looking = interrupted(pending, before="due", by=lambda: looks.append(True))
    world.pending = accompanied(
        looking, "settle", by=lambda: seen.append(world.subjects(account.id))
    )
    world.messages = accompanied(messages, "put", by=delete_once_looked)
    # When
    world.sync(account)
    # Then
    assert seen
    assert not any(seen)
    world.clock.advance(timedelta(minutes=1))
    world.sync(account)
    world.assert_equal(account)
    assert not pending.is_any_left(account.id)


@GOOGLE_ALONE
def test_deleting_for_good_needs_the_scope_for_it(world: World, account: Account) -> None:
    """The default scopes do not allow it; the refusal is a sentence and the mail stays."""
    with pytest.raises(ProviderError):
        _delete(world, account, for_good=True)
    assert world.subjects(account.id) == ["Read me"]


def test_metadata_is_noted_without_asking_the_provider(world: World, account: Account) -> None:
    """It is ours alone: seen at once, replaced as a whole, and left as it is by other changes."""
    message_id = _only(world, account)
    calls = world.simulator.calls_made()
    noted = _change(world, account, message_id, MessageChange(metadata={"key1": "v", "b": "w"}))
    assert noted.message.metadata == {"key1": "v", "b": "w"}
    assert world.simulator.calls_made() == calls
    read = _change(world, account, message_id, MessageChange(unread=False))
    assert (read.message.unread, read.message.metadata) == (False, {"key1": "v", "b": "w"})
    world.work_off()
    both = MessageChange(starred=True, metadata={"key1": "x"})
    changed = _change(world, account, message_id, both)
    assert (changed.message.starred, changed.message.metadata) == (True, {"key1": "x"})
    world.work_off()
    assert world.messages.get(account.id, message_id).metadata == {"key1": "x"}
    assert _change(world, account, message_id, MessageChange(metadata={})).message.metadata == {}


def test_a_refused_change_notes_nothing(world: World, account: Account) -> None:
    """The provider is asked first."""
    message_id = _only(world, account)
    world.simulator.fail_calls("modify", status=400, body={"error": {"code": 400}}, times=1)
    with pytest.raises(ProviderError):
        _change(world, account, message_id, MessageChange(starred=True, metadata={"key1": "v"}))
    assert world.messages.get(account.id, message_id).metadata == {}


def test_a_deleted_message_takes_its_metadata_along(world: World, account: Account) -> None:
    """Nothing of it is left for a message that is gone."""
    message_id = _only(world, account)
    _change(world, account, message_id, MessageChange(metadata={"key1": "v"}))
    (provider_id,) = world.stored(account.id)
    world.simulator.change(ADDRESS, {"op": "delete", "id": provider_id})
    world.ring(account)
    world.work_off()
    with pytest.raises(NotFound):
        _change(world, account, message_id, MessageChange(metadata={"key1": "w"}))


@MICROSOFT_ALONE
def test_outlooks_own_names_of_folders_will_do(world: World, account: Account) -> None:
    """A message is moved by them as it is found by them."""
    change = MessageChange(folders=(FolderId("archive"),))
    moved = _change(world, account, _only(world, account), change)
    assert moved.message.folders == (world.folder(account.id, FolderRole.ARCHIVE),)


@pytest.mark.parametrize("starred", [None, True])
def test_of_two_who_move_a_message_at_once_the_provider_tells_where_it_lies(
    world: World, account: Account, *, starred: bool | None
) -> None:
    """Both had read it in the inbox; at Outlook it lies in one folder, also until the next sync."""
    message_id = _only(world, account)
    quicker, slower = (
        MessageChange(folders=(world.folder(account.id, role),), starred=flag)
        for role, flag in ((FolderRole.SPAM, starred), (FolderRole.TRASH, None))
    )

    def somebody_is_quicker() -> None:
        _change(world, account, message_id, quicker)

    mailboxes = interrupted(world.mailboxes, before="open", by=somebody_is_quicker)
    _change(world, account, message_id, slower, mailboxes=mailboxes)
    world.assert_equal(account)
    world.work_off()
    world.assert_equal(account)
