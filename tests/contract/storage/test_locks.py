"""Locks, in memory and in the table."""

from datetime import timedelta

import pytest

from postroom.ports import Locks
from postroom.storage.dynamodb.locks import DynamoLocks
from tests.builders import NOW
from tests.fakes import InMemoryLocks

LIFETIME = timedelta(seconds=20)


@pytest.fixture(params=["memory", "dynamodb"])
def locks(request: pytest.FixtureRequest) -> Locks:
    if request.param == "memory":
        return InMemoryLocks()
    return DynamoLocks(request.getfixturevalue("table"))


class TestLocks:
    """Short mutual exclusion between functions."""

    def test_lock_has_one_holder(self, locks: Locks) -> None:
        """The second is refused; another name is another lock; our own is prolonged."""
        assert locks.acquire("token", holder="a", now=NOW, lifetime=LIFETIME)

        assert not locks.acquire("token", holder="b", now=NOW, lifetime=LIFETIME)
        assert locks.acquire("another", holder="b", now=NOW, lifetime=LIFETIME)
        assert locks.acquire("token", holder="a", now=NOW, lifetime=LIFETIME)

    def test_released_lock_can_be_taken(self, locks: Locks) -> None:
        """A holder that is done lets the next one in."""
        locks.acquire("token", holder="a", now=NOW, lifetime=LIFETIME)

        locks.release("token", holder="a")

        assert locks.acquire("token", holder="b", now=NOW, lifetime=LIFETIME)

    def test_lock_of_a_dead_holder_ends(self, locks: Locks) -> None:
        """Nobody waits longer than the lifetime."""
        locks.acquire("token", holder="a", now=NOW, lifetime=LIFETIME)

        assert locks.acquire("token", holder="b", now=NOW + LIFETIME, lifetime=LIFETIME)

    def test_late_holder_does_not_release_anothers_lock(self, locks: Locks) -> None:
        """Whoever lost its lock by being slow cannot give it back for the new holder."""
        locks.acquire("token", holder="a", now=NOW, lifetime=LIFETIME)
        locks.acquire("token", holder="b", now=NOW + LIFETIME, lifetime=LIFETIME)

        locks.release("token", holder="a")
        locks.release("never taken", holder="a")

        assert not locks.acquire("token", holder="c", now=NOW + LIFETIME, lifetime=LIFETIME)
