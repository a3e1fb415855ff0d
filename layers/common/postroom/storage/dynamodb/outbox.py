"""The durable record of sends: a claim is a conditional put, so one key is one send.

A send that somebody follows has a second row, its place among the scheduled sends of its account,
so that they are listed without reading all of the others. It is written first: one that a crash
has left alone leads nowhere.

A send that has not ended stands in the due index at the time from which on it is overdue, as rows
of syncs do; partitions of their own keep the two apart. The put that ends it takes it out.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from postroom.domain.errors import NotFound
from postroom.domain.event import Event
from postroom.domain.ids import (
    AccountId,
    InternetMessageId,
    OutboxId,
    ProviderMessageId,
    ProviderThreadId,
)
from postroom.domain.outgoing import (
    OUTBOX_LIFETIME,
    PATIENCE,
    SETTLED,
    STATUS_LIFETIME,
    OutboxEntry,
    SendState,
    SentMessage,
)
from postroom.domain.quota import Reservation
from postroom.domain.sending_limit import CountedSend
from postroom.domain.upload import TransferMark
from postroom.ports import Clock
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import (
    Row,
    from_text,
    to_milliseconds,
    to_text,
    to_ttl,
)
from postroom.storage.dynamodb.event_rows import told
from postroom.storage.dynamodb.table import ConditionFailed, Table, put_in_transaction

_ABSENT = "attribute_not_exists(#pk) OR #ends_at <= :now"

_LONGEST_FOLLOWED = 2 * PATIENCE + STATUS_LIFETIME + timedelta(days=1)
"""After its time: tried to be sent, looked up and listed, and a day beyond."""


class DynamoOutboxStore:
    """Sends in the table."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def claim(self, entry: OutboxEntry) -> OutboxEntry | None:
        """Add an entry, once. Answers the one that is there already, or None."""
        key = keys.outbox_entry(entry.account_id, entry.id)
        row = {**_row(entry), "claim": token_hex(8)}
        self._give_place(entry)
        try:
            self._table.put(key, row, _ABSENT, {"now": to_text(self._clock.now())})
        except ConditionFailed as failure:
            if failure.existing is None:
                raise
            if failure.existing.get("claim") == row["claim"]:
                # The answer to this very put was lost on its way, and the client repeated it.
                return None
            return _entry(failure.existing)
        return None

    def get(self, account_id: AccountId, outbox_id: OutboxId) -> OutboxEntry:
        """Return an entry. Raises NotFound."""
        row = self._table.get(keys.outbox_entry(account_id, outbox_id))
        if row is None or self._is_over(row):
            raise NotFound("there is no such send")
        return _entry(row)

    def replace(
        self, entry: OutboxEntry, *, expected: OutboxEntry, event: Event | None = None
    ) -> bool:
        """Replace an entry that is still in the expected state and claim."""
        condition = "#state = :state AND #claims = :claims"
        values = {"state": expected.state, "claims": expected.claims}
        return self._write(entry, condition, values, event)

    def settle(self, entry: OutboxEntry, *, event: Event | None = None) -> bool:
        """Note what a claim has learned, unless the send has ended, or been claimed again.

        One that is gone was withdrawn, and its key is free: only that it left after all is written
        again.
        """
        if entry.state is SendState.SENT:
            condition = f"{_ABSENT} OR #state <> :sent"
            values: dict[str, Any] = {"sent": SendState.SENT, "now": to_text(self._clock.now())}
        else:
            ended = {state.value: state for state in SETTLED}
            names = ", ".join(f":{name}" for name in sorted(ended))
            condition = f"#claims = :claims AND NOT #state IN ({names})"
            values = {"claims": entry.claims, **ended}
        return self._write(entry, condition, values, event)

    def withdraw(self, account_id: AccountId, outbox_id: OutboxId) -> None:
        """Remove an entry, unless its message left after all."""
        try:
            self._table.delete(
                keys.outbox_entry(account_id, outbox_id),
                "#state <> :sent",
                {"sent": SendState.SENT},
            )
        except ConditionFailed:
            return

    def followed(self, account_id: AccountId) -> Sequence[OutboxEntry]:
        """Return the sends that their callers follow."""
        places = self._table.query(keys.followed_sends(account_id))
        wanted = [keys.outbox_entry(account_id, OutboxId(place["sk"])) for place in places]
        return [_entry(row) for row in self._table.get_many(wanted) if not self._is_over(row)]

    def overdue(self, *, now: datetime, limit: int) -> Sequence[tuple[AccountId, OutboxId]]:
        """Return sends that are overdue, those that waited longest first."""
        rows = [
            row
            for shard in keys.SEND_DUE_SHARDS
            for row in self._table.query_index(
                keys.DUE_INDEX,
                "#due_shard = :shard AND #due_at <= :now",
                {"shard": shard, "now": to_milliseconds(now)},
                limit=limit,
            )
        ]
        rows.sort(key=lambda row: (row["due_at"], row["pk"], row["sk"]))
        return [keys.send_of(keys.Key(row["pk"], row["sk"])) for row in rows[:limit]]

    def defer(self, account_id: AccountId, outbox_id: OutboxId, *, until: datetime) -> None:
        """Make an overdue send overdue later; one that has ended stays out of the index."""
        try:
            self._table.update(
                keys.outbox_entry(account_id, outbox_id),
                "SET #due_at = :until",
                {"until": to_milliseconds(until)},
                condition="#due_at < :until",
            )
        except ConditionFailed:
            return

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's sends."""
        for pk in (keys.followed_sends(account_id), keys.outbox(account_id)):
            rows = self._table.query(pk)
            self._table.write_batch(deletes=[keys.Key(row["pk"], row["sk"]) for row in rows])

    def _write(
        self, entry: OutboxEntry, condition: str, values: Mapping[str, Any], event: Event | None
    ) -> bool:
        self._give_place(entry)
        key = keys.outbox_entry(entry.account_id, entry.id)
        try:
            if event is None:
                self._table.put(key, _row(entry), condition, values)
            else:
                put = put_in_transaction(key, _row(entry), condition, values)
                self._table.transact(put, told(event))
        except ConditionFailed:
            return False
        return True

    def _give_place(self, entry: OutboxEntry) -> None:
        if entry.is_followed:
            ends_at = entry.wanted_at + _LONGEST_FOLLOWED
            place = keys.followed_send(entry.account_id, entry.id)
            self._table.put(place, {"expires_at": to_ttl(ends_at)})

    def _is_over(self, row: Row) -> bool:
        return from_text(row["ends_at"]) <= self._clock.now()


def _row(entry: OutboxEntry) -> Row:
    row = _whole(entry)
    if entry.overdue_at is not None:
        row["due_shard"] = keys.send_due_shard(entry.id)
        row["due_at"] = to_milliseconds(entry.overdue_at)
    return row


def _whole(entry: OutboxEntry) -> Row:
    ends_at = entry.wanted_at + OUTBOX_LIFETIME
    return {
        "id": entry.id,
        "account_id": entry.account_id,
        "request_hash": entry.request_hash,
        "internet_message_id": entry.internet_message_id,
        "state": entry.state,
        "created_at": to_text(entry.created_at),
        "kept_as": entry.kept_as,
        "metadata": dict(entry.metadata),
        "send_at": _text(entry.send_at),
        "waits_until": _text(entry.due_at),
        "is_followed": entry.is_followed,
        "claims": entry.claims,
        "claimed_at": _text(entry.claimed_at),
        "closed_at": _text(entry.closed_at),
        "sent_id": entry.sent.provider_id if entry.sent else None,
        "sent_thread_id": entry.sent.provider_thread_id if entry.sent else None,
        "error": entry.error,
        "consequence": entry.consequence,
        "transfer": entry.transfer,
        "counted_as": [
            [each.limit, to_text(each.reservation.begun_at), each.reservation.cost]
            for each in entry.counted_as
        ],
        "ends_at": to_text(ends_at),
        "expires_at": to_ttl(ends_at),
    }


def _entry(row: Row) -> OutboxEntry:
    sent = None
    if row["sent_id"] is not None:
        sent = SentMessage(
            provider_id=ProviderMessageId(row["sent_id"]),
            provider_thread_id=ProviderThreadId(row["sent_thread_id"]),
        )
    return OutboxEntry(
        id=OutboxId(row["id"]),
        account_id=AccountId(row["account_id"]),
        request_hash=row["request_hash"],
        internet_message_id=InternetMessageId(row["internet_message_id"]),
        state=SendState(row["state"]),
        created_at=from_text(row["created_at"]),
        kept_as=row["kept_as"],
        metadata=tuple(sorted(row["metadata"].items())),
        send_at=_time(row["send_at"]),
        due_at=_time(row["waits_until"]),
        is_followed=row["is_followed"],
        claims=row["claims"],
        claimed_at=_time(row["claimed_at"]),
        closed_at=_time(row["closed_at"]),
        sent=sent,
        error=row["error"],
        consequence=row.get("consequence", ""),
        transfer=TransferMark(row.get("transfer", "")),
        counted_as=tuple(
            CountedSend(limit, Reservation(from_text(begun_at), cost))
            for limit, begun_at, cost in row.get("counted_as", ())
        ),
    )


def _text(at: datetime | None) -> str | None:
    return None if at is None else to_text(at)


def _time(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)
