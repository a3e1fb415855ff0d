"""Where mail is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from postroom.domain.folder import Folder
from postroom.domain.ids import AccountId, MessageId, ProviderMessageId
from postroom.domain.message import Message, MessageContent, Position, View
from postroom.domain.sync import PendingFetch


class FolderStore(Protocol):
    """The folders of each account."""

    def all(self, account_id: AccountId) -> Sequence[Folder]:
        """Return all folders of an account."""

    def replace_all(self, account_id: AccountId, folders: Sequence[Folder]) -> None:
        """Keep exactly these folders; writes only what differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutOutcome:
    """What became of a put: it lost against a newer version, or what it replaced."""

    won: bool
    is_new: bool = False


class MessageStore(Protocol):
    """Messages and the views they stand in.

    A message and its views are several rows; readers must check a message against the view they
    came by (`MessageFilter.matches`), since a crash may leave a row behind. None is ever lacking
    once `put` has returned.
    """

    def get(self, account_id: AccountId, message_id: MessageId) -> Message:
        """Return a message. Raises NotFound; so does a removed one."""

    def get_many(
        self, account_id: AccountId, message_ids: Sequence[MessageId]
    ) -> dict[MessageId, Message]:
        """Return those messages that exist. At most 100 ids."""

    def put(self, messages: Sequence[Message]) -> list[PutOutcome]:
        """Store messages of one account; each wins unless a newer version (or end) is there.

        Safe to repeat: the same version may be put again. Answers in the order of the messages.
        """

    def remove(self, account_id: AccountId, message_id: MessageId, version: int | None) -> bool:
        """Remove a message and remember its end, so that no older version returns.

        `version` None means an end whose version is unknown: what is stored ends at its own
        version. An end older than what is stored changes nothing. Answers whether it was there.
        """

    def positions(
        self,
        account_id: AccountId,
        view: View,
        *,
        limit: int,
        after: Position | None = None,
        newest: datetime | None = None,
        oldest: datetime | None = None,
    ) -> Sequence[Position]:
        """Return places in a view, newest first, after a place; both times belong to the range."""

    def erase(self, account_id: AccountId, *, limit: int) -> Sequence[MessageId]:
        """Erase some messages with all their rows; answers which. Empty means none is left."""


class ContentStore(Protocol):
    """Bodies and headers of messages."""

    def put_many(self, account_id: AccountId, contents: Mapping[MessageId, MessageContent]) -> None:
        """Keep the contents of messages, in parallel."""

    def get_many(
        self, account_id: AccountId, message_ids: Sequence[MessageId]
    ) -> dict[MessageId, MessageContent]:
        """Return those contents that exist, read in parallel."""

    def delete(self, account_id: AccountId, message_ids: Sequence[MessageId]) -> None:
        """Forget contents; unknown ones are fine."""


class DownloadStore(Protocol):
    """Puts what is too large for an answer where a client can fetch it itself."""

    def offer(self, account_id: AccountId, *, filename: str, content: bytes) -> str:
        """Keep a file for a day and return an address that serves it for some minutes."""

    def erase(self, account_id: AccountId) -> None:
        """Delete all that is kept for an account."""


class PendingFetchStore(Protocol):
    """Messages that still have to be fetched."""

    def put(self, account_id: AccountId, pending: Sequence[PendingFetch]) -> None:
        """Remember fetches, in place of older entries for the same messages."""

    def due(self, account_id: AccountId, *, now: datetime, limit: int) -> Sequence[PendingFetch]:
        """Return fetches whose time has come."""

    def settle(self, account_id: AccountId, provider_ids: Sequence[ProviderMessageId]) -> None:
        """Forget fetches; unknown ones are fine."""

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's fetches."""


class ListedMarks(Protocol):
    """Which messages one reading of a whole mailbox has listed. Marks vanish after a month."""

    def mark(
        self, account_id: AccountId, generation: str, message_ids: Sequence[MessageId]
    ) -> None:
        """Note that these messages were listed."""

    def unmarked(
        self, account_id: AccountId, generation: str, message_ids: Sequence[MessageId]
    ) -> Sequence[MessageId]:
        """Return those that were not."""
