"""First readings of mailboxes: usable at once, gone on with, and never taken for done too early."""

from dataclasses import replace
from datetime import timedelta

import pytest

from postroom.domain.account import Account
from postroom.domain.sync import STEP_LIMIT, BackfillPhase
from postroom.usecases.backfill_account import backfill_account
from postroom.usecases.wake_due_accounts import wake_due_accounts
from tests.fakes import WorkKind
from tests.interruptions import accompanied, interrupted
from tests.passing_time import TickingClock, pass_time, sync
from tests.world import World, make_mail

ADDRESS = "rosa@mail.example"


def _connect(world: World, *, messages: int, page_size: int) -> Account:
    """Connect a mailbox that was never read, whose mail is a minute apart."""
    world.simulator.control("POST", "settings", json={"page_size": page_size})
    world.simulator.add_mailbox(ADDRESS)
    for number in range(messages):
        mail = make_mail(to=ADDRESS, subject=f"Mail {number}")
        world.simulator.deliver(ADDRESS, mail, quiet=True)
        world.clock.advance(timedelta(minutes=1))
    return world.connect(ADDRESS)


def test_the_newest_mail_is_there_first(world: World) -> None:
    """Elsewhere a mailbox could not be used for days, until its oldest mail was there."""
    account = _connect(world, messages=12, page_size=3)
    seen: list[list[str]] = []
    world.sync_states = accompanied(
        world.sync_states, "save_backfill", by=lambda: seen.append(world.subjects(account.id))
    )
    world.work_off()
    newest_first = [f"Mail {number}" for number in reversed(range(12))]
    assert newest_first[:3] in seen
    assert all(some == newest_first[: len(some)] for some in seen)


def test_new_mail_does_not_wait_for_the_old(world: World) -> None:
    """New mail came in the middle of a first sync and was seen when that was over, days later."""
    # Given a first sync in its middle, where mail comes
    account = _connect(world, messages=12, page_size=3)
    is_read: list[bool] = []

    def deliver_and_sync() -> None:
        world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="New"))
        sync(world, account)
        if "New" in world.subjects(account.id):
            is_read.append(world.sync_states.get(account.id).is_read)

    world.do_next(WorkKind.SYNC)
    states = world.sync_states
    world.sync_states = accompanied(states, "save_backfill", by=deliver_and_sync)
    # When it goes on
    world.work_off()
    world.sync_states = states
    # Then the new mail was there before the old was read
    assert is_read.count(False) >= 1
    pass_time(world, timedelta(minutes=10))
    world.assert_equal(account)


def test_progress_is_told_while_a_mailbox_is_read(world: World) -> None:
    """'Importing', for ever, and nobody could tell whether anything was moving."""
    account = _connect(world, messages=12, page_size=3)
    stored: list[int] = []

    def look() -> None:
        state = world.sync_states.get(account.id)
        stored.append(state.stored)
        if state.stored:
            oldest = min(each.received_at for each in world.stored(account.id).values())
            assert state.oldest_stored_at is not None
            assert state.oldest_stored_at >= oldest

    world.sync_states = accompanied(world.sync_states, "save_backfill", by=look)
    world.work_off()
    state = world.sync_states.get(account.id)
    assert stored == sorted(stored)
    assert len(set(stored)) >= 4
    assert (state.stored, state.total_estimate, state.is_read) == (12, 12, True)


def test_a_reading_goes_on_where_its_last_step_ended(world: World) -> None:
    """Each step began with the first page again, and large mailboxes were never read to their end.

    Here every step has the time for about two pages.
    """
    # Given
    account = _connect(world, messages=40, page_size=2)
    slow = replace(world.tools, clock=TickingClock(world.clock, STEP_LIMIT / 8))
    before = _listings(world)
    # When
    steps = 0
    while work := world.work.take():
        if work.kind is WorkKind.BACKFILL:
            steps += 1
            backfill_account(account_id=account.id, tools=slow)
        else:
            world.do(work)
        assert steps < 100
    # Then
    assert steps > 5
    assert _listings(world) - before < 80
    world.assert_equal(account)


def _listings(world: World) -> int:
    made = world.simulator.calls_made()
    return made.get("messages.list", 0) + made.get("messages.delta", 0)


@pytest.mark.parametrize("lost", range(5))
def test_a_call_of_a_worker_that_is_lost_is_made_up_for(world: World, lost: int) -> None:
    """Elsewhere an account whose first task had been lost stood at 'importing' for ever.

    Whichever call of a worker it is, from the one at the connection on.
    """
    # Given a queue that loses one message
    account = _connect(world, messages=6, page_size=2)
    for _ in range(lost):
        if work := world.work.take():
            world.do(work)
    world.work.take()
    # When the sweep comes as always
    pass_time(world, timedelta(minutes=30), sweep=timedelta(minutes=1))
    # Then
    assert world.sync_states.get(account.id).is_read
    world.assert_equal(account)


def test_a_queue_that_loses_everything_for_an_hour_is_made_up_for(world: World) -> None:
    """The sweep calls again whoever has not come, as long as it takes."""
    account = _connect(world, messages=6, page_size=2)
    for _ in range(6):
        world.work.waiting.clear()
        world.clock.advance(timedelta(minutes=10))
        wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)
    pass_time(world, timedelta(minutes=30))
    assert world.sync_states.get(account.id).is_read
    world.assert_equal(account)


def test_an_account_that_could_not_be_read_is_not_said_to_be_synced(world: World) -> None:
    """'Synced', said the account, with nothing in it: its first sync had failed in silence."""
    # Given a provider that lists nothing
    account = _connect(world, messages=6, page_size=2)
    world.simulator.fail_calls("listing", status=500)
    world.simulator.fail_calls("changes", status=500)
    # When
    pass_time(world, timedelta(hours=1))
    # Then it says that it is not read, and what is wrong
    state = world.sync_states.get(account.id)
    assert not state.is_read
    assert state.last_error != ""
    # And it goes on by itself
    world.simulator.control("DELETE", "faults")
    pass_time(world, timedelta(hours=1))
    state = world.sync_states.get(account.id)
    assert (state.is_read, state.last_error) == (True, "")
    world.assert_equal(account)


def test_the_first_mail_of_an_empty_mailbox_comes(world: World) -> None:
    """An empty mailbox has no message to take a cursor from; its first mail was never seen."""
    world.simulator.add_mailbox(ADDRESS)
    account = world.connect(ADDRESS)
    world.work_off()
    assert world.sync_states.get(account.id).is_read
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="The first"))
    pass_time(world, timedelta(minutes=10))
    assert world.subjects(account.id) == ["The first"]
    world.assert_equal(account)


def test_what_ends_while_it_is_read_does_not_come_back(world: World) -> None:
    """Mail that was deleted between its listing and its storing was there again, for good."""
    # Given an owner who deletes what the reading has in hand, and a sync that sees it
    account = _connect(world, messages=6, page_size=3)
    doomed = list(world.simulator.messages(ADDRESS))[1]
    world.do_next(WorkKind.SYNC)
    messages = world.messages

    def delete_and_sync() -> None:
        world.messages = messages
        world.simulator.change(ADDRESS, {"op": "delete", "id": doomed})
        sync(world, account)

    world.messages = interrupted(messages, before="put", by=delete_and_sync)
    # When
    world.work_off()
    world.messages = messages
    pass_time(world, timedelta(minutes=10))
    # Then
    assert doomed not in world.stored(account.id)
    world.assert_equal(account)


def test_a_reading_is_over_once(world: World) -> None:
    """Finished, it was begun again by the next call that had been waiting in the queue."""
    account = _connect(world, messages=6, page_size=3)
    world.work_off()
    before = world.simulator.calls_made()
    for _ in range(5):
        world.work.backfill(account.id)
    world.work_off()
    assert world.simulator.calls_made() == before
    phases = {unit.reading.phase for unit in world.sync_states.get(account.id).units.values()}
    assert phases == {BackfillPhase.DONE}
