"""Changing mail: at the provider first, then seen at once by readers."""

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import InvalidRequest, NotFound, ProviderError
from postroom.domain.ids import FolderId, MessageId
from postroom.domain.message import FullMessage, MessageChange
from postroom.usecases.change_message import change_message, delete_message
from tests.world import World, make_mail

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


def _change(world: World, account: Account, message_id: str, change: MessageChange) -> FullMessage:
    return change_message(
        account=account,
        message_id=MessageId(message_id),
        change=change,
        mailboxes=world.mailboxes,
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
        MessageChange(folders=(FolderId("IMPORTANT"),)),
        MessageChange(folders=()),
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


def test_a_failed_change_changes_nothing(world: World, account: Account) -> None:
    """When the provider does not answer, the copy stays as it was."""
    world.simulator.fail({"path": "/modify", "status": 503, "times": 9})
    with pytest.raises(ProviderError):
        _change(world, account, _only(world, account), MessageChange(unread=False))
    assert world.subjects(account.id, unread=True) == ["Read me"]


def test_a_change_of_nothing_asks_nobody(world: World, account: Account) -> None:
    """A client that sent `{}` was refused by the provider; it is answered the message as it is."""
    world.simulator.fail({"path": "/modify", "status": 400, "times": 9})
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
    assert world.subjects(account.id, folder=FolderId("TRASH")) == ["Read me"]
    assert world.subjects(account.id, folder=FolderId("INBOX")) == []
    world.assert_equal(account)


def test_deleting_for_good_needs_the_scope_for_it(world: World, account: Account) -> None:
    """The default scopes do not allow it; the refusal is a sentence and the mail stays."""
    with pytest.raises(ProviderError):
        _delete(world, account, for_good=True)
    assert world.subjects(account.id) == ["Read me"]
