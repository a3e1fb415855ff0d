"""Following the units of a mailbox: changes since each cursor → store → *only then* the cursor.

Units come and go on the way: those that the provider lists are begun before the folders are noted
as read, and whose cursor is lost are begun again, to be read by the other lane.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from postroom.domain.account import Account
from postroom.domain.errors import Retryable
from postroom.domain.ids import new_token
from postroom.domain.sync import (
    STEP_LIMIT,
    ChangePage,
    Cursor,
    Lease,
    Round,
    SyncState,
    SyncUnitId,
)
from postroom.observability import count, logger
from postroom.ports import Mailbox
from postroom.usecases.refresh_folders import refresh_folders
from postroom.usecases.refresh_senders import refresh_senders
from postroom.usecases.store_mail import StoreReport, retry_pending, store_page, unknown_refs
from postroom.usecases.sync_lanes import Heartbeat, SyncTools, raise_if_throttled

FOLDERS_INTERVAL = timedelta(hours=1)
"""Folders are read again after any change, and at least this often for renamed ones."""

FAILURE_LIMIT = 6
"""Units that may fail in a row before a step gives up: one must not keep the others from being
followed, and a provider that is down is not to be asked for each of hundreds."""


class UnitFollower:
    """One holder's way through the units of one account, for the length of a step."""

    def __init__(
        self,
        lease: Lease,
        account: Account,
        mailbox: Mailbox,
        tools: SyncTools,
        still_here: Heartbeat,
    ) -> None:
        self.lease = lease
        self.changed = False
        """Whether mail was stored since the folders were last read."""
        self.failure: Retryable | None = None
        """Why a unit could not be followed the last time."""
        self._account = account
        self._mailbox = mailbox
        self._tools = tools
        self._began_at = tools.clock.now()
        self._heartbeat = still_here

    def follow(self, state: SyncState) -> bool:
        """Follow all units to their end; False when there is more to follow at once.

        Where a round outlasts the step, or a step ends in the middle, the next one goes on there.
        """
        units = state.units.keys() if state.round is None else state.round.units
        if state.round is not None:
            self.lease = replace(self.lease, dirty=state.round.dirty)
        behind = {
            unit.id: unit.cursor
            for unit in state.units.values()
            if unit.cursor is not None and unit.id in units
        }
        in_all, superseded, failed = len(behind), set[SyncUnitId](), set[SyncUnitId]()
        try:
            self.follow_all(behind, superseded, failed)
        finally:
            left = superseded | behind.keys()
            if 0 < len(left) < in_all:
                unfinished = frozenset(left | failed)
                self._save_round(Round(dirty=self.lease.dirty, units=unfinished))
            elif not left and state.round is not None:
                self._save_round(None)
        return not left

    def _save_round(self, unfinished: Round | None) -> None:
        self._tools.sync_states.save_round(self.lease, unfinished)

    def follow_all(
        self,
        behind: dict[SyncUnitId, Cursor],
        superseded: set[SyncUnitId],
        failed: set[SyncUnitId],
    ) -> None:
        """Follow the units until none is `behind`, or the step's time is over.

        Those units are `superseded` that stand elsewhere by now. Raises Retryable where the
        provider asks for a pause, or gives no answer at all.
        """
        self.failure = None
        answered, failures_in_a_row = False, 0
        while behind and self._has_time():
            asked_at = self._tools.clock.now()
            answer = self._mailbox.changes(behind)
            self._heartbeat()  # whoever was away for longer than the lease stores nothing
            for unit_id, page in answer.pages.items():
                if not self._follow_page(unit_id, page, asked_at, behind):
                    superseded.add(unit_id)
            self._leave_out(answer.expired, answer.gone, behind)
            if answer.pages or answer.expired or answer.gone:
                answered, failures_in_a_row = True, 0
            failures_in_a_row += len(answer.failed)
            if answer.pause is not None:
                raise answer.pause
            if answer.problem is not None:
                self.failure = self.failure or answer.problem
                if failures_in_a_row >= FAILURE_LIMIT:
                    raise answer.problem
            failed.update(answer.failed)
            for unit_id in answer.failed:
                del behind[unit_id]
        if self.failure is not None and not answered:
            raise self.failure

    def _leave_out(
        self,
        expired: frozenset[SyncUnitId],
        gone: frozenset[SyncUnitId],
        behind: dict[SyncUnitId, Cursor],
    ) -> None:
        """Begin units again or end them; there is nothing to follow in them for now."""
        if expired:
            self._begin_again(expired)
        if gone:
            self.read_units()
        for unit_id in expired | gone:
            del behind[unit_id]

    def _follow_page(
        self,
        unit_id: SyncUnitId,
        page: ChangePage,
        asked_at: datetime,
        behind: dict[SyncUnitId, Cursor],
    ) -> bool:
        """Store a page, then move the cursor; False when it does not stand there any more."""
        since = behind.pop(unit_id)
        report = self._store(page, asked_at)
        # When it moved, a reading of the whole unit has just ended with a cursor of its own.
        has_moved = page.next_cursor != since and not self._tools.sync_states.move_cursor(
            self.lease, unit_id, since=since, to=page.next_cursor
        )
        if page.more and not has_moved:
            behind[unit_id] = page.next_cursor  # behind the others, for them to come first
        raise_if_throttled(report)
        self._heartbeat()
        return not has_moved

    def _store(self, page: ChangePage, asked_at: datetime) -> StoreReport:
        """Store a page; folders that came are begun before its cursor leaves them behind."""
        account_id, stores = self._account.id, self._tools.stores
        report = store_page(
            account_id=account_id,
            page=page,
            seen_at=asked_at,
            wanted=unknown_refs(account_id, page.fetch, stores.messages),
            mailbox=self._mailbox,
            stores=stores,
            clock=self._tools.clock,
            still_here=self._heartbeat,
        )
        self.changed |= not page.is_empty
        if page.folders_changed:
            self.read_units()
        return report

    def _begin_again(self, expired: frozenset[SyncUnitId]) -> None:
        """Have units read again whose cursor is lost, old messages included.

        Their new cursors stand before anything is listed.
        """
        tools, account_id = self._tools, self._account.id
        logger.warning("cursor_expired", extra={"account_id": account_id, "units": len(expired)})
        count("CursorsExpired", len(expired))
        for unit in self._mailbox.sync_units():
            if unit.id in expired:
                tools.sync_states.begin_again(
                    self.lease, unit.id, cursor=unit.cursor, generation=new_token()
                )
        self.read_units()

    def retry_what_is_left(self) -> bool:
        """Try again what is due; False when the step's time is over before all of it was."""
        tools = self._tools
        while self._has_time():
            report = retry_pending(
                account_id=self._account.id,
                mailbox=self._mailbox,
                stores=tools.stores,
                clock=tools.clock,
                still_here=self._heartbeat,
            )
            if report is None:
                return True
            self.changed = True
            raise_if_throttled(report)
        return False

    def refresh_folders(self, state: SyncState) -> None:
        """Read the folders when their counts may be others, and all of it now and then."""
        now, read_at = self._tools.clock.now(), state.folders_synced_at
        if read_at is None or now - read_at >= FOLDERS_INTERVAL:
            self.read_units()
        elif self.changed:
            self._read_folders()

    def read_units(self) -> None:
        """Begin the units that came and end those that went; read the folders with them.

        Units begin before the folders are noted as read: whoever dies in between does it again.
        """
        tools, account_id = self._tools, self._account.id
        known = tools.sync_states.get(account_id).units.keys()
        units = {unit.id: unit for unit in self._mailbox.sync_units()}
        # A unit that comes back may have an earlier life's mail stored, and a late reader.
        generation = new_token() if known else ""
        for unit_id in units.keys() - known:
            tools.sync_states.begin_unit(self.lease, replace(units[unit_id], generation=generation))
        self._read_folders()
        for unit_id in known - units.keys():
            tools.sync_states.end_unit(self.lease, unit_id)
        refresh_senders(account_id, self._mailbox, tools.senders)
        tools.sync_states.save_folders_synced(self.lease, tools.clock.now())

    def _read_folders(self) -> None:
        tools = self._tools
        refresh_folders(
            account=self._account,
            mailbox=self._mailbox,
            mailboxes=tools.mailboxes,
            folders=tools.folders,
            stores=tools.stores,
            clock=tools.clock,
            still_here=self._heartbeat,
        )
        self.changed = False

    def _has_time(self) -> bool:
        return self._tools.clock.now() - self._began_at < STEP_LIMIT
