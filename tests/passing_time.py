"""Time that goes by in a world: the sweep comes now and then, and workers do what it calls for."""

from dataclasses import replace
from datetime import datetime, timedelta

from postroom.domain.account import Account
from postroom.usecases.sync_account import sync_account
from postroom.usecases.wake_due_accounts import wake_due_accounts
from tests.fakes import FixedClock, QueuedWork
from tests.world import World

_WORK_LIMIT = 2_000
"""Calls of workers: more than any story has."""


def pass_time(world: World, by: timedelta, *, sweep: timedelta = timedelta(minutes=10)) -> int:
    """Let time pass; answers how many calls of workers that brought.

    The sweep comes now and then, pushes at once, and whoever was called when the delay is over.
    What is to be done later waits in the queue as before.
    """
    until, swept_at = world.clock.now() + by, world.clock.now()
    agenda: list[tuple[datetime, QueuedWork]] = []
    for calls in range(_WORK_LIMIT):
        world.receive_pushes()
        while (work := world.work.take()) is not None:
            agenda.append((world.clock.now() + work.delay, work))
        agenda.sort(key=lambda each: each[0])
        is_sweep = not agenda or swept_at + sweep < agenda[0][0]
        at = max(swept_at + sweep if is_sweep else agenda[0][0], world.clock.now())
        if at > until:
            world.clock.advance(max(until - world.clock.now(), timedelta()))
            for due_at, work in agenda:
                world.work.waiting.append(replace(work, delay=due_at - until))
            return calls
        world.clock.advance(at - world.clock.now())
        if is_sweep:
            swept_at = at
            wake_due_accounts(sync_states=world.sync_states, work=world.work, clock=world.clock)
        else:
            world.do(agenda.pop(0)[1])
    raise AssertionError(f"work goes on after {_WORK_LIMIT} calls: {agenda[:3]}")


def sync(world: World, account: Account) -> None:
    """Ring for an account, and do at once what the worker does that is called for it."""
    world.sync_states.ring(account.id)
    sync_account(account_id=account.id, tools=world.tools)


class TickingClock:
    """Each look at it takes some time."""

    def __init__(self, clock: FixedClock, tick: timedelta) -> None:
        self._clock = clock
        self._tick = tick

    def now(self) -> datetime:
        """Return the time, some of which has gone by."""
        self._clock.advance(self._tick)
        return self._clock.now()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self._clock.sleep(seconds)
