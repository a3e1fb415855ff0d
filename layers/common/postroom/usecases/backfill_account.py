"""The first sync: the whole mailbox, newest first, in checkpointed chunks of at most a minute.

A mailbox that is read again (its cursor was lost) also loses what was deleted while nobody looked.

It goes on beside the present: a message that is deleted meanwhile leaves its end behind, which no
older version overwrites. A chunk that dies is repeated from its last checkpoint; what it had
stored is not fetched again.
"""

from dataclasses import replace
from datetime import timedelta

from postroom.domain.account import Account, AccountStatus
from postroom.domain.errors import (
    LeaseLost,
    PostroomError,
    Retryable,
)
from postroom.domain.ids import AccountId, message_id
from postroom.domain.message import ALL_MAIL
from postroom.domain.sync import (
    LEASE_LIFETIME,
    STEP_LIMIT,
    Backfill,
    BackfillPage,
    BackfillPhase,
    Lane,
    Lease,
    MessageRef,
)
from postroom.observability import count, logger
from postroom.ports import Mailbox
from postroom.usecases.store_mail import StoreReport, fetch_and_store, retry_pending, unknown_refs
from postroom.usecases.sync_account import (
    MAX_DELAY,
    Heartbeat,
    SyncTools,
    pause_account,
    raise_if_throttled,
)

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
    error, more = "", False
    try:
        more = _backfill_with_lease(lease, tools)
    except LeaseLost:
        logger.warning("lease_lost", extra={"account_id": account_id})
        return
    except Retryable as problem:
        error = str(problem)
        pause_account(account_id=account_id, problem=problem, lane=Lane.BACKFILL, tools=tools)
    except PostroomError as problem:
        error = str(problem)
        extra = {"account_id": account_id, "problem": type(problem).__name__}
        logger.warning("backfill_parked", extra=extra)
    tools.sync_states.abandon(lease, due_at=tools.clock.now(), error=error)
    if more:
        tools.work.backfill(account_id)


def _backfill_with_lease(lease: Lease, tools: SyncTools) -> bool:
    account = tools.accounts.get(lease.account_id)
    state, now = tools.sync_states.get(lease.account_id), tools.clock.now()
    backfill = state.backfill or Backfill(phase=BackfillPhase.RUNNING)
    cursors_are_pinned = bool(state.cursors)
    if account.status is not AccountStatus.ACTIVE or not cursors_are_pinned:
        return False
    if backfill.phase is BackfillPhase.DONE:
        return False
    if state.paused_until is not None and now < state.paused_until:
        wait = state.paused_until - now + timedelta(seconds=1)
        tools.work.backfill(account.id, delay=min(wait, MAX_DELAY))
        return False
    with tools.mailboxes.open(account) as mailbox:
        return _Chunk(lease, account, mailbox, tools).read(backfill)


class _Chunk:
    """One holder's work on the whole of one mailbox."""

    def __init__(self, lease: Lease, account: Account, mailbox: Mailbox, tools: SyncTools) -> None:
        self._lease = lease
        self._account = account
        self._mailbox = mailbox
        self._tools = tools
        self._heartbeat = Heartbeat(lease, sync_states=tools.sync_states, clock=tools.clock)

    def read(self, backfill: Backfill) -> bool:
        """Store page after page until the end of the mailbox or of the step; True: there is more.

        What the provider refused to give before comes first, so that it does not pile up.
        """
        began_at = self._tools.clock.now()
        while self._tools.clock.now() - began_at < STEP_LIMIT:
            again = retry_pending(
                account_id=self._account.id,
                mailbox=self._mailbox,
                stores=self._tools.stores,
                clock=self._tools.clock,
                still_here=self._heartbeat,
            )
            if again is not None:
                raise_if_throttled(again)
                continue
            if backfill.phase is BackfillPhase.RUNNING:
                backfill, report = self._read_page(backfill)
            else:
                backfill, report = self._sweep(backfill)
            self._tools.sync_states.save_backfill(self._lease, backfill)
            if backfill.phase is BackfillPhase.DONE:
                extra = {"account_id": self._account.id, "stored": backfill.stored}
                logger.info("backfill_done", extra=extra)
                count("BackfillsDone")
            raise_if_throttled(report)
            if backfill.phase is BackfillPhase.DONE:
                return False
        return True

    def _read_page(self, backfill: Backfill) -> tuple[Backfill, StoreReport]:
        page = self._mailbox.backfill(backfill.position)
        refs, stores = list(page.refs), self._tools.stores
        if backfill.generation:
            ids = [message_id(self._account.id, ref.provider_id) for ref in refs]
            stores.listed.mark(self._account.id, backfill.generation, ids)
        else:
            refs = unknown_refs(self._account.id, refs, stores.messages)
        report = self._fetch(refs)
        return _checkpoint(backfill, page, report, known=len(page.refs) - len(refs)), report

    def _sweep(self, backfill: Backfill) -> tuple[Backfill, StoreReport]:
        """Ask for stored messages that were not listed: those that are gone are removed.

        Mail that came after its place had been listed is asked for as well, and simply found.
        """
        account_id, stores = self._account.id, self._tools.stores
        places = stores.messages.positions(
            account_id, ALL_MAIL, limit=_SWEEP_SIZE, after=backfill.swept
        )
        if not places:
            return replace(backfill, phase=BackfillPhase.DONE, swept=None), StoreReport()
        ids = [place.message_id for place in places]
        unmarked = stores.listed.unmarked(account_id, backfill.generation, ids)
        doubtful = stores.messages.get_many(account_id, unmarked).values()
        report = self._fetch(
            [
                MessageRef(
                    provider_id=message.provider_id, provider_thread_id=message.provider_thread_id
                )
                for message in doubtful
            ]
        )
        return replace(backfill, swept=places[-1]), report

    def _fetch(self, refs: list[MessageRef]) -> StoreReport:
        return fetch_and_store(
            account_id=self._account.id,
            refs=refs,
            mailbox=self._mailbox,
            stores=self._tools.stores,
            clock=self._tools.clock,
            still_here=self._heartbeat,
        )


def _checkpoint(
    backfill: Backfill, page: BackfillPage, report: StoreReport, *, known: int
) -> Backfill:
    times = [time for time in (report.oldest_at, backfill.oldest_stored_at) if time]
    phase = BackfillPhase.RUNNING
    if page.next_position is None:
        phase = BackfillPhase.SWEEPING if backfill.generation else BackfillPhase.DONE
    return replace(
        backfill,
        phase=phase,
        position=page.next_position or "",
        stored=backfill.stored + known + report.stored,
        total_estimate=page.total_estimate or backfill.total_estimate,
        oldest_stored_at=min(times, default=None),
    )
