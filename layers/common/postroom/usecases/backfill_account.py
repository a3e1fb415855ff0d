"""The lane beside the present: the first sync, and audits when there is nothing to be read.

The first sync reads the whole mailbox, newest first, in checkpointed chunks of at most a minute.

A mailbox that is read again (its cursor was lost) also loses what was deleted while nobody looked.

It goes on beside the present: a message that is deleted meanwhile leaves its end behind, which no
older version overwrites. A chunk that dies is repeated from its last checkpoint; what it had
stored is not fetched again.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from postroom.domain.account import Account, AccountStatus
from postroom.domain.errors import (
    BudgetSpent,
    LeaseLost,
    PostroomError,
    Retryable,
    consequence_of,
)
from postroom.domain.ids import AccountId, message_id, new_token
from postroom.domain.message import ALL_MAIL
from postroom.domain.quota import Purpose
from postroom.domain.sync import (
    LEASE_LIFETIME,
    STEP_LIMIT,
    Backfill,
    BackfillPage,
    BackfillPhase,
    Cursor,
    Lane,
    Lease,
    MessageRef,
    SyncState,
    SyncUnit,
    SyncUnitId,
)
from postroom.observability import count, logger
from postroom.ports import Mailbox
from postroom.usecases.audit_account import audit_account
from postroom.usecases.follow_units import FAILURE_LIMIT
from postroom.usecases.mailboxes import DEFAULT_PAUSE
from postroom.usecases.store_mail import (
    StoreReport,
    fetch_and_store,
    store_page,
    unknown_refs,
)
from postroom.usecases.sync_lanes import (
    MAX_DELAY,
    Heartbeat,
    SyncTools,
    growing_wait,
    raise_if_throttled,
)

LONGEST_WAIT = timedelta(hours=1)
"""Until whoever syncs the present may call for the rest again: a limit may have been raised."""

CLOCK_DIFFERENCE = timedelta(seconds=2)
"""Who is called comes a little later than at the time agreed: before it, it would do nothing."""

FAILED_UNITS_DELAY = timedelta(minutes=5)
"""When to try units again that failed while others could be read."""

_SWEEP_SIZE = 100
"""Stored messages compared with the marks in one go."""


def backfill_account(*, account_id: AccountId, tools: SyncTools) -> None:
    """Read the next chunk of a mailbox, and ask for the one after it.

    Does nothing when another worker is at it, when it is done, or while the account waits for
    its owner: syncing the present calls it again.
    """
    lease = tools.sync_states.acquire(
        account_id, Lane.BACKFILL, now=tools.clock.now(), lifetime=LEASE_LIFETIME
    )
    if lease is None:
        return
    error: PostroomError | None = None
    go_on_after = None
    try:
        go_on_after, error = _backfill_with_lease(lease, tools)
    except LeaseLost:
        logger.warning("lease_lost", extra={"account_id": account_id})
        return
    except BudgetSpent as problem:  # as it is meant to be: no error of the account
        go_on_after = problem.retry_after or DEFAULT_PAUSE
    except Retryable as problem:
        go_on_after = problem.retry_after or growing_wait(lease, tools.clock.now())
        error = problem
    except PostroomError as problem:
        error = problem
        extra = {"account_id": account_id, "problem": type(problem).__name__}
        logger.warning("backfill_parked", extra=extra)
    wait = min(go_on_after or timedelta(), LONGEST_WAIT)
    tools.sync_states.abandon(
        lease,
        due_at=tools.clock.now() + wait,
        error=str(error or ""),
        consequence=consequence_of(error) if error else "",
    )
    if go_on_after is not None and wait + CLOCK_DIFFERENCE <= MAX_DELAY:
        tools.work.backfill(account_id, delay=wait and wait + CLOCK_DIFFERENCE)


def _backfill_with_lease(
    lease: Lease, tools: SyncTools
) -> tuple[timedelta | None, PostroomError | None]:
    """Answer when to go on (None: there is no more to do), and what went wrong."""
    account = tools.accounts.get(lease.account_id)
    state, now = tools.sync_states.get(lease.account_id), tools.clock.now()
    unread = {unit.id: unit.reading for unit in state.units.values() if not unit.is_read}
    audit_is_due = state.is_read and tools.audits.is_due(account.id)
    if account.status is not AccountStatus.ACTIVE or not (unread or audit_is_due):
        return None, None
    if state.paused_until is not None and now < state.paused_until:
        return state.paused_until - now, None
    with tools.mailboxes.open(account, Purpose.BACKFILL) as mailbox:
        if audit_is_due:
            return audit_account(
                lease=lease, account=account, mailbox=mailbox, state=state, tools=tools
            ), None
        chunk = _Chunk(lease, account, mailbox, tools)
        try:
            more = chunk.read(state, unread)
        finally:
            chunk.have_followed()
    if more:
        return timedelta(), None
    if chunk.failure is not None:
        return FAILED_UNITS_DELAY, chunk.failure
    return None, None


class _Chunk:
    """One holder's work on the readings of one account."""

    def __init__(self, lease: Lease, account: Account, mailbox: Mailbox, tools: SyncTools) -> None:
        self._lease = lease
        self._account = account
        self._mailbox = mailbox
        self._tools = tools
        self._began_at = tools.clock.now()
        self._superseded = False
        self._asks_the_present = False
        self._lists_again = False
        self._throttled_for = timedelta()
        self._failures_in_a_row = 0
        self.failure: Retryable | None = None
        """Why some units were left for later."""
        self._heartbeat = Heartbeat(lease, sync_states=tools.sync_states, clock=tools.clock)

    def read(self, state: SyncState, unread: dict[SyncUnitId, Backfill]) -> bool:
        """Read on until all units are read or the step's time is over; True: there is more.

        A unit that fails is left for later; the others go on. When all fail, Retryable is raised.
        """
        while unread:
            if self._tools.clock.now() - self._began_at >= STEP_LIMIT:
                return True
            running = {
                unit_id: reading.position
                for unit_id, reading in unread.items()
                if reading.phase is BackfillPhase.RUNNING
            }
            if running:
                self._read_pages(running, unread)
            else:
                unit_id = next(iter(unread))
                self._sweep(state.units[unit_id], unread)
        return self._superseded

    def have_followed(self) -> None:
        """Have the present follow what has changed since the readings began that have ended.

        And try what was left for later. Once for all of it: the present follows every unit, each
        time that it is called.
        """
        account_id = self._account.id
        if self._lists_again:
            self._tools.sync_states.ring(account_id, folders_changed=True)
            self._tools.work.sync(account_id)
        elif self._asks_the_present and self._tools.sync_states.ring(account_id):
            self._tools.work.sync(account_id, delay=min(self._throttled_for, MAX_DELAY))

    def _read_pages(
        self, running: dict[SyncUnitId, str], unread: dict[SyncUnitId, Backfill]
    ) -> None:
        """Read the next page of some units; what they have come to stands in `unread`."""
        asked_at = self._tools.clock.now()
        answer = self._mailbox.backfill(running)
        self._heartbeat()  # whoever was away for longer than the lease stores nothing
        for unit_id, page in answer.pages.items():
            report, known = self._store(page, asked_at, unread[unit_id])
            reading = _checkpoint(unread[unit_id], page, report, known=known)
            self._save(unit_id, reading, unread, cursor=page.cursor)
            self._note(report)
            self._heartbeat()
        for unit_id in answer.expired:
            if not running[unit_id]:
                del unread[unit_id]
                self.failure = Retryable("the provider has forgotten a folder's first page")
                continue
            # What was deleted since the lost round began is told by no other.
            generation = new_token()
            self._tools.sync_states.read_again(self._account.id, unit_id, generation=generation)
            self._save(unit_id, Backfill(generation=generation), unread)
        for unit_id in answer.gone:
            del unread[unit_id]  # the present lists the units again, and ends it, or does not
            self._lists_again = True
            self.failure = Retryable("a folder that the provider lists cannot be found")
        if answer.pages or answer.expired or answer.gone:
            self._failures_in_a_row = 0
        self._failures_in_a_row += len(answer.failed)
        if answer.pause is not None:
            raise answer.pause
        if answer.problem is not None:
            if len(answer.failed) == len(unread) or self._failures_in_a_row >= FAILURE_LIMIT:
                raise answer.problem
            self.failure = answer.problem
        for unit_id in answer.failed:
            del unread[unit_id]

    def _note(self, report: StoreReport) -> None:
        self._asks_the_present |= report.pending + report.doubted > 0
        self._throttled_for = report.throttled_for or timedelta()
        raise_if_throttled(report)

    def _store(
        self, page: BackfillPage, asked_at: datetime, reading: Backfill
    ) -> tuple[StoreReport, int]:
        """Store a page; answers what came of it, and how many of its messages were known."""
        account_id, stores = self._account.id, self._tools.stores
        wanted = list(page.fetch)
        if reading.generation:
            failed = [failure.ref for failure in page.fetched.failed]
            listed = [message_id(account_id, ref.provider_id) for ref in (*wanted, *failed)]
            listed += [full.message.id for full in page.fetched.messages]
            stores.listed.mark(account_id, reading.generation, listed)
        else:
            wanted = unknown_refs(account_id, wanted, stores.messages)
        report = store_page(
            account_id=account_id,
            page=page,
            seen_at=asked_at,
            wanted=wanted,
            mailbox=self._mailbox,
            stores=stores,
            clock=self._tools.clock,
            still_here=self._heartbeat,
        )
        return report, len(page.fetch) - len(wanted)

    def _sweep(self, unit: SyncUnit, unread: dict[SyncUnitId, Backfill]) -> None:
        """Ask for stored messages that were not listed: those that are gone are removed.

        Mail that came after its place had been listed is asked for as well, and simply found.
        """
        account_id, stores, reading = self._account.id, self._tools.stores, unread[unit.id]
        places = stores.messages.positions(
            account_id, unit.view or ALL_MAIL, limit=_SWEEP_SIZE, after=reading.swept
        )
        if not places:
            self._save(unit.id, replace(reading, phase=BackfillPhase.DONE, swept=None), unread)
            return
        ids = [place.message_id for place in places]
        unmarked = stores.listed.unmarked(account_id, reading.generation, ids)
        doubtful = stores.messages.get_many(account_id, unmarked).values()
        report = fetch_and_store(
            account_id=account_id,
            refs=[MessageRef.to(message) for message in doubtful],
            mailbox=self._mailbox,
            stores=stores,
            clock=self._tools.clock,
            still_here=self._heartbeat,
        )
        self._save(unit.id, replace(reading, swept=places[-1]), unread)
        self._note(report)

    def _save(
        self,
        unit_id: SyncUnitId,
        reading: Backfill,
        unread: dict[SyncUnitId, Backfill],
        *,
        cursor: Cursor | None = None,
    ) -> None:
        """Save a checkpoint; a unit that is read, or needs another reading, is not `unread`."""
        tools, account_id = self._tools, self._account.id
        saved = tools.sync_states.save_backfill(self._lease, unit_id, reading, cursor=cursor)
        self._superseded |= not saved
        if not saved or reading.phase is BackfillPhase.DONE:
            del unread[unit_id]
        else:
            unread[unit_id] = reading
        if saved and reading.phase is BackfillPhase.DONE:
            logger.info("unit_read", extra={"account_id": account_id, "stored": reading.stored})
            count("UnitsRead")
        self._asks_the_present |= saved and cursor is not None


def _checkpoint(
    reading: Backfill, page: BackfillPage, report: StoreReport, *, known: int
) -> Backfill:
    times = [time for time in (report.oldest_at, reading.oldest_stored_at) if time]
    phase = BackfillPhase.RUNNING
    if page.next_position is None:
        phase = BackfillPhase.SWEEPING if reading.generation else BackfillPhase.DONE
    return replace(
        reading,
        phase=phase,
        position=page.next_position or "",
        stored=reading.stored + known + report.stored + report.pending,
        total_estimate=page.total_estimate or reading.total_estimate,
        oldest_stored_at=min(times, default=None),
    )
