"""How much a mailbox is asked, and who goes first.

A provider counts what an application asks of a mailbox, in units of its own and over a window that
slides on. Everybody who opens the mailbox takes from the same quota. Whoever goes behind others
stops earlier:

    0 ─────────────── BACKFILL ─────────── PRESENT ─────────── PEOPLE
                         ½                    ¾                   1   of the quota

so that a mailbox which is being read for the first time still has a quarter of its quota for new
mail, and another one for people, in any window.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Self


class Purpose(StrEnum):
    """Whom a mailbox is opened for."""

    PEOPLE = "people"
    """Somebody waits for the answer, or for what became of a send."""
    PRESENT = "present"
    BACKFILL = "backfill"


SHARES: Mapping[Purpose, Fraction] = {
    Purpose.PEOPLE: Fraction(1),
    Purpose.PRESENT: Fraction(3, 4),
    Purpose.BACKFILL: Fraction(1, 2),
}
"""Up to which part of the quota each purpose may use it up, counting what the others used."""

BACKFILL_SHARE_OF_DAY = Fraction(9, 10)
"""Backfills leave the rest of a project's day to people and new mail."""

_STEPS = 12
"""Parts of a window that are counted together: what was used leaves it a twelfth late at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a provider allows an application."""

    limit: int
    """Of one mailbox in any `window`, in the provider's quota units."""
    window: timedelta
    block: int
    """What background work reserves at once for calls to come, at most. What it has left in the end
    is given back when it is as much."""
    daily_limit: int = 0
    """Of all mailboxes together in a day; 0: there is none."""
    day_begins_at: timedelta = timedelta()
    """When the provider's day begins, after midnight in UTC."""

    def allowance(self, purpose: Purpose) -> int:
        """Return how much may be in use when this purpose has taken its part."""
        return int(self.limit * SHARES[purpose])

    def day(self, now: datetime) -> date:
        """Return the provider's day."""
        return (now - self.day_begins_at).date()

    def day_ends_at(self, now: datetime) -> datetime:
        """Return when the provider's day ends."""
        midnight = (now - self.day_begins_at).replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + timedelta(days=1) + self.day_begins_at


@dataclass(frozen=True, slots=True)
class Reservation:
    """What was reserved within a twelfth of a window."""

    begun_at: datetime
    cost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What has been reserved of a mailbox's quota lately, by everybody."""

    reservations: tuple[Reservation, ...] = ()
    """Oldest first."""
    uncounted: int = 0
    """What the day's count of all mailboxes has not been told yet; less than nothing when it was
    told of what was given back."""
    revision: int = 0
    """Grows with every change; 0 when nothing is known."""

    def wait(self, cost: int, quota: Quota, purpose: Purpose, *, now: datetime) -> timedelta:
        """Return how long it takes until so much may be reserved: nothing when it may be now.

        What is more than the whole allowance waits until nothing else is in use.
        """
        over = self._in_use(quota, now) + cost - quota.allowance(purpose)
        wait = timedelta()
        for each in self._counting(quota, now):
            if over <= 0:
                break
            over -= each.cost
            wait = _leaves_at(each, quota) - now
        return wait

    def with_reserved(self, cost: int, quota: Quota, *, now: datetime) -> Self:
        """Return the usage after a reservation."""
        counting = self._counting(quota, now)
        newest = counting[-1] if counting else None
        if newest is not None and now - newest.begun_at < quota.window / _STEPS:
            counting = (*counting[:-1], replace(newest, cost=newest.cost + cost))
        else:
            counting = (*counting, Reservation(now, cost))
        return replace(
            self,
            reservations=counting,
            uncounted=self.uncounted + cost,
            revision=self.revision + 1,
        )

    def exhausted(self, until: datetime, quota: Quota) -> Self:
        """Return the usage when the provider says that nothing is left until then."""
        begun_at = until - quota.window - quota.window / _STEPS
        whole = Reservation(begun_at, quota.limit)
        return replace(self, reservations=(whole,), revision=self.revision + 1)

    def with_returned(self, unspent: Reservation) -> Self:
        """Return the usage after a part of a reservation is given back.

        It is taken from where it was counted: what was reserved since then stays in use.
        """
        index = max(
            (n for n, r in enumerate(self.reservations) if r.begun_at <= unspent.begun_at),
            default=None,
        )
        reservations = list(self.reservations)
        if index is not None:
            counted = reservations[index]
            left = max(counted.cost - unspent.cost, 0)
            reservations[index] = replace(counted, cost=left)
        return replace(
            self,
            reservations=tuple(reservations),
            uncounted=self.uncounted - unspent.cost,
            revision=self.revision + 1,
        )

    def counted(self) -> Self:
        """Return the usage after the day's count was told."""
        return replace(self, uncounted=0)

    def _in_use(self, quota: Quota, now: datetime) -> int:
        return sum(each.cost for each in self._counting(quota, now))

    def _counting(self, quota: Quota, now: datetime) -> tuple[Reservation, ...]:
        return tuple(each for each in self.reservations if now < _leaves_at(each, quota))


def _leaves_at(reservation: Reservation, quota: Quota) -> datetime:
    """Return when the last that may be part of a reservation has left the window."""
    return reservation.begun_at + quota.window + quota.window / _STEPS
