"""The sync state of accounts in memory, and what they still have to fetch."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from postroom.domain.errors import LeaseLost, NotFound
from postroom.domain.ids import AccountId, MessageId, ProviderMessageId
from postroom.domain.sync import (
    Backfill,
    Cursor,
    Lane,
    Lease,
    PendingFetch,
    SyncState,
    SyncUnitId,
)
from postroom.ports import Clock
from tests.fakes.clock import FixedClock


@dataclass(slots=True)
class _Held:
    fence: int = 0
    expires_at: datetime | None = None
    error: str = ""


@dataclass(slots=True)
class _Row:
    state: SyncState
    due_at: datetime
    lanes: dict[Lane, _Held] = field(default_factory=lambda: {lane: _Held() for lane in Lane})


class InMemorySyncStateStore:
    """Sync states with leases that are lost for good when another takes them."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or FixedClock()
        self._lock = threading.RLock()
        self._rows: dict[AccountId, _Row] = {}

    def create(self, account_id: AccountId, *, due_at: datetime) -> None:
        """Begin a state, or make an existing one due."""
        with self._lock:
            if account_id in self._rows:
                self._rows[account_id].due_at = due_at
            else:
                self._rows[account_id] = _Row(SyncState(account_id=account_id), due_at)

    def get(self, account_id: AccountId) -> SyncState:
        """Return a state. Raises NotFound."""
        try:
            return self._rows[account_id].state
        except KeyError:
            raise NotFound("the account has no sync state") from None

    def ring(self, account_id: AccountId) -> bool:
        """Raise the dirty mark."""
        with self._lock:
            row = self._rows.get(account_id)
            if row is None:
                return False
            row.state = replace(row.state, dirty=row.state.dirty + 1)
            return True

    def acquire(
        self, account_id: AccountId, lane: Lane, *, now: datetime, lifetime: timedelta
    ) -> Lease | None:
        """Take a lease that nobody holds."""
        with self._lock:
            row = self._rows.get(account_id)
            if row is None:
                return None
            held = row.lanes[lane]
            if held.expires_at is not None and held.expires_at > now:
                return None
            held.fence += 1
            self._hold(row, lane, now + lifetime)
            dirty = row.state.dirty if lane is Lane.PRESENT else 0
            return Lease(account_id=account_id, lane=lane, fence=held.fence, dirty=dirty)

    def renew(self, lease: Lease, *, expires_at: datetime) -> None:
        """Hold a lease longer. Raises LeaseLost."""
        with self._lock:
            self._hold(self._row_of(lease), lease.lane, expires_at)

    def save_cursors(self, lease: Lease, cursors: dict[SyncUnitId, Cursor]) -> None:
        """Move cursors. Raises LeaseLost."""
        with self._lock:
            row = self._row_of(lease)
            row.state = replace(row.state, cursors={**row.state.cursors, **cursors})

    def save_folders_synced(self, lease: Lease, at: datetime) -> None:
        """Note when the folders were read. Raises LeaseLost."""
        with self._lock:
            row = self._row_of(lease)
            row.state = replace(row.state, folders_synced_at=at)

    def save_backfill(self, lease: Lease, backfill: Backfill) -> None:
        """Note the checkpoint. Raises LeaseLost."""
        with self._lock:
            row = self._row_of(lease)
            row.state = replace(row.state, backfill=backfill)

    def release(
        self, lease: Lease, *, synced_at: datetime | None, due_at: datetime, error: str = ""
    ) -> bool:
        """Give a lease back unless the dirty mark moved. Raises LeaseLost."""
        with self._lock:
            row = self._row_of(lease)
            if lease.lane is Lane.PRESENT:
                if row.state.dirty != lease.dirty:
                    return False
                row.due_at = due_at
                row.state = replace(row.state, synced_at=synced_at or row.state.synced_at)
            self._give_back(row, lease.lane, error)
            return True

    def abandon(self, lease: Lease, *, due_at: datetime, error: str) -> None:
        """Give a lease back in any case."""
        with self._lock:
            try:
                row = self._row_of(lease)
            except LeaseLost:
                return
            if lease.lane is Lane.PRESENT:
                row.due_at = due_at
            self._give_back(row, lease.lane, error)

    def pause(self, account_id: AccountId, until: datetime) -> None:
        """Note until when the provider must not be called."""
        with self._lock:
            row = self._rows.get(account_id)
            if row is None:
                return
            paused_until = row.state.paused_until
            if paused_until is None or paused_until < until:
                row.state = replace(row.state, paused_until=until)

    def due(self, *, now: datetime, limit: int) -> Sequence[AccountId]:
        """Return what is due, longest waiting first."""
        with self._lock:
            due = [
                (row.due_at, account_id)
                for account_id, row in self._rows.items()
                if row.due_at <= now
            ]
        return [account_id for _, account_id in sorted(due)[:limit]]

    def defer(self, account_id: AccountId, *, until: datetime) -> None:
        """Make an account due later, unless a live lease says when."""
        with self._lock:
            row = self._rows.get(account_id)
            if row is None or row.due_at >= until:
                return
            expires_at = row.lanes[Lane.PRESENT].expires_at
            if expires_at is None or expires_at <= self._clock.now():
                row.due_at = until

    def delete(self, account_id: AccountId) -> None:
        """Remove a state."""
        with self._lock:
            self._rows.pop(account_id, None)

    def _row_of(self, lease: Lease) -> _Row:
        row = self._rows.get(lease.account_id)
        if row is not None:
            held = row.lanes[lease.lane]
            if held.fence == lease.fence and held.expires_at is not None:
                return row
        raise LeaseLost("another worker holds the lease")

    def _give_back(self, row: _Row, lane: Lane, error: str) -> None:
        row.lanes[lane].expires_at = None
        row.lanes[lane].error = error
        present, backfill = row.lanes[Lane.PRESENT], row.lanes[Lane.BACKFILL]
        row.state = replace(row.state, last_error=present.error or backfill.error)

    def _hold(self, row: _Row, lane: Lane, expires_at: datetime) -> None:
        row.lanes[lane].expires_at = expires_at
        if lane is Lane.PRESENT:
            row.due_at = expires_at


class InMemoryPendingFetchStore:
    """Fetches by account and message."""

    def __init__(self) -> None:
        self._pending: defaultdict[AccountId, dict[ProviderMessageId, PendingFetch]] = defaultdict(
            dict
        )

    def put(self, account_id: AccountId, pending: Sequence[PendingFetch]) -> None:
        """Remember fetches."""
        self._pending[account_id].update({each.ref.provider_id: each for each in pending})

    def due(self, account_id: AccountId, *, now: datetime, limit: int) -> Sequence[PendingFetch]:
        """Return fetches whose time has come."""
        due = [each for each in self._pending[account_id].values() if each.retry_at <= now]
        return due[:limit]

    def settle(self, account_id: AccountId, provider_ids: Sequence[ProviderMessageId]) -> None:
        """Forget fetches."""
        for provider_id in provider_ids:
            self._pending[account_id].pop(provider_id, None)

    def erase(self, account_id: AccountId) -> None:
        """Forget all fetches of an account."""
        self._pending.pop(account_id, None)


class InMemoryListedMarks:
    """Marks of the messages that readings of whole mailboxes have listed."""

    def __init__(self) -> None:
        self._marks: set[tuple[AccountId, str, MessageId]] = set()

    def mark(
        self, account_id: AccountId, generation: str, message_ids: Sequence[MessageId]
    ) -> None:
        """Note that messages were listed."""
        self._marks |= {(account_id, generation, each) for each in message_ids}

    def unmarked(
        self, account_id: AccountId, generation: str, message_ids: Sequence[MessageId]
    ) -> Sequence[MessageId]:
        """Return those that were not."""
        return [each for each in message_ids if (account_id, generation, each) not in self._marks]
