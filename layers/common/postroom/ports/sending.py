"""What sending needs: what became of each send, what it sends, and who calls at its time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from postroom.domain.event import Event
from postroom.domain.ids import AccountId, OutboxId
from postroom.domain.outgoing import OutboxEntry, OutgoingMessage
from postroom.domain.sender import Sender


class OutboxStore(Protocol):
    """The durable record of sends."""

    def claim(self, entry: OutboxEntry) -> OutboxEntry | None:
        """Add an entry, once. Answers the one that is there already, or None."""

    def get(self, account_id: AccountId, outbox_id: OutboxId) -> OutboxEntry:
        """Return an entry. Raises NotFound."""

    def replace(
        self, entry: OutboxEntry, *, expected: OutboxEntry, event: Event | None = None
    ) -> bool:
        """Replace an entry that is still in the expected state and claim; answers whether it was.

        The event is written with it, or neither is.
        """

    def settle(self, entry: OutboxEntry, *, event: Event | None = None) -> bool:
        """Note what a claim has learned, unless the send has ended, or been claimed again.

        That it was SENT is noted whatever was noted before, also after it was withdrawn. Answers
        whether it was noted; the event is written with it, or neither is.
        """

    def withdraw(self, account_id: AccountId, outbox_id: OutboxId) -> None:
        """Remove an entry whose message did not leave, so that the key may be used again."""

    def followed(self, account_id: AccountId) -> Sequence[OutboxEntry]:
        """Return the sends that their callers follow, in any order.

        Those that have ended are there for as long as `STATUS_LIFETIME`, and may be for longer.
        """

    def overdue(self, *, now: datetime, limit: int) -> Sequence[tuple[AccountId, OutboxId]]:
        """Return sends that are overdue at this time, those that waited longest first."""

    def defer(self, account_id: AccountId, outbox_id: OutboxId, *, until: datetime) -> None:
        """Make an overdue send overdue later (somebody has been called for it); none is fine."""

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's sends."""


class OutgoingStore(Protocol):
    """The content of sends, from when they are accepted until they have ended.

    Names are new ones, and begin with the outbox id and a dot.
    """

    def put(self, account_id: AccountId, name: str, message: OutgoingMessage) -> None:
        """Keep what is to be sent."""

    def get(self, account_id: AccountId, name: str) -> OutgoingMessage:
        """Return what is to be sent. Raises NotFound."""

    def delete(self, account_id: AccountId, name: str) -> None:
        """Forget it; what is not there is fine."""

    def sweep(self, account_id: AccountId, outbox_id: OutboxId, *, put_before: datetime) -> None:
        """Forget what was kept for a send before this time, by whoever died with it, too."""

    def erase(self, account_id: AccountId) -> None:
        """Forget all that an account was about to send."""


class SenderStore(Protocol):
    """The addresses that accounts may send from, as their providers told them last."""

    def all(self, account_id: AccountId) -> Sequence[Sender]:
        """Return an account's senders, its own address first; none before they were told."""

    def replace(self, account_id: AccountId, senders: Sequence[Sender]) -> None:
        """Keep what the provider tells now."""

    def erase(self, account_id: AccountId) -> None:
        """Forget an account's senders."""


class SendScheduler(Protocol):
    """Calls the worker of sends at a time that is too far away for a queue."""

    def schedule(
        self, account_id: AccountId, outbox_id: OutboxId, *, name: str, at: datetime
    ) -> None:
        """Have the worker called once, not before this time. The name is a new one."""

    def cancel(self, name: str) -> None:
        """Call nobody any more; what is not there is fine."""
