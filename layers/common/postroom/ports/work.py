"""Calling workers, keeping them apart, and the time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from postroom.domain.ids import AccountId, OutboxId, ProviderMessageId


class Locks(Protocol):
    """Short mutual exclusion between functions, for what has no row to put a condition on."""

    def acquire(self, name: str, *, holder: str, now: datetime, lifetime: timedelta) -> bool:
        """Take a lock unless another holder has it."""

    def release(self, name: str, *, holder: str) -> None:
        """Give a lock back; one that is not ours any more is left alone."""


class WorkQueue(Protocol):
    """Calls workers. Messages may come twice, late and in any order."""

    def sync(
        self,
        account_id: AccountId,
        *,
        delay: timedelta = timedelta(),
        hints: Sequence[ProviderMessageId] = (),
    ) -> None:
        """Have the present of an account synced. At most 15 minutes of delay.

        `hints` name messages that are said to be new or changed, never more than that.
        """

    def backfill(self, account_id: AccountId, *, delay: timedelta = timedelta()) -> None:
        """Have the next chunk of an account's first sync (or its erasure) done."""

    def settle_send(
        self, account_id: AccountId, outbox_id: OutboxId, *, attempt: int, delay: timedelta
    ) -> None:
        """Have a send taken on: sent when it is due, looked up when nobody knows what became of it.

        `attempt` counts the look-ups. At most 15 minutes of delay.
        """


class Clock(Protocol):
    """The time, and how long things take."""

    def now(self) -> datetime:
        """Return the time, aware and in UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait for a moment (never on a provider's quota)."""
