"""Where it is kept what became of a send."""

from typing import Protocol

from postroom.domain.ids import AccountId, OutboxId
from postroom.domain.outgoing import OutboxEntry


class OutboxStore(Protocol):
    """The durable record of sends."""

    def claim(self, entry: OutboxEntry) -> OutboxEntry | None:
        """Add an entry, once. Answers the one that is there already, or None."""

    def get(self, account_id: AccountId, outbox_id: OutboxId) -> OutboxEntry:
        """Return an entry. Raises NotFound."""

    def settle(self, entry: OutboxEntry) -> None:
        """Replace an entry, unless it is settled (SENT or REJECTED) already, or withdrawn.

        That it was SENT is noted also after it was withdrawn.
        """

    def withdraw(self, account_id: AccountId, outbox_id: OutboxId) -> None:
        """Remove an entry whose message did not leave, so that the key may be used again."""

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's sends."""
