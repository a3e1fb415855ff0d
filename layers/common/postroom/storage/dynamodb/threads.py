"""Threads: one row each, recomputed from the thread's messages whenever one of them is written.

    read the revision ─► read the messages ─► write what they say, if the revision is the same
              ▲                                                              │
              └───────────────── another has written meanwhile ◄─────────────┘

A revision is random, and every refresh writes a new one, also when nothing else is different.
Whoever wrote last has therefore read the messages after everybody else had written theirs. Where no
message is left the row becomes a tombstone for a day: a row that was deleted could not tell a
refresh that began before from one that came after.

The row is compressed JSON, so that it mostly costs one write unit, and one more for every 50
messages: of each it keeps the id, which takes 20 bytes, and names, addresses and times compress
well. It tells of the newest 500 messages of a thread (`LARGEST_THREAD`), which a refresh reads, and
stays below the 400 KB that DynamoDB allows:

    ids of messages and drafts   32 KB     participants  96 KB    authors  32 KB
    subject, snippet              8 KB     categories    16 KB
    ──► 184 KB at most before it is compressed, and the rest for folders: of all its messages
        together as many as one message can lie in
"""

import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any, TypeVar

from postroom.domain.errors import NotFound
from postroom.domain.ids import AccountId, DraftId, FolderId, MessageId, ThreadId
from postroom.domain.message import Message, Position, View
from postroom.domain.thread import Participant, PersonRole, Thread, summarise
from postroom.ports import Clock
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, to_ttl
from postroom.storage.dynamodb.keys import moment
from postroom.storage.dynamodb.parallel import in_parallel
from postroom.storage.dynamodb.table import ConditionFailed, Table, TableBusy

TOMBSTONE_LIFETIME = timedelta(days=1)
"""Longer than any refresh can be on its way: no function lives for more than fifteen minutes."""

_ATTEMPTS = 50
"""Of one refresh: each that fails means that another one has succeeded."""

_PARTICIPANTS_BYTES = 96_000
_AUTHORS_BYTES = 32_000
_CATEGORIES_BYTES = 16_000

Part = TypeVar("Part", str, list[str])

_ROLES = {"f": PersonRole.FROM, "t": PersonRole.TO, "c": PersonRole.CC, "b": PersonRole.BCC}


class DynamoThreadStore:
    """Threads in the table, to be read; the message store writes them."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, account_id: AccountId, thread_id: ThreadId) -> Thread:
        """Return a thread. Raises NotFound."""
        row = self._table.get(keys.thread(account_id, thread_id))
        if row is None or "thread" not in row:
            raise NotFound("There is no such thread.")
        return _from_row(account_id, row)

    def get_many(
        self, account_id: AccountId, thread_ids: Sequence[ThreadId]
    ) -> dict[ThreadId, Thread]:
        """Return those threads that exist."""
        rows = self._table.get_many(keys.thread(account_id, each) for each in thread_ids)
        threads = (_from_row(account_id, row) for row in rows if "thread" in row)
        return {thread.id: thread for thread in threads}


class ThreadRows:
    """Writes threads, for the message store."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def refresh(
        self,
        account_id: AccountId,
        thread_ids: Sequence[ThreadId],
        read: Callable[[Sequence[ThreadId]], Mapping[ThreadId, Sequence[Message]]],
    ) -> None:
        """Write what threads' messages say, as `read` finds them then. Raises TableBusy."""
        waiting = thread_ids
        if not waiting:
            return
        for _ in range(_ATTEMPTS):
            rows = self._table.get_many(keys.thread(account_id, each) for each in waiting)
            revisions = {_thread_id_of(row): str(row["revision"]) for row in rows}
            messages = read(waiting)

            def write(
                thread_id: ThreadId,
                revisions: Mapping[ThreadId, str] = revisions,
                messages: Mapping[ThreadId, Sequence[Message]] = messages,
            ) -> bool:
                key, thread = keys.thread(account_id, thread_id), summarise(messages[thread_id])
                return self._write(key, thread, revisions.get(thread_id))

            won = in_parallel(write, waiting)
            waiting = [each for each, has_won in zip(waiting, won, strict=True) if not has_won]
            if not waiting:
                return
        raise TableBusy("a thread is being written by too many at once")

    def _write(self, key: keys.Key, thread: Thread | None, revision: str | None) -> bool:
        """Answer whether the row was still as it had been read."""
        said = self._tombstone() if thread is None else {"thread": _packed(thread)}
        row = {**said, "revision": token_hex(4)}
        try:
            if revision is None:
                self._table.put(key, row, "attribute_not_exists(#pk)")
            else:
                self._table.put(key, row, "#revision = :read", {"read": revision})
        except ConditionFailed:
            return False
        return True

    def _tombstone(self) -> Row:
        return {"expires_at": to_ttl(self._clock.now() + TOMBSTONE_LIFETIME)}


def _packed(thread: Thread) -> bytes:
    newest: dict[Position, list[str]] = {}
    for view, position in sorted(thread.newest_in.items()):
        newest.setdefault(position, []).append(view)
    document = {
        "subject": thread.subject,
        "snippet": thread.snippet,
        "participants": _beginning(
            ([each.email, each.name, _letters(each.roles)] for each in thread.participants),
            _PARTICIPANTS_BYTES,
        ),
        "folders": thread.folders,
        "categories": _beginning(thread.categories, _CATEGORIES_BYTES),
        "message_ids": thread.message_ids,
        "draft_ids": thread.draft_ids,
        "unread": thread.unread,
        "starred": thread.starred,
        "has_attachments": thread.has_attachments,
        "has_drafts": thread.has_drafts,
        "earliest_at": moment(thread.earliest_at),
        "latest_by": _beginning(
            ([author, moment(at)] for author, at in thread.latest_by.items()), _AUTHORS_BYTES
        ),
        "newest": [
            [place.message_id, moment(place.received_at), views] for place, views in newest.items()
        ],
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode(errors="surrogatepass"), level=9)


def _from_row(account_id: AccountId, row: Row) -> Thread:
    text = zlib.decompress(row["thread"]).decode(errors="surrogatepass")
    document: dict[str, Any] = json.loads(text)
    newest_in: dict[View, Position] = {}
    for message_id, received_at, views in document["newest"]:
        place = Position(received_at=_time(received_at), message_id=MessageId(message_id))
        newest_in |= dict.fromkeys(map(View, views), place)
    return Thread(
        id=_thread_id_of(row),
        account_id=account_id,
        subject=document["subject"],
        snippet=document["snippet"],
        participants=tuple(
            Participant(
                email=email, name=name, roles=frozenset(_ROLES[letter] for letter in letters)
            )
            for email, name, letters in document["participants"]
        ),
        folders=tuple(FolderId(each) for each in document["folders"]),
        # A row of before there were any has none until its thread is written again.
        categories=tuple(document.get("categories", ())),
        message_ids=tuple(MessageId(each) for each in document["message_ids"]),
        draft_ids=tuple(DraftId(each) for each in document["draft_ids"]),
        unread=document["unread"],
        starred=document["starred"],
        has_attachments=document["has_attachments"],
        has_drafts=document["has_drafts"],
        earliest_at=_time(document["earliest_at"]),
        latest_by={author: _time(at) for author, at in document["latest_by"]},
        newest_in=newest_in,
    )


def _thread_id_of(row: Row) -> ThreadId:
    return ThreadId(row["pk"].rpartition("#")[2])


def _letters(roles: frozenset[PersonRole]) -> str:
    return "".join(letter for letter, role in _ROLES.items() if role in roles)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _beginning(parts: Iterable[Part], limit_bytes: int) -> list[Part]:
    """Return as many of the first parts as fit."""
    kept: list[Part] = []
    total_bytes = 0
    for part in parts:
        total_bytes += len(json.dumps(part, ensure_ascii=False).encode(errors="surrogatepass"))
        if total_bytes > limit_bytes:
            break
        kept.append(part)
    return kept
