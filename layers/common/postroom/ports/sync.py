"""Where it is kept how far a sync is, and who may go on with it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from postroom.domain.ids import AccountId
from postroom.domain.sync import Backfill, Cursor, Lane, Lease, SyncState, SyncUnitId


class SyncStateStore(Protocol):
    """Cursors, dirty marks, leases and what is due. Writes with a lease raise LeaseLost."""

    def create(self, account_id: AccountId, *, due_at: datetime) -> None:
        """Begin an account's sync state; an existing one is left as it is and made due."""

    def get(self, account_id: AccountId) -> SyncState:
        """Return the state. Raises NotFound."""

    def ring(self, account_id: AccountId) -> bool:
        """Raise the dirty mark. False when the account has no sync state."""

    def acquire(
        self, account_id: AccountId, lane: Lane, *, now: datetime, lifetime: timedelta
    ) -> Lease | None:
        """Take the lease of a lane, or None while another holds it or there is no state.

        While the PRESENT lease is held the account is due when it expires.
        """

    def renew(self, lease: Lease, *, expires_at: datetime) -> None:
        """Hold the lease longer."""

    def save_cursors(self, lease: Lease, cursors: dict[SyncUnitId, Cursor]) -> None:
        """Move the named cursors; others stay."""

    def save_folders_synced(self, lease: Lease, at: datetime) -> None:
        """Note when the folders were last read."""

    def save_backfill(self, lease: Lease, backfill: Backfill) -> None:
        """Note the checkpoint of the first sync."""

    def release(
        self, lease: Lease, *, synced_at: datetime | None, due_at: datetime, error: str = ""
    ) -> bool:
        """Give the lease back unless the dirty mark has moved; tells whether it was given back.

        After False the lease is still held: its holder goes on with the dirty mark of `get`.
        `synced_at` None leaves the time of the last success as it is. The BACKFILL lane has no
        dirty mark and is always given back; `synced_at` and `due_at` count for PRESENT alone.
        """

    def abandon(self, lease: Lease, *, due_at: datetime, error: str) -> None:
        """Give the lease back whatever the dirty mark says; a lost one is fine."""

    def pause(self, account_id: AccountId, until: datetime) -> None:
        """Let no worker call the provider before this time; a later pause wins."""

    def due(self, *, now: datetime, limit: int) -> Sequence[AccountId]:
        """Return accounts that are due, those that waited longest first."""

    def defer(self, account_id: AccountId, *, until: datetime) -> None:
        """Make an account due later (its worker has been called).

        Changes nothing while the PRESENT lease is held: its end is the better time.
        """

    def delete(self, account_id: AccountId) -> None:
        """Remove the state; none is fine."""
