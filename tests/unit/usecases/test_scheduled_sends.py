"""Sending later: at its time, once, unless it is called back; its follower hears how it ended."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import Conflict, InvalidRequest, NotFound
from postroom.domain.event import EventType
from postroom.domain.outgoing import (
    LATEST_SEND_AT,
    STATUS_LIFETIME,
    OutboxEntry,
    OutgoingAttachment,
    SendState,
)
from postroom.usecases.disconnect_account import disconnect_account
from postroom.usecases.scheduled_sends import (
    cancel_scheduled_send,
    find_scheduled_send,
    list_scheduled_sends,
)
from tests.fakes import WorkKind
from tests.interruptions import Death, WritesUntilDeath, accompanied, interrupted
from tests.sending_storm import NOT_NOW
from tests.unit.usecases.sends import (
    ROSA,
    STORE_FAILURES,
    connected,
    failing,
    let_come,
    received,
    send,
)
from tests.world import World

SOON, LATER = timedelta(minutes=10), timedelta(days=3)
PHOTO = OutgoingAttachment(filename="maçã.png", content_type="image/png", content=b"\x89PNG" * 9)


@pytest.fixture
def account(world: World) -> Account:
    """Rosa's connected mailbox; Ana has one at the provider, too."""
    return connected(world)


def _schedule(world: World, account: Account, wait: timedelta, **changed: Any) -> OutboxEntry:
    result = send(world, account, send_at=world.clock.now() + wait, **changed)
    assert not result.has_left
    return result.entry


def _find(world: World, entry: OutboxEntry) -> OutboxEntry:
    return find_scheduled_send(account_id=entry.account_id, wanted=entry.id, tools=world.send_tools)


def _cancel(world: World, entry: OutboxEntry) -> None:
    cancel_scheduled_send(account_id=entry.account_id, wanted=entry.id, tools=world.send_tools)


def _listed(world: World, account: Account) -> list[str]:
    found = list_scheduled_sends(account_id=account.id, tools=world.send_tools)
    return [entry.id for entry in found]


@pytest.mark.parametrize("wait", [SOON, LATER])
def test_a_message_leaves_at_its_time(world: World, account: Account, wait: timedelta) -> None:
    """With its files, dated when it leaves; by a queue for minutes, by a schedule for days."""
    entry = _schedule(world, account, wait, attachments=(PHOTO,))
    assert bool(world.scheduler.waiting) == (wait is LATER)
    assert _find(world, entry).state is SendState.QUEUED
    assert received(world) == []

    let_come(world, entry.wanted_at)

    (arrived,) = received(world)
    assert [file["filename"] for file in arrived["attachments"]] == ["maçã.png"]
    assert world.stored(account.id)[_sent_id(world, entry)].received_at >= entry.wanted_at
    assert _find(world, entry).state is SendState.SENT
    assert [(event.type, event.object_id) for event in world.told()] == [
        (EventType.MESSAGE_SENT, entry.id)
    ]
    assert world.kept() == []
    world.assert_equal(account)


def _sent_id(world: World, entry: OutboxEntry) -> str:
    sent = _find(world, entry).sent
    assert sent is not None
    return sent.provider_id


@pytest.mark.parametrize("wait", [None, SOON, LATER])
def test_what_the_application_notes_stands_on_the_message(
    world: World, account: Account, wait: timedelta | None
) -> None:
    """Whether it leaves now or later, and when the answer to its sending is lost, too."""
    world.simulator.fail_calls("send", drop=True, after_effect=True, times=1)
    at = None if wait is None else world.clock.now() + wait
    entry = send(world, account, send_at=at, metadata=(("key1", "order-17"),)).entry
    let_come(world, entry.wanted_at)
    sent = world.outbox.get(account.id, entry.id).sent
    assert sent is not None
    assert world.stored(account.id)[sent.provider_id].metadata == {"key1": "order-17"}


@pytest.mark.parametrize("is_lost", [False, True])
def test_whoever_hears_that_a_message_left_can_read_it(
    world: World, account: Account, *, is_lost: bool
) -> None:
    """It was 404, and in no list, until the next sync; its answer may have been lost, too."""
    entry, readable = _schedule(world, account, SOON, metadata=(("key1", "17"),)), list[int]()
    if is_lost:
        world.simulator.fail_calls("send", drop=True, after_effect=True, times=1)
        world.simulator.fail_calls("message", status=503, times=9)  # Outlook is asked at once
    world.outbox = accompanied(
        world.outbox, "settle", by=lambda: readable.append(len(world.stored(account.id)))
    )
    world.clock.advance(SOON)
    while _find(world, entry).state is not SendState.SENT:
        work = world.work.take(WorkKind.SETTLE_SEND)
        assert work is not None
        world.clock.advance(work.delay)
        world.do(work)
        world.simulator.control("DELETE", "faults")

    (message,) = world.stored(account.id).values()
    assert (message.provider_id, message.metadata) == (_sent_id(world, entry), {"key1": "17"})
    assert readable[-1] == 1
    assert world.work.take(WorkKind.SYNC) is not None


@pytest.mark.parametrize("failure", STORE_FAILURES, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize(
    "call", ["contents.put_many", "messages.put", "messages.note", "sync_states.ring"]
)
def test_a_copy_that_cannot_be_stored_ends_no_send_and_repeats_none(
    world: World, account: Account, call: str, failure: Exception
) -> None:
    """It left, once, and is said to have; the sync stores it."""
    entry = _schedule(world, account, SOON, metadata=(("key1", "17"),))
    world.clock.advance(SOON)

    with failing(world, call, failure):
        world.do_next(WorkKind.SETTLE_SEND)

    assert (_find(world, entry).state, len(received(world))) == (SendState.SENT, 1)
    world.ring(account)
    world.work_off()
    assert world.stored(account.id)[_sent_id(world, entry)].metadata == {"key1": "17"}
    assert [event.type for event in world.told()] == [EventType.MESSAGE_SENT]
    assert (len(received(world)), world.kept()) == (1, [])


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 404}, NOT_NOW, {"drop": True}])
def test_a_copy_that_cannot_be_fetched_ends_no_send_and_repeats_none(
    world: World, account: Account, fault: dict[str, Any]
) -> None:
    """What is noted about it stays, too, though its provider does not find it at once."""
    entry = _schedule(world, account, SOON, metadata=(("key1", "17"),))
    world.clock.advance(SOON)
    world.simulator.fail_calls("message", method="GET", **fault)

    world.do_next(WorkKind.SETTLE_SEND)

    assert (_find(world, entry).state, len(received(world))) == (SendState.SENT, 1)
    world.simulator.control("DELETE", "faults")
    world.clock.advance(timedelta(minutes=10))
    world.ring(account)
    world.work_off()
    assert world.stored(account.id)[_sent_id(world, entry)].metadata == {"key1": "17"}
    assert len(received(world)) == 1


@pytest.mark.parametrize("deadly", range(1, 9))
def test_a_worker_that_dies_once_its_message_has_left_sends_it_once(
    world: World, account: Account, deadly: int
) -> None:
    """Wherever it was: the next call finds the message at the provider, and its copy is one."""
    entry = _schedule(world, account, SOON, metadata=(("key1", "17"),))
    world.clock.advance(SOON)
    stores = world.messages, world.contents, world.folders, world.sync_states, world.outbox
    writes = WritesUntilDeath(deadly)
    world.messages = writes.of(world.messages, "note", "put")
    world.contents = writes.of(world.contents, "put_many")
    world.folders = writes.of(world.folders, "expect")
    world.sync_states = writes.of(world.sync_states, "ring")
    world.outbox = writes.of(world.outbox, "settle")
    with suppress(Death):
        world.do_next(WorkKind.SETTLE_SEND)
    world.messages, world.contents, world.folders, world.sync_states, world.outbox = stores

    world.work_off()

    assert writes.happened
    assert (_find(world, entry).state, len(received(world))) == (SendState.SENT, 1)
    assert [event.type for event in world.told()] == [EventType.MESSAGE_SENT]
    assert world.stored(account.id)[_sent_id(world, entry)].metadata == {"key1": "17"}
    world.assert_equal(account)


@pytest.mark.parametrize("wait", [SOON, LATER])
def test_a_call_that_comes_twice_sends_once(
    world: World, account: Account, wait: timedelta
) -> None:
    """Queues and schedules call at least once."""
    entry = _schedule(world, account, wait)
    let_come(world, entry.wanted_at)
    for _ in range(2):
        world.work.settle_send(account.id, entry.id, attempt=0, delay=timedelta())
        world.work_off()
    assert len(received(world)) == 1


def test_a_call_that_comes_too_early_comes_again(world: World, account: Account) -> None:
    """A queue holds nothing back for more than fifteen minutes; the row knows the time."""
    entry = _schedule(world, account, LATER)
    world.work.settle_send(account.id, entry.id, attempt=0, delay=timedelta())
    world.do_next(WorkKind.SETTLE_SEND)
    assert received(world) == []
    (again,) = world.work.waiting
    assert again.delay == timedelta(minutes=15)


@pytest.mark.parametrize("wait", [SOON, LATER])
def test_a_send_that_is_called_back_never_leaves(
    world: World, account: Account, wait: timedelta
) -> None:
    """Nothing of it is kept, and to call it back again is fine."""
    entry = _schedule(world, account, wait)
    for _ in range(2):
        _cancel(world, entry)
    assert _find(world, entry).state is SendState.CANCELLED
    assert (world.kept(), world.scheduler.waiting) == ([], {})

    let_come(world, entry.wanted_at)

    assert received(world) == []
    assert world.told() == []


def test_what_has_left_cannot_be_called_back(world: World, account: Account) -> None:
    """A clear refusal instead of a promise that cannot be kept."""
    entry = _schedule(world, account, SOON)
    let_come(world, entry.wanted_at)
    with pytest.raises(Conflict):
        _cancel(world, entry)


def test_a_send_is_either_called_back_or_sent(world: World, account: Account) -> None:
    """Called back in the moment in which the worker claims it: the row decides, once."""
    entry = _schedule(world, account, SOON)
    world.clock.advance(SOON)
    outbox = world.outbox
    world.outbox = interrupted(outbox, before="replace", by=lambda: _cancel(world, entry))
    world.work_off()
    world.outbox = outbox
    assert _find(world, entry).state is SendState.CANCELLED
    assert received(world) == []


def test_every_send_can_be_called_back_for_as_long_as_the_owner_wants(
    world: World, account: Account
) -> None:
    """With an undo window nothing leaves before it is over."""
    world.undo_window = timedelta(seconds=20)
    first, second = send(world, account), send(world, account, subject="No!")
    assert (first.has_left, second.has_left) == (False, False)
    _cancel(world, second.entry)
    world.work_off()
    assert [each["subject"] for each in received(world)] == ["Olá"]


def test_the_same_key_schedules_once(world: World, account: Account) -> None:
    """A repeated request gets the first one's schedule; another time under it is a conflict."""
    at = world.clock.now() + LATER
    first = send(world, account, "order-17", send_at=at)
    again = send(world, account, "order-17", send_at=at)
    assert (again.entry, again.replayed) == (first.entry, True)
    assert (len(world.scheduler.waiting), len(world.kept())) == (1, 1)
    with pytest.raises(Conflict):
        send(world, account, "order-17", send_at=at + timedelta(hours=1))
    _cancel(world, first.entry)
    with pytest.raises(Conflict):
        send(world, account, "order-17", send_at=at)


def test_two_requests_at_once_leave_one_schedule(world: World, account: Account) -> None:
    """Whoever loses the row takes its own schedule and content back, and nothing else."""
    at = world.clock.now() + LATER
    outbox = world.outbox

    def come_first() -> None:
        world.outbox = outbox
        send(world, account, "order-17", send_at=at)

    world.outbox = interrupted(outbox, before="claim", by=come_first)
    second = send(world, account, "order-17", send_at=at)
    assert second.replayed
    assert list(world.scheduler.waiting) == world.kept() == [second.entry.kept_as]
    let_come(world, at)
    assert len(received(world)) == 1


@pytest.mark.parametrize(
    "wait", [timedelta(), timedelta(seconds=30), -LATER, LATEST_SEND_AT + timedelta(minutes=1)]
)
def test_a_time_that_cannot_be_kept_is_refused(
    world: World, account: Account, wait: timedelta
) -> None:
    """Too soon, past, or beyond a year; nothing is kept and nobody is called."""
    with pytest.raises(InvalidRequest) as refusal:
        send(world, account, send_at=world.clock.now() + wait)
    assert refusal.value.field == "send_at"
    assert (world.kept(), world.work.waiting, world.scheduler.waiting) == ([], [], {})


def test_sends_are_listed_while_they_wait_and_three_days_after(
    world: World, account: Account
) -> None:
    """The next one first; what was sent at once is not among them."""
    later, soon = _schedule(world, account, LATER), _schedule(world, account, SOON)
    at_once = send(world, account)
    assert _listed(world, account) == [soon.id, later.id]
    with pytest.raises(NotFound):
        _find(world, at_once.entry)

    let_come(world, soon.wanted_at)
    ended_at = _find(world, soon).closed_at
    assert ended_at is not None
    world.clock.advance(ended_at + STATUS_LIFETIME - timedelta(minutes=1) - world.clock.now())
    assert soon.id in _listed(world, account)
    world.clock.advance(timedelta(minutes=2))
    assert soon.id not in _listed(world, account)


def test_a_consent_that_died_meanwhile_is_told(world: World, account: Account) -> None:
    """The send fails with the reason; it does not leave by surprise when the consent is back."""
    entry = _schedule(world, account, LATER)
    world.simulator.control("POST", "expire", json={"what": "access_tokens"})
    world.simulator.control("POST", "expire", json={"what": "refresh_tokens"})

    let_come(world, entry.wanted_at)

    failed = _find(world, entry)
    assert failed.state is SendState.REJECTED
    assert failed.error
    (event,) = world.told()
    assert (event.type, event.object_id) == (EventType.MESSAGE_NOT_SENT, entry.id)
    assert event.reason == failed.error
    world.connect(ROSA)
    world.work_off()
    assert received(world) == []
    assert world.kept() == []


def test_a_provider_that_is_down_at_the_time_gets_it_later(world: World, account: Account) -> None:
    """A 429 and a 503 that say that nothing was sent postpone it."""
    entry = _schedule(world, account, SOON)
    world.simulator.fail_calls("send", status=429, headers={"Retry-After": "90"}, times=2)
    let_come(world, entry.wanted_at)
    assert len(received(world)) == 1
    assert _find(world, entry).state is SendState.SENT


def test_a_provider_that_is_full_for_a_day_ends_it(world: World, account: Account) -> None:
    """It is said to have failed, and why, instead of leaving a day late or being dropped."""
    entry = _schedule(world, account, SOON)
    world.simulator.fail_calls("send", status=429)
    let_come(world, entry.wanted_at)
    failed = _find(world, entry)
    assert failed.state is SendState.REJECTED
    assert world.clock.now() - entry.wanted_at > timedelta(hours=23)
    assert [event.type for event in world.told()] == [EventType.MESSAGE_NOT_SENT]


@pytest.mark.parametrize("wait", [SOON, LATER])
def test_a_call_that_comes_days_late_sends_nothing(
    world: World, account: Account, wait: timedelta
) -> None:
    """Given back from the dead letters, it sent a mail of ten days ago; now it tells why it failed.

    A schedule that fires as late is no better.
    """
    entry = _schedule(world, account, wait)
    world.clock.advance(wait + timedelta(days=10))

    world.strike()
    world.work_off()

    failed = _find(world, entry)
    assert failed.state is SendState.REJECTED
    assert "within a day" in failed.error
    assert [(event.type, event.reason) for event in world.told()] == [
        (EventType.MESSAGE_NOT_SENT, failed.error)
    ]
    assert (received(world), world.kept()) == ([], [])


def test_an_account_that_is_removed_takes_its_sends_along(world: World, account: Account) -> None:
    """No schedule, no content and no row is left, and nothing leaves."""
    entry = _schedule(world, account, LATER)
    disconnect_account(account=account, tools=world.tools)
    world.work_off()
    assert (world.kept(), world.scheduler.waiting) == ([], {})
    with pytest.raises(NotFound):
        world.outbox.get(account.id, entry.id)
    let_come(world, entry.wanted_at)
    assert received(world) == []


@pytest.mark.parametrize("deadly", [1, 2, 3])
def test_a_death_while_scheduling_leaves_all_or_nothing(
    world: World, account: Account, deadly: int
) -> None:
    """Dead before the row: nothing leaves, and the key is free. The caller's repetition sends."""
    at = world.clock.now() + LATER
    stores = world.outgoing, world.scheduler, world.outbox
    writes = WritesUntilDeath(deadly)
    world.outgoing = writes.of(world.outgoing, "put")
    world.scheduler = writes.of(world.scheduler, "schedule")
    world.outbox = writes.of(world.outbox, "claim")
    with pytest.raises(Death):
        send(world, account, "order-17", send_at=at)
    world.outgoing, world.scheduler, world.outbox = stores

    entry = send(world, account, "order-17", send_at=at).entry
    let_come(world, entry.wanted_at)

    assert len(received(world)) == 1
