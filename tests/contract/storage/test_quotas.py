"""What is used of the providers' quotas, in memory and in the table."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from postroom.domain.account import ProviderName
from postroom.domain.quota import Quota, Reservation, Usage
from postroom.ports import QuotaStore
from postroom.storage.dynamodb.quotas import DynamoQuotaStore
from tests.builders import ACCOUNT_ID, NOW, OTHER_ACCOUNT_ID
from tests.fakes import FixedClock, InMemoryQuotaStore

QUOTA = Quota(limit=100, window=timedelta(minutes=1), block=10)
TODAY = date(2026, 11, 21)


@pytest.fixture(params=["memory", "dynamodb"])
def store(request: pytest.FixtureRequest, clock: FixedClock) -> QuotaStore:
    if request.param == "memory":
        return InMemoryQuotaStore()
    return DynamoQuotaStore(request.getfixturevalue("table"), clock)


class TestQuotas:
    """Every function notes what it asks of a mailbox where all others see it."""

    def test_usage_comes_back_as_it_was_noted(self, store: QuotaStore) -> None:
        """To the microsecond, with what the day's count has yet to be told; others have none."""
        first = Usage().with_reserved(7, QUOTA, now=NOW + timedelta(microseconds=1))
        second = first.with_reserved(5, QUOTA, now=NOW + timedelta(seconds=30))

        assert store.replace(ACCOUNT_ID, first, expected=Usage())
        assert store.replace(ACCOUNT_ID, second, expected=first)

        assert store.usage(ACCOUNT_ID) == second
        assert store.usage(OTHER_ACCOUNT_ID) == Usage()

    def test_each_limit_has_a_usage_of_its_own(self, store: QuotaStore) -> None:
        """What was sent and what was called are counted apart."""
        calls = Usage().with_reserved(7, QUOTA, now=NOW)
        sends = Usage().with_reserved(1, QUOTA, now=NOW)

        assert store.replace(ACCOUNT_ID, calls, expected=Usage())
        assert store.replace(ACCOUNT_ID, sends, expected=Usage(), limit="messages/60")

        assert store.usage(ACCOUNT_ID) == calls
        assert store.usage(ACCOUNT_ID, "messages/60") == sends

    def test_what_is_given_back_is_noted(self, store: QuotaStore) -> None:
        """Also when the day's count had been told of it: then it is owed to the day."""
        taken = Usage().with_reserved(70, QUOTA, now=NOW).counted()
        returned = taken.with_returned(Reservation(NOW, 50))
        store.replace(ACCOUNT_ID, taken, expected=Usage())

        assert store.replace(ACCOUNT_ID, returned, expected=taken)

        assert store.usage(ACCOUNT_ID) == returned
        assert returned.reservations == (Reservation(NOW, 20),)
        assert returned.uncounted == -50

    def test_who_has_not_seen_the_newest_usage_does_not_replace_it(self, store: QuotaStore) -> None:
        """Neither the first one nor a later one: what another function took stays taken."""
        first = Usage().with_reserved(7, QUOTA, now=NOW)
        store.replace(ACCOUNT_ID, first, expected=Usage())

        assert not store.replace(ACCOUNT_ID, first, expected=Usage())
        second = first.with_reserved(1, QUOTA, now=NOW)
        assert store.replace(ACCOUNT_ID, second, expected=first)
        assert not store.replace(
            ACCOUNT_ID, second.with_reserved(1, QUOTA, now=NOW), expected=first
        )

        assert store.usage(ACCOUNT_ID) == second

    def test_of_many_at_once_one_replaces(self, store: QuotaStore) -> None:
        """Eight functions that saw the same usage: seven have to look again."""
        usage = Usage().with_reserved(7, QUOTA, now=NOW)

        with ThreadPoolExecutor(8) as pool:
            won = list(
                pool.map(lambda _: store.replace(ACCOUNT_ID, usage, expected=Usage()), range(8))
            )

        assert won.count(True) == 1

    def test_a_day_adds_up_over_all_mailboxes_of_a_provider(self, store: QuotaStore) -> None:
        """Each provider and each day has a count of its own, which begins with nothing.

        What was counted too much is taken back.
        """
        store.add_to_day(ProviderName.GOOGLE, TODAY, 1_000)
        store.add_to_day(ProviderName.GOOGLE, TODAY, 1_700)
        store.add_to_day(ProviderName.GOOGLE, TODAY, -200)

        assert store.used_in_day(ProviderName.GOOGLE, TODAY) == 2_500
        assert store.used_in_day(ProviderName.MICROSOFT, TODAY) == 0
        assert store.used_in_day(ProviderName.GOOGLE, TODAY + timedelta(days=1)) == 0
