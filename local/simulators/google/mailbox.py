"""One Gmail mailbox: messages, threads, labels and the history of their changes.

Every change goes through `add`, `change_labels` or `remove`; each appends one history record and
moves the mailbox's history id, which grows by irregular steps as Gmail's does.
"""

import hashlib
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from local.simulators import mime
from local.simulators.google.errors import not_found
from local.simulators.google.labels import Label, system_labels

FIRST_HISTORY_ID = 99_700
"""Close below 100,000, so that ids soon differ in length and comparing them as text shows."""
MAX_THREAD_MESSAGES = 100
"""Gmail begins a new conversation after so many messages."""


@dataclass
class StoredMessage:
    """A message as the mailbox keeps it."""

    id: str
    thread_id: str
    raw: bytes
    label_ids: set[str]
    internal_date_ms: int
    history_id: int
    sequence: int
    """Arrival order in the mailbox; decides between equal dates."""
    internet_message_ids: tuple[str, ...]
    subject_key: str
    draft_id_kept: str = ""
    """The draft that it is the newest message of, when it has replaced another one there."""

    @property
    def draft_id(self) -> str:
        """What its draft is called, as long as it has the label DRAFT."""
        return self.draft_id_kept or f"r{int(self.id, 16)}"

    @property
    def position(self) -> tuple[int, int]:
        """Return what listings are sorted by."""
        return self.internal_date_ms, self.sequence


@dataclass(frozen=True)
class HistoryRecord:
    """One change; `label_ids` are the message's labels after it, `delta` those that changed."""

    id: int
    kind: Literal["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"]
    message_id: str
    thread_id: str
    label_ids: tuple[str, ...]
    delta: tuple[str, ...] = ()


@dataclass
class Tally:
    """What lies under a label: how many of a thread's messages, by thread."""

    all: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)


@dataclass
class Watch:
    """A registration for pushes; `expires_ms` since the epoch."""

    topic: str
    label_ids: frozenset[str]
    exclude: bool
    expires_ms: int


@dataclass
class Mailbox:
    """The state of one mailbox. Not locked: the simulator does that."""

    address: str
    name: str
    aliases: tuple[str, ...] = ()
    """Further addresses, in lower case: mail for them arrives here, and it may send as them."""
    mail_enabled: bool = True
    send_as: dict[str, dict[str, str]] = field(default_factory=dict)
    """What the owner has written for an address: `displayName`, `signature`."""
    messages: dict[str, StoredMessage] = field(default_factory=dict)
    threads: dict[str, list[str]] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=system_labels)
    history: list[HistoryRecord] = field(default_factory=list)
    history_id: int = FIRST_HISTORY_ID
    oldest_history_id: int = FIRST_HISTORY_ID
    """Cursors before this one have expired."""
    announced_history_id: int = FIRST_HISTORY_ID
    """Up to here pushes have been sent, or were not wanted."""
    watch: Watch | None = None
    _sequence: int = 0
    _label_number: int = 0
    _order: list[tuple[int, int, str]] = field(default_factory=list)
    _by_internet_id: dict[str, list[str]] = field(default_factory=dict)
    _tallies: dict[str, Tally] = field(default_factory=dict)

    def add(
        self, raw: bytes, label_ids: Iterable[str], received_ms: int, thread_id: str | None = None
    ) -> StoredMessage:
        """Store a message; without a thread it joins the conversation it answers, or begins one."""
        headers, _ = mime.split_headers(raw)
        subject = mime.subject_key(mime.first_header(headers, "Subject"))
        self._sequence += 1
        message_id = self._new_message_id(received_ms)
        message = StoredMessage(
            id=message_id,
            thread_id=thread_id or self._conversation(headers, subject) or message_id,
            raw=raw,
            label_ids=set(label_ids),
            internal_date_ms=received_ms,
            history_id=0,
            sequence=self._sequence,
            internet_message_ids=tuple(mime.message_ids(mime.first_header(headers, "Message-ID"))),
            subject_key=subject,
        )
        self.messages[message_id] = message
        self.threads.setdefault(message.thread_id, []).append(message_id)
        insort(self._order, (*message.position, message_id))
        for internet_id in message.internet_message_ids:
            self._by_internet_id.setdefault(internet_id, []).append(message_id)
        self._count(message, 1)
        self._record("messageAdded", message)
        return message

    def change_labels(
        self, message: StoredMessage, add: Iterable[str], remove: Iterable[str]
    ) -> None:
        """Add and remove labels; what changes nothing leaves no history."""
        added = set(add) - message.label_ids
        removed = (set(remove) & message.label_ids) - set(add)
        self._count(message, -1)
        message.label_ids |= added
        message.label_ids -= removed
        self._count(message, 1)
        if added:
            self._record("labelAdded", message, added)
        if removed:
            self._record("labelRemoved", message, removed)

    def trash(self, message: StoredMessage) -> None:
        """Move a message to the trash."""
        self.change_labels(message, ["TRASH"], ["INBOX", "SPAM"])

    def remove(self, message: StoredMessage) -> None:
        """Delete a message for ever."""
        self._count(message, -1)
        del self.messages[message.id]
        siblings = self.threads[message.thread_id]
        siblings.remove(message.id)
        if not siblings:
            del self.threads[message.thread_id]
        del self._order[bisect_left(self._order, (*message.position, message.id))]
        for internet_id in message.internet_message_ids:
            self._by_internet_id[internet_id].remove(message.id)
        self._record("messageDeleted", message)

    def drafts(self) -> list[StoredMessage]:
        """Return the message of each draft, newest first."""
        threads = self.tally("DRAFT").all
        found = [
            self.messages[message_id]
            for thread_id in threads
            for message_id in self.threads[thread_id]
            if "DRAFT" in self.messages[message_id].label_ids
        ]
        return sorted(found, key=lambda message: message.position, reverse=True)

    def draft(self, draft_id: str) -> StoredMessage:
        """Return a draft's message; raises a 404 GmailError."""
        for message in self.drafts():
            if message.draft_id == draft_id:
                return message
        raise not_found()

    def replace_draft(
        self, old: StoredMessage, raw: bytes, now_ms: int, thread_id: str | None
    ) -> StoredMessage:
        """Put another message in the place of a draft's; the draft's id stays, no label does.

        https://developers.google.com/workspace/gmail/api/guides/drafts
        """
        new = self.add(raw, {"DRAFT"}, now_ms, thread_id or old.thread_id)
        new.draft_id_kept = old.draft_id
        self.remove(old)
        return new

    def message(self, message_id: str) -> StoredMessage:
        """Return a message; raises a 404 GmailError."""
        if message_id not in self.messages:
            raise not_found()
        return self.messages[message_id]

    def thread(self, thread_id: str) -> list[StoredMessage]:
        """Return a thread's messages, oldest first; raises a 404 GmailError."""
        if thread_id not in self.threads:
            raise not_found()
        found = [self.messages[message_id] for message_id in self.threads[thread_id]]
        return sorted(found, key=lambda message: message.position)

    def newest_first(self, before: tuple[int, int] | None = None) -> Iterator[StoredMessage]:
        """Yield messages by date, newest first, from below a position."""
        end = len(self._order) if before is None else bisect_left(self._order, (*before, ""))
        for index in range(end - 1, -1, -1):
            yield self.messages[self._order[index][2]]

    def with_internet_message_id(self, internet_id: str) -> list[StoredMessage]:
        """Return the messages whose Message-ID field holds this id, angle brackets included."""
        return [self.messages[i] for i in self._by_internet_id.get(internet_id, ())]

    def history_after(self, history_id: int) -> list[HistoryRecord]:
        """Return the records after a cursor; raises a 404 GmailError when it has expired."""
        if history_id < self.oldest_history_id:
            raise not_found()
        return self.history[bisect_right(self.history, history_id, key=lambda r: r.id) :]

    def expire_history(self) -> None:
        """Make every cursor handed out so far too old, also the newest."""
        self.history.clear()
        self._step()
        self.oldest_history_id = self.announced_history_id = self.history_id

    def add_label(self, name: str) -> Label:
        """Create a user label."""
        self._label_number += 1
        label = Label(f"Label_{self._label_number}", name, message_list_visibility="show")
        label.label_list_visibility = "labelShow"
        self.labels[label.id] = label
        return label

    def remove_label(self, label_id: str) -> None:
        """Delete a user label. Its messages lose it without a history record of their own."""
        del self.labels[label_id]
        self._tallies.pop(label_id, None)
        for message in self.messages.values():
            message.label_ids.discard(label_id)
        self._step()

    def label_named(self, name: str) -> Label | None:
        """Return the label with this name, case aside."""
        wanted = name.casefold()
        return next((each for each in self.labels.values() if each.name.casefold() == wanted), None)

    def tally(self, label_id: str) -> Tally:
        """Return what lies under a label. Counted as it changes: clients ask for all labels."""
        return self._tallies.get(label_id) or Tally()

    def _count(self, message: StoredMessage, by: int) -> None:
        for label_id in message.label_ids:
            tally = self._tallies.setdefault(label_id, Tally())
            counters = [tally.all, tally.unread] if "UNREAD" in message.label_ids else [tally.all]
            for counter in counters:
                counter[message.thread_id] += by
                if not counter[message.thread_id]:
                    del counter[message.thread_id]

    def _conversation(self, headers: list[tuple[str, str]], subject: str) -> str | None:
        """Find the thread a message belongs to by what it refers to, and its subject.

        https://developers.google.com/workspace/gmail/api/guides/threads
        """
        referred = mime.message_ids(mime.first_header(headers, "In-Reply-To"))
        referred += reversed(mime.message_ids(mime.first_header(headers, "References")))
        for internet_id in referred:
            for parent in self.with_internet_message_id(internet_id):
                room = len(self.threads[parent.thread_id]) < MAX_THREAD_MESSAGES
                if parent.subject_key == subject and room:
                    return parent.thread_id
        return None

    def _new_message_id(self, received_ms: int) -> str:
        """Return 16 hexadecimal digits that begin with the time, as Gmail's do."""
        attempt = 0
        while True:
            seed = f"{self.address} {self._sequence} {attempt}".encode()
            low = int.from_bytes(hashlib.sha256(seed).digest()[:3]) & 0xFFFFF
            message_id = f"{((max(received_ms, 0) << 20) | low) & (2**64 - 1):016x}"
            if message_id not in self.messages and message_id not in self.threads:
                return message_id
            attempt += 1

    def _step(self) -> None:
        digest = hashlib.sha256(f"{self.address} {self.history_id}".encode()).digest()
        self.history_id += 2 + digest[0] % 37

    def _record(
        self,
        kind: Literal["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"],
        message: StoredMessage,
        delta: Iterable[str] = (),
    ) -> None:
        self._step()
        message.history_id = self.history_id
        labels = tuple(sorted(message.label_ids))
        record = HistoryRecord(
            self.history_id, kind, message.id, message.thread_id, labels, tuple(sorted(delta))
        )
        self.history.append(record)
