"""Who calls whom, when: rounds that end, waits that grow, no call that makes ever more calls."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from postroom.domain.account import Account
from postroom.domain.quota import Purpose
from postroom.domain.sync import FULL_ROUND_INTERVAL, LEASE_LIFETIME, STEP_LIMIT, SyncUnit
from postroom.usecases.backfill_account import backfill_account
from postroom.usecases.disconnect_account import disconnect_account
from postroom.usecases.request_sync import SyncMode, request_sync
from postroom.usecases.sync_account import sync_account
from tests.fakes import QueuedWork, WorkKind
from tests.interruptions import interrupted
from tests.passing_time import TickingClock, pass_time
from tests.world import MICROSOFT_ALONE, World, make_mail

ADDRESS = "rosa@mail.example"
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def account(world: World) -> Account:
    """A connected mailbox, synced some minutes ago."""
    world.turn_pushes_on()
    world.simulator.add_mailbox(ADDRESS, seed=7, messages=12)
    connected = world.connect(ADDRESS)
    world.work_off()
    world.clock.advance(10 * MINUTE)
    return connected


def _give_folders(world: World, account: Account, number: int) -> list[SyncUnit]:
    """Give a mailbox folders; answers all in the order in which they are followed."""
    for each in range(number):
        mail = world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject=f"{each}"))
        folder = f"Folder {each:04}"
        world.simulator.change(ADDRESS, {"op": "move", "id": mail, "folder": folder})
    request_sync(account=account, mode=SyncMode.INCREMENTAL, tools=world.tools)
    world.receive_pushes()
    world.work_off(limit=3_000)
    world.clock.advance(2 * MINUTE)
    units = world.sync_states.get(account.id).units.values()
    return [unit for unit in units if unit.view is not None]


def _calls_waiting(world: World, kind: WorkKind) -> list[QueuedWork]:
    return [work for work in world.work.waiting if work.kind is kind]


def _deltas(world: World) -> int:
    return world.simulator.calls_made().get("messages.delta", 0)


# ── Rounds ───────────────────────────────────────────────────────────────────────────────────


@MICROSOFT_ALONE
@pytest.mark.parametrize("ends_by", ["time", "throttling"])
def test_what_failed_in_a_rounds_first_part_is_not_served_by_its_second(
    world: World, account: Account, ends_by: str
) -> None:
    """The inbox failed, the next step followed the rest, and the ring was taken for served."""
    # Given
    units = _give_folders(world, account, 16)
    for unit in units[:2]:
        world.simulator.fail({"path": re.escape(unit.id) + ".*/delta", "status": 500})
    tools = world.tools
    if ends_by == "time":
        tools = replace(tools, clock=TickingClock(world.clock, STEP_LIMIT / 14))
    else:
        path, headers = re.escape(units[5].id) + ".*/delta", {"Retry-After": "30"}
        world.simulator.fail({"path": path, "status": 429, "headers": headers, "times": 1})
    # When a mail comes to the inbox, and the provider recovers before the next step
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="News"))
    world.sync(account, tools=tools)
    assert world.sync_states.get(account.id).round is not None
    world.simulator.control("DELETE", "faults")
    world.work_off()
    # Then
    state = world.sync_states.get(account.id)
    assert "News" in world.subjects(account.id) or state.served != state.dirty


@MICROSOFT_ALONE
def test_a_round_that_uses_up_its_step_exactly_comes_to_its_end(
    world: World, account: Account
) -> None:
    """The last folder was followed when the time was over, and everything was followed again."""
    _give_folders(world, account, 6)
    for ticks in range(16, 60, 3):
        # Given a step that ends at another place each time
        slow = replace(world.tools, clock=TickingClock(world.clock, STEP_LIMIT / ticks))
        world.sync_states.ring(account.id)
        rung = world.sync_states.get(account.id).dirty
        # When
        steps = 0
        while world.sync_states.get(account.id).served < rung:
            sync_account(account_id=account.id, tools=slow)
            world.work.waiting.clear()
            steps += 1
            assert steps < 10, f"{ticks} looks at the clock in a step"
        world.clock.advance(MINUTE)


@MICROSOFT_ALONE
def test_a_push_with_a_hint_does_not_ask_every_folder(world: World, account: Account) -> None:
    """A mailbox of hundreds of folders used up its own quota by being pushed for."""
    # Given a round over every folder, a moment ago
    in_all = len(_give_folders(world, account, 40))
    world.sync(account)
    before = _deltas(world)
    # When
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="News"))
    world.receive_pushes()
    world.work_off()
    # Then
    assert "News" in world.subjects(account.id)
    assert _deltas(world) - before <= 6
    # And what no push has named comes with the next full round, which is due
    assert world.sync_states.due(now=world.clock.now() + FULL_ROUND_INTERVAL, limit=1)
    pass_time(world, 2 * FULL_ROUND_INTERVAL, sweep=FULL_ROUND_INTERVAL)
    assert _deltas(world) - before >= in_all
    world.assert_equal(account)


# ── Readings ─────────────────────────────────────────────────────────────────────────────────


def test_a_reading_asks_ever_less_of_a_provider_that_is_down(world: World) -> None:
    """It asked twice a minute for ever, and each poll added another chain of calls."""
    # Given
    world.simulator.add_mailbox(ADDRESS, seed=7, messages=12)
    world.simulator.fail_calls("listing", status=503, times=100_000)
    # When
    account = world.connect(ADDRESS)
    pass_time(world, HOUR, sweep=MINUTE)
    # Then
    before = world.simulator.calls_made()
    pass_time(world, HOUR, sweep=MINUTE)
    made = sum(world.simulator.calls_made().values()) - sum(before.values())
    assert not world.sync_states.get(account.id).is_read
    assert made <= 13 * 12  # a poll every five minutes, each with a try
    assert len(_calls_waiting(world, WorkKind.BACKFILL)) <= 2


def test_a_reading_that_is_called_a_moment_early_is_not_forgotten(world: World) -> None:
    """Clocks differ by some tenths of a second: the call found the time not come, and was gone."""
    # Given a reading that failed, and its next call
    world.simulator.add_mailbox(ADDRESS, messages=3, seed=1)
    world.simulator.fail_calls("listing", status=503)
    account = world.connect(ADDRESS)
    world.do_next(WorkKind.SYNC)
    world.work.waiting[:] = _calls_waiting(world, WorkKind.BACKFILL)[:1]
    world.do_next(WorkKind.BACKFILL)
    (call,) = _calls_waiting(world, WorkKind.BACKFILL)
    world.work.waiting.clear()
    # When
    world.clock.advance(call.delay - timedelta(seconds=0.3))
    backfill_account(account_id=account.id, tools=world.tools)
    # Then
    assert _calls_waiting(world, WorkKind.BACKFILL)


@MICROSOFT_ALONE
def test_a_first_page_that_is_forgotten_at_once_is_not_asked_for_for_ever(world: World) -> None:
    """410 for the very first page: a worker began again for its whole step, and called itself."""
    # Given
    world.simulator.add_mailbox(ADDRESS, messages=3, seed=1)
    account = world.connect(ADDRESS)
    body = {"error": {"code": "SyncStateNotFound"}}
    world.simulator.fail_calls("listing", status=410, body=body)
    world.do_next(WorkKind.SYNC)
    world.work.waiting.clear()
    before = _deltas(world)
    # When
    backfill_account(account_id=account.id, tools=world.tools)
    # Then
    assert _deltas(world) - before <= 12
    assert all(work.delay for work in _calls_waiting(world, WorkKind.BACKFILL))
    assert world.sync_states.get(account.id).last_error


@MICROSOFT_ALONE
def test_a_folder_that_is_listed_and_never_found_is_told_of(world: World) -> None:
    """The first reading went on for ever, and nothing said why."""
    # Given
    world.simulator.add_mailbox(ADDRESS, messages=3, seed=1)
    account = world.connect(ADDRESS)
    world.do_next(WorkKind.SYNC)
    units = [u for u in world.sync_states.get(account.id).units.values() if u.view is not None]
    body = {"error": {"code": "ErrorItemNotFound"}}
    world.simulator.fail({"path": re.escape(units[-1].id), "status": 404, "body": body})
    # When
    pass_time(world, 2 * HOUR)
    # Then
    assert "cannot be found" in world.sync_states.get(account.id).last_error
    assert len(world.stored(account.id)) == 3


# ── What is nobody's fault ───────────────────────────────────────────────────────────────────


def test_our_own_share_is_no_error_of_the_account(world: World, account: Account) -> None:
    """Its owner was told that the sync failed, when it only had had its part."""
    # Given
    quota = world.quotas[world.provider]
    people = world.mailboxes.governor.budget(account, Purpose.PEOPLE)
    people.spend(quota.allowance(Purpose.PRESENT))
    # When
    world.sync(account)
    # Then
    assert world.sync_states.get(account.id).last_error == ""
    assert world.sync_states.get(account.id).paused_until is None


def test_a_slow_renewal_of_the_token_pauses_nobody(world: World, account: Account) -> None:
    """Another function held our own lock: the provider had asked for nothing."""
    # Given
    world.clock.advance(2 * HOUR)  # the access token is old
    lifetime = timedelta(seconds=30)
    world.locks.acquire(
        f"token#{account.id}", holder="other", now=world.clock.now(), lifetime=lifetime
    )
    # When
    world.sync(account)
    # Then
    assert world.sync_states.get(account.id).paused_until is None


def test_the_wait_for_an_owner_is_no_outage_of_the_provider(world: World, account: Account) -> None:
    """After days without consent the provider's first hiccup cost a quarter of an hour."""
    # Given an owner who comes back late
    world.simulator.control("POST", "expire", json={"what": "consents"})
    world.clock.advance(2 * HOUR)
    world.ring(account)
    world.work_off()
    world.clock.advance(2 * DAY)
    back = world.connect(ADDRESS)
    world.work.waiting.clear()
    world.clock.advance(MINUTE)
    # When
    world.simulator.fail_calls("any", status=503)
    world.sync(back)
    # Then
    assert world.sync_states.get(back.id).last_error
    assert world.sync_states.due(now=world.clock.now() + MINUTE, limit=1) == [back.id]


# ── Ends ─────────────────────────────────────────────────────────────────────────────────────


@MICROSOFT_ALONE
def test_a_late_worker_does_not_leave_an_account_without_its_watch(world: World) -> None:
    """It met a conflict, deleted the good subscription, made its own, and had lost its lease."""
    # Given a worker that sleeps before its first call, while another one does everything
    world.turn_pushes_on()
    world.simulator.add_mailbox(ADDRESS, messages=3, seed=1)
    account = world.connect(ADDRESS)
    vault = world.vault

    def somebody_else() -> None:
        world.vault = vault
        world.clock.advance(LEASE_LIFETIME * 2)
        world.sync(account)

    world.vault = interrupted(vault, before="read", by=somebody_else)
    world.sync(account)
    world.work_off()
    world.receive_pushes()
    world.work_off()
    # When
    world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS, subject="News"))
    world.receive_pushes()
    world.work_off()
    # Then
    assert "News" in world.subjects(account.id)


def test_an_erasure_that_cannot_go_on_is_called_once_at_a_time(
    world: World, account: Account
) -> None:
    """The endpoint that withdraws consents was down, and each sweep added a chain of calls."""
    # Given
    world.simulator.fail({"path": "revoke", "status": 503})
    world.simulator.fail_calls("token", status=503)
    world.clock.advance(2 * HOUR)
    # When
    disconnect_account(account=account, tools=world.tools)
    pass_time(world, 4 * HOUR, sweep=MINUTE)
    # Then
    assert len(_calls_waiting(world, WorkKind.BACKFILL)) <= 2
