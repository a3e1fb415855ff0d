"""A provider that has forgotten what changed: everything is read again, and nothing goes wrong."""

from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.account import Account, AccountStatus
from tests.interruptions import accompanied, interrupted
from tests.passing_time import pass_time, sync
from tests.world import World, make_mail

ADDRESS = "rosa@mail.example"


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with twelve mails, read in small pages and synced."""
    world.simulator.control("POST", "settings", json={"page_size": 3})
    for number in range(12):
        mail = make_mail(to=ADDRESS, subject=f"Mail {number}")
        if number == 0:
            world.simulator.add_mailbox(ADDRESS)
        world.simulator.deliver(ADDRESS, mail)
        world.clock.advance(timedelta(minutes=1))
    connected = world.connect(ADDRESS)
    world.work_off()
    world.clock.advance(timedelta(minutes=1))
    return connected


def test_nothing_is_taken_for_gone_while_a_mailbox_is_read_again(
    world: World, account: Account
) -> None:
    """Elsewhere mail that had not been listed yet was deleted; it came back hours later."""
    # Given a provider that forgot, when two mails had been deleted and ten were left
    first, *_, last = world.simulator.messages(ADDRESS)
    world.simulator.change(ADDRESS, {"op": "delete", "id": first}, {"op": "delete", "id": last})
    world.simulator.expire_cursors()
    living, missing, looks = set(world.simulator.messages(ADDRESS)), set[str](), []

    def look() -> None:
        looks.append(len(world.stored(account.id)))
        missing.update(living - set(world.stored(account.id)))

    world.messages = accompanied(world.messages, "put", "remove", by=look)
    world.sync_states = accompanied(world.sync_states, "save_backfill", "release", by=look)
    # When the mailbox is read again
    sync(world, account)
    world.work_off()
    # Then all that lives was there at every moment, and what was deleted went in the end
    assert (looks[0], looks[-1], missing) == (12, 10, set())
    world.assert_equal(account)


def test_an_owner_at_work_while_a_mailbox_is_read_again_is_followed(
    world: World, account: Account
) -> None:
    """The new cursor was taken after the list: what happened during it was told by nobody."""
    world.simulator.expire_cursors()
    sync(world, account)
    # Given somebody who deletes, reads and gets mail whenever a page has just been stored
    ids = list(world.simulator.messages(ADDRESS))
    pages: list[str] = []

    def use() -> None:
        if len(pages) == 8:
            return
        pages.append(ids.pop())
        world.simulator.change(
            ADDRESS, {"op": "delete", "id": pages[-1]}, {"op": "read", "id": ids[0]}
        )
        world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject=f"News {len(pages)}"))

    states = world.sync_states
    world.sync_states = accompanied(states, "save_backfill", by=use)
    # When it is read to its end, and polled once more as always
    world.work_off()
    world.sync_states = states
    pass_time(world, timedelta(minutes=10))
    # Then nothing of that is missing
    assert len(pages) > 4
    world.assert_equal(account)


def test_a_mailbox_is_read_again_once_for_each_lost_cursor(world: World, account: Account) -> None:
    """The lost cursor was kept after the reading: the mailbox was read without end, for weeks."""
    # Given
    world.simulator.expire_cursors()
    sync(world, account)
    world.work_off()
    generations = {each.id: each.generation for each in _units(world, account)}
    # When it is synced for hours, with a mail now and then
    for _ in range(3):
        world.simulator.deliver(ADDRESS)
        pass_time(world, timedelta(hours=1))
    # Then
    assert {each.id: each.generation for each in _units(world, account)} == generations
    assert world.sync_states.get(account.id).is_read
    world.assert_equal(account)


def test_a_lost_cursor_is_no_error_of_the_account(world: World, account: Account) -> None:
    """Some products asked the owner to sign in again, or marked the account as dead."""
    world.simulator.expire_cursors()
    sync(world, account)
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE
    assert world.sync_states.get(account.id).last_error == ""
    assert len(world.subjects(account.id)) == 12


def test_a_cursor_may_be_lost_between_two_pages(world: World, account: Account) -> None:
    """A first page is stored, and the provider forgets before it is asked for the second."""
    # Given changes of several pages
    doomed, *_ = world.simulator.messages(ADDRESS)
    for number in range(10):
        world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject=f"News {number}"))
    world.simulator.change(ADDRESS, {"op": "delete", "id": doomed})
    moves = []

    def forget() -> None:
        moves.append(len(world.stored(account.id)))
        world.simulator.expire_cursors()

    states = world.sync_states
    world.sync_states = interrupted(states, before="move_cursor", by=forget)
    # When
    sync(world, account)
    world.sync_states = states
    world.work_off()
    pass_time(world, timedelta(minutes=10))
    # Then
    assert moves
    assert moves[0] < 22
    world.assert_equal(account)


def test_any_number_of_changes_is_followed(world: World, account: Account) -> None:
    """Elsewhere five hundred were read and the cursor was set behind all of them."""
    for number in range(60):
        mail = make_mail(to=ADDRESS, subject=f"News {number}")
        provider_id = world.simulator.deliver(ADDRESS, mail)
        world.simulator.change(ADDRESS, {"op": "star", "id": provider_id})
    sync(world, account)
    world.work_off()
    assert len(world.subjects(account.id, starred=True)) == 60
    world.assert_equal(account)


def _units(world: World, account: Account) -> list[Any]:
    return list(world.sync_states.get(account.id).units.values())
