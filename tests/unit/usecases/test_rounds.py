"""Following every folder once: what fails stops nothing else, and a long round is gone on with."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from postroom.domain.account import Account
from postroom.domain.folder import FolderRole
from postroom.domain.sync import STEP_LIMIT
from postroom.usecases.mailboxes import DEFAULT_PAUSE
from postroom.usecases.request_sync import SyncMode, request_sync
from tests.passing_time import TickingClock
from tests.world import MICROSOFT_ALONE, World, make_mail

ADDRESS = "rosa@mail.example"

pytestmark = MICROSOFT_ALONE


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox with a mail in the inbox, synced."""
    world.simulator.add_mailbox(ADDRESS)
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Early"))
    connected = world.connect(ADDRESS)
    world.work_off()
    world.clock.advance(timedelta(minutes=1))
    return connected


def _provider_id(world: World, account: Account, role: FolderRole) -> str:
    (found,) = (each.provider_id for each in world.folders.all(account.id) if each.role is role)
    return found


def _fail_deltas_of(world: World, account: Account, role: FolderRole) -> None:
    path = re.escape(_provider_id(world, account, role)) + ".*/delta"
    world.simulator.fail({"path": path, "status": 500})


def test_deletions_are_seen_though_one_folder_always_fails(world: World, account: Account) -> None:
    """One folder answered 500 for days; what was deleted in all others stayed in the lists."""
    # Given
    _fail_deltas_of(world, account, FolderRole.SENT)
    (gone,) = world.simulator.messages(ADDRESS)
    # When
    world.simulator.change(ADDRESS, {"op": "delete", "id": gone})
    world.sync(account)
    # Then
    assert world.stored(account.id) == {}


def test_a_failing_folder_pauses_nothing(world: World, account: Account) -> None:
    """The account says what fails; it is asked again with the next poll, and people may go on."""
    # Given
    _fail_deltas_of(world, account, FolderRole.SENT)
    # When
    world.sync(account)
    # Then
    state = world.sync_states.get(account.id)
    assert state.paused_until is None
    assert state.last_error
    due_at = world.clock.now() + world.tools.poll_interval
    assert world.sync_states.due(now=due_at, limit=10) == [account.id]
    # And when it works again
    world.simulator.control("DELETE", "faults")
    world.sync(account)
    assert world.sync_states.get(account.id).last_error == ""


def test_a_provider_that_is_down_is_left_alone_soon(world: World, account: Account) -> None:
    """Not one question for each of hundreds of folders; then nobody looks for half a minute."""
    # Given
    world.simulator.fail({"path": "/messages/delta", "status": 503})
    before = world.simulator.calls_made()
    # When
    world.sync(account)
    # Then
    made = sum(world.simulator.calls_made().values()) - sum(before.values())
    assert made <= 30
    assert world.work.take() is None
    assert not world.sync_states.due(now=world.clock.now(), limit=10)
    assert world.sync_states.due(now=world.clock.now() + DEFAULT_PAUSE, limit=10)


def test_a_provider_that_is_down_for_long_is_asked_ever_less(
    world: World, account: Account
) -> None:
    """An outage of hours had every account ask twice a minute."""
    # Given
    world.simulator.fail({"path": "/messages/delta", "status": 503})
    waits: list[timedelta] = []
    # When
    for _ in range(7):
        world.sync(account)
        began_at = world.clock.now()
        while not world.sync_states.due(now=world.clock.now(), limit=1):
            world.clock.advance(timedelta(seconds=5))
        waits.append(world.clock.now() - began_at)
    # Then
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(seconds=30), timedelta(minutes=15))
    # And when it is back, nothing waits any more
    world.simulator.control("DELETE", "faults")
    world.sync(account)
    assert world.sync_states.get(account.id).last_error == ""


def test_a_round_that_outlasts_a_step_is_gone_on_with(world: World, account: Account) -> None:
    """Every step began with the same folders; mail in the last ones was never seen."""
    # Given a mailbox of many folders, and time that flies
    folders = 60
    for number in range(folders):
        mail = world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject=f"{number}"))
        folder = f"Folder {number:04}"
        world.simulator.change(ADDRESS, {"op": "move", "id": mail, "folder": folder})
    request_sync(account=account, mode=SyncMode.INCREMENTAL, tools=world.tools)
    world.work_off(limit=3_000)
    world.clock.advance(timedelta(minutes=1))
    slow = replace(world.tools, clock=TickingClock(world.clock, STEP_LIMIT / folders))
    units = world.sync_states.get(account.id).units.values()
    for folder in [unit.id for unit in units if unit.view is not None][-3:]:
        news = make_mail(to=ADDRESS, subject=f"News in {folder}")
        world.simulator.deliver(ADDRESS, news, folder=folder)
    # When
    steps = 0
    while world.sync_states.get(account.id).round or not steps:
        world.sync(account, tools=slow)
        steps += 1
        assert steps < folders
    # Then
    assert steps > 1
    world.assert_equal(account)


def test_who_rings_during_a_long_round_gets_a_round_of_their_own(
    world: World, account: Account
) -> None:
    """The folders of the first step may have changed while the second one followed the last."""
    # Given a round in its middle
    for number in range(30):
        mail = world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject=f"{number}"))
        folder = f"Folder {number:04}"
        world.simulator.change(ADDRESS, {"op": "move", "id": mail, "folder": folder})
    request_sync(account=account, mode=SyncMode.INCREMENTAL, tools=world.tools)
    world.work_off(limit=3_000)
    slow = replace(world.tools, clock=TickingClock(world.clock, STEP_LIMIT / 30))
    world.sync(account, tools=slow)
    assert world.sync_states.get(account.id).round is not None
    # When a mail comes to the folder that was followed first, and the rest is followed
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Late"))
    world.sync_states.ring(account.id)
    world.clock.advance(timedelta(minutes=1))
    world.sync(account)
    # Then
    state = world.sync_states.get(account.id)
    assert (state.round, state.served) == (None, state.dirty)
    world.assert_equal(account)
