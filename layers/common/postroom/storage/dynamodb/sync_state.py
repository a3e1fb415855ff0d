"""Units, dirty marks, leases and what is due: a row for each lane and one for each unit.

    acquire ──► fence + 1, lease_expires_at ──renew──► … ──release──► no lease_expires_at
                       │                                  (not while the dirty mark has moved)
                       └──expired──► the next acquire takes it over with a higher fence

Every write to the row of a lane has the condition that its lease's fence is still the newest and
that it was not given back. The row of the present carries `due_at` and thereby stands in the due
index:

- while its lease is held it is due when the lease expires, so a dead holder's account is found;
- `release` and `abandon` say when it is due next;
- `ring` leaves it alone: a queue message follows; should that be lost, the old time still holds;
- `defer` only ever makes it later, and not while somebody holds the lease: the lease's end is the
  better time then, and an account whose holder lives is not due anyway.

`dirty` and `served` are the dirty mark as it is and as the last finished sync has served it: while
they agree, whoever is called has nothing to do. The watch stands in the same row, so that a push is
one write: its condition is that the push knows the watch's secret (of which only a hash is here).

`due_at` is the only time in milliseconds; the others are text, to the microsecond.

Units have rows of their own because a mailbox may have hundreds of them, with cursors and positions
of some kilobytes each, and a doorbell or a lease must not pay for those. A fence stands in another
row than a unit, so each write to a unit has a condition of its own:

    begin_unit      the unit is not there
    move_cursor     its cursor is the one that the mover began with
    begin_again     it is there
    read_again      it is there
    save_backfill   it needs this generation, and no later fence has saved a checkpoint

A worker that lost its lease between looking at it and beginning or ending a unit, or beginning it
again, does what the next listing of units puts right, or costs a reading more.

The row of the present comes last and goes last: an account is there while that row is, and a
deletion that crashed is found by the index and done again.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from postroom.domain.errors import LeaseLost, NotFound
from postroom.domain.ids import AccountId
from postroom.domain.sync import (
    Backfill,
    Cursor,
    Lane,
    Lease,
    Round,
    SyncState,
    SyncUnit,
    SyncUnitId,
    Watch,
)
from postroom.ports import Clock
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, to_milliseconds, to_text
from postroom.storage.dynamodb.sync_present_row import (
    expression,
    moment_in,
    short,
    state_of,
    watch_changes,
)
from postroom.storage.dynamodb.sync_unit_rows import checkpoint_to_row, from_row, to_row
from postroom.storage.dynamodb.table import SHAPE_VERSION, ConditionFailed, Table

_HELD = "#fence = :fence AND attribute_exists(#lease_expires_at)"
_EXISTS = "attribute_exists(#pk)"


class DynamoSyncStateStore:
    """Sync states in the table."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def create(self, account_id: AccountId, *, due_at: datetime) -> None:
        """Begin an account's sync state; an existing one stays, and is made due with its watch.

        Its failures are forgotten: they were those of a consent that has ended, as a rule.
        """
        self._table.update(
            keys.sync_backfill(account_id),
            "SET #v = :v, #fence = if_not_exists(#fence, :zero) REMOVE #failing_since, #resume_at",
            {"v": SHAPE_VERSION, "zero": 0},
        )
        self._table.update(
            keys.sync_present(account_id),
            "SET #v = :v, #fence = if_not_exists(#fence, :zero), "
            "#dirty = if_not_exists(#dirty, :zero), "
            "#due_shard = :due_shard, #due_at = :due_at REMOVE #watch_due_at, #failing_since",
            {
                "v": SHAPE_VERSION,
                "zero": 0,
                "due_shard": keys.due_shard(account_id),
                "due_at": to_milliseconds(due_at),
            },
        )

    def get(self, account_id: AccountId) -> SyncState:
        """Return the state, units by rank. Raises NotFound.

        Costs a read unit for every 4 KB of cursors and positions.
        """
        rows = {row["sk"]: row for row in self._table.query(keys.sync(account_id))}
        present = rows.pop(keys.sync_present(account_id).sk, None)
        if present is None:
            raise NotFound("the account has no sync state")
        backfill = rows.pop(keys.sync_backfill(account_id).sk, {})
        units = sorted(map(from_row, rows.values()), key=attrgetter("rank", "id"))
        state = state_of(account_id, present, units)
        if state.last_error or not backfill.get("last_error"):
            return state
        return replace(
            state,
            last_error=backfill["last_error"],
            last_consequence=backfill.get("last_consequence", ""),
        )

    def glance(self, account_id: AccountId) -> SyncState:
        """Return the state without its units, in a single small read. Raises NotFound."""
        present = self._table.get(keys.sync_present(account_id))
        if present is None:
            raise NotFound("the account has no sync state")
        return state_of(account_id, present, [])

    def ring(
        self,
        account_id: AccountId,
        *,
        folders_changed: bool = False,
        watch_is_doubtful: bool = False,
    ) -> bool:
        """Raise the dirty mark. False when the account has no sync state."""
        sets, values = ["#dirty = #dirty + :one"], dict[str, Any](one=1)
        if watch_is_doubtful:
            sets.append("#watch_due_at = :now")
            values["now"] = to_text(self._clock.now())
        removes = ["#folders_synced_at"] if folders_changed else []
        try:
            self._table.update(
                keys.sync_present(account_id),
                expression(sets, removes),
                values,
                condition=_EXISTS,
            )
        except ConditionFailed:
            return False
        return True

    def ring_watched(
        self,
        account_id: AccountId,
        *,
        secret_hashes: Sequence[str],
        watch_is_ending: bool = False,
    ) -> bool:
        """Raise the dirty mark for whoever knows the secret of the account's watch, in one write.

        The condition of the write is the check of the secret: an account without one has no such
        attribute, which equals nothing. IN takes a hundred operands:
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
        """
        changes = "SET #dirty = #dirty + :one"
        secrets = {f"secret_hash_{place}": each for place, each in enumerate(secret_hashes)}
        values: dict[str, Any] = {"one": 1, **secrets}
        if watch_is_ending:
            changes += ", #watch_due_at = :now"
            values["now"] = to_text(self._clock.now())
        try:
            self._table.update(
                keys.sync_present(account_id),
                changes,
                values,
                condition=f"#watch_secret_hash IN ({', '.join(f':{name}' for name in secrets)})",
            )
        except ConditionFailed:
            return False
        return True

    def save_watch(
        self, lease: Lease, watch: Watch | None, *, due_at: datetime, problem: str = ""
    ) -> None:
        """Note the watch that there is now, and when to look at it next. Raises LeaseLost.

        While somebody rang that time is left alone: the ring may have been the watch's end.
        """
        sets, removes, values = watch_changes(watch, problem)
        key = _key(lease.account_id, lease.lane)
        try:
            self._table.update(
                key,
                expression([*sets, "#watch_due_at = :due_at"], removes),
                {
                    **values,
                    "due_at": to_text(due_at),
                    "fence": lease.fence,
                    "dirty": lease.dirty,
                },
                condition=f"{_HELD} AND #dirty = :dirty",
            )
        except ConditionFailed as failure:
            if not _holds(lease, failure.existing):
                raise LeaseLost("another worker holds the lease") from None
            self._update(lease, expression(sets, removes), values)

    def acquire(
        self, account_id: AccountId, lane: Lane, *, now: datetime, lifetime: timedelta
    ) -> Lease | None:
        """Take the lease of a lane, or None while another holds it or there is no state.

        None also for a BACKFILL that comes before its time: whoever set it has called for then.
        """
        changes, values = _held_until(lane, now + lifetime)
        try:
            row = self._table.update(
                _key(account_id, lane),
                f"SET #fence = #fence + :one, {changes}",
                {**values, "one": 1, "now": to_text(now)},
                condition=f"{_EXISTS} AND (attribute_not_exists(#lease_expires_at)"
                " OR #lease_expires_at <= :now)"
                " AND (attribute_not_exists(#resume_at) OR #resume_at <= :now)",
            )
        except ConditionFailed:
            return None
        if row is None:  # pragma: no cover - ALL_NEW always answers the row
            return None
        return Lease(
            account_id=account_id,
            lane=lane,
            fence=row["fence"],
            dirty=row.get("dirty", 0),
            failing_since=moment_in(row, "failing_since"),
        )

    def renew(self, lease: Lease, *, expires_at: datetime) -> None:
        """Hold the lease longer. Raises LeaseLost."""
        changes, values = _held_until(lease.lane, expires_at)
        self._update(lease, f"SET {changes}", values)

    def begin_unit(self, lease: Lease, unit: SyncUnit) -> None:
        """Begin a unit that is not there yet; one that is stays as it is. Raises LeaseLost.

        The lease is looked at afterwards: a worker that slept while the account was erased takes
        the row that it has just left behind away again. One that a late worker began in a living
        account stands, and is ended when the provider does not know it.
        """
        key = keys.sync_unit(lease.account_id, unit.id)
        try:
            self._table.put(key, to_row(unit), "attribute_not_exists(#pk)")
        except ConditionFailed:
            return
        present = self._table.get(keys.sync_present(lease.account_id))
        if present is None:
            self._table.delete(key)
        if not _holds(lease, present):
            raise LeaseLost("another worker holds the lease")

    def end_unit(self, lease: Lease, unit_id: SyncUnitId) -> None:
        """Forget a unit; none is fine. Raises LeaseLost.

        The lease is looked at before, which is not the same write. Should it be lost in between,
        and the unit have come back by then, the next listing begins it anew.
        """
        self._check(lease)
        self._table.delete(keys.sync_unit(lease.account_id, unit_id))

    def move_cursor(self, lease: Lease, unit_id: SyncUnitId, *, since: Cursor, to: Cursor) -> bool:
        """Move a unit's cursor from where its mover began; False when it is not there any more.

        Compare-and-set: no fence is needed, since whoever is late finds that the cursor has moved
        and overwrites nothing. If it has not moved, the late worker's progress is as good as any:
        it stored the changes before it came here.
        """
        return self._update_unit(
            lease.account_id,
            unit_id,
            "SET #cursor = :to",
            {"since": since, "to": to},
            condition="#cursor = :since",
        )

    def begin_again(
        self, lease: Lease, unit_id: SyncUnitId, *, cursor: Cursor | None, generation: str
    ) -> None:
        """Give a unit its new beginning and have it read again, in one write. Raises LeaseLost.

        The lease is looked at before, which is not the same write. Should it be lost in between,
        the cursor may go back to where this worker began: changes are told twice, which every
        store bears, and the unit is read once more.
        """
        self._check(lease)
        changes, values = "SET #generation = :generation", {"generation": generation}
        if cursor is None:
            changes += " REMOVE #cursor"
        else:
            changes += ", #cursor = :cursor"
            values["cursor"] = cursor
        self._update_unit(lease.account_id, unit_id, changes, values, condition=_EXISTS)

    def read_again(self, account_id: AccountId, unit_id: SyncUnitId, *, generation: str) -> None:
        """Have a unit read again while its cursor goes on; none is fine."""
        self._update_unit(
            account_id,
            unit_id,
            "SET #generation = :generation",
            {"generation": generation},
            condition=_EXISTS,
        )

    def save_round(self, lease: Lease, unfinished: Round | None) -> None:
        """Note what is left of a round. Raises LeaseLost.

        Units stand there by ten letters of their hashes: of four hundred folders that are 5 KB,
        which every ring has to write again, until the round has come to its end.
        """
        if unfinished is None:
            self._update(lease, "REMOVE #round_dirty, #round_units", {})
            return
        values = {
            "dirty": unfinished.dirty,
            "units": sorted(short(unit_id) for unit_id in unfinished.units),
        }
        self._update(lease, "SET #round_dirty = :dirty, #round_units = :units", values)

    def save_audit_due(self, lease: Lease, at: datetime) -> None:
        """Note when the next audit is due. Raises LeaseLost. Written once a night."""
        self._update(lease, "SET #audit_due_at = :at", {"at": to_text(at)})

    def save_folders_synced(self, lease: Lease, at: datetime) -> None:
        """Note when the folders were last read. Raises LeaseLost.

        Not when somebody rang: they may have changed after they were read.
        """
        try:
            self._table.update(
                _key(lease.account_id, lease.lane),
                "SET #folders_synced_at = :at",
                {"at": to_text(at), "fence": lease.fence, "dirty": lease.dirty},
                condition=f"{_HELD} AND #dirty = :dirty",
            )
        except ConditionFailed as failure:
            if not _holds(lease, failure.existing):
                raise LeaseLost("another worker holds the lease") from None

    def save_backfill(
        self,
        lease: Lease,
        unit_id: SyncUnitId,
        backfill: Backfill,
        *,
        cursor: Cursor | None = None,
    ) -> bool:
        """Note the checkpoint of a unit's reading, and the cursor it ended with.

        False, and nothing changed, when the unit needs another generation or has ended. Raises
        LeaseLost when a later lease has saved a checkpoint of it; before that a late worker's
        checkpoint does no harm, being of pages that it has stored.
        """
        changes = "SET #checkpoint = :checkpoint, #backfill_fence = :fence"
        values: dict[str, Any] = {
            "checkpoint": checkpoint_to_row(backfill),
            "generation": backfill.generation,
            "fence": lease.fence,
        }
        if cursor is not None:
            changes += ", #cursor = :cursor"
            values["cursor"] = cursor
        try:
            self._table.update(
                keys.sync_unit(lease.account_id, unit_id),
                changes,
                values,
                condition="#generation = :generation AND"
                " (attribute_not_exists(#backfill_fence) OR #backfill_fence <= :fence)",
            )
        except ConditionFailed as failure:
            existing = failure.existing
            if existing is None or existing["generation"] != backfill.generation:
                return False
            raise LeaseLost("another worker holds the lease") from None
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
        """Give the lease back unless the dirty mark has moved. Raises LeaseLost.

        After False the lease is still held; its holder goes on with the dirty mark of `get`.
        """
        ends_well = synced_at is not None
        sets, removes, values = self._given_back(
            lease.lane, due_at, error, consequence, ends_well=ends_well
        )
        condition = _HELD
        if lease.lane is Lane.PRESENT:
            condition += " AND #dirty = :dirty"
            values["dirty"] = lease.dirty
            if is_nearly_served:
                sets.append("#nearly_served = :dirty")
            if synced_at is not None:
                values["synced_at"] = to_text(synced_at)
                sets += ["#synced_at = :synced_at", "#served = :dirty"]
        try:
            self._table.update(
                _key(lease.account_id, lease.lane),
                expression(sets, removes),
                {**values, "fence": lease.fence},
                condition=condition,
            )
        except ConditionFailed as failure:
            if _holds(lease, failure.existing):
                return False
            raise LeaseLost("another worker holds the lease") from None
        return True

    def abandon(self, lease: Lease, *, due_at: datetime, error: str, consequence: str = "") -> None:
        """Give the lease back whatever the dirty mark says; a lost one is fine."""
        ends_well = lease.lane is Lane.BACKFILL and not error
        sets, removes, values = self._given_back(
            lease.lane, due_at, error, consequence, ends_well=ends_well
        )
        if lease.lane is Lane.BACKFILL:
            sets.append("#resume_at = :resume_at")
            values["resume_at"] = to_text(due_at)
        try:
            self._update(lease, expression(sets, removes), values)
        except LeaseLost:
            return

    def _given_back(
        self, lane: Lane, due_at: datetime, error: str, consequence: str, *, ends_well: bool
    ) -> tuple[list[str], list[str], dict[str, Any]]:
        """Return what is set and removed when a lease is given back."""
        sets = ["#last_error = :error", "#last_consequence = :consequence"]
        values: dict[str, Any] = {"error": error, "consequence": consequence}
        if lane is Lane.PRESENT:
            sets.append("#due_at = :due_at")
            values["due_at"] = to_milliseconds(due_at)
        if error and not ends_well:
            sets.append("#failing_since = if_not_exists(#failing_since, :failed_at)")
            values["failed_at"] = to_text(self._clock.now())
        removes = ["#lease_expires_at", *(["#failing_since"] if ends_well else [])]
        return sets, removes, values

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

    def paused_until(self, account_id: AccountId) -> datetime | None:
        """Return until when nobody is to call the provider. One row, whatever the units."""
        return moment_in(self._table.get(keys.sync_present(account_id)) or {}, "paused_until")

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
        self._delete_units(account_id)
        self._table.delete(keys.sync_backfill(account_id))
        self._table.delete(keys.sync_present(account_id))
        # Those that were begun meanwhile; whoever begins one from now on finds no lease.
        self._delete_units(account_id)

    def _delete_units(self, account_id: AccountId) -> None:
        rows = self._table.query(
            keys.sync(account_id), "begins_with(#sk, :unit)", {"unit": keys.SYNC_UNIT_PREFIX}
        )
        self._table.write_batch(deletes=[keys.Key(row["pk"], row["sk"]) for row in rows])

    def _check(self, lease: Lease) -> None:
        if not _holds(lease, self._table.get(_key(lease.account_id, lease.lane))):
            raise LeaseLost("another worker holds the lease")

    def _update(self, lease: Lease, expression: str, values: dict[str, Any]) -> None:
        try:
            self._table.update(
                _key(lease.account_id, lease.lane),
                expression,
                {**values, "fence": lease.fence},
                condition=_HELD,
            )
        except ConditionFailed:
            raise LeaseLost("another worker holds the lease") from None

    def _update_unit(
        self,
        account_id: AccountId,
        unit_id: SyncUnitId,
        expression: str,
        values: dict[str, Any],
        *,
        condition: str,
    ) -> bool:
        try:
            self._table.update(
                keys.sync_unit(account_id, unit_id), expression, values, condition=condition
            )
        except ConditionFailed:
            return False
        return True


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


def _holds(lease: Lease, row: Row | None) -> bool:
    return row is not None and row["fence"] == lease.fence and "lease_expires_at" in row
