"""Messages and their contents in memory: quick also with 500,000 of them."""

import bisect
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from postroom.domain.errors import NotFound
from postroom.domain.ids import AccountId, DraftId, MessageId, ThreadId
from postroom.domain.message import (
    ALL_MAIL,
    Message,
    MessageContent,
    Position,
    View,
    draft_view,
    thread_view,
)
from postroom.domain.thread import LARGEST_THREAD, Thread, summarise
from postroom.ports import Clock, MessageStore, PutOutcome
from tests.fakes.clock import FixedClock

_TOMBSTONE_LIFETIME = timedelta(days=30)
_FIRST_ID = ""
_BEHIND_EVERY_ID = "~"


@dataclass(frozen=True, slots=True)
class _Tombstone:
    version: int
    ends_at: datetime


class InMemoryMessageStore:
    """Messages by id, and a sorted list for each view."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or FixedClock()
        self._lock = threading.RLock()
        self._messages: dict[tuple[AccountId, MessageId], Message] = {}
        self._seen_at: dict[tuple[AccountId, MessageId], datetime] = {}
        self._tombstones: dict[tuple[AccountId, MessageId], _Tombstone] = {}
        self._metadata: dict[tuple[AccountId, MessageId], Mapping[str, str]] = {}
        self._views: defaultdict[tuple[AccountId, View], list[tuple[datetime, MessageId]]] = (
            defaultdict(list)
        )

    def get(self, account_id: AccountId, message_id: MessageId) -> Message:
        """Return a message. Raises NotFound."""
        found = self.get_many(account_id, [message_id])
        if message_id not in found:
            raise NotFound("There is no such message.")
        return found[message_id]

    def get_many(
        self, account_id: AccountId, message_ids: Sequence[MessageId]
    ) -> dict[MessageId, Message]:
        """Return those that exist."""
        found = ((each, self._messages.get((account_id, each))) for each in message_ids)
        return {each: self._noted(message) for each, message in found if message is not None}

    def note(
        self, account_id: AccountId, message_id: MessageId, metadata: Mapping[str, str]
    ) -> None:
        """Keep metadata, unless the message was removed."""
        key = (account_id, message_id)
        with self._lock:
            if key in self._messages or self._living_tombstone(key) is None:
                self._metadata[key] = dict(metadata)

    def put(
        self,
        messages: Sequence[Message],
        *,
        seen_at: datetime | None = None,
        revive: bool = False,
    ) -> list[PutOutcome]:
        """Store messages unless something newer is there."""
        with self._lock:
            seen_at = seen_at or self._clock.now()
            return [self._put(message, seen_at, revive=revive) for message in messages]

    def put_again(
        self, account_id: AccountId, message_ids: Sequence[MessageId]
    ) -> dict[MessageId, Message]:
        """Return those that exist, each in all its places."""
        with self._lock:
            stored = self.get_many(account_id, message_ids)
            for message in stored.values():
                for view in message.views():
                    self._place(view, message)
            return stored

    def remove(self, account_id: AccountId, message_id: MessageId, version: int | None) -> bool:
        """Remove a message and leave a tombstone."""
        key = (account_id, message_id)
        with self._lock:
            message = self._messages.get(key)
            tombstone = self._living_tombstone(key)
            known = message.version if message else tombstone.version if tombstone else None
            if known is None and version is None:
                return False
            if known is not None and version is not None and version < known:
                return False
            metadata = self._metadata.pop(key, None)
            if message is not None:
                self._take_out(message)
                if message.draft_id is not None and metadata is not None:
                    self._metadata[account_id, MessageId(message.draft_id)] = metadata
            self._tombstones[key] = _Tombstone(
                version=max(each for each in (known, version) if each is not None),
                ends_at=self._clock.now() + _TOMBSTONE_LIFETIME,
            )
            return message is not None

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
        """Return places in a view, newest first."""
        with self._lock:
            places = self._views[account_id, view]
            first, end = 0, len(places)
            if oldest is not None:
                first = bisect.bisect_left(places, (oldest, MessageId(_FIRST_ID)))
            if newest is not None:
                end = bisect.bisect_right(places, (newest, MessageId(_BEHIND_EVERY_ID)))
            if after is not None:
                end = min(end, bisect.bisect_left(places, (after.received_at, after.message_id)))
            page = places[max(first, end - limit) : end]
        return [
            Position(received_at=received_at, message_id=message_id)
            for received_at, message_id in reversed(page)
        ]

    def count(self, account_id: AccountId, view: View) -> int:
        """Count the places of a view."""
        with self._lock:
            return len(self._views[account_id, view])

    def unplaced(self, view: View, messages: Sequence[Message]) -> Sequence[Message]:
        """Return those that the view does not list."""
        with self._lock:
            return [message for message in messages if not self._is_placed(view, message)]

    def let_ends_lapse(
        self, account_id: AccountId, message_ids: Sequence[MessageId], *, noted_before: datetime
    ) -> None:
        """Forget tombstones that were noted before a time."""
        with self._lock:
            for message_id in message_ids:
                tombstone = self._tombstones.get((account_id, message_id))
                if tombstone and tombstone.ends_at - _TOMBSTONE_LIFETIME < noted_before:
                    del self._tombstones[account_id, message_id]

    def erase(self, account_id: AccountId, *, limit: int) -> Sequence[MessageId]:
        """Erase some messages."""
        with self._lock:
            erased = [
                place.message_id for place in self.positions(account_id, ALL_MAIL, limit=limit)
            ]
            for message_id in erased:
                message = self._messages[account_id, message_id]
                self._take_out(message)
                for noted in (message_id, message.draft_id):
                    self._metadata.pop((account_id, MessageId(noted or "")), None)
        return erased

    def _put(self, message: Message, seen_at: datetime, *, revive: bool) -> PutOutcome:
        key = (message.account_id, message.id)
        old, tombstone = self._messages.get(key), self._living_tombstone(key)
        if old is not None and (old.version > message.version or self._seen_at[key] > seen_at):
            return PutOutcome(won=False)
        if tombstone is not None:
            if tombstone.version > message.version:
                return PutOutcome(won=False)
            if seen_at < tombstone.ends_at - _TOMBSTONE_LIFETIME:
                return PutOutcome(won=False)
            if tombstone.version == message.version and not revive:
                return PutOutcome(won=False)
        if old is not None:
            self._take_out(old)
        self._tombstones.pop(key, None)
        self._seen_at[key] = seen_at
        self._messages[key] = replace(message, metadata={}) if message.metadata else message
        for view in message.views():
            self._place(view, message)
        if message.draft_id is not None and key not in self._metadata:
            self._take_over_metadata(message, message.draft_id)
        return PutOutcome(won=True, is_new=old is None)

    def _take_over_metadata(self, message: Message, draft: DraftId) -> None:
        account_id = message.account_id
        places = self._views[account_id, draft_view(draft)]
        others = [self._messages[account_id, each] for _, each in places if each != message.id]
        noted = [each for each in others if (account_id, each.id) in self._metadata]
        if noted:
            newest = max(noted, key=lambda each: each.version)
            self._metadata[account_id, message.id] = self._metadata[account_id, newest.id]
        elif (waiting := self._metadata.pop((account_id, MessageId(draft)), None)) is not None:
            self._metadata[account_id, message.id] = waiting

    def _noted(self, message: Message) -> Message:
        metadata = self._metadata.get((message.account_id, message.id))
        return replace(message, metadata=metadata) if metadata else message

    def _take_out(self, message: Message) -> None:
        del self._messages[message.account_id, message.id]
        for view in message.views():
            places, mine = self._views[message.account_id, view], (message.received_at, message.id)
            place = bisect.bisect_left(places, mine)
            if places[place : place + 1] == [mine]:
                del places[place]

    def _place(self, view: View, message: Message) -> None:
        if not self._is_placed(view, message):
            places = self._views[message.account_id, view]
            bisect.insort(places, (message.received_at, message.id))

    def _is_placed(self, view: View, message: Message) -> bool:
        places = self._views[message.account_id, view]
        mine = (message.received_at, message.id)
        place = bisect.bisect_left(places, mine)
        return places[place : place + 1] == [mine]

    def _living_tombstone(self, key: tuple[AccountId, MessageId]) -> _Tombstone | None:
        tombstone = self._tombstones.get(key)
        if tombstone is None or tombstone.ends_at <= self._clock.now():
            return None
        return tombstone


class InMemoryThreadStore:
    """Threads as their messages are at the moment of asking, in whatever store those are."""

    def __init__(self, messages: MessageStore) -> None:
        self._messages = messages

    def get(self, account_id: AccountId, thread_id: ThreadId) -> Thread:
        """Return a thread. Raises NotFound."""
        found = self.get_many(account_id, [thread_id])
        if thread_id not in found:
            raise NotFound("There is no such thread.")
        return found[thread_id]

    def get_many(
        self, account_id: AccountId, thread_ids: Sequence[ThreadId]
    ) -> dict[ThreadId, Thread]:
        """Return those that exist."""
        summaries = (summarise(self._messages_of(account_id, each)) for each in thread_ids)
        return {thread.id: thread for thread in summaries if thread is not None}

    def _messages_of(self, account_id: AccountId, thread_id: ThreadId) -> Sequence[Message]:
        view = thread_view(thread_id)
        places = self._messages.positions(account_id, view, limit=LARGEST_THREAD)
        found: dict[MessageId, Message] = {}
        for begin in range(0, len(places), 100):
            some = [place.message_id for place in places[begin : begin + 100]]
            found |= self._messages.get_many(account_id, some)
        return [message for message in found.values() if message.thread_id == thread_id]


class InMemoryContentStore:
    """Contents by message."""

    def __init__(self) -> None:
        self._contents: dict[tuple[AccountId, MessageId], MessageContent] = {}

    def put_many(self, account_id: AccountId, contents: Mapping[MessageId, MessageContent]) -> None:
        """Keep contents."""
        for message_id, content in contents.items():
            self._contents[account_id, message_id] = content

    def get_many(
        self, account_id: AccountId, message_ids: Sequence[MessageId]
    ) -> dict[MessageId, MessageContent]:
        """Return those that exist."""
        found = ((each, self._contents.get((account_id, each))) for each in message_ids)
        return {each: content for each, content in found if content is not None}

    def delete(self, account_id: AccountId, message_ids: Sequence[MessageId]) -> None:
        """Forget contents."""
        for message_id in message_ids:
            self._contents.pop((account_id, message_id), None)


class InMemoryDownloadStore:
    """Keeps what was offered, under the address it was offered at."""

    def __init__(self) -> None:
        self.offered: dict[str, bytes] = {}
        """Address to bytes."""

    def offer(self, account_id: AccountId, *, filename: str, content: bytes) -> str:
        """Keep a file and return an address for it."""
        address = f"https://downloads.example.com/{account_id}/{len(self.offered)}/{filename}"
        self.offered[address] = content
        return address

    def erase(self, account_id: AccountId) -> None:
        """Delete all that is kept for an account."""
        for address in [each for each in self.offered if f"/{account_id}/" in each]:
            del self.offered[address]
