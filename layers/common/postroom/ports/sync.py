"""Where it is kept how far a sync is, and who may go on with it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

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


class SyncStateStore(Protocol):
    """Units, dirty marks, leases and what is due. Writes with a lease may raise LeaseLost."""

    def create(self, account_id: AccountId, *, due_at: datetime) -> None:
        """Begin an account's sync state; an existing one stays, and is made due with its watch."""

    def get(self, account_id: AccountId) -> SyncState:
        """Return the state, units by rank. Raises NotFound."""

    def glance(self, account_id: AccountId) -> SyncState:
        """Return the state without its units, in a single small read. Raises NotFound.

        Sees every ring that was made before.
        """

    def ring(
        self,
        account_id: AccountId,
        *,
        folders_changed: bool = False,
        watch_is_doubtful: bool = False,
    ) -> bool:
        """Raise the dirty mark. False when the account has no sync state.

        With `folders_changed` the folders count as not read: changes need not tell of them. With
        `watch_is_doubtful` the watch is looked at by the next worker.
        """

    def ring_watched(
        self,
        account_id: AccountId,
        *,
        secret_hashes: Sequence[str],
        watch_is_ending: bool = False,
    ) -> bool:
        """Raise the dirty mark for whoever knows the secret of the account's watch, in one write.

        Of one to a hundred `secret_hashes` one has to be true. False, and nothing changed, when the
        account is not watched with any of them. A watch that `is_ending` has to be looked at, at
        once.
        """

    def save_watch(
        self, lease: Lease, watch: Watch | None, *, due_at: datetime, problem: str = ""
    ) -> None:
        """Note the watch that there is now, when to look at it next, and what is wrong with it.

        Somebody who rang meanwhile may have said that it is ending: then it stays as due as it
        was, and the next round looks at it again.
        """

    def acquire(
        self, account_id: AccountId, lane: Lane, *, now: datetime, lifetime: timedelta
    ) -> Lease | None:
        """Take the lease of a lane, or None while another holds it or there is no state.

        None also for a BACKFILL that comes before the time it was abandoned until.
        While the PRESENT lease is held the account is due when it expires.
        """

    def renew(self, lease: Lease, *, expires_at: datetime) -> None:
        """Hold the lease longer."""

    def begin_unit(self, lease: Lease, unit: SyncUnit) -> None:
        """Begin a unit that is not there yet; one that is stays as it is."""

    def end_unit(self, lease: Lease, unit_id: SyncUnitId) -> None:
        """Forget a unit; none is fine."""

    def move_cursor(self, lease: Lease, unit_id: SyncUnitId, *, since: Cursor, to: Cursor) -> bool:
        """Move a unit's cursor from where its mover began.

        False, and nothing changed, when it does not stand there any more: somebody else has moved
        it, begun the unit again or ended it.
        """

    def begin_again(
        self, lease: Lease, unit_id: SyncUnitId, *, cursor: Cursor | None, generation: str
    ) -> None:
        """Give a unit whose cursor is lost the cursor it begins with, and have it read again.

        Both at once. A unit that has ended meanwhile stays so.
        """

    def read_again(self, account_id: AccountId, unit_id: SyncUnitId, *, generation: str) -> None:
        """Have a unit read again while its cursor goes on; none is fine."""

    def save_round(self, lease: Lease, unfinished: Round | None) -> None:
        """Note what is left of a round that somebody has to go on with; None: nothing is."""

    def save_audit_due(self, lease: Lease, at: datetime) -> None:
        """Note when the next audit is due."""

    def save_folders_synced(self, lease: Lease, at: datetime) -> None:
        """Note when the folders were last read, unless the dirty mark has moved meanwhile."""

    def save_backfill(
        self,
        lease: Lease,
        unit_id: SyncUnitId,
        backfill: Backfill,
        *,
        cursor: Cursor | None = None,
    ) -> bool:
        """Note the checkpoint of a unit's reading, and the cursor it ended with.

        False, and nothing changed, when the unit needs another reading by now, or has ended.
        Raises LeaseLost also when a later lease has saved a checkpoint.
        """

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
        """Give the lease back unless the dirty mark has moved; tells whether it was given back.

        After False the lease is still held: its holder goes on with the dirty mark of `get`.
        An `error` is a failure, and counts for `failing_since`; its `consequence` is
        `errors.consequence_of` it. After a short round the mark
        `is_nearly_served`.
        With `synced_at` the dirty mark of the lease counts as served; None is a failure, and leaves
        that and the time of the last success as they are. The BACKFILL lane has no dirty mark and
        is always given back; `synced_at` and `due_at` count for PRESENT alone.
        """

    def abandon(self, lease: Lease, *, due_at: datetime, error: str, consequence: str = "") -> None:
        """Give the lease back whatever the dirty mark says; a lost one is fine."""

    def pause(self, account_id: AccountId, until: datetime) -> None:
        """Let no worker call the provider before this time; a later pause wins."""

    def paused_until(self, account_id: AccountId) -> datetime | None:
        """Return until when nobody is to call the provider, be it over; None when never asked."""

    def due(self, *, now: datetime, limit: int) -> Sequence[AccountId]:
        """Return accounts that are due, those that waited longest first."""

    def defer(self, account_id: AccountId, *, until: datetime) -> None:
        """Make an account due later (its worker has been called).

        Changes nothing while the PRESENT lease is held: its end is the better time.
        """

    def delete(self, account_id: AccountId) -> None:
        """Remove the state; none is fine."""
