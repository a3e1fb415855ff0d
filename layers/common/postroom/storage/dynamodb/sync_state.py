"""Cursors, dirty marks, leases and what is due: two rows an account, one for each lane.

    acquire ──► fence + 1, lease_expires_at ──renew──► … ──release──► no lease_expires_at
                       │                                  (not while the dirty mark has moved)
                       └──expired──► the next acquire takes it over with a higher fence

Every write with a lease has the condition that its fence is still the newest and that it was not
given back. The row of the present carries `due_at` and thereby stands in the due index:

- while its lease is held it is due when the lease expires, so a dead holder's account is found;
- `release` and `abandon` say when it is due next;
- `ring` leaves it alone: a queue message follows; should that be lost, the old time still holds;
- `defer` only ever makes it later, and not while somebody holds the lease: the lease's end is the
  better time then, and an account whose holder lives is not due anyway.

`due_at` is the only time in milliseconds; the others are text, to the microsecond.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from postroom.domain.errors import LeaseLost, NotFound
from postroom.domain.ids import AccountId
from postroom.domain.message import Position
from postroom.domain.sync import (
    Backfill,
    BackfillPhase,
    Cursor,
    Lane,
    Lease,
    SyncState,
    SyncUnitId,
)
from postroom.ports import Clock
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_text, to_milliseconds, to_text
from postroom.storage.dynamodb.table import SHAPE_VERSION, ConditionFailed, Table

_HELD = "#fence = :fence AND attribute_exists(#lease_expires_at)"
_EXISTS = "attribute_exists(#pk)"


class DynamoSyncStateStore:
    """Sync states in the table."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def create(self, account_id: AccountId, *, due_at: datetime) -> None:
        """Begin an account's sync state; an existing one is left as it is and made due.

        The row of the first sync comes first: an account is there when its row of the present is.
        """
        self._table.update(
            keys.sync_backfill(account_id),
            "SET #v = :v, #fence = if_not_exists(#fence, :zero)",
            {"v": SHAPE_VERSION, "zero": 0},
        )
        self._table.update(
            keys.sync_present(account_id),
            "SET #v = :v, #fence = if_not_exists(#fence, :zero), "
            "#dirty = if_not_exists(#dirty, :zero), #cursors = if_not_exists(#cursors, :none), "
            "#due_shard = :due_shard, #due_at = :due_at",
            {
                "v": SHAPE_VERSION,
                "zero": 0,
                "none": {},
                "due_shard": keys.due_shard(account_id),
                "due_at": to_milliseconds(due_at),
            },
        )

    def get(self, account_id: AccountId) -> SyncState:
        """Return the state. Raises NotFound."""
        rows = {row["sk"]: row for row in self._table.query(keys.sync(account_id))}
        present = rows.get(keys.sync_present(account_id).sk)
        if present is None:
            raise NotFound("the account has no sync state")
        backfill = rows.get(keys.sync_backfill(account_id).sk, {})
        return SyncState(
            account_id=account_id,
            cursors={
                SyncUnitId(unit): Cursor(cursor) for unit, cursor in present["cursors"].items()
            },
            dirty=present["dirty"],
            backfill=_backfill(backfill["checkpoint"]) if "checkpoint" in backfill else None,
            paused_until=_moment(present, "paused_until"),
            synced_at=_moment(present, "synced_at"),
            folders_synced_at=_moment(present, "folders_synced_at"),
            last_error=present.get("last_error") or backfill.get("last_error", ""),
        )

    def ring(self, account_id: AccountId) -> bool:
        """Raise the dirty mark. False when the account has no sync state."""
        key = keys.sync_present(account_id)
        try:
            self._table.update(key, "SET #dirty = #dirty + :one", {"one": 1}, condition=_EXISTS)
        except ConditionFailed:
            return False
        return True

    def acquire(
        self, account_id: AccountId, lane: Lane, *, now: datetime, lifetime: timedelta
    ) -> Lease | None:
        """Take the lease of a lane, or None while another holds it or there is no state."""
        changes, values = _held_until(lane, now + lifetime)
        try:
            row = self._table.update(
                _key(account_id, lane),
                f"SET #fence = #fence + :one, {changes}",
                {**values, "one": 1, "now": to_text(now)},
                condition=f"{_EXISTS} AND (attribute_not_exists(#lease_expires_at)"
                " OR #lease_expires_at <= :now)",
            )
        except ConditionFailed:
            return None
        if row is None:  # pragma: no cover - ALL_NEW always answers the row
            return None
        return Lease(
            account_id=account_id, lane=lane, fence=row["fence"], dirty=row.get("dirty", 0)
        )

    def renew(self, lease: Lease, *, expires_at: datetime) -> None:
        """Hold the lease longer. Raises LeaseLost."""
        changes, values = _held_until(lease.lane, expires_at)
        self._update(lease, f"SET {changes}", values)

    def save_cursors(self, lease: Lease, cursors: dict[SyncUnitId, Cursor]) -> None:
        """Move the named cursors; others stay. Raises LeaseLost."""
        if not cursors:
            return
        # Units are the provider's words, which no expression can name: hence numbered names.
        key, names = keys.sync_present(lease.account_id), list(cursors)
        self._update(
            lease,
            "SET " + ", ".join(f"#cursors.#unit{n} = :cursor{n}" for n in range(len(names))),
            {f"cursor{n}": cursors[unit] for n, unit in enumerate(names)},
            names={f"unit{n}": unit for n, unit in enumerate(names)},
            key=key,
        )

    def save_folders_synced(self, lease: Lease, at: datetime) -> None:
        """Note when the folders were last read. Raises LeaseLost."""
        self._update(lease, "SET #folders_synced_at = :at", {"at": to_text(at)})

    def save_backfill(self, lease: Lease, backfill: Backfill) -> None:
        """Note the checkpoint of the first sync. Raises LeaseLost."""
        self._update(lease, "SET #checkpoint = :checkpoint", {"checkpoint": _checkpoint(backfill)})

    def release(
        self, lease: Lease, *, synced_at: datetime | None, due_at: datetime, error: str = ""
    ) -> bool:
        """Give the lease back unless the dirty mark has moved. Raises LeaseLost.

        After False the lease is still held; its holder goes on with the dirty mark of `get`.
        """
        changes, values = _given_back(lease.lane, due_at, error)
        condition = _HELD
        if lease.lane is Lane.PRESENT:
            condition += " AND #dirty = :dirty"
            values["dirty"] = lease.dirty
            if synced_at is not None:
                changes = changes.replace("SET ", "SET #synced_at = :synced_at, ")
                values["synced_at"] = to_text(synced_at)
        try:
            self._table.update(
                _key(lease.account_id, lease.lane),
                changes,
                {**values, "fence": lease.fence},
                condition=condition,
            )
        except ConditionFailed as failure:
            if _holds(lease, failure.existing):
                return False
            raise LeaseLost("another worker holds the lease") from None
        return True

    def abandon(self, lease: Lease, *, due_at: datetime, error: str) -> None:
        """Give the lease back whatever the dirty mark says; a lost one is fine."""
        changes, values = _given_back(lease.lane, due_at, error)
        try:
            self._update(lease, changes, values)
        except LeaseLost:
            return

    def pause(self, account_id: AccountId, until: datetime) -> None:
        """Let no worker call the provider before this time; a later pause wins."""
        try:
            self._table.update(
                keys.sync_present(account_id),
                "SET #paused_until = :until",
                {"until": to_text(until)},
                condition=f"{_EXISTS} AND"
                " (attribute_not_exists(#paused_until) OR #paused_until < :until)",
            )
        except ConditionFailed:
            return

    def due(self, *, now: datetime, limit: int) -> Sequence[AccountId]:
        """Return accounts that are due, those that waited longest first."""

        def of_shard(shard: str) -> list[Row]:
            return self._table.query_index(
                keys.DUE_INDEX,
                "#due_shard = :shard AND #due_at <= :now",
                {"shard": shard, "now": to_milliseconds(now)},
                limit=limit,
            )

        with ThreadPoolExecutor(max_workers=len(keys.DUE_SHARDS)) as pool:
            rows = [row for shard in pool.map(of_shard, keys.DUE_SHARDS) for row in shard]
        rows.sort(key=lambda row: (row["due_at"], row["pk"]))
        return [keys.account_of_sync(row["pk"]) for row in rows[:limit]]

    def defer(self, account_id: AccountId, *, until: datetime) -> None:
        """Make an account due later, unless it is already or a living lease says when."""
        try:
            self._table.update(
                keys.sync_present(account_id),
                "SET #due_at = :until",
                {"until": to_milliseconds(until), "now": to_text(self._clock.now())},
                condition="#due_at < :until AND"
                " (attribute_not_exists(#lease_expires_at) OR #lease_expires_at <= :now)",
            )
        except ConditionFailed:
            return

    def delete(self, account_id: AccountId) -> None:
        """Remove the state; none is fine. Its leases are lost from now on."""
        self._table.delete(keys.sync_present(account_id))
        self._table.delete(keys.sync_backfill(account_id))

    def _update(
        self,
        lease: Lease,
        expression: str,
        values: dict[str, Any],
        *,
        names: dict[str, str] | None = None,
        key: keys.Key | None = None,
    ) -> None:
        try:
            self._table.update(
                key or _key(lease.account_id, lease.lane),
                expression,
                {**values, "fence": lease.fence},
                condition=_HELD,
                names=names,
            )
        except ConditionFailed:
            raise LeaseLost("another worker holds the lease") from None


def _key(account_id: AccountId, lane: Lane) -> keys.Key:
    if lane is Lane.PRESENT:
        return keys.sync_present(account_id)
    return keys.sync_backfill(account_id)


def _held_until(lane: Lane, expires_at: datetime) -> tuple[str, dict[str, Any]]:
    changes = "#lease_expires_at = :lease_expires_at"
    values: dict[str, Any] = {"lease_expires_at": to_text(expires_at)}
    if lane is Lane.PRESENT:
        changes += ", #due_at = :due_at"
        values["due_at"] = to_milliseconds(expires_at)
    return changes, values


def _given_back(lane: Lane, due_at: datetime, error: str) -> tuple[str, dict[str, Any]]:
    changes = "SET #last_error = :error"
    values: dict[str, Any] = {"error": error}
    if lane is Lane.PRESENT:
        changes += ", #due_at = :due_at"
        values["due_at"] = to_milliseconds(due_at)
    return changes + " REMOVE #lease_expires_at", values


def _holds(lease: Lease, row: Row | None) -> bool:
    return row is not None and row["fence"] == lease.fence and "lease_expires_at" in row


def _moment(row: Row, name: str) -> datetime | None:
    return from_text(row[name]) if name in row else None


def _checkpoint(backfill: Backfill) -> Row:
    oldest, swept = backfill.oldest_stored_at, backfill.swept
    return {
        "phase": backfill.phase,
        "generation": backfill.generation,
        "position": backfill.position,
        "swept": swept and {"at": to_text(swept.received_at), "id": swept.message_id},
        "stored": backfill.stored,
        "total_estimate": backfill.total_estimate,
        "oldest_stored_at": None if oldest is None else to_text(oldest),
    }


def _backfill(row: Row) -> Backfill:
    oldest, swept = row["oldest_stored_at"], row["swept"]
    return Backfill(
        phase=BackfillPhase(row["phase"]),
        generation=row["generation"],
        swept=None if swept is None else _position(swept),
        position=row["position"],
        stored=row["stored"],
        total_estimate=row["total_estimate"],
        oldest_stored_at=None if oldest is None else from_text(oldest),
    )


def _position(row: Row) -> Position:
    return Position(received_at=from_text(row["at"]), message_id=row["id"])
