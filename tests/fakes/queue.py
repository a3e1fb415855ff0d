"""A work queue that keeps its messages until a test takes them."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from postroom.domain.ids import AccountId, OutboxId, ProviderMessageId


class WorkKind(StrEnum):
    """Which worker is called."""

    SYNC = "sync"
    BACKFILL = "backfill"
    SETTLE_SEND = "settle_send"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedWork:
    """One call of a worker. `outbox_id` and `attempt` belong to SETTLE_SEND alone."""

    kind: WorkKind
    account_id: AccountId
    delay: timedelta = timedelta()
    hints: tuple[ProviderMessageId, ...] = ()
    outbox_id: OutboxId | None = None
    attempt: int = 0


class RecordingQueue:
    """Holds what was enqueued, oldest first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.waiting: list[QueuedWork] = []
        """What has not been taken yet, oldest first."""

    def sync(
        self,
        account_id: AccountId,
        *,
        delay: timedelta = timedelta(),
        hints: Sequence[ProviderMessageId] = (),
    ) -> None:
        """Call the sync worker."""
        self._add(
            QueuedWork(kind=WorkKind.SYNC, account_id=account_id, delay=delay, hints=tuple(hints))
        )

    def backfill(self, account_id: AccountId, *, delay: timedelta = timedelta()) -> None:
        """Call the worker of the first sync."""
        self._add(QueuedWork(kind=WorkKind.BACKFILL, account_id=account_id, delay=delay))

    def settle_send(
        self, account_id: AccountId, outbox_id: OutboxId, *, attempt: int, delay: timedelta
    ) -> None:
        """Call the worker that looks a send up."""
        self._add(
            QueuedWork(
                kind=WorkKind.SETTLE_SEND,
                account_id=account_id,
                outbox_id=outbox_id,
                attempt=attempt,
                delay=delay,
            )
        )

    def take(self, kind: WorkKind | None = None) -> QueuedWork | None:
        """Hand out the oldest message (of a kind), whatever its delay; None when there is none."""
        with self._lock:
            for place, work in enumerate(self.waiting):
                if kind is None or work.kind is kind:
                    return self.waiting.pop(place)
        return None

    def _add(self, work: QueuedWork) -> None:
        with self._lock:
            self.waiting.append(work)
