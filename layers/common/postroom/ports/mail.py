"""Where mail is kept."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from postroom.domain.folder import Folder
from postroom.domain.ids import AccountId, FolderId, MessageId, ThreadId
from postroom.domain.message import Message, MessageContent, Position, View
from postroom.domain.sync import PendingFetch
from postroom.domain.thread import Thread

LOOKUP_LIMIT = 100
"""Messages or threads that a store looks up in one go."""


class FolderStore(Protocol):
    """The folders of each account.

    Two kinds are hidden: one that was deleted through us, until the sync has taken its mail out of
    it; and one that mail says to lie in, until the provider has listed it, or has not.
    """

    def all(self, account_id: AccountId, *, with_hidden: bool = False) -> Sequence[Folder]:
        """Return all folders of an account that are to be seen, or those that are hidden too."""

    def show(
        self,
        account_id: AccountId,
        folders: Sequence[Folder],
        *,
        changed: FolderId,
        asked_at: datetime,
        at: datetime,
    ) -> None:
        """Let exactly these folders be seen; hide others that are there.

        `asked_at` is when the provider was asked for them: what was seen later stays, but for the
        one that was `changed`, and is like this since `at`. Writes only what differs.
        """

    def expect(self, account_id: AccountId, folder_ids: Collection[FolderId]) -> None:
        """Remember folders that mail was stored in, hidden if they are not there yet."""

    def replace_all(
        self,
        account_id: AccountId,
        folders: Sequence[Folder],
        *,
        known: Collection[FolderId] | None = None,
        asked_at: datetime | None = None,
    ) -> None:
        """Keep these folders in place of the `known` ones, or of all; writes only what differs.

        `asked_at` is when the provider was asked for them: what was seen later stays.
        """


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
        """Return those messages that exist. At most LOOKUP_LIMIT ids."""

    def put(
        self,
        messages: Sequence[Message],
        *,
        seen_at: datetime | None = None,
        revive: bool = False,
    ) -> list[PutOutcome]:
        """Store messages of one account; each wins unless a newer version (or end) is there.

        Nor does it win over what was seen later: `seen_at` is when the provider was asked for them;
        now, where they are what it has just been made to have. Such a change may bear no version
        of its own. It is safe to repeat a put. An end stands that was noted since they were seen,
        and one of an equal version, unless they `revive`. Answers in the order of the messages.
        """

    def put_again(
        self, account_id: AccountId, message_ids: Sequence[MessageId]
    ) -> dict[MessageId, Message]:
        """Return those messages that exist. At most LOOKUP_LIMIT ids.

        Their put may have died between its writes: each is in all its places then, as it was read,
        or as somebody has put it meanwhile.
        """

    def remove(self, account_id: AccountId, message_id: MessageId, version: int | None) -> bool:
        """Remove a message and remember its end, so that no older version returns.

        `version` None means an end whose version is unknown: what is stored ends at its own
        version. An end older than what is stored changes nothing. Answers whether it was there.
        """

    def note(
        self, account_id: AccountId, message_id: MessageId, metadata: Mapping[str, str]
    ) -> None:
        """Keep an application's metadata of a message, in place of what was there.

        Puts leave it as it is; it ends with the message. It may come first: it waits 30 days for a
        message that is not stored yet, and comes to nothing for one that has been removed.

        A draft keeps it when it becomes another message: whichever comes first, the removal of the
        one or the put of the other, that of the newest one which has any goes over.
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

    def count(self, account_id: AccountId, view: View) -> int:
        """Count the places of a view.

        What a crash left behind counts too, and what has just been put may not count yet.
        """

    def unplaced(self, view: View, messages: Sequence[Message]) -> Sequence[Message]:
        """Return those messages of one account that the view lacks. At most LOOKUP_LIMIT."""

    def let_ends_lapse(
        self, account_id: AccountId, message_ids: Sequence[MessageId], *, noted_before: datetime
    ) -> None:
        """Let messages be put again, in whatever version, whose end was noted before a time.

        For those that the provider has listed since then: they never ended. A later end stands.
        """

    def erase(self, account_id: AccountId, *, limit: int) -> Sequence[MessageId]:
        """Erase some messages with all their rows; answers which. Empty means none is left."""


class ThreadStore(Protocol):
    """Threads, to be read: the message store keeps them as its messages are."""

    def get(self, account_id: AccountId, thread_id: ThreadId) -> Thread:
        """Return a thread. Raises NotFound."""

    def get_many(
        self, account_id: AccountId, thread_ids: Sequence[ThreadId]
    ) -> dict[ThreadId, Thread]:
        """Return those threads that exist. At most LOOKUP_LIMIT ids."""


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

    def settle(self, account_id: AccountId, settled: Sequence[PendingFetch]) -> None:
        """Forget fetches as they were read; one that was written anew since then stays."""

    def is_any_left(self, account_id: AccountId) -> bool:
        """Tell whether anything waits, due or not."""

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
