"""Large mailboxes under the worst conditions: quotas, deaths, and an owner who does not wait.

Workers are processes of their own; the stores, the provider and the clock are in the test's. The
clock goes on with what workers call. `SIZE=500000 make test-long` reads larger
mailboxes; far smaller ones have too few chunks for all that is asserted.
"""

import heapq
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from itertools import count, pairwise

import pytest

from postroom.domain.account import ProviderName
from postroom.domain.ids import ProviderMessageId, message_id
from postroom.domain.sync import SyncState
from postroom.providers.quotas import quotas
from postroom.usecases.wake_due_accounts import wake_due_accounts
from tests.fakes import QueuedWork, WorkKind
from tests.long.mortal_workers import VISIBILITY_TIMEOUT
from tests.processes.worker_process import PROVIDER, BeforeCall, Call, WorkerProcess, at_call
from tests.world import World, make_mail

pytestmark = [pytest.mark.long, pytest.mark.parametrize("provider", ProviderName)]

ADDRESS = "rosa@mail.example"
SIZE = int(os.environ.get("SIZE", "100000"))
"""Messages in the mailbox that is read for the first time."""
SIZE_READ_AGAIN = 5_000
SEED = 20

MEMORY_LIMIT_BYTES = 256 * 2**20
CHUNK_LIMIT = timedelta(minutes=1)
SWEEP_INTERVAL = timedelta(minutes=1)
PUSH_LIMIT = timedelta(minutes=3)
"""From a push to its mail being stored, should its worker die just when the quota is used up."""
QUOTA_SCALE = 5
"""Of Gmail's usual quota: with more of it there is less waiting to be simulated."""
UNITS_PER_MESSAGE = 15
"""Of Gmail's quota, with all that is repeated after deaths; a message fetched alone costs 20."""
LARGEST_PUT = 100
"""Messages that a store is given at once: what a worker holds does not grow with the mailbox."""
MOST_STEPS = 10_000
"""Of workers in one reading of a mailbox; far more than are needed."""

STORE_CALL = timedelta(milliseconds=10)
LATENCIES = {
    (PROVIDER, "GET"): timedelta(milliseconds=400),
    (PROVIDER, "POST"): timedelta(seconds=1),
    ("messages", "put"): timedelta(milliseconds=100),
    ("contents", "put_many"): timedelta(milliseconds=100),
}
"""What calls take on AWS, or longer. A POST is a batch."""


class LargeMailbox:
    """A mailbox that two workers read, one for each lane, while its owner uses it.

    The test is the queues, too: work is done when its delay is over, and what a dead worker had
    taken comes back after the queue's visibility timeout.
    """

    def __init__(self, provider: ProviderName, size: int) -> None:
        self.size = size
        self.world = World(provider=provider)
        self.world.quotas = quotas(gmail_units_a_minute=6_000 * QUOTA_SCALE, gmail_units_a_day=0)
        simulator = self.world.simulator
        simulator.add_mailbox(ADDRESS, messages=size, seed=SEED)
        simulator.control(
            "POST", "settings", json={"enforce_quota": True, "quota_scale": QUOTA_SCALE}
        )
        self.account = self.world.connect(ADDRESS)
        self._dice = random.Random(SEED)  # noqa: S311 - a test's dice
        self._living = self._some_messages()
        self._queue: list[tuple[datetime, int, QueuedWork]] = []
        self._numbers = count()
        self._swept_at = self.world.clock.now()
        self._spare = WorkerProcess(self.world)
        self._workers = {kind: self._worker(kind) for kind in (WorkKind.SYNC, WorkKind.BACKFILL)}
        self.chunks: list[timedelta] = []
        """How long each worker of the reading has worked."""
        self.progress: list[SyncState] = []
        self._begun = Counter[WorkKind]()
        self.deaths = Counter[WorkKind]()
        self.peak_memory_bytes = 0
        self.largest_put = 0
        self._pushed: dict[ProviderMessageId, datetime] = {}
        self.waits_for_pushed: list[timedelta] = []
        """From each push to its mail being stored."""
        self._deleted: set[ProviderMessageId] = set()
        self._deleted_and_stored: set[ProviderMessageId] = set()
        self._ended: set[ProviderMessageId] = set()

    @property
    def state(self) -> SyncState:
        """How far the sync is."""
        return self.world.sync_states.get(self.account.id)

    @property
    def units(self) -> int:
        """What Gmail has counted so far."""
        return int(self.world.simulator.control("GET", "usage")["totals"]["units"])

    @property
    def seen_ends(self) -> int:
        """How many stored messages were seen to go because their owner deleted them."""
        return len(self._ended)

    # ── What workers do ──────────────────────────────────────────────────────────────────────

    def read(self) -> None:
        """Let workers work until nothing waits any more."""
        for _ in range(MOST_STEPS):
            work = self._next_work()
            if work is None:
                return
            self._use()
            began_at = self.world.clock.now()
            if self._do(work, self._disturbance(work.kind)):
                self._enqueue(work, VISIBILITY_TIMEOUT)
            elif work.kind is WorkKind.BACKFILL:
                self.chunks.append(self.world.clock.now() - began_at)
            self._look()
        raise AssertionError(f"work goes on after {MOST_STEPS} steps")

    def settle(self) -> None:
        """Let time pass and the sweep come."""
        world = self.world
        for _ in range(3):
            world.clock.advance(timedelta(minutes=16))
            self._sweep()
            world.work_off()
        self._look()

    def ring(self) -> None:
        """Ring without a hint of what has changed."""
        self.world.sync_states.ring(self.account.id)
        self.world.work.sync(self.account.id)

    def close(self) -> None:
        """End the workers."""
        for worker in (self._spare, *self._workers.values()):
            worker.kill()

    def delete(self, number: int) -> None:
        """Delete messages for good."""
        for _ in range(number):
            self._delete(self._living.pop(self._dice.randrange(len(self._living))))

    def _do(self, work: QueuedWork, disturbance: BeforeCall | None = None) -> bool:
        """Do some work in its process; answers whether the worker was killed over it."""
        worker = self._workers[work.kind]
        if disturbance is not None:
            worker.before_calls.append(disturbance)
        outcome = worker.do(work)
        if outcome.killed:
            self.deaths[work.kind] += 1
            self._workers[work.kind] = self._worker(work.kind)
        elif disturbance is not None:
            worker.before_calls.remove(disturbance)
        self.peak_memory_bytes = max(self.peak_memory_bytes, outcome.peak_memory_bytes)
        return outcome.killed

    def _worker(self, kind: WorkKind) -> WorkerProcess:
        watches = [self._watch_puts]
        if kind is WorkKind.BACKFILL:  # the present is followed beside it, in the same time
            watches += [self._let_time_pass, self._hand_out_more]
        return WorkerProcess(self.world, before_calls=watches)

    def _let_time_pass(self, call: Call) -> None:
        self.world.clock.advance(LATENCIES.get((call.store, call.name), STORE_CALL))

    def _hand_out_more(self, call: Call) -> None:
        """What else calls for the reading while it is at work goes to another worker, and ends."""
        if call.store == PROVIDER:
            self._take_in()
            now, others = self.world.clock.now(), []
            for entry in self._queue:
                due_at, _, work = entry
                if work.kind is WorkKind.BACKFILL and due_at <= now:
                    self._spare.do(work)
                else:
                    others.append(entry)
            self._queue = others
            heapq.heapify(self._queue)

    def _watch_puts(self, call: Call) -> None:
        if (call.store, call.name) == ("messages", "put"):
            self.largest_put = max(self.largest_put, len(call.arguments[0]))

    def _next_work(self) -> QueuedWork | None:
        """Take what is due next, and let the sweep come every minute until then."""
        self._take_in()
        while self._queue:
            due_at = self._queue[0][0]
            sweep_at = self._swept_at + SWEEP_INTERVAL
            if due_at <= sweep_at:
                self._wait_until(due_at)
                return heapq.heappop(self._queue)[-1]
            self._wait_until(sweep_at)
            self._sweep()
            self._take_in()
        return None

    def _wait_until(self, time: datetime) -> None:
        self.world.clock.advance(max(timedelta(), time - self.world.clock.now()))

    def _sweep(self) -> None:
        world = self.world
        wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)
        self._swept_at = world.clock.now()

    def _take_in(self) -> None:
        waiting, self.world.work.waiting = self.world.work.waiting, []
        for work in waiting:
            self._enqueue(work, work.delay)

    def _enqueue(self, work: QueuedWork, delay: timedelta) -> None:
        due_at = self.world.clock.now() + delay
        heapq.heappush(self._queue, (due_at, next(self._numbers), work))

    # ── What happens meanwhile ───────────────────────────────────────────────────────────────

    def _use(self) -> None:
        """Do what owners do; the doorbell rings for some of it."""
        read, star, label, trash = self._dice.sample(self._living, 4)
        self.world.simulator.change(
            ADDRESS,
            {"op": "read", "id": read},
            {"op": "star", "id": star},
            {"op": "label", "id": label, "folder": "Work"},
            {"op": "trash", "id": trash},
        )
        self.delete(2)
        if self._dice.random() < 0.2:
            self.ring()

    def _disturbance(self, kind: WorkKind) -> BeforeCall | None:
        """Return what happens in the middle of a worker's work, if anything does.

        In the second half of a reading nobody dies: one worker reads on to the end.
        """
        self._begun[kind] += 1
        is_reading, dice = kind is WorkKind.BACKFILL, self._dice.random()
        moment = self._dice.randint(1, 100 if is_reading else 30)
        if self._begun[kind] % 4 == 2 and self.state.stored < self.size / 2:
            return at_call(moment, self._workers[kind].kill)
        if is_reading and dice < 0.4:
            return at_call(moment, self._push)
        if is_reading and dice < 0.7:
            return self._snatch()
        return None

    def _push(self) -> None:
        """Let mail come, and its push call the worker of the present."""
        pushed = ProviderMessageId(self.world.simulator.deliver(ADDRESS, make_mail(to=ADDRESS)))
        self._pushed[pushed] = self.world.clock.now()
        self._follow_push(pushed)

    def _follow_push(self, message: ProviderMessageId) -> None:
        self.world.sync_states.ring(self.account.id)
        hints = () if self.world.provider is ProviderName.GOOGLE else (message,)
        self._do(QueuedWork(kind=WorkKind.SYNC, account_id=self.account.id, hints=hints))
        self._look()

    def _snatch(self) -> BeforeCall:
        """Delete a message that a worker is about to store, and have its end followed before."""
        left = [1]

        def before_call(call: Call) -> None:
            if left and (call.store, call.name) == ("messages", "put") and call.arguments[0]:
                left.clear()
                stored = self._dice.choice(call.arguments[0]).provider_id
                if stored in self._living:
                    self._living.remove(stored)
                if stored not in self._deleted:
                    self._delete(stored)
                    self._follow_push(stored)

        return before_call

    def _delete(self, message: ProviderMessageId) -> None:
        self.world.simulator.change(ADDRESS, {"op": "delete", "id": message})
        self._pushed.pop(message, None)
        self._deleted.add(message)

    def _some_messages(self) -> list[ProviderMessageId]:
        """Return messages of all ages: a page of each tenth of the mailbox."""
        found: list[ProviderMessageId] = []
        for tenth in range(10):
            page = {"page": tenth * self.size // 10_000}
            answer = self.world.simulator.control("GET", f"mailboxes/{ADDRESS}", params=page)
            found += [ProviderMessageId(message["id"]) for message in answer["messages"]]
        return sorted(set(found))

    # ── What can be seen ─────────────────────────────────────────────────────────────────────

    def _look(self) -> None:
        """Look at the account as a reader does: its progress, new mail, and what is deleted."""
        self.progress.append(self.state)
        now = self.world.clock.now()
        for pushed in self._stored(set(self._pushed)):
            self.waits_for_pushed.append(now - self._pushed.pop(pushed))
            self._living.append(pushed)
        ghosts = self._stored(self._deleted)
        assert not ghosts & self._ended, "deleted mail came back"
        self._ended |= self._deleted_and_stored - ghosts
        self._deleted_and_stored |= ghosts

    def _stored(self, wanted: set[ProviderMessageId]) -> set[ProviderMessageId]:
        ids = [_message_id(self.account.id, each) for each in wanted]
        there = self.world.messages.get_many(self.account.id, ids)
        return {message.provider_id for message in there.values()}


_message_id = cache(message_id)
"""The same ones are looked for after each step."""


@contextmanager
def large_mailbox(provider: ProviderName, size: int) -> Iterator[LargeMailbox]:
    """Make a mailbox, and end its workers in the end."""
    mailbox = LargeMailbox(provider, size)
    try:
        yield mailbox
    finally:
        mailbox.close()


def test_a_large_mailbox_is_read_whole_whatever_happens_meanwhile(
    provider: ProviderName, capsys: pytest.CaptureFixture[str]
) -> None:
    """Quota, deaths at random calls and a busy owner delay the copy; they do not spoil it.

    Workers stay small and their chunks short, mail that comes meanwhile is there at once, what is
    deleted meanwhile stays deleted, and the account shows how far it is.
    """
    began = time.monotonic()
    with large_mailbox(provider, SIZE) as mailbox:
        mailbox.read()
        mailbox.settle()
        seconds = time.monotonic() - began

        state = mailbox.state
        assert state.is_read
        mailbox.world.assert_equal(mailbox.account)

    _print_figures(mailbox, seconds, capsys)
    assert mailbox.peak_memory_bytes < MEMORY_LIMIT_BYTES
    assert mailbox.largest_put <= LARGEST_PUT
    assert max(mailbox.chunks) <= CHUNK_LIMIT
    assert len(mailbox.chunks) > SIZE / 10_000, "the step limit cut nothing"
    assert mailbox.deaths[WorkKind.BACKFILL] > 0
    assert mailbox.seen_ends > 0
    assert len(mailbox.waits_for_pushed) > 1
    assert max(mailbox.waits_for_pushed) <= PUSH_LIMIT
    if provider is ProviderName.GOOGLE:
        assert mailbox.units < UNITS_PER_MESSAGE * SIZE
    _assert_progress(mailbox)


def test_a_large_mailbox_whose_history_is_lost_is_read_again(provider: ProviderName) -> None:
    """With its cursors a mailbox loses a hundred deletions; a second reading finds them."""
    with large_mailbox(provider, SIZE_READ_AGAIN) as mailbox:
        mailbox.read()
        mailbox.settle()
        mailbox.world.assert_equal(mailbox.account)

        mailbox.delete(100)
        mailbox.world.simulator.expire_cursors()
        mailbox.ring()
        mailbox.read()
        mailbox.settle()

        assert mailbox.state.is_read
        assert max(mailbox.chunks) <= CHUNK_LIMIT
        mailbox.world.assert_equal(mailbox.account)


def _assert_progress(mailbox: LargeMailbox) -> None:
    """What the account shows only grows, chunk by chunk, up to all that there is."""
    progress = mailbox.progress
    for earlier, later in pairwise(progress):
        assert earlier.stored <= later.stored
        if earlier.oldest_stored_at is not None:
            assert later.oldest_stored_at is not None
            assert later.oldest_stored_at <= earlier.oldest_stored_at
    assert len({state.stored for state in progress}) > len(mailbox.chunks) / 2
    last = progress[-1]
    assert last.total_estimate is not None
    assert abs(last.total_estimate - SIZE) < SIZE / 20
    assert abs(last.stored - SIZE) < SIZE / 20


def _print_figures(
    mailbox: LargeMailbox, seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        sys.stdout.write(
            f"\n{mailbox.world.provider}: {SIZE} messages in {len(mailbox.chunks)} chunks of at "
            f"most {max(mailbox.chunks).total_seconds():.0f} s by the simulated clock, "
            f"{mailbox.deaths.total()} killed workers, peak memory of a worker "
            f"{mailbox.peak_memory_bytes / 2**20:.0f} MB, {len(mailbox.waits_for_pushed)} pushed "
            f"mails stored within {max(mailbox.waits_for_pushed).total_seconds():.0f} s, "
            f"{mailbox.seen_ends} stored mails seen to go; {seconds:.0f} s on this machine\n"
        )
