"""Keeping a watch on a mailbox, so that its provider rings when something has changed.

    (none) ──start──► WATCHED ──due──► renew ──► WATCHED
      ▲                                  ├─ gone ──► start
      └─────── due, an hour later ◄──────┴─ refused, failed: the mailbox is polled meanwhile

A watch is due three days before its end, spread by account, which is about every four days; at once
when the provider says that it ends or has ended; and when the account is connected again. Whoever
keeps it follows the changes afterwards, all of them: what happened between two watches is told by
no push. So the first sync has its watch before its cursor, and its cursor before its listing.

No trouble with a watch ever stops a sync: an account without one is polled. The reason stands in
the sync state until a watch is kept again.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

from postroom.domain.account import Account
from postroom.domain.errors import (
    LeaseLost,
    Misconfigured,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Retryable,
)
from postroom.domain.ids import AccountId, new_token
from postroom.domain.sync import Lease, SyncState, Watch
from postroom.observability import count, logger
from postroom.ports import Clock, Mailbox, SyncStateStore

RENEWED_BEFORE_END = timedelta(days=3)
"""Long enough for an operator to mend over a weekend what keeps a watch from being renewed."""

_SPREAD = timedelta(hours=12)
"""Accounts that were connected together are not renewed together."""

RETRY_INTERVAL = timedelta(hours=1)
"""How often to try again what failed, and to look whether there is a place to ring at by now."""


def keep_watch(
    *,
    lease: Lease,
    state: SyncState,
    account: Account,
    mailbox: Mailbox,
    address: str,
    still_here: Callable[[], None],
    sync_states: SyncStateStore,
    clock: Clock,
) -> None:
    """Start or renew a watch that is due; the outcome stands in the sync state.

    Whoever finds afterwards that it has lost its lease may have replaced the watch that another
    worker has noted: the next one looks again.

    `address` is where the provider is to ring. Raises ReauthRequired and MailboxUnavailable, and
    Retryable when the provider asks for a pause.
    """
    problem: Misconfigured | NotFound | OutcomeUnknown | Rejected | Retryable
    try:
        watch = _renewed(state, mailbox, clock) or mailbox.start_watch(
            address, secret=f"{account.id}.{new_token()}"
        )
    except (Misconfigured, NotFound, OutcomeUnknown, Rejected, Retryable) as error:
        problem = error
    else:
        now = clock.now()
        due_at = now + RETRY_INTERVAL if watch is None else _due_at(account.id, watch, now)
        try:
            still_here()
            sync_states.save_watch(lease, watch, due_at=due_at)
        except LeaseLost:
            sync_states.ring(account.id, watch_is_doubtful=True)
            raise
        return
    extra = {"account_id": account.id, "problem": type(problem).__name__}
    logger.warning("watch_not_kept", extra=extra)
    count("WatchesNotKept")
    sync_states.save_watch(
        lease, state.watch, due_at=clock.now() + RETRY_INTERVAL, problem=str(problem)
    )
    if isinstance(problem, Retryable) and problem.retry_after is not None:
        raise problem


def _renewed(state: SyncState, mailbox: Mailbox, clock: Clock) -> Watch | None:
    """Renew a watch that there is; None when another one has to be started."""
    if state.watch is None or state.watch.expires_at <= clock.now():
        return None
    try:
        return mailbox.renew_watch(state.watch)
    except NotFound:
        logger.info("watch_gone", extra={"account_id": state.account_id})
        count("WatchesGone")
        return None


def _due_at(account_id: AccountId, watch: Watch, now: datetime) -> datetime:
    """Return when to renew; in the middle of a life that is too short for the usual margin."""
    share = sha256(account_id.encode()).digest()[0] / 255
    margin = RENEWED_BEFORE_END + share * _SPREAD
    return watch.expires_at - min(margin, (watch.expires_at - now) / 2)
