"""Calls for sends that never come, and the sweep that makes them again."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import Conflict
from postroom.domain.event import EventType
from postroom.domain.ids import AccountId, OutboxId
from postroom.domain.outgoing import (
    ABSENT_AFTER,
    CALL_LOST_AFTER,
    CRASH_LOOKUP_DELAY,
    OutboxEntry,
    SendState,
)
from postroom.domain.send_request import UploadedFile
from postroom.usecases.wake_overdue_sends import wake_overdue_sends
from tests.fakes import InMemoryUploadStore, QueuedWork, RecordingQueue, WorkKind
from tests.interruptions import Death, interrupted
from tests.sending_storm import NOT_NOW
from tests.unit.usecases.sends import SlowUploads, connected, received, send, upload
from tests.world import World

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


class LosingQueue(RecordingQueue):
    """Loses every call for a send but those that the sweep makes."""

    is_swept = False

    def settle_send(
        self, account_id: AccountId, outbox_id: OutboxId, *, attempt: int, delay: timedelta
    ) -> None:
        """Lose a call."""
        if self.is_swept:
            super().settle_send(account_id, outbox_id, attempt=attempt, delay=delay)


@pytest.fixture
def account(world: World) -> Account:
    """Rosa's connected mailbox; Ana has one at the provider, too."""
    return connected(world)


def _send(
    world: World, account: Account, wait: timedelta | None = None, *files: UploadedFile
) -> None:
    at = None if wait is None else world.clock.now() + wait
    send(world, account, "order-17", send_at=at, attachments=files)


def _die() -> None:
    raise Death


def _leave_and_die(world: World, account: Account) -> None:
    outbox = world.outbox
    world.outbox = interrupted(outbox, before="settle", by=_die)
    with pytest.raises(Death):
        _send(world, account)
    world.outbox = outbox


def _die_before_it_leaves(world: World, account: Account) -> None:
    vault = world.vault
    world.vault = interrupted(vault, before="read", by=_die)
    with pytest.raises(Death):
        _send(world, account)
    world.vault = vault


def _get_no_answer(world: World, account: Account) -> None:
    world.simulator.fail_calls("send", drop=True, after_effect=True, times=1)
    world.simulator.fail_calls("message", status=503, times=9)  # Outlook is asked at once
    _send(world, account)


def _reach_nobody(world: World, account: Account) -> None:
    world.simulator.fail_calls("send", drop=True, times=1)
    _send(world, account)


def _fall_silent(world: World, account: Account) -> None:
    world.simulator.fail_calls("send", drop=True)
    _send(world, account)
    world.simulator.fail_calls("any", drop=True)


def _wait_for_minutes(world: World, account: Account) -> None:
    _send(world, account, timedelta(minutes=10))


def _wait_for_days(world: World, account: Account) -> None:
    _send(world, account, 3 * DAY)
    world.scheduler.waiting.clear()


def _wait_twice(world: World, account: Account) -> None:
    _wait_for_minutes(world, account)
    world.simulator.fail_calls("send", times=2, **NOT_NOW)


def _hand_over_in_pieces(world: World, account: Account) -> None:
    assert isinstance(world.uploads, InMemoryUploadStore)
    _send(world, account, None, upload(world, account))
    world.uploads = SlowUploads(world.uploads, world.clock, MINUTE)


def _sweep(world: World) -> int:
    return wake_overdue_sends(outbox=world.outbox, work=world.work, clock=world.clock)


def _let_the_sweep_alone_call(world: World, *, by: timedelta) -> None:
    """Let time pass in which nobody is called for a send but by the sweep."""
    queue = world.work
    assert isinstance(queue, LosingQueue)
    until = world.clock.now() + by
    while world.clock.now() < until:
        queue.is_swept = True
        _sweep(world)
        queue.is_swept = False
        while (work := queue.take()) is not None:
            world.do(work)
        world.clock.advance(5 * MINUTE)


def _entries(world: World, account: Account) -> list[OutboxEntry]:
    return [
        world.outbox.get(account_id, outbox_id)
        for account_id, outbox_id in world.outbox.overdue(
            now=world.clock.now() + 400 * DAY, limit=10
        )
        if account_id == account.id
    ]


@pytest.mark.parametrize(
    "begin",
    [
        _leave_and_die,
        _die_before_it_leaves,
        _get_no_answer,
        _reach_nobody,
        _wait_for_minutes,
        _wait_for_days,
        _wait_twice,
        _hand_over_in_pieces,
    ],
)
def test_a_mail_leaves_once_though_every_call_is_lost(
    world: World, account: Account, begin: Callable[[World, Account], None]
) -> None:
    """A queue that delivers nothing left sends open for ever; the sweep takes each to its end."""
    world.work = LosingQueue()
    begin(world, account)
    [entry] = _entries(world, account)

    _let_the_sweep_alone_call(world, by=max(entry.wanted_at - world.clock.now(), MINUTE) + DAY / 4)

    assert len(received(world)) == 1
    ended = world.outbox.get(account.id, entry.id)
    assert (ended.state, ended.error) == (SendState.SENT, "")
    assert [event.type for event in world.told()] == [EventType.MESSAGE_SENT] * ended.is_followed
    assert (world.kept(), _entries(world, account)) == ([], [])


@pytest.mark.parametrize("begin", [_leave_and_die, _die_before_it_leaves])
def test_a_key_whose_function_has_died_is_not_at_work_for_long(
    world: World, account: Account, begin: Callable[[World, Account], None]
) -> None:
    """Its call was lost, too: for twenty minutes its author was told that somebody was at work.

    Once no function can be at work any more, whoever asks has it looked up, and can follow it.
    """
    queue = world.work = LosingQueue()
    begin(world, account)
    world.clock.advance(CRASH_LOOKUP_DELAY - SECOND)
    with pytest.raises(Conflict):
        _send(world, account)

    world.clock.advance(SECOND)
    queue.is_swept = True
    result = send(world, account, "order-17")
    assert (result.replayed, result.entry.is_followed) == (True, True)
    assert len(queue.waiting) == 1
    world.work_off()

    assert send(world, account, "order-17").has_left
    assert len(received(world)) == 1
    assert world.kept() == []


def test_a_mail_that_is_tried_again_after_a_death_can_be_followed(
    world: World, account: Account
) -> None:
    """Its look-up came late, and found it not sent; then it was put off: its key was a conflict."""
    _die_before_it_leaves(world, account)
    world.clock.advance(ABSENT_AFTER)
    world.simulator.fail_calls("send", times=1, **NOT_NOW)
    world.do_next(WorkKind.SETTLE_SEND)

    result = send(world, account, "order-17")

    assert (result.entry.state, result.replayed) == (SendState.QUEUED, True)
    assert not result.has_left
    world.work_off()
    assert send(world, account, "order-17").has_left
    assert len(received(world)) == 1


def test_what_nobody_knows_is_followed_to_its_end_though_every_call_is_lost(
    world: World, account: Account
) -> None:
    """A provider that is silent for a day: its end is told, and then nobody is called any more."""
    world.work = LosingQueue()
    _fall_silent(world, account)
    [entry] = _entries(world, account)

    _let_the_sweep_alone_call(world, by=DAY + timedelta(hours=1))

    ended = world.outbox.get(account.id, entry.id)
    assert ended.state is SendState.UNKNOWN
    assert ended.closed_at is not None
    assert [event.type for event in world.told()] == [EventType.MESSAGE_NOT_SENT]
    assert _entries(world, account) == []


def test_a_sweep_beside_calls_that_come_twice_makes_no_more_of_them(
    world: World, account: Account
) -> None:
    """Every call for a send that nobody knows of calls again: two of them must not go on for ever.

    For six hours, in which the provider is silent, each call comes twice and the sweep every
    minute.
    """
    _fall_silent(world, account)
    agenda = [(world.clock.now() + work.delay, work) for work in _taken(world)]
    done = 0
    for _ in range(6 * 60):
        _sweep(world)
        for _ in range(len(agenda)):
            at, work = agenda.pop(0)
            if at > world.clock.now():
                agenda.append((at, work))
                continue
            for _ in range(2):
                world.do(work)
                done += 1
        agenda += [(world.clock.now() + work.delay, work) for work in _taken(world)]
        assert len(agenda) <= 4
        world.clock.advance(MINUTE)
    # Each quarter of an hour one that looks, one that comes twice, and their sequels.
    assert done < 6 * 4 * 4 + 20


def _taken(world: World) -> list[QueuedWork]:
    found = []
    while (work := world.work.take(WorkKind.SETTLE_SEND)) is not None:
        found.append(work)
    return found


def test_one_sweep_calls_once(world: World, account: Account) -> None:
    """Until a call can have been lost again; sweeps that meet do not add to the queue."""
    world.work = LosingQueue()
    _wait_for_minutes(world, account)
    world.work = RecordingQueue()
    world.clock.advance(timedelta(minutes=10))
    assert _sweep(world) == 0
    world.clock.advance(CALL_LOST_AFTER)
    assert [_sweep(world), _sweep(world)] == [1, 0]
    world.clock.advance(CALL_LOST_AFTER)
    assert _sweep(world) == 1
    assert len(world.work.waiting) == 2


def test_sends_of_an_erased_account_are_not_called_for_ever(world: World, account: Account) -> None:
    """Something was written beside its erasure: the worker removes it, and nothing leaves."""
    _wait_for_minutes(world, account)
    world.work = RecordingQueue()
    world.accounts.delete(account.id)
    world.clock.advance(timedelta(hours=1))

    assert _sweep(world) == 1
    world.work_off()

    assert _entries(world, account) == []
    assert world.kept() == []
    assert received(world) == []
