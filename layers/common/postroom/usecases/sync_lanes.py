"""What both lanes of the sync work with: their tools, the sign of life, the waits."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from postroom.domain.sync import LEASE_LIFETIME, Lease
from postroom.ports import (
    AccountStore,
    AuditStore,
    Clock,
    FolderStore,
    SenderStore,
    SyncStateStore,
    WorkQueue,
)
from postroom.usecases.mailboxes import DEFAULT_PAUSE, Mailboxes
from postroom.usecases.store_mail import MailStores, StoreReport

TROUBLE_INTERVAL = timedelta(minutes=15)
"""How often to try again what only the operator, or we, can mend."""

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
    senders: SenderStore
    audits: AuditStore
    work: WorkQueue
    clock: Clock
    poll_interval: timedelta
    """How long an account may go unseen that no provider rings for."""
    silent_poll_interval: timedelta
    """The same with a watch, whose pushes may be dropped or late all the same."""
    public_url: Callable[[], str]
    """Where the deployment is reached from outside, without a slash at its end."""


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


def growing_wait(lease: Lease, now: datetime) -> timedelta:
    """Wait as long again as a lane has been failing: a provider that is down is left alone."""
    failing_for = now - (lease.failing_since or now)
    return min(max(failing_for, DEFAULT_PAUSE), TROUBLE_INTERVAL)


def raise_if_throttled(report: StoreReport) -> None:
    """Stop calling the provider once it asked for a pause; what it refused is a pending row."""
    if report.because is not None:
        raise report.because
