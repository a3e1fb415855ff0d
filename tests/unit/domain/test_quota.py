"""What is in use of a mailbox's quota, and how long one has to wait for more."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from postroom.domain.quota import Purpose, Quota, Usage
from tests.builders import NOW

QUOTA = Quota(limit=6_000, window=timedelta(minutes=1), block=100)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("purpose", "most"),
    [(Purpose.PEOPLE, 6_000), (Purpose.PRESENT, 4_500), (Purpose.BACKFILL, 3_000)],
)
def test_a_purpose_takes_its_part_and_no_more(purpose: Purpose, most: int) -> None:
    """Whoever goes behind others stops earlier; all count what the others used."""
    assert not Usage().wait(most, QUOTA, purpose, now=NOW)
    used = Usage().with_reserved(most - 20, QUOTA, now=NOW)
    assert not used.wait(20, QUOTA, purpose, now=NOW)
    assert used.wait(21, QUOTA, purpose, now=NOW)


def test_the_wait_ends_when_enough_has_left_the_window() -> None:
    """Not when all of it has: a backfill goes on page by page."""
    early = Usage().with_reserved(1_000, QUOTA, now=NOW)
    both = early.with_reserved(1_500, QUOTA, now=NOW + 20 * SECOND)
    now = NOW + 30 * SECOND

    wait = both.wait(1_200, QUOTA, Purpose.BACKFILL, now=now)

    assert now + wait == NOW + 65 * SECOND  # the window, and a twelfth of it
    assert not both.wait(1_200, QUOTA, Purpose.BACKFILL, now=now + wait)
    assert both.wait(1_200, QUOTA, Purpose.BACKFILL, now=now + wait - SECOND / 1000)


def test_what_is_more_than_the_whole_part_waits_for_all_others_only() -> None:
    """A quota that is configured lower than one call costs makes things slow, and stops nothing."""
    small = Quota(limit=10, window=timedelta(minutes=1), block=1)
    assert not Usage().wait(20, small, Purpose.BACKFILL, now=NOW)
    used = Usage().with_reserved(20, small, now=NOW)
    assert used.wait(20, small, Purpose.BACKFILL, now=NOW) == 65 * SECOND


def test_no_minute_ever_holds_more_than_the_quota() -> None:
    """Whenever people and work come, and however much they ask for: in any minute that begins."""
    dice, usage, now = random.Random(4), Usage(), NOW  # noqa: S311 - repeatable on purpose
    made: list[tuple[datetime, int, Purpose]] = []
    for _ in range(3_000):
        now += SECOND * dice.choice([0, 0.01, 0.3, 2, 7])
        cost, purpose = dice.choice([1, 20, 100, 500, 1_405]), dice.choice(list(Purpose))
        if not usage.wait(cost, QUOTA, purpose, now=now):
            usage = usage.with_reserved(cost, QUOTA, now=now)
            made.append((now, cost, purpose))
        assert len(usage.reservations) <= 14

    for end, _, purpose in made:
        minute = [cost for at, cost, _ in made if end - timedelta(minutes=1) < at <= end]
        assert sum(minute) <= QUOTA.limit
        backfilled = [
            cost
            for at, cost, each in made
            if end - timedelta(minutes=1) < at <= end and each is Purpose.BACKFILL
        ]
        assert sum(backfilled) <= QUOTA.allowance(Purpose.BACKFILL), purpose


def test_a_providers_day_ends_when_the_provider_says() -> None:
    """Google's begins at eight in the morning of UTC; until then it is still the day before."""
    google = Quota(limit=1, window=SECOND, block=1, daily_limit=1, day_begins_at=timedelta(hours=8))
    morning = datetime(2026, 11, 21, 7, 59, 59, tzinfo=UTC)
    assert google.day(morning) == date(2026, 11, 20)
    assert google.day_ends_at(morning) == datetime(2026, 11, 21, 8, tzinfo=UTC)
    assert google.day(morning + SECOND) == date(2026, 11, 21)
    assert google.day_ends_at(morning + SECOND) == datetime(2026, 11, 22, 8, tzinfo=UTC)
