"""PendingFetchStore, in memory and in the table."""

from datetime import timedelta

import pytest

from postroom.ports import PendingFetchStore
from postroom.storage.dynamodb.pending_fetches import DynamoPendingFetchStore
from tests.builders import ACCOUNT_ID, NOW, OTHER_ACCOUNT_ID, make_pending_fetch
from tests.fakes import InMemoryPendingFetchStore


@pytest.fixture(params=["memory", "dynamodb"])
def pending(request: pytest.FixtureRequest) -> PendingFetchStore:
    if request.param == "memory":
        return InMemoryPendingFetchStore()
    return DynamoPendingFetchStore(request.getfixturevalue("table"))


class TestPendingFetchStore:
    """Messages that still have to be fetched."""

    def test_fetch_is_due_when_its_time_has_come(self, pending: PendingFetchStore) -> None:
        """A fetch waits for its time, which is kept to the microsecond."""
        now_due, later = (
            make_pending_fetch(),
            make_pending_fetch(number=2, retry_at=NOW + timedelta(microseconds=1)),
        )
        pending.put(ACCOUNT_ID, [now_due, later])

        assert list(pending.due(ACCOUNT_ID, now=NOW, limit=10)) == [now_due]
        in_time = pending.due(ACCOUNT_ID, now=later.retry_at, limit=10)
        assert {each.ref for each in in_time} == {now_due.ref, later.ref}
        assert list(pending.due(OTHER_ACCOUNT_ID, now=NOW, limit=10)) == []

    def test_newer_entry_replaces_the_older(self, pending: PendingFetchStore) -> None:
        """A message waits once, with the last attempt's outcome."""
        pending.put(ACCOUNT_ID, [make_pending_fetch()])

        again = make_pending_fetch(attempts=2, reason="timeout")
        pending.put(ACCOUNT_ID, [again])

        assert list(pending.due(ACCOUNT_ID, now=NOW, limit=10)) == [again]

    def test_limit_counts_what_is_due(self, pending: PendingFetchStore) -> None:
        """Fetches whose time is far away do not use up the limit."""
        far = [
            make_pending_fetch(number=number, retry_at=NOW + timedelta(days=1))
            for number in range(1, 30)
        ]
        due = [make_pending_fetch(number=number) for number in range(30, 40)]
        pending.put(ACCOUNT_ID, [*far, *due])

        found = pending.due(ACCOUNT_ID, now=NOW, limit=4)

        assert len(found) == 4
        assert set(found) <= set(due)

    def test_settled_fetches_are_forgotten(self, pending: PendingFetchStore) -> None:
        """What was fetched waits no more; settling one that is gone, or none, is fine."""
        pending.put(ACCOUNT_ID, [make_pending_fetch()])
        read = pending.due(ACCOUNT_ID, now=NOW, limit=10)
        pending.put(ACCOUNT_ID, [make_pending_fetch(number=2)])

        pending.settle(ACCOUNT_ID, read)
        pending.settle(ACCOUNT_ID, read)
        pending.settle(ACCOUNT_ID, [])
        pending.put(ACCOUNT_ID, [])

        assert list(pending.due(ACCOUNT_ID, now=NOW, limit=10)) == [make_pending_fetch(number=2)]

    def test_what_was_written_anew_meanwhile_is_not_settled(
        self, pending: PendingFetchStore
    ) -> None:
        """A message left its folder while it was fetched; settling its earlier row hid that."""
        pending.put(ACCOUNT_ID, [make_pending_fetch()])
        read = pending.due(ACCOUNT_ID, now=NOW, limit=10)
        pending.put(ACCOUNT_ID, [make_pending_fetch()])

        pending.settle(ACCOUNT_ID, read)

        assert len(pending.due(ACCOUNT_ID, now=NOW, limit=10)) == 1

    def test_a_fetch_of_a_later_day_is_left_too(self, pending: PendingFetchStore) -> None:
        """Whether anything is left does not depend on when it is due."""
        assert not pending.is_any_left(ACCOUNT_ID)
        pending.put(ACCOUNT_ID, [make_pending_fetch(retry_at=NOW + timedelta(days=1))])
        assert pending.is_any_left(ACCOUNT_ID)
        assert not pending.is_any_left(OTHER_ACCOUNT_ID)

    def test_account_is_erased_with_all_its_fetches(self, pending: PendingFetchStore) -> None:
        """Erasing takes all of an account's fetches, and no other's."""
        pending.put(ACCOUNT_ID, [make_pending_fetch(number=number) for number in range(1, 60)])
        pending.put(OTHER_ACCOUNT_ID, [make_pending_fetch()])

        pending.erase(ACCOUNT_ID)
        pending.erase(ACCOUNT_ID)

        assert list(pending.due(ACCOUNT_ID, now=NOW, limit=100)) == []
        assert list(pending.due(OTHER_ACCOUNT_ID, now=NOW, limit=10)) == [make_pending_fetch()]
