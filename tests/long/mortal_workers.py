"""Workers that die between two writes, and stay dead."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from tests.fakes import QueuedWork
from tests.interruptions import Death, WritesUntilDeath
from tests.world import World

WRITES = {
    "accounts": ("replace",),
    "vault": ("write",),
    "locks": ("acquire", "release"),
    "sync_states": (
        "ring",
        "acquire",
        "renew",
        "begin_unit",
        "end_unit",
        "begin_again",
        "read_again",
        "move_cursor",
        "save_folders_synced",
        "save_watch",
        "save_round",
        "save_backfill",
        "release",
        "abandon",
        "pause",
    ),
    "messages": ("put", "remove"),
    "contents": ("put_many", "delete"),
    "pending": ("put", "settle"),
    "listed": ("mark",),
    "folders": ("replace_all", "show"),
    "outbox": ("claim", "replace", "settle", "withdraw"),
    "outgoing": ("put", "delete"),
    "scheduler": ("schedule", "cancel"),
    "work": ("sync", "backfill", "settle_send"),
}
"""The calls of each of a world's stores that change something."""

VISIBILITY_TIMEOUT = timedelta(seconds=540)
"""After which a queue hands out again what a dead worker had taken, as the template says."""


class LastWrites(WritesUntilDeath):
    """Dies before the n-th write and stays dead: a `finally` block writes nothing any more."""

    def _write(self) -> None:
        super()._write()
        if self.happened:
            raise Death


@contextmanager
def death_before(world: World, write: int) -> Iterator[LastWrites]:
    """Let whoever works in the `with` block die before its n-th write; the block then ends."""
    living = {name: getattr(world, name) for name in WRITES}
    deaths = LastWrites(write)
    for name, calls in WRITES.items():
        setattr(world, name, deaths.of(living[name], *calls))
    try:
        yield deaths
    except Death:
        pass
    finally:
        for name, store in living.items():
            setattr(world, name, store)


def do_or_die(world: World, work: QueuedWork, write: int) -> bool:
    """Do some work, or die before its n-th write; then the queue hands it out again. True: died."""
    with death_before(world, write) as deaths:
        world.do(work)
    if deaths.happened:
        world.clock.advance(VISIBILITY_TIMEOUT)
        world.work.waiting.append(work)
    return deaths.happened
