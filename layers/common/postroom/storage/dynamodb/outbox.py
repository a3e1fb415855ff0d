"""The durable record of sends: a claim is a conditional put, so one key is one send."""

from secrets import token_hex

from postroom.domain.errors import NotFound
from postroom.domain.ids import (
    AccountId,
    InternetMessageId,
    OutboxId,
    ProviderMessageId,
    ProviderThreadId,
)
from postroom.domain.outgoing import OUTBOX_LIFETIME, OutboxEntry, SendState, SentMessage
from postroom.ports import Clock
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_text, to_text, to_ttl
from postroom.storage.dynamodb.table import ConditionFailed, Table

_ABSENT = "attribute_not_exists(#pk) OR #ends_at <= :now"


class DynamoOutboxStore:
    """Sends in the table."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def claim(self, entry: OutboxEntry) -> OutboxEntry | None:
        """Add an entry, once. Answers the one that is there already, or None."""
        key = keys.outbox_entry(entry.account_id, entry.id)
        row = {**_row(entry), "claim": token_hex(8)}
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
        if row is None or from_text(row["ends_at"]) <= self._clock.now():
            raise NotFound("there is no such send")
        return _entry(row)

    def settle(self, entry: OutboxEntry) -> None:
        """Replace an entry, unless it is settled already.

        One that is gone was withdrawn, and its key is free: only that it left after all is written
        again.
        """
        condition = "NOT #state IN (:sent, :rejected)"
        values: dict[str, object] = {"sent": SendState.SENT, "rejected": SendState.REJECTED}
        if entry.state is SendState.SENT:
            condition = f"{_ABSENT} OR {condition}"
            values["now"] = to_text(self._clock.now())
        else:
            condition = f"attribute_exists(#pk) AND {condition}"
        try:
            key = keys.outbox_entry(entry.account_id, entry.id)
            self._table.put(key, _row(entry), condition, values)
        except ConditionFailed:
            return

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

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's sends."""
        rows = self._table.query(keys.outbox(account_id))
        self._table.write_batch(deletes=[keys.Key(row["pk"], row["sk"]) for row in rows])


def _row(entry: OutboxEntry) -> Row:
    ends_at = entry.created_at + OUTBOX_LIFETIME
    return {
        "id": entry.id,
        "account_id": entry.account_id,
        "request_hash": entry.request_hash,
        "internet_message_id": entry.internet_message_id,
        "state": entry.state,
        "created_at": to_text(entry.created_at),
        "sent_id": entry.sent.provider_id if entry.sent else None,
        "sent_thread_id": entry.sent.provider_thread_id if entry.sent else None,
        "error": entry.error,
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
        sent=sent,
        error=row["error"],
    )
