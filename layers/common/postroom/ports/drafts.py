"""Where it is kept which drafts were made."""

from typing import Protocol

from postroom.domain.draft import DraftCreation
from postroom.domain.ids import AccountId, CreationId


class DraftCreationStore(Protocol):
    """The durable record of drafts that were made through us."""

    def claim(self, creation: DraftCreation) -> DraftCreation | None:
        """Begin to make a draft, unless it is made already, or is being made.

        Answers the record that is there, or None when the claim is the caller's. A claim that has
        expired gives way to the next of the same request.
        """

    def get(self, account_id: AccountId, creation_id: CreationId) -> DraftCreation:
        """Return a record. Raises NotFound."""

    def finish(self, creation: DraftCreation) -> None:
        """Note the draft of a claim, and leave it alone when another claim has begun."""

    def withdraw(self, creation: DraftCreation) -> None:
        """Remove a claim that failed, unless another one has begun."""

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's records."""
