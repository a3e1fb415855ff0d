"""The sweep: every minute, ring for each account that is due, and call a worker.

Due are accounts whose push has been silent for the poll interval, whose watch or audit is due,
whose pause has ended, and whose worker died: while a lease is held, its end is what the account is
due at. One query of the index finds them, whatever the number of the others.

It rings because a worker that finds every ring served would do nothing.
"""

from datetime import timedelta

from postroom.observability import count
from postroom.ports import Clock, SyncStateStore, WorkQueue

_SWEEP_LIMIT = 1_000
"""Accounts called in one sweep; the rest waited less long and come a minute later."""

_CALL_AGAIN_AFTER = timedelta(minutes=10)
"""Longer than a queue needs to deliver a call or to repeat it, so calls do not pile up."""


def wake_due_accounts(*, sync_states: SyncStateStore, work: WorkQueue, clock: Clock) -> int:
    """Call workers for all that is due; answers how many accounts that were."""
    now = clock.now()
    due = sync_states.due(now=now, limit=_SWEEP_LIMIT)
    for account_id in due:
        sync_states.defer(account_id, until=now + _CALL_AGAIN_AFTER)
        if sync_states.ring(account_id):
            work.sync(account_id)
    count("AccountsWoken", len(due))
    return len(due)
