"""The first sync: the whole mailbox, newest first, in checkpointed chunks of at most a minute.

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
from postroom.domain.ids import AccountId
from postroom.domain.sync import (
    LEASE_LIFETIME,
    STEP_LIMIT,
    Backfill,
    BackfillPage,
    BackfillPhase,
    Lane,
    Lease,
)
from postroom.observability import count, logger
from postroom.ports import Mailbox
from postroom.usecases.store_mail import StoreReport, fetch_and_store, retry_pending, unknown_refs
from postroom.usecases.sync_account import (
    MAX_DELAY,
    SyncTools,
    pause_account,
    raise_if_throttled,
)


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
        return _read_chunk(lease, account, backfill, mailbox, tools)


def _read_chunk(
    lease: Lease, account: Account, backfill: Backfill, mailbox: Mailbox, tools: SyncTools
) -> bool:
    """Store page after page until the end of the mailbox or of the step; True: there is more.

    What the provider refused to give before comes first, so that it does not pile up.
    """
    began_at = tools.clock.now()

    def renew() -> None:
        tools.sync_states.renew(lease, expires_at=tools.clock.now() + LEASE_LIFETIME)

    while tools.clock.now() - began_at < STEP_LIMIT:
        again = retry_pending(
            account_id=account.id,
            mailbox=mailbox,
            stores=tools.stores,
            clock=tools.clock,
            still_here=renew,
        )
        if again is not None:
            raise_if_throttled(again)
            continue
        page = mailbox.backfill(backfill.position)
        refs = list(page.refs)
        if not backfill.refresh:
            refs = unknown_refs(account.id, refs, tools.stores.messages)
        report = fetch_and_store(
            account_id=account.id,
            refs=refs,
            mailbox=mailbox,
            stores=tools.stores,
            clock=tools.clock,
            still_here=renew,
        )
        backfill = _checkpoint(backfill, page, report, known=len(page.refs) - len(refs))
        tools.sync_states.save_backfill(lease, backfill)
        if backfill.phase is BackfillPhase.DONE:
            logger.info(
                "backfill_done", extra={"account_id": account.id, "stored": backfill.stored}
            )
            count("BackfillsDone")
            return False
        raise_if_throttled(report)
    return True


def _checkpoint(
    backfill: Backfill, page: BackfillPage, report: StoreReport, *, known: int
) -> Backfill:
    times = [time for time in (report.oldest_at, backfill.oldest_stored_at) if time]
    at_end = page.next_position is None
    return replace(
        backfill,
        phase=BackfillPhase.DONE if at_end else BackfillPhase.RUNNING,
        position=page.next_position or "",
        stored=backfill.stored + known + report.stored,
        total_estimate=page.total_estimate or backfill.total_estimate,
        oldest_stored_at=min(times, default=None),
    )
