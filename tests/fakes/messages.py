"""Messages and their contents in memory: quick also with 500,000 of them."""

import bisect
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from postroom.domain.errors import NotFound
from postroom.domain.ids import AccountId, MessageId
from postroom.domain.message import (
    ALL_MAIL,
    Message,
    MessageContent,
    Position,
    View,
)
from postroom.ports import Clock, PutOutcome
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
        self._tombstones: dict[tuple[AccountId, MessageId], _Tombstone] = {}
        self._views: defaultdict[tuple[AccountId, View], list[tuple[datetime, MessageId]]] = (
            defaultdict(list)
        )

    def get(self, account_id: AccountId, message_id: MessageId) -> Message:
        """Return a message. Raises NotFound."""
        try:
            return self._messages[account_id, message_id]
        except KeyError:
            raise NotFound("There is no such message.") from None

    def get_many(
        self, account_id: AccountId, message_ids: Sequence[MessageId]
    ) -> dict[MessageId, Message]:
        """Return those that exist."""
        found = ((each, self._messages.get((account_id, each))) for each in message_ids)
        return {each: message for each, message in found if message is not None}

    def put(self, messages: Sequence[Message]) -> list[PutOutcome]:
        """Store messages unless something newer is there."""
        with self._lock:
            return [self._put(message) for message in messages]

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
            if message is not None:
                self._take_out(message)
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

    def erase(self, account_id: AccountId, *, limit: int) -> Sequence[MessageId]:
        """Erase some messages."""
        with self._lock:
            erased = [
                place.message_id for place in self.positions(account_id, ALL_MAIL, limit=limit)
            ]
            for message_id in erased:
                self._take_out(self._messages[account_id, message_id])
        return erased

    def _put(self, message: Message) -> PutOutcome:
        key = (message.account_id, message.id)
        old, tombstone = self._messages.get(key), self._living_tombstone(key)
        if old is not None and old.version > message.version:
            return PutOutcome(won=False)
        if tombstone is not None and tombstone.version >= message.version:
            return PutOutcome(won=False)
        if old is not None:
            self._take_out(old)
        self._tombstones.pop(key, None)
        self._messages[key] = message
        for view in message.views():
            places = self._views[message.account_id, view]
            bisect.insort(places, (message.received_at, message.id))
        return PutOutcome(won=True, is_new=old is None)

    def _take_out(self, message: Message) -> None:
        del self._messages[message.account_id, message.id]
        for view in message.views():
            places, mine = self._views[message.account_id, view], (message.received_at, message.id)
            place = bisect.bisect_left(places, mine)
            if places[place : place + 1] == [mine]:
                del places[place]

    def _living_tombstone(self, key: tuple[AccountId, MessageId]) -> _Tombstone | None:
        tombstone = self._tombstones.get(key)
        if tombstone is None or tombstone.ends_at <= self._clock.now():
            return None
        return tombstone


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
