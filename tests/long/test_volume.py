"""A large mailbox under the worst conditions: quota, deaths, and an owner who does not wait."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from postroom.domain.message import Message
from postroom.domain.sync import BackfillPhase
from postroom.ports import PutOutcome
from postroom.usecases.wake_due_accounts import wake_due_accounts
from tests.fakes import FixedClock, InMemoryMessageStore, WorkKind
from tests.long.mortal_workers import do_or_die
from tests.world import World, make_mail

pytestmark = pytest.mark.long

ADDRESS = "rosa@mail.example"
MESSAGES = 20_000
SEED = 20
UNITS_PER_MESSAGE = 15
"""Of Gmail's quota, with all that is repeated after deaths; a message fetched alone costs 20."""
LARGEST_PUT = 100
"""Messages that a store is given at once: what a worker holds does not grow with the mailbox."""
MOST_CALLS = 1_000
"""Of workers in one reading of the mailbox; far more than are needed."""


class PassingTime(FixedClock):
    """Goes on whenever it is looked at, so that a step's time is over before the mailbox is."""

    def now(self) -> datetime:
        """Return the time, some milliseconds after the last one."""
        return self.advance(timedelta(milliseconds=20))


class WatchedMessageStore(InMemoryMessageStore):
    """Remembers the most that it was given at once."""

    largest_put = 0

    def put(self, messages: Sequence[Message]) -> list[PutOutcome]:
        """Store messages."""
        self.largest_put = max(self.largest_put, len(messages))
        return super().put(messages)


class LargeMailbox:
    """A mailbox that workers read, die over and read again while its owner uses it."""

    def __init__(self) -> None:
        self.world = World(clock=PassingTime())
        self.store = WatchedMessageStore(self.world.clock)
        self.world.messages = self.store
        self.world.simulator.add_mailbox(ADDRESS, messages=MESSAGES, seed=SEED)
        self.world.simulator.control("POST", "settings", json={"enforce_quota": True})
        self.account = self.world.connect(ADDRESS)
        self.calls = Counter[WorkKind]()
        self.deaths = 0
        self._living = sorted(self.world.simulator.messages(ADDRESS))
        self._random = random.Random(SEED)  # noqa: S311 - a test's dice

    @property
    def is_read(self) -> bool:
        """Whether the whole mailbox was read."""
        backfill = self.world.sync_states.get(self.account.id).backfill
        return backfill is not None and backfill.phase is BackfillPhase.DONE

    @property
    def units(self) -> int:
        """What Gmail has counted so far."""
        return int(self.world.simulator.control("GET", "usage")["totals"]["units"])

    def read(self) -> None:
        """Let workers work until nothing waits any more."""
        for _ in range(MOST_CALLS):
            work = self.world.work.take()
            if work is None:
                return
            self.world.clock.advance(work.delay)
            self.use()
            self.calls[work.kind] += 1
            self.deaths += do_or_die(self.world, work, self._random.randint(1, 300))
        raise AssertionError(f"work goes on after {MOST_CALLS} calls")

    def settle(self) -> None:
        """Let time pass and the sweep come, with workers that live."""
        for _ in range(3):
            self.world.clock.advance(timedelta(minutes=16))
            wake_due_accounts(
                sync_states=self.world.sync_states, work=self.world.work, clock=self.world.clock
            )
            self.world.work_off()

    def use(self) -> None:
        """Do what owners do, and let mail come; the doorbell rings for some of it."""
        simulator = self.world.simulator
        read, star, label, trash = self._random.sample(self._living, 4)
        simulator.change(
            ADDRESS,
            {"op": "read", "id": read},
            {"op": "star", "id": star},
            {"op": "label", "id": label, "folder": "Work"},
            {"op": "trash", "id": trash},
        )
        self.delete(2)
        self._living += [simulator.deliver(ADDRESS, make_mail(to=ADDRESS)) for _ in range(2)]
        if self._random.random() < 0.5:
            self.world.sync_states.ring(self.account.id)
            self.world.work.sync(self.account.id)

    def delete(self, number: int) -> None:
        """Delete messages for good."""
        for _ in range(number):
            place = self._random.randrange(len(self._living))
            gone = self._living.pop(place)
            self.world.simulator.change(ADDRESS, {"op": "delete", "id": gone})


def test_a_large_mailbox_is_read_whole_whatever_happens_meanwhile() -> None:
    """Quota, deaths at random writes and a busy owner delay the copy; they do not spoil it.

    Then the history is lost together with a hundred deletions that it told, and the mailbox is
    read once more.
    """
    mailbox = LargeMailbox()
    world, account = mailbox.world, mailbox.account

    mailbox.read()
    mailbox.settle()

    assert mailbox.is_read
    assert mailbox.calls[WorkKind.BACKFILL] > 20, "the step limit cut nothing"
    assert mailbox.deaths > 10
    world.assert_equal(account)
    assert mailbox.units < UNITS_PER_MESSAGE * MESSAGES

    mailbox.delete(100)
    world.simulator.control("POST", "expire", json={"what": "history", "address": ADDRESS})
    world.sync_states.ring(account.id)
    world.work.sync(account.id)
    mailbox.read()
    mailbox.settle()

    assert mailbox.is_read
    world.assert_equal(account)
    assert mailbox.units < 2 * UNITS_PER_MESSAGE * MESSAGES
    assert mailbox.store.largest_put <= LARGEST_PUT
