"""The heart: bring the copy of one mailbox up to the present.

Take the lease; then, until no doorbell rang meanwhile: changes since the cursor → fetch → store →
*only then* the cursor. Whatever goes wrong, the cursor still stands before what is not stored.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from postroom.domain.account import Account, AccountStatus
from postroom.domain.errors import (
    CursorExpired,
    LeaseLost,
    MailboxUnavailable,
    NotFound,
    PostroomError,
    ReauthRequired,
    Retryable,
)
from postroom.domain.ids import AccountId, new_token
from postroom.domain.sync import (
    LEASE_LIFETIME,
    STEP_LIMIT,
    Backfill,
    BackfillPhase,
    Cursor,
    Lane,
    Lease,
    SyncState,
    SyncUnitId,
)
from postroom.observability import count, logger
from postroom.ports import (
    AccountStore,
    Clock,
    FolderStore,
    Mailbox,
    SyncStateStore,
    WorkQueue,
)
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.store_mail import (
    MailStores,
    StoreReport,
    apply_edits,
    fetch_again,
    fetch_and_store,
    leave_folder,
    remove_message,
    retry_pending,
    unknown_refs,
)

DEFAULT_PAUSE = timedelta(seconds=30)
"""How long to leave a provider alone that gave no time itself."""

REAUTH_INTERVAL = timedelta(days=1)
"""How often to look at an account that waits for its owner; reconnecting makes it due at once."""

UNAVAILABLE_INTERVAL = timedelta(hours=1)
"""How often to look whether a mailbox is back."""

TROUBLE_INTERVAL = timedelta(minutes=15)
"""How often to try again what only the operator, or we, can mend."""

FOLDERS_INTERVAL = timedelta(hours=1)
"""Folders are read again after any change, and at least this often for renamed ones."""

MAX_DELAY = timedelta(minutes=15)
"""The longest delay of a queue; longer waits are left to the sweep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncTools:
    """What both lanes of the sync work with."""

    accounts: AccountStore
    mailboxes: Mailboxes
    sync_states: SyncStateStore
    stores: MailStores
    folders: FolderStore
    work: WorkQueue
    clock: Clock
    poll_interval: timedelta


def sync_account(*, account_id: AccountId, tools: SyncTools) -> None:
    """Bring an account up to the present, in one bounded step.

    Does nothing when another worker holds the lease: that one sees the dirty mark. Never raises
    for what a provider does: the account is paused, parked or tried again.
    """
    lease = tools.sync_states.acquire(
        account_id, Lane.PRESENT, now=tools.clock.now(), lifetime=LEASE_LIFETIME
    )
    if lease is None:
        return
    try:
        account = tools.accounts.get(account_id)
    except NotFound:
        tools.sync_states.delete(account_id)
        return
    try:
        _sync_with_lease(lease, account, tools)
    except LeaseLost:
        logger.warning("lease_lost", extra={"account_id": account_id})
    except Retryable as problem:
        pause_account(account_id=account_id, problem=problem, lane=Lane.PRESENT, tools=tools)
        _park(lease, problem, problem.retry_after or DEFAULT_PAUSE, tools)
    except ReauthRequired as problem:
        _park(lease, problem, REAUTH_INTERVAL, tools)
    except MailboxUnavailable as problem:
        _park(lease, problem, UNAVAILABLE_INTERVAL, tools)
    except PostroomError as problem:
        extra = {"account_id": account_id, "problem": type(problem).__name__}
        logger.error("sync_in_trouble", extra=extra)
        count("SyncsInTrouble")
        _park(lease, problem, TROUBLE_INTERVAL, tools)


def _park(lease: Lease, problem: PostroomError, wait: timedelta, tools: SyncTools) -> None:
    """Give the lease back for a while, unless somebody rang: the owner may just have returned."""
    now = tools.clock.now()
    try:
        parked = tools.sync_states.release(
            lease, synced_at=None, due_at=now + wait, error=str(problem)
        )
    except LeaseLost:
        return
    if not parked:
        tools.sync_states.abandon(lease, due_at=now, error=str(problem))
        tools.work.sync(lease.account_id)


def pause_account(
    *, account_id: AccountId, problem: Retryable, lane: Lane, tools: SyncTools
) -> None:
    """Leave the provider alone for as long as it asked, then go on in the same lane."""
    delay = problem.retry_after or DEFAULT_PAUSE
    tools.sync_states.pause(account_id, tools.clock.now() + delay)
    count("AccountsPaused")
    ring = tools.work.sync if lane is Lane.PRESENT else tools.work.backfill
    ring(account_id, delay=min(delay + timedelta(seconds=1), MAX_DELAY))


def raise_if_throttled(report: StoreReport) -> None:
    """Stop calling the provider once it asked for a pause; what it refused is a pending row."""
    if report.throttled_for is not None:
        raise Retryable("The provider asked for a pause.", retry_after=report.throttled_for)


@contextmanager
def restarted_backfill(*, account_id: AccountId, tools: SyncTools) -> Iterator[bool]:
    """Put the first sync back to its beginning; it begins after the `with` block at the earliest.

    Yields False, and changes nothing, while a worker is at it.
    """
    lease = tools.sync_states.acquire(
        account_id, Lane.BACKFILL, now=tools.clock.now(), lifetime=LEASE_LIFETIME
    )
    if lease is None:
        yield False
        return
    again = Backfill(phase=BackfillPhase.RUNNING, generation=new_token())
    tools.sync_states.save_backfill(lease, again)
    try:
        yield True
    finally:
        tools.sync_states.abandon(lease, due_at=tools.clock.now(), error="")
    tools.work.backfill(account_id)


def _sync_with_lease(lease: Lease, account: Account, tools: SyncTools) -> None:
    state, now = tools.sync_states.get(lease.account_id), tools.clock.now()
    if account.status is AccountStatus.DELETING:
        tools.work.backfill(account.id)
        tools.sync_states.abandon(lease, due_at=now + MAX_DELAY, error="")
        return
    if state.paused_until is not None and now < state.paused_until:
        tools.sync_states.abandon(lease, due_at=state.paused_until, error=state.last_error)
        return
    with tools.mailboxes.open(account) as mailbox:
        _PresentStep(lease, account, mailbox, tools).run(state)


class Heartbeat:
    """Keeps a lease for as long as its holder gives signs of life. Raises LeaseLost."""

    def __init__(self, lease: Lease, *, sync_states: SyncStateStore, clock: Clock) -> None:
        self._lease = lease
        self._sync_states = sync_states
        self._clock = clock
        self._renewed_at = clock.now()

    def __call__(self) -> None:
        """Renew the lease when a third of its life is over."""
        now = self._clock.now()
        if now - self._renewed_at >= LEASE_LIFETIME / 3:
            self._sync_states.renew(self._lease, expires_at=now + LEASE_LIFETIME)
            self._renewed_at = now


class _PresentStep:
    """One holder's work on the present of one account."""

    def __init__(self, lease: Lease, account: Account, mailbox: Mailbox, tools: SyncTools) -> None:
        self._lease = lease
        self._account = account
        self._mailbox = mailbox
        self._tools = tools
        self._began_at = tools.clock.now()
        self._heartbeat = Heartbeat(lease, sync_states=tools.sync_states, clock=tools.clock)
        self._changed = False

    def run(self, state: SyncState) -> None:
        """Follow the changes until no doorbell rang meanwhile, or the step's time is over."""
        tools, lease = self._tools, self._lease
        if not state.cursors:
            self._pin_cursors()
            state = tools.sync_states.get(lease.account_id)
        cursors = dict(state.cursors)
        while True:
            finished = all(self._follow(unit, cursors) for unit in tuple(cursors))
            finished = self._retry_pending() and finished
            self._refresh_folders(state)
            self._call_backfill(state)
            if not finished:
                tools.sync_states.abandon(lease, due_at=tools.clock.now(), error="")
                tools.work.sync(lease.account_id)
                return
            now = tools.clock.now()
            due_at = now + tools.poll_interval
            if tools.sync_states.release(lease, synced_at=now, due_at=due_at):
                tools.mailboxes.note_active(self._account)
                return
            state = tools.sync_states.get(lease.account_id)
            self._lease = lease = replace(lease, dirty=state.dirty)

    def _pin_cursors(self) -> None:
        """Pin the present before anything is listed, so that nothing falls between the two.

        What sends and changes have stored until now is fetched again: no history tells what became
        of it before the pin, and the first sync fetches only what is not stored.
        """
        tools = self._tools
        cursors = self._mailbox.pin_cursors()
        fetch_again(account_id=self._account.id, stores=tools.stores, clock=tools.clock)
        tools.sync_states.save_cursors(self._lease, cursors)
        self._changed = True

    def _follow(self, unit: SyncUnitId, cursors: dict[SyncUnitId, Cursor]) -> bool:
        """Follow one unit to its end; False when the step's time is over before."""
        account_id, tools = self._account.id, self._tools
        while self._has_time():
            try:
                page = self._mailbox.changes(unit, cursors[unit])
            except CursorExpired:
                cursors.update(self._start_over())
                return True
            for ref, version in page.removed:
                remove_message(account_id=account_id, ref=ref, version=version, stores=tools.stores)
            unknown = apply_edits(account_id=account_id, edits=page.edits, stores=tools.stores)
            new = unknown_refs(account_id, page.fetch, tools.stores.messages)
            report = fetch_and_store(
                account_id=account_id,
                refs=list(dict.fromkeys([*new, *unknown])),
                mailbox=self._mailbox,
                stores=tools.stores,
                clock=tools.clock,
                still_here=self._heartbeat,
            )
            if page.next_cursor != cursors[unit]:
                tools.sync_states.save_cursors(self._lease, {unit: page.next_cursor})
                cursors[unit] = page.next_cursor
            self._changed |= bool(page.removed or page.edits or page.fetch)
            raise_if_throttled(report)
            self._heartbeat()
            if not page.more:
                return True
        return False

    def _start_over(self) -> dict[SyncUnitId, Cursor]:
        """Pin new cursors and have the whole mailbox read again, old messages included.

        A crash in between only means that the cursor is found expired once more. Nothing is
        listed before the new cursors stand.
        """
        tools, account_id = self._tools, self._account.id
        logger.warning("cursor_expired", extra={"account_id": account_id})
        count("CursorsExpired")
        with restarted_backfill(account_id=account_id, tools=tools) as restarted:
            if not restarted:
                raise Retryable("The first sync is at work; the new cursor waits for its pause.")
            cursors = self._mailbox.pin_cursors()
            tools.sync_states.save_cursors(self._lease, cursors)
        self._changed = True
        return cursors

    def _retry_pending(self) -> bool:
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
            self._changed = True
            raise_if_throttled(report)
        return False

    def _refresh_folders(self, state: SyncState) -> None:
        tools, now = self._tools, self._tools.clock.now()
        read_at = state.folders_synced_at
        if not self._changed and read_at and now - read_at < FOLDERS_INTERVAL:
            return
        account_id, current = self._account.id, self._mailbox.folders()
        # A folder of the provider's own is never deleted: a list without it is a broken answer.
        known = {folder.id for folder in tools.folders.all(account_id) if not folder.is_system}
        for folder_id in known - {folder.id for folder in current}:
            leave_folder(
                account_id=account_id,
                folder_id=folder_id,
                stores=tools.stores,
                still_here=self._heartbeat,
            )
        tools.folders.replace_all(account_id, current)
        tools.sync_states.save_folders_synced(self._lease, now)
        self._changed = False

    def _call_backfill(self, state: SyncState) -> None:
        """Have the first sync go on; also when the message that drove it was lost."""
        if state.backfill is None or state.backfill.phase is not BackfillPhase.DONE:
            self._tools.work.backfill(self._account.id)

    def _has_time(self) -> bool:
        return self._tools.clock.now() - self._began_at < STEP_LIMIT
