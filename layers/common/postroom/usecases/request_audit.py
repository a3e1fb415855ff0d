"""Wishes for an audit: a person's, and that of every night."""

from datetime import datetime

from postroom.domain.account import Account, AccountStatus
from postroom.domain.audit import next_audit_at
from postroom.domain.errors import Conflict
from postroom.domain.sync import Lease, SyncState
from postroom.ports import AuditStore, Clock, SyncStateStore, WorkQueue


def is_auditable(account: Account, state: SyncState) -> bool:
    """Whether the copy of a mailbox should be complete."""
    return account.status is AccountStatus.ACTIVE and state.is_read


def request_audit(
    *, account: Account, state: SyncState, audits: AuditStore, work: WorkQueue, clock: Clock
) -> None:
    """Have every folder of an account audited now.

    Raises Conflict for one whose mailbox has not been read to its end.
    """
    if not is_auditable(account, state):
        raise Conflict(
            "There is nothing to compare: the mailbox is being read, or waits for its owner. "
            "What `sync` of the grant says tells which."
        )
    audits.ask(account.id, at=clock.now(), whole=True)
    work.backfill(account.id)


def audit_when_due(
    *,
    lease: Lease,
    account: Account,
    state: SyncState,
    sync_states: SyncStateStore,
    audits: AuditStore,
    work: WorkQueue,
    clock: Clock,
) -> datetime:
    """Have an account audited once a night; answers when the next audit is due.

    The first night is the one after the account was connected. An account that is being read then
    is left out: the reading itself compares it.
    """
    now, due_at = clock.now(), state.audit_due_at
    if due_at is not None and now < due_at:
        return due_at
    if due_at is not None and is_auditable(account, state):
        audits.ask(account.id, at=now, whole=False)
        work.backfill(account.id)
    next_due_at = next_audit_at(account.id, now)
    sync_states.save_audit_due(lease, next_due_at)
    return next_due_at
