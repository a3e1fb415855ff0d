"""The sweep of sends: every minute, call a worker for each that nobody came for.

A call may be lost: it dies in a dead-letter queue, a schedule does not fire, a queue is purged.
Each row of a send that has not ended says when the next call for it comes. Where that is long past,
the sweep makes another one; the row decides what it does, so one too many does no harm. A query of
each shard of the index finds them, whatever the number of the others.
"""

from datetime import timedelta

from postroom.domain.outgoing import CALL_LOST_AFTER
from postroom.observability import count
from postroom.ports import Clock, OutboxStore, WorkQueue

_SWEEP_LIMIT = 500
"""Sends called for in one sweep; the rest waited less long and come a minute later."""


def wake_overdue_sends(*, outbox: OutboxStore, work: WorkQueue, clock: Clock) -> int:
    """Call a worker for each send that is overdue; answers how many these were."""
    now = clock.now()
    overdue = outbox.overdue(now=now, limit=_SWEEP_LIMIT)
    for account_id, outbox_id in overdue:
        outbox.defer(account_id, outbox_id, until=now + CALL_LOST_AFTER)
        # No first call: of a send without a row it forgets what was kept.
        work.settle_send(account_id, outbox_id, attempt=1, delay=timedelta())
    count("OverdueSendsCalled", len(overdue))
    return len(overdue)
