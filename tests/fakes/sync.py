"""The sync state of accounts in memory, and what they still have to fetch."""

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import attrgetter

from postroom.domain.errors import LeaseLost, NotFound
from postroom.domain.ids import AccountId, MessageId, ProviderMessageId
from postroom.domain.sync import (
    Backfill,
    Cursor,
    Lane,
    Lease,
    PendingFetch,
    Round,
    SyncState,
    SyncUnit,
    SyncUnitId,
    Watch,
)
from postroom.ports import Clock
from tests.fakes.clock import FixedClock


@dataclass(slots=True)
class _Held:
    fence: int = 0
    expires_at: datetime | None = None
    resume_at: datetime | None = None
    failing_since: datetime | None = None
    error: str = ""
    consequence: str = ""


@dataclass(slots=True)
class _Row:
    state: SyncState
    due_at: datetime
    lanes: dict[Lane, _Held] = field(default_factory=lambda: {lane: _Held() for lane in Lane})
    backfill_fences: dict[SyncUnitId, int] = field(default_factory=dict)
    """Of the leases that saved the last checkpoints."""


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
                row = self._rows[account_id]
                row.due_at = due_at
                row.state = replace(row.state, watch_due_at=None)
                for held in row.lanes.values():
                    held.failing_since = held.resume_at = None
            else:
                self._rows[account_id] = _Row(SyncState(account_id=account_id), due_at)

    def get(self, account_id: AccountId) -> SyncState:
        """Return a state. Raises NotFound."""
        try:
            return self._rows[account_id].state
        except KeyError:
            raise NotFound("the account has no sync state") from None

    def glance(self, account_id: AccountId) -> SyncState:
        """Return a state without its units and the other lane's error. Raises NotFound."""
        with self._lock:
            state = self.get(account_id)
            left = state.round and replace(state.round, units=frozenset())
            held = self._rows[account_id].lanes[Lane.PRESENT]
            return replace(
                state,
                units={},
                round=left,
                last_error=held.error,
                last_consequence=held.consequence,
            )

    def ring(
        self,
        account_id: AccountId,
        *,
        folders_changed: bool = False,
        watch_is_doubtful: bool = False,
    ) -> bool:
        """Raise the dirty mark; the folders may count as not read from now on."""
        with self._lock:
            row = self._rows.get(account_id)
            if row is None:
                return False
            row.state = replace(
                row.state,
                dirty=row.state.dirty + 1,
                folders_synced_at=None if folders_changed else row.state.folders_synced_at,
                watch_due_at=self._clock.now() if watch_is_doubtful else row.state.watch_due_at,
            )
            return True

    def ring_watched(
        self,
        account_id: AccountId,
        *,
        secret_hashes: Sequence[str],
        watch_is_ending: bool = False,
    ) -> bool:
        """Raise the dirty mark for whoever knows the watch's secret."""
        with self._lock:
            row = self._rows.get(account_id)
            watch = None if row is None else row.state.watch
            if row is None or watch is None or not watch.secret_hash:
                return False
            if watch.secret_hash not in secret_hashes:
                return False
            due_at = self._clock.now() if watch_is_ending else row.state.watch_due_at
            row.state = replace(row.state, dirty=row.state.dirty + 1, watch_due_at=due_at)
            return True

    def save_watch(
        self, lease: Lease, watch: Watch | None, *, due_at: datetime, problem: str = ""
    ) -> None:
        """Note the watch; somebody who rang may have said that it ends. Raises LeaseLost."""
        with self._lock:
            row = self._row_of(lease)
            rang = row.state.dirty != lease.dirty
            due_at_now = row.state.watch_due_at if rang else due_at
            row.state = replace(
                row.state, watch=watch, watch_due_at=due_at_now, watch_problem=problem
            )

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
            if held.resume_at is not None and held.resume_at > now:
                return None
            held.fence += 1
            self._hold(row, lane, now + lifetime)
            return Lease(
                account_id=account_id,
                lane=lane,
                fence=held.fence,
                dirty=row.state.dirty if lane is Lane.PRESENT else 0,
                failing_since=held.failing_since,
            )

    def renew(self, lease: Lease, *, expires_at: datetime) -> None:
        """Hold a lease longer. Raises LeaseLost."""
        with self._lock:
            self._hold(self._row_of(lease), lease.lane, expires_at)

    def begin_unit(self, lease: Lease, unit: SyncUnit) -> None:
        """Begin a unit that is not there. Raises LeaseLost; a late one stands none the less."""
        with self._lock:
            row = self._rows.get(lease.account_id)
            if row is not None:
                if unit.id in row.state.units:
                    return
                units = sorted([*row.state.units.values(), unit], key=attrgetter("rank", "id"))
                row.state = replace(row.state, units={each.id: each for each in units})
            self._row_of(lease)

    def end_unit(self, lease: Lease, unit_id: SyncUnitId) -> None:
        """Forget a unit. Raises LeaseLost."""
        with self._lock:
            row = self._row_of(lease)
            units = {each: unit for each, unit in row.state.units.items() if each != unit_id}
            row.state = replace(row.state, units=units)
            row.backfill_fences.pop(unit_id, None)

    def move_cursor(self, lease: Lease, unit_id: SyncUnitId, *, since: Cursor, to: Cursor) -> bool:
        """Move a cursor from where its mover began, whoever holds the lease."""
        with self._lock:
            unit = self._unit(lease.account_id, unit_id)
            if unit is None or unit.cursor != since:
                return False
            self._keep(lease.account_id, replace(unit, cursor=to))
            return True

    def begin_again(
        self, lease: Lease, unit_id: SyncUnitId, *, cursor: Cursor | None, generation: str
    ) -> None:
        """Give a unit a new beginning. Raises LeaseLost."""
        with self._lock:
            self._row_of(lease)
            unit = self._unit(lease.account_id, unit_id)
            if unit is not None:
                again = replace(unit, cursor=cursor, generation=generation)
                self._keep(lease.account_id, again)

    def read_again(self, account_id: AccountId, unit_id: SyncUnitId, *, generation: str) -> None:
        """Have a unit read again."""
        with self._lock:
            unit = self._unit(account_id, unit_id)
            if unit is not None:
                self._keep(account_id, replace(unit, generation=generation))

    def save_round(self, lease: Lease, unfinished: Round | None) -> None:
        """Note what is left of a round. Raises LeaseLost."""
        with self._lock:
            row = self._row_of(lease)
            row.state = replace(row.state, round=unfinished)

    def save_audit_due(self, lease: Lease, at: datetime) -> None:
        """Note when the next audit is due. Raises LeaseLost."""
        with self._lock:
            row = self._row_of(lease)
            row.state = replace(row.state, audit_due_at=at)

    def save_folders_synced(self, lease: Lease, at: datetime) -> None:
        """Note when the folders were read, unless somebody rang. Raises LeaseLost."""
        with self._lock:
            row = self._row_of(lease)
            if row.state.dirty == lease.dirty:
                row.state = replace(row.state, folders_synced_at=at)

    def save_backfill(
        self,
        lease: Lease,
        unit_id: SyncUnitId,
        backfill: Backfill,
        *,
        cursor: Cursor | None = None,
    ) -> bool:
        """Note the checkpoint of a reading. Raises LeaseLost after a later lease's checkpoint."""
        with self._lock:
            unit = self._unit(lease.account_id, unit_id)
            if unit is None or unit.generation != backfill.generation:
                return False
            fences = self._rows[lease.account_id].backfill_fences
            if fences.get(unit_id, 0) > lease.fence:
                raise LeaseLost("another worker holds the lease")
            fences[unit_id] = lease.fence
            cursor = unit.cursor if cursor is None else cursor
            self._keep(lease.account_id, replace(unit, backfill=backfill, cursor=cursor))
            return True

    def release(
        self,
        lease: Lease,
        *,
        synced_at: datetime | None,
        due_at: datetime,
        error: str = "",
        consequence: str = "",
        is_nearly_served: bool = False,
    ) -> bool:
        """Give a lease back unless the dirty mark moved. Raises LeaseLost."""
        with self._lock:
            row = self._row_of(lease)
            if lease.lane is Lane.PRESENT:
                if row.state.dirty != lease.dirty:
                    return False
                row.due_at = due_at
                if is_nearly_served:
                    row.state = replace(row.state, nearly_served=lease.dirty)
                if synced_at is not None:
                    row.state = replace(row.state, synced_at=synced_at, served=lease.dirty)
            ends_well = synced_at is not None
            self._give_back(row, lease.lane, error, consequence, ends_well=ends_well)
            return True

    def abandon(self, lease: Lease, *, due_at: datetime, error: str, consequence: str = "") -> None:
        """Give a lease back in any case."""
        with self._lock:
            try:
                row = self._row_of(lease)
            except LeaseLost:
                return
            if lease.lane is Lane.PRESENT:
                row.due_at = due_at
            else:
                row.lanes[lease.lane].resume_at = due_at
            ends_well = lease.lane is Lane.BACKFILL and not error
            self._give_back(row, lease.lane, error, consequence, ends_well=ends_well)

    def pause(self, account_id: AccountId, until: datetime) -> None:
        """Note until when the provider must not be called."""
        with self._lock:
            row = self._rows.get(account_id)
            if row is None:
                return
            paused_until = row.state.paused_until
            if paused_until is None or paused_until < until:
                row.state = replace(row.state, paused_until=until)

    def paused_until(self, account_id: AccountId) -> datetime | None:
        """Return until when the provider must not be called."""
        row = self._rows.get(account_id)
        return None if row is None else row.state.paused_until

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

    def _unit(self, account_id: AccountId, unit_id: SyncUnitId) -> SyncUnit | None:
        row = self._rows.get(account_id)
        return None if row is None else row.state.units.get(unit_id)

    def _keep(self, account_id: AccountId, unit: SyncUnit) -> None:
        row = self._rows[account_id]
        row.state = replace(row.state, units={**row.state.units, unit.id: unit})

    def _row_of(self, lease: Lease) -> _Row:
        row = self._rows.get(lease.account_id)
        if row is not None:
            held = row.lanes[lease.lane]
            if held.fence == lease.fence and held.expires_at is not None:
                return row
        raise LeaseLost("another worker holds the lease")

    def _give_back(
        self, row: _Row, lane: Lane, error: str, consequence: str, *, ends_well: bool
    ) -> None:
        held = row.lanes[lane]
        held.expires_at, held.error, held.consequence = None, error, consequence
        if ends_well:
            held.failing_since = None
        elif error and held.failing_since is None:
            held.failing_since = self._clock.now()
        present, backfill = row.lanes[Lane.PRESENT], row.lanes[Lane.BACKFILL]
        told = backfill if backfill.error and not present.error else present
        row.state = replace(row.state, last_error=told.error, last_consequence=told.consequence)

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
        self._writes = 0

    def put(self, account_id: AccountId, pending: Sequence[PendingFetch]) -> None:
        """Remember fetches."""
        for each in pending:
            self._writes += 1
            written = replace(each, mark=str(self._writes))
            self._pending[account_id][each.ref.provider_id] = written

    def due(self, account_id: AccountId, *, now: datetime, limit: int) -> Sequence[PendingFetch]:
        """Return fetches whose time has come."""
        due = [each for each in self._pending[account_id].values() if each.retry_at <= now]
        return due[:limit]

    def settle(self, account_id: AccountId, settled: Sequence[PendingFetch]) -> None:
        """Forget fetches, each unless it was written anew since it was read."""
        rows = self._pending[account_id]
        for each in settled:
            row = rows.get(each.ref.provider_id)
            if row is not None and row.mark == each.mark:
                del rows[each.ref.provider_id]

    def is_any_left(self, account_id: AccountId) -> bool:
        """Tell whether anything waits."""
        return bool(self._pending[account_id])

    def erase(self, account_id: AccountId) -> None:
        """Forget all fetches of an account."""
        self._pending.pop(account_id, None)


class InMemoryListedMarks:
    """Marks of the messages that readings of units have listed."""

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
