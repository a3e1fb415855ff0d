"""What seemed to have ended and is there all the same, and the other way round."""

from datetime import timedelta

import pytest

from postroom.domain.account import Account
from postroom.usecases.backfill_account import backfill_account
from postroom.usecases.request_sync import SyncMode, request_sync
from tests.interruptions import interrupted
from tests.owners import owner_of
from tests.world import GOOGLE_ALONE, World, make_mail

ADDRESS = "rosa@mail.example"


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with two mails, synced."""
    world.simulator.add_mailbox(ADDRESS)
    for subject in ("One", "Two"):
        world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject=subject))
    connected = world.connect(ADDRESS)
    world.work_off()
    world.clock.advance(timedelta(minutes=1))
    return connected


def test_mail_that_was_taken_for_gone_comes_back_with_a_reading(
    world: World, account: Account
) -> None:
    """A folder vanished and came back; its mail bore the version that it had ended with."""
    # Given an end that was none
    message = next(iter(world.stored(account.id).values()))
    world.messages.remove(account.id, message.id, None)
    # When everything is read again
    request_sync(account=account, mode=SyncMode.FULL, tools=world.tools)
    world.work_off()
    # Then
    world.assert_equal(account)
    assert not world.pending.is_any_left(account.id)


@GOOGLE_ALONE
def test_a_label_that_lived_for_a_moment_stays_on_no_mail(world: World, account: Account) -> None:
    """It was given and deleted between two looks; the history tells of the giving alone."""
    # Given
    owner = owner_of(ADDRESS, world.simulator)
    (mail, *_) = world.simulator.messages(ADDRESS)
    label = owner.create_folder("For a moment")
    world.simulator.change(ADDRESS, {"op": "label", "id": mail, "folder": label})
    owner.purge_folder(label)
    # When
    request_sync(account=account, mode=SyncMode.INCREMENTAL, tools=world.tools)
    world.work_off()
    # Then
    world.assert_equal(account)


def test_mail_that_is_deleted_while_it_is_read_stays_deleted(
    world: World, account: Account
) -> None:
    """The reading has it in hand when the present sees its end."""
    # Given
    late = world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Late"))
    world.sync(account)
    messages = world.messages

    def deleted_meanwhile() -> None:
        world.simulator.change(ADDRESS, {"op": "delete", "id": late})
        world.messages = messages
        world.clock.advance(timedelta(seconds=1))
        world.sync(account)
        assert late not in world.stored(account.id)

    request_sync(account=account, mode=SyncMode.FULL, tools=world.tools)
    # When
    world.messages = interrupted(messages, before="put", by=deleted_meanwhile)
    backfill_account(account_id=account.id, tools=world.tools)
    world.messages = messages
    world.work_off()
    # Then
    world.assert_equal(account)
    assert not world.pending.is_any_left(account.id)
