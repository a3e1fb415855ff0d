"""Messages and the views they stand in.

A message is one row, and one location row in each of its views. They are written one after the
other, the message first, so a crash may come in between. Two rules make that harmless:

- Whoever wins the message's row writes *all* of its locations, also those that should be there
  already. The same version may win again, so repeating a put repairs what a crash left undone.
- The message's row remembers in `standing` every location that was ever written and not yet taken
  away. So a put, a removal and an erasure know what else there is to take away, after a crash too.

    put v ──► message row (version ≤ v), standing += new ──► locations ──► take away what was left
                    │                                                       │
                    └─ a newer row, or a tombstone: lost, nothing written   └─► standing -= left,
                                                                                if still our write

Taking away could hit a location that a newer put has just written: an old location row may have
been written late over a newer one, and then its version does not protect it. So after taking away,
the message's row is changed on the condition that it is still ours; if it is not, the locations
that its newer version wants are written again. Readers may meet a location whose message has left
(`MessageFilter.matches` sorts it out), but never miss one.

`remove` turns the row into a tombstone for 30 days, so that an older put that is still on its way
loses. A tombstone keeps the version it had when the version of the end is unknown.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from secrets import token_hex
from typing import TypeVar

from postroom.domain.errors import NotFound
from postroom.domain.ids import AccountId, MessageId
from postroom.domain.message import ALL_MAIL, Message, Position, View
from postroom.ports import Clock, PutOutcome
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, cleaned, to_text, to_ttl
from postroom.storage.dynamodb.message_rows import from_row, to_row
from postroom.storage.dynamodb.table import SHAPE_VERSION, ConditionFailed, Table

WRITERS = 16
"""Threads of a put; the client's connection pool should have as many connections."""

TOMBSTONE_LIFETIME = timedelta(days=30)
"""Longer than any write can be on its way: queues keep a message for fourteen days."""

_WINS = (
    "attribute_not_exists(#pk)"
    " OR #version < :version"
    " OR (#version = :version AND attribute_not_exists(#ends_at))"
    " OR #ends_at <= :now"
)

_Standing = frozenset[str]
"""Locations as `<received at>#<view>`."""

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


class DynamoMessageStore:
    """Messages in the table."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def get(self, account_id: AccountId, message_id: MessageId) -> Message:
        """Return a message. Raises NotFound."""
        row = self._table.get(keys.message(account_id, message_id))
        if row is None or "message" not in row:
            raise NotFound("There is no such message.")
        return from_row(row["message"], row["version"])

    def get_many(
        self, account_id: AccountId, message_ids: Sequence[MessageId]
    ) -> dict[MessageId, Message]:
        """Return those messages that exist."""
        rows = self._table.get_many(keys.message(account_id, each) for each in message_ids)
        messages = (from_row(row["message"], row["version"]) for row in rows if "message" in row)
        return {message.id: message for message in messages}

    def put(self, messages: Sequence[Message]) -> list[PutOutcome]:
        """Store messages of one account, each unless a newer version (or its end) is there."""
        if not messages:
            return []
        writes = [_Write(message) for message in messages]
        same_message: dict[MessageId, list[_Write]] = {}
        for write in writes:
            same_message.setdefault(write.message.id, []).append(write)
        _in_threads(self._claim_in_turn, list(same_message.values()))
        # Of several states of one message the last that won stands; it knows what the others left.
        won = list({write.message.id: write for write in writes if write.won}.values())
        self._table.write_batch(_locations(won))
        _in_threads(
            lambda write: self._take_away(
                write.message.account_id,
                write.message.id,
                write.left,
                version=write.message.version,
                put_id=write.put_id,
            ),
            [write for write in won if write.left],
        )
        return [PutOutcome(won=write.won, is_new=write.is_new) for write in writes]

    def remove(self, account_id: AccountId, message_id: MessageId, version: int | None) -> bool:
        """Remove a message and remember its end. Answers whether it was there.

        An end whose version is older than what is stored is an old tale, and changes nothing.
        """
        ends_at = self._clock.now() + TOMBSTONE_LIFETIME
        put_id = token_hex(4)
        values = {
            "v": SHAPE_VERSION,
            "ends_at": to_text(ends_at),
            "expires_at": to_ttl(ends_at),
            "put_id": put_id,
        }
        changes = "#v = :v, #ends_at = :ends_at, #expires_at = :expires_at, #put_id = :put_id"
        condition = "attribute_exists(#pk)"
        if version is not None:
            changes += ", #version = :version"
            values["version"] = version
            condition = "attribute_not_exists(#pk) OR #version <= :version"
        try:
            old = self._table.update(
                keys.message(account_id, message_id),
                f"SET {changes} REMOVE #message",
                values,
                condition=condition,
                answer="ALL_OLD",
            )
        except ConditionFailed:
            return False
        if old is None:
            return False
        end_version = old["version"] if version is None else version
        left = frozenset(old.get("standing", ()))
        if left:
            self._take_away(account_id, message_id, left, version=end_version, put_id=put_id)
        return "message" in old

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

    def erase(self, account_id: AccountId, *, limit: int) -> Sequence[MessageId]:
        """Erase some messages with all their rows, their places in all mail last."""
        positions = self.positions(account_id, ALL_MAIL, limit=limit)
        rows = self._table.get_many(
            keys.message(account_id, position.message_id) for position in positions
        )
        elsewhere = [
            key
            for row in rows
            for key in _location_keys(
                account_id,
                _message_id_of(row),
                (each for each in row.get("standing", ()) if _view_of(each) != ALL_MAIL),
            )
        ]
        self._table.write_batch(deletes=elsewhere)
        self._table.write_batch(
            deletes=[keys.message(account_id, each.message_id) for each in positions]
        )
        self._table.write_batch(
            deletes=[keys.location(account_id, ALL_MAIL, each) for each in positions]
        )
        return list(dict.fromkeys(position.message_id for position in positions))

    def _claim_in_turn(self, writes: Sequence["_Write"]) -> None:
        for write in writes:
            self._claim(write)

    def _claim(self, write: "_Write") -> None:
        message = write.message
        try:
            old = self._table.update(
                keys.message(message.account_id, message.id),
                "SET #v = :v, #version = :version, #message = :message, #put_id = :put_id"
                " REMOVE #ends_at, #expires_at ADD #standing :standing",
                {
                    "v": SHAPE_VERSION,
                    "version": message.version,
                    "message": to_row(message),
                    "put_id": write.put_id,
                    "standing": write.standing,
                    "now": to_text(self._clock.now()),
                },
                condition=_WINS,
                answer="ALL_OLD",
            )
        except ConditionFailed:
            return
        write.won = True
        write.is_new = old is None or "message" not in old
        write.left = frozenset((old or {}).get("standing", ())) - write.standing

    def _take_away(
        self,
        account_id: AccountId,
        message_id: MessageId,
        left: _Standing,
        *,
        version: int,
        put_id: str,
    ) -> None:
        """Take locations away; the one in all mail goes last, since erasing walks along there."""
        in_order = sorted(left, key=lambda each: _view_of(each) == ALL_MAIL)
        for key in _location_keys(account_id, message_id, in_order):
            try:
                self._table.delete(
                    key, "attribute_not_exists(#pk) OR #version <= :version", {"version": version}
                )
            except ConditionFailed:
                continue
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
                wanted = _standing(newer) & left
                self._table.write_batch(_location_rows(newer, wanted))


class _Write:
    """One message on its way into the table."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.standing = _standing(message)
        self.put_id = token_hex(4)
        """Tells this write from every other, also of the same version."""
        self.won = False
        self.is_new = False
        self.left: _Standing = frozenset()


def _standing(message: Message) -> _Standing:
    received_at = keys.moment(message.received_at)
    return frozenset(f"{received_at}#{cleaned(view)}" for view in message.views())


def _view_of(standing: str) -> View:
    return View(standing.partition("#")[2])


def _location_keys(
    account_id: AccountId, message_id: MessageId, standing: Iterable[str]
) -> Iterable[keys.Key]:
    for each in standing:
        received_at = datetime.fromisoformat(each.partition("#")[0])
        position = Position(received_at=received_at, message_id=message_id)
        yield keys.location(account_id, _view_of(each), position)


def _location_rows(message: Message, standing: Iterable[str]) -> dict[keys.Key, Row]:
    found = _location_keys(message.account_id, message.id, standing)
    return {key: {"version": message.version} for key in found}


def _locations(writes: Iterable[_Write]) -> dict[keys.Key, Row]:
    rows: dict[keys.Key, Row] = {}
    for write in writes:
        rows |= _location_rows(write.message, write.standing)
    return rows


def _message_id_of(row: Row) -> MessageId:
    return MessageId(row["pk"].rpartition("#")[2])


def _in_threads(do: Callable[[_Item], _Answer], items: Sequence[_Item]) -> list[_Answer]:
    if not items:
        return []
    with ThreadPoolExecutor(max_workers=min(WRITERS, len(items))) as pool:
        return list(pool.map(do, items))
