"""One governor per mailbox, shared by all functions: none asks for more than its part.

A budget takes a part of the mailbox's quota in the table, then pays the calls from it. People pay
for exactly what they ask. Background work takes its first call alone, as most looks make no other,
then as much again as it has spent, so that most of its calls write nothing:

    taken for calls of 1 each:    1    1     2       4           8         …  a block at most

What is left when the mailbox is closed is given back if it is a block or more, as when a page was
reserved for and found to be cheap. What is less is lost; it is not worth a write.

Nothing waits here. When a purpose has no part left (see `domain/quota.py`) the mailbox is not
called: BudgetSpent says when it may be, to the fraction of a second, which is another moment for
every mailbox.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock
from zlib import crc32

from postroom.domain.account import Account, ProviderName
from postroom.domain.errors import BudgetSpent
from postroom.domain.quota import BACKFILL_SHARE_OF_DAY, Purpose, Quota, Reservation, Usage
from postroom.observability import count, logger
from postroom.ports import Clock, QuotaStore

_ATTEMPTS = 5
"""Of noting a reservation beside others. Only many people at once in one mailbox need as many;
whoever loses them all calls unnoted, since the provider's own refusal is no worse than ours."""

_COUNTED_AT_ONCE = 1_000
"""What a mailbox uses, or gives back, before its provider's day is told. At most 1,200,000 units a
minute come together (a project's limit): 20 writes a second, of the 1,000 that a row takes."""

_NEXT_DAY_SPREAD_SECONDS = 1_800
"""Backfills that waited for the next day do not all begin at its first moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Governor:
    """Gives out the quotas of mailboxes."""

    quotas: Mapping[ProviderName, Quota]
    store: QuotaStore
    clock: Clock

    def budget(self, account: Account, purpose: Purpose) -> "MailboxBudget":
        """Return a budget for one opening of a mailbox, to be closed. Reserves nothing yet."""
        return MailboxBudget(self, account, purpose)


class MailboxBudget:
    """What one opening of a mailbox has reserved and not spent; see ports.Budget."""

    def __init__(self, governor: Governor, account: Account, purpose: Purpose) -> None:
        self._store = governor.store
        self._clock = governor.clock
        self._account_id = account.id
        self._provider = account.identity.provider
        self._quota = governor.quotas[self._provider]
        self._purpose = purpose
        self._left = 0
        self._spent = 0
        self._newest: Reservation | None = None
        self._lock = Lock()

    def spend(self, cost: int) -> None:
        """Pay for a call, before it is made. Raises BudgetSpent."""
        with self._lock:
            self._provide(cost)
            self._left -= cost
            self._spent += cost

    def reserve(self, cost: int) -> None:
        """Have so much at hand, or all that there can be, before what had better not end half-way.

        Raises BudgetSpent.
        """
        with self._lock:
            self._provide(min(cost, self._quota.allowance(self._purpose)))

    def close(self) -> None:
        """Give back what is left, when that is worth a write."""
        with self._lock:
            newest, left, self._left = self._newest, self._left, 0
        if newest is None or left < self._quota.block:
            return
        unspent = replace(newest, cost=min(left, newest.cost))
        for _ in range(_ATTEMPTS):
            before = self._store.usage(self._account_id)
            after = before.with_returned(unspent)
            if self._store.replace(self._account_id, after, expected=before):
                return

    def _provide(self, cost: int) -> None:
        lacking = cost - self._left
        if lacking <= 0:
            return
        if self._purpose is not Purpose.PEOPLE:
            lacking = max(lacking, min(self._spent, self._quota.block))
        self._take(lacking)
        self._left += lacking

    def _take(self, cost: int) -> None:
        for _ in range(_ATTEMPTS):
            now, before = self._clock.now(), self._store.usage(self._account_id)
            self._check_day(before, now)
            wait = before.wait(cost, self._quota, self._purpose, now=now)
            if wait:
                raise self._refusal(wait)
            # The day is told of earlier reservations: of this one a part may be given back.
            counted = before.uncounted if abs(before.uncounted) >= _COUNTED_AT_ONCE else 0
            told = before.counted() if counted else before
            after = told.with_reserved(cost, self._quota, now=now)
            if self._store.replace(self._account_id, after, expected=before):
                if counted and self._quota.daily_limit:
                    self._store.add_to_day(self._provider, self._quota.day(now), counted)
                self._newest = Reservation(now, cost)
                return
        logger.warning("calls_not_noted", extra={"account_id": self._account_id, "cost": cost})

    def _check_day(self, usage: Usage, now: datetime) -> None:
        """Stop backfills when the project has used up what the day has for them."""
        quota = self._quota
        if self._purpose is not Purpose.BACKFILL or not quota.daily_limit:
            return
        used = self._store.used_in_day(self._provider, quota.day(now)) + usage.uncounted
        if used >= quota.daily_limit * BACKFILL_SHARE_OF_DAY:
            spread = timedelta(seconds=crc32(self._account_id.encode()) % _NEXT_DAY_SPREAD_SECONDS)
            raise self._refusal(quota.day_ends_at(now) - now + spread)

    def _refusal(self, wait: timedelta) -> BudgetSpent:
        count(f"{self._purpose.value.capitalize()}HeldBack")
        return BudgetSpent(
            "The mailbox's share of the provider's quota is used up for now.", retry_after=wait
        )
