"""The outbox in memory: sends, what they send, and who calls when their time comes."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from postroom.domain.errors import NotFound
from postroom.domain.event import Event
from postroom.domain.ids import AccountId, OutboxId
from postroom.domain.outgoing import (
    OUTBOX_LIFETIME,
    SETTLED,
    OutboxEntry,
    OutgoingMessage,
    SendState,
)
from postroom.domain.sender import Sender
from postroom.ports import Clock
from tests.fakes.clock import FixedClock


class InMemoryOutboxStore:
    """Sends by account and id; each is forgotten after its lifetime."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or FixedClock()
        self._lock = threading.RLock()
        self._entries: dict[tuple[AccountId, OutboxId], OutboxEntry] = {}
        self._overdue_at: dict[tuple[AccountId, OutboxId], datetime] = {}
        self.events: list[Event] = []
        """What was told, oldest first."""

    def claim(self, entry: OutboxEntry) -> OutboxEntry | None:
        """Add an entry, or answer the one that is there."""
        with self._lock:
            there = self._living(entry.account_id, entry.id)
            if there is None:
                self._put(entry)
            return there

    def get(self, account_id: AccountId, outbox_id: OutboxId) -> OutboxEntry:
        """Return an entry. Raises NotFound."""
        entry = self._living(account_id, outbox_id)
        if entry is None:
            raise NotFound("there is no such send")
        return entry

    def replace(
        self, entry: OutboxEntry, *, expected: OutboxEntry, event: Event | None = None
    ) -> bool:
        """Replace an entry that is in the expected state and claim."""
        with self._lock:
            there = self._entries.get((entry.account_id, entry.id))
            if there is None or (there.state, there.claims) != (expected.state, expected.claims):
                return False
            self._write(entry, event)
            return True

    def settle(self, entry: OutboxEntry, *, event: Event | None = None) -> bool:
        """Note what a claim has learned."""
        with self._lock:
            there = self._living(entry.account_id, entry.id)
            if entry.state is SendState.SENT:
                if there is not None and there.state is SendState.SENT:
                    return False
            elif there is None or there.state in SETTLED or there.claims != entry.claims:
                return False
            self._write(entry, event)
            return True

    def withdraw(self, account_id: AccountId, outbox_id: OutboxId) -> None:
        """Remove an entry whose message did not leave."""
        with self._lock:
            there = self._living(account_id, outbox_id)
            if there is not None and there.state is not SendState.SENT:
                self._remove((account_id, outbox_id))

    def followed(self, account_id: AccountId) -> Sequence[OutboxEntry]:
        """Return the sends that their callers follow."""
        with self._lock:
            found = [self._living(*key) for key in self._entries if key[0] == account_id]
        return [entry for entry in found if entry is not None and entry.is_followed]

    def overdue(self, *, now: datetime, limit: int) -> Sequence[tuple[AccountId, OutboxId]]:
        """Return sends that are overdue, those that waited longest first."""
        with self._lock:
            found = sorted((at, key) for key, at in self._overdue_at.items() if at <= now)
        return [key for _, key in found[:limit]]

    def defer(self, account_id: AccountId, outbox_id: OutboxId, *, until: datetime) -> None:
        """Make an overdue send overdue later."""
        with self._lock:
            at = self._overdue_at.get((account_id, outbox_id))
            if at is not None and at < until:
                self._overdue_at[account_id, outbox_id] = until

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's sends."""
        with self._lock:
            for key in [key for key in self._entries if key[0] == account_id]:
                self._remove(key)

    def _living(self, account_id: AccountId, outbox_id: OutboxId) -> OutboxEntry | None:
        entry = self._entries.get((account_id, outbox_id))
        if entry is None or entry.wanted_at + OUTBOX_LIFETIME <= self._clock.now():
            return None
        return entry

    def _write(self, entry: OutboxEntry, event: Event | None) -> None:
        self._put(entry)
        if event is not None:
            self.events.append(event)

    def _put(self, entry: OutboxEntry) -> None:
        key = entry.account_id, entry.id
        self._remove(key)
        self._entries[key] = entry
        if entry.overdue_at is not None:
            self._overdue_at[key] = entry.overdue_at

    def _remove(self, key: tuple[AccountId, OutboxId]) -> None:
        self._entries.pop(key, None)
        self._overdue_at.pop(key, None)


class InMemoryOutgoingStore:
    """What is to be sent, by account and name, and since when."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or FixedClock()
        self.kept: dict[tuple[AccountId, str], tuple[OutgoingMessage, datetime]] = {}

    def put(self, account_id: AccountId, name: str, message: OutgoingMessage) -> None:
        """Keep a message."""
        self.kept[account_id, name] = message, self._clock.now()

    def get(self, account_id: AccountId, name: str) -> OutgoingMessage:
        """Return a message. Raises NotFound."""
        try:
            return self.kept[account_id, name][0]
        except KeyError:
            raise NotFound("what was to be sent is not kept any more") from None

    def delete(self, account_id: AccountId, name: str) -> None:
        """Forget a message."""
        self.kept.pop((account_id, name), None)

    def sweep(self, account_id: AccountId, outbox_id: OutboxId, *, put_before: datetime) -> None:
        """Forget what was kept for a send before this time."""
        for key, (_, put_at) in list(self.kept.items()):
            if key[0] == account_id and key[1].startswith(f"{outbox_id}.") and put_at < put_before:
                del self.kept[key]

    def erase(self, account_id: AccountId) -> None:
        """Forget all messages of an account."""
        for key in [key for key in self.kept if key[0] == account_id]:
            del self.kept[key]


class InMemorySenderStore:
    """Senders by account."""

    def __init__(self) -> None:
        self._senders: dict[AccountId, tuple[Sender, ...]] = {}

    def all(self, account_id: AccountId) -> Sequence[Sender]:
        """Return an account's senders."""
        return list(self._senders.get(account_id, ()))

    def replace(self, account_id: AccountId, senders: Sequence[Sender]) -> None:
        """Keep what the provider tells now."""
        self._senders[account_id] = tuple(senders)

    def erase(self, account_id: AccountId) -> None:
        """Forget an account's senders."""
        self._senders.pop(account_id, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledCall:
    """One call of the worker of sends, at a time far away."""

    account_id: AccountId
    outbox_id: OutboxId
    at: datetime


class InMemorySendScheduler:
    """Schedules by name; each is gone once it was taken."""

    def __init__(self) -> None:
        self.waiting: dict[str, ScheduledCall] = {}

    def schedule(
        self, account_id: AccountId, outbox_id: OutboxId, *, name: str, at: datetime
    ) -> None:
        """Have the worker called once."""
        assert name not in self.waiting, "a schedule's name is a new one"
        self.waiting[name] = ScheduledCall(account_id=account_id, outbox_id=outbox_id, at=at)

    def cancel(self, name: str) -> None:
        """Call nobody any more."""
        self.waiting.pop(name, None)

    def take_due(self, now: datetime) -> list[ScheduledCall]:
        """Hand out the calls whose time has come."""
        due = {name: call for name, call in self.waiting.items() if call.at <= now}
        for name in due:
            del self.waiting[name]
        return list(due.values())
