"""Messages and the views they stand in.

A message is one row, and one location row in each of its views. They are written one after the
other, the message first, so a crash may come in between. Two rules make that harmless:

- Whoever wins the message's row writes *all* of its locations, also those that should be there
  already. The same version may win again, so repeating a put repairs what a crash left undone.
- The message's row remembers in `standing` every location that was ever written and not yet taken
  away. So a put, a removal and an erasure know what else there is to take away, after a crash too.

    put v ──► message row (version ≤ v), standing += new ──► locations ──► take away what was left
                    │                                                       │
                    ├─ a newer row, or a tombstone,                         └─► threads ──►
                    └─ or one that was seen later:           standing -= left, if still our write
                       lost, nothing written

Taking away could hit a location that a newer put has just written: an old location row may have
been written late over a newer one, and then its version does not protect it. So after taking away,
the message's row is changed on the condition that it is still ours; if it is not, the locations
that its newer version wants are written again. Readers may meet a location whose message has left
(`MessageFilter.matches` sorts it out), but never miss one.

`remove` turns the row into a tombstone for 30 days, so that an older put that is still on its way
loses. A tombstone keeps the version it had when the version of the end is unknown.

The threads that a message stands or stood in are written anew before the row forgets what it left
(see `threads`): also after a crash the repetition knows of them, and nobody else has to.

An application's metadata stands in the message's row, too (see `metadata`); no put changes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from secrets import token_hex
from typing import Any

from postroom.domain.errors import NotFound
from postroom.domain.ids import AccountId, MessageId, ThreadId
from postroom.domain.message import ALL_MAIL, Message, Position, View, thread_view
from postroom.domain.thread import LARGEST_THREAD
from postroom.ports import Clock, PutOutcome
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, to_text, to_ttl
from postroom.storage.dynamodb.message_rows import from_row, to_row
from postroom.storage.dynamodb.metadata import NOTHING_TO_KEEP, MetadataNotes
from postroom.storage.dynamodb.parallel import in_parallel
from postroom.storage.dynamodb.standing import (
    Standing,
    drafts_of,
    location_keys,
    location_rows,
    standing_of,
    threads_of,
    view_of,
)
from postroom.storage.dynamodb.table import SHAPE_VERSION, ConditionFailed, Table
from postroom.storage.dynamodb.threads import ThreadRows

TOMBSTONE_LIFETIME = timedelta(days=30)
"""Longer than any write can be on its way: queues keep a message for fourteen days."""

_WINS = (
    "attribute_not_exists(#version)"
    " OR (#version <= :version AND attribute_not_exists(#ends_at)"
    " AND (attribute_not_exists(#seen_at) OR #seen_at <= :seen_at))"
    " OR (#version < :version AND #ends_at <= :outlived)"
    " OR (#version = :version AND #ends_at <= :revived)"
    " OR #ends_at <= :now"
)


class DynamoMessageStore:
    """Messages in the table."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._threads = ThreadRows(table, clock)
        self._metadata = MetadataNotes(table, clock)

    def get(self, account_id: AccountId, message_id: MessageId) -> Message:
        """Return a message. Raises NotFound."""
        row = self._table.get(keys.message(account_id, message_id))
        if row is None or "message" not in row:
            raise NotFound("There is no such message.")
        return _message_of(row)

    def get_many(
        self, account_id: AccountId, message_ids: Sequence[MessageId]
    ) -> dict[MessageId, Message]:
        """Return those messages that exist."""
        rows = self._table.get_many(keys.message(account_id, each) for each in message_ids)
        messages = (_message_of(row) for row in rows if "message" in row)
        return {message.id: message for message in messages}

    def put(
        self,
        messages: Sequence[Message],
        *,
        seen_at: datetime | None = None,
        revive: bool = False,
    ) -> list[PutOutcome]:
        """Store messages of one account, each unless a newer version (or its end) is there."""
        if not messages:
            return []
        writes = [_Write(message) for message in messages]
        same_message: dict[MessageId, list[_Write]] = {}
        for write in writes:
            same_message.setdefault(write.message.id, []).append(write)
        in_parallel(
            lambda some: self._claim_in_turn(some, seen_at, revive=revive),
            list(same_message.values()),
        )
        # Of several states of one message the last that won stands; it knows what the others left.
        self._place({write.message.id: write for write in writes if write.won}.values())
        return [PutOutcome(won=write.won, is_new=write.is_new) for write in writes]

    def put_again(
        self, account_id: AccountId, message_ids: Sequence[MessageId]
    ) -> dict[MessageId, Message]:
        """Return those messages that exist; each is in all its places, unless it has changed."""
        rows = self._table.get_many(keys.message(account_id, each) for each in message_ids)
        stored = [row for row in rows if "message" in row]
        writes = in_parallel(self._claim_again, stored)
        self._place(write for write in writes if write.won)
        return {write.message.id: write.message for write in writes}

    def _place(self, writes: Iterable["_Write"]) -> None:
        """Bring messages whose rows were won to all their places, and away from all others."""
        won = list(writes)
        in_parallel(self._metadata.take_over, [each.message for each in won if each.may_take])
        self._table.write_batch(_locations(won))
        leaving = [write for write in won if write.left]
        in_parallel(
            lambda write: self._take_away(
                write.message.account_id, write.message.id, write.left, write.message.version
            ),
            leaving,
        )
        standing = (write.standing | write.left for write in won)
        if won:
            self._refresh_threads(won[0].message.account_id, *standing)
        in_parallel(
            lambda write: self._note_left(
                write.message.account_id, write.message.id, write.left, write.put_id
            ),
            leaving,
        )

    def remove(self, account_id: AccountId, message_id: MessageId, version: int | None) -> bool:
        """Remove a message and remember its end. Answers whether it was there.

        An end whose version is older than what is stored is an old tale, and changes nothing.
        """
        ends_at = self._clock.now() + TOMBSTONE_LIFETIME
        put_id = token_hex(4)
        values: dict[str, Any] = {
            "v": SHAPE_VERSION,
            "ends_at": to_text(ends_at),
            "expires_at": to_ttl(ends_at),
            "put_id": put_id,
            "true": True,
        }
        changes = "#v = :v, #ends_at = :ends_at, #expires_at = :expires_at, #put_id = :put_id"
        condition = "attribute_exists(#version)"
        if version is not None:
            changes += ", #version = :version"
            values["version"] = version
            condition = "attribute_not_exists(#version) OR #version <= :version"
        may_go = NOTHING_TO_KEEP
        while True:
            try:
                old = self._table.update(
                    keys.message(account_id, message_id),
                    f"SET {changes} REMOVE #message, #metadata, #seen_at",
                    values,
                    condition=f"({condition}) AND ({may_go})",
                    answer="ALL_OLD",
                )
                break
            except ConditionFailed as failure:
                kept = self._metadata.let_wait(account_id, failure.existing, version)
                if kept is None:
                    return False
                may_go, values["kept"] = f"{NOTHING_TO_KEEP} OR #metadata = :kept", kept
        if old is None:
            return False
        end_version = old["version"] if version is None else version
        left = frozenset(old.get("standing", ()))
        if left:
            self._take_away(account_id, message_id, left, end_version)
            self._refresh_threads(account_id, left)
            self._note_left(account_id, message_id, left, put_id)
        return "message" in old

    def note(
        self, account_id: AccountId, message_id: MessageId, metadata: Mapping[str, str]
    ) -> None:
        """Keep metadata in the message's row, which is made if need be; not in a tombstone."""
        self._metadata.note(account_id, message_id, metadata)

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
        """Return places in a view, newest first; both times belong to the range."""
        low = keys.BEFORE_ALL_LOCATIONS if oldest is None else keys.moment(oldest)
        ends = [keys.BEHIND_ALL_MESSAGE_IDS]
        if newest is not None:
            ends.append(f"{keys.moment(newest)}#{keys.BEHIND_ALL_MESSAGE_IDS}")
        after_sk = "" if after is None else keys.location(account_id, view, after).sk
        if after is not None:
            ends.append(after_sk)
        high = min(ends)
        if low > high:
            return []
        rows = self._table.query(
            keys.view(account_id, view),
            "#sk BETWEEN :low AND :high",
            {"low": low, "high": high},
            newest_first=True,
            limit=limit + (after is not None),
        )
        return [keys.position(row["sk"]) for row in rows if row["sk"] != after_sk][:limit]

    def count(self, account_id: AccountId, view: View) -> int:
        """Count the places of a view, eventually consistent, for half the price.

        Costs a read unit for some 60 places: 500,000 of them cost about a tenth of a cent.
        """
        return self._table.count(keys.view(account_id, view))

    def unplaced(self, view: View, messages: Sequence[Message]) -> Sequence[Message]:
        """Return those messages that the view does not list."""
        places = {
            message.id: keys.location(
                message.account_id,
                view,
                Position(received_at=message.received_at, message_id=message.id),
            )
            for message in messages
        }
        found = {(row["pk"], row["sk"]) for row in self._table.get_many(places.values())}
        return [message for message in messages if places[message.id] not in found]

    def let_ends_lapse(
        self, account_id: AccountId, message_ids: Sequence[MessageId], *, noted_before: datetime
    ) -> None:
        """Let ends be over now; the row keeps what it knows of places to take away."""

        def lapse(message_id: MessageId) -> None:
            now, latest = self._clock.now(), noted_before + TOMBSTONE_LIFETIME
            try:
                self._table.update(
                    keys.message(account_id, message_id),
                    "SET #ends_at = :now",
                    {"now": to_text(now), "latest": to_text(latest)},
                    condition="attribute_exists(#ends_at) AND #ends_at < :latest",
                )
            except ConditionFailed:
                return

        in_parallel(lapse, message_ids)

    def erase(self, account_id: AccountId, *, limit: int) -> Sequence[MessageId]:
        """Erase some messages with all their rows, their places in all mail last."""
        positions = self.positions(account_id, ALL_MAIL, limit=limit)
        rows = self._table.get_many(
            keys.message(account_id, position.message_id) for position in positions
        )
        elsewhere: list[keys.Key] = []
        for row in rows:
            standing = frozenset(row.get("standing", ()))
            outside = [each for each in standing if view_of(each) != ALL_MAIL]
            elsewhere += location_keys(account_id, _message_id_of(row), outside)
            elsewhere += (keys.thread(account_id, each) for each in threads_of(standing))
            waiting = (MessageId(draft) for draft in drafts_of(standing))
            elsewhere += (keys.message(account_id, each) for each in waiting)
        self._table.write_batch(deletes=elsewhere)
        self._table.write_batch(
            deletes=[keys.message(account_id, each.message_id) for each in positions]
        )
        self._table.write_batch(
            deletes=[keys.location(account_id, ALL_MAIL, each) for each in positions]
        )
        return list(dict.fromkeys(position.message_id for position in positions))

    def _claim_in_turn(
        self, writes: Sequence["_Write"], seen_at: datetime | None, *, revive: bool
    ) -> None:
        for write in writes:
            self._claim(write, seen_at, revive=revive)

    def _claim(self, write: "_Write", seen_at: datetime | None, *, revive: bool) -> None:
        message, now = write.message, self._clock.now()
        seen_at = seen_at or now  # of each write: a thousand take some seconds
        outlived = seen_at + TOMBSTONE_LIFETIME  # by what was seen after its end was noted
        try:
            old = self._table.update(
                keys.message(message.account_id, message.id),
                "SET #v = :v, #version = :version, #message = :message, #put_id = :put_id,"
                " #seen_at = :seen_at REMOVE #ends_at, #expires_at ADD #standing :standing",
                {
                    "v": SHAPE_VERSION,
                    "version": message.version,
                    "message": to_row(message),
                    "put_id": write.put_id,
                    "standing": write.standing,
                    "seen_at": to_text(seen_at),
                    "outlived": to_text(outlived),
                    "revived": to_text(outlived if revive else now),
                    "now": to_text(now),
                },
                condition=_WINS,
                answer="ALL_OLD",
            )
        except ConditionFailed:
            return
        write.win(old or {})

    def _claim_again(self, row: Row) -> "_Write":
        message = _message_of(row)
        write = _Write(message)
        with suppress(ConditionFailed):
            self._table.update(
                keys.message(message.account_id, message.id),
                "SET #put_id = :put_id ADD #standing :standing",
                {"put_id": write.put_id, "standing": write.standing, "read": row["put_id"]},
                condition="#put_id = :read",
            )
            write.win(row)
        return write

    def _take_away(
        self, account_id: AccountId, message_id: MessageId, left: Standing, version: int
    ) -> None:
        """Take locations away; the one in all mail goes last, since erasing walks along there."""
        in_order = sorted(left, key=lambda each: view_of(each) == ALL_MAIL)
        for key in location_keys(account_id, message_id, in_order):
            try:
                self._table.delete(
                    key, "attribute_not_exists(#pk) OR #version <= :version", {"version": version}
                )
            except ConditionFailed:
                continue

    def _note_left(
        self, account_id: AccountId, message_id: MessageId, left: Standing, put_id: str
    ) -> None:
        """Note in the message's row what was taken away, or give it back to a newer version."""
        try:
            self._table.update(
                keys.message(account_id, message_id),
                "DELETE #standing :left",
                {"left": left, "put_id": put_id},
                condition="#put_id = :put_id",
            )
        except ConditionFailed as failure:
            if failure.existing is not None and "message" in failure.existing:
                newer = from_row(failure.existing["message"], failure.existing["version"])
                wanted = standing_of(newer) & left
                self._table.write_batch(location_rows(newer, wanted))
                self._refresh_threads(account_id, wanted)

    def _refresh_threads(self, account_id: AccountId, *standing: Standing) -> None:
        """Write the threads anew in whose lists a message stands or stood."""
        threads = sorted(threads_of(frozenset().union(*standing)))
        self._threads.refresh(account_id, threads, partial(self._in_threads, account_id))

    def _in_threads(
        self, account_id: AccountId, thread_ids: Sequence[ThreadId]
    ) -> dict[ThreadId, list[Message]]:
        """Return the newest messages of threads, drafts included."""

        def newest(thread_id: ThreadId) -> dict[MessageId, None]:
            places = self.positions(account_id, thread_view(thread_id), limit=LARGEST_THREAD)
            return dict.fromkeys(place.message_id for place in places)

        places = dict(zip(thread_ids, in_parallel(newest, thread_ids), strict=True))
        found = self.get_many(account_id, [each for some in places.values() for each in some])
        return {
            thread_id: [
                found[each] for each in some if each in found and found[each].thread_id == thread_id
            ]
            for thread_id, some in places.items()
        }


def _message_of(row: Row) -> Message:
    message = from_row(row["message"], row["version"])
    metadata = row.get("metadata")
    return replace(message, metadata=metadata) if metadata else message


class _Write:
    """One message on its way into the table."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.standing = standing_of(message)
        self.put_id = token_hex(4)
        """Tells this write from every other, also of the same version."""
        self.won = False
        self.is_new = False
        self.may_take = False
        """It is a draft's, and has no metadata."""
        self.left: Standing = frozenset()

    def win(self, old: Row) -> None:
        """Note what the row was that this write has won."""
        self.won = True
        self.is_new = "message" not in old
        self.may_take = self.message.draft_id is not None and "metadata" not in old
        self.left = frozenset(old.get("standing", ())) - self.standing


def _locations(writes: Iterable[_Write]) -> dict[keys.Key, Row]:
    rows: dict[keys.Key, Row] = {}
    for write in writes:
        rows |= location_rows(write.message, write.standing)
    return rows


def _message_id_of(row: Row) -> MessageId:
    return MessageId(row["pk"].rpartition("#")[2])
