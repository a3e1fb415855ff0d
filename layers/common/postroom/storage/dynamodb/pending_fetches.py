"""Messages that still have to be fetched, one row each, so that none is ever skipped."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from secrets import token_hex

from postroom.domain.ids import AccountId, ProviderMessageId, ProviderThreadId
from postroom.domain.sync import MessageRef, PendingFetch
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_text, to_text
from postroom.storage.dynamodb.table import ConditionFailed, Table


class DynamoPendingFetchStore:
    """Pending fetches in the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, account_id: AccountId, pending: Sequence[PendingFetch]) -> None:
        """Remember fetches, in place of older entries for the same messages."""
        self._table.write_batch(
            {keys.pending_fetch(account_id, each.ref.provider_id): _row(each) for each in pending}
        )

    def due(self, account_id: AccountId, *, now: datetime, limit: int) -> Sequence[PendingFetch]:
        """Return fetches whose time has come.

        Not the longest waiting first, and yet none starves: whatever is tried again leaves, or
        gets a later time.
        """
        rows = self._table.query(
            keys.pending_fetches(account_id),
            values={"now": to_text(now)},
            filter_by="#retry_at <= :now",
            limit=limit,
        )
        return [_pending(row) for row in rows]

    def settle(self, account_id: AccountId, settled: Sequence[PendingFetch]) -> None:
        """Forget fetches, each unless it was written anew since it was read."""
        for each in settled:
            with suppress(ConditionFailed):
                self._table.delete(
                    keys.pending_fetch(account_id, each.ref.provider_id),
                    "#mark = :mark",
                    {"mark": each.mark},
                )

    def is_any_left(self, account_id: AccountId) -> bool:
        """Tell whether anything waits, due or not."""
        return any(True for _ in self._table.query(keys.pending_fetches(account_id), limit=1))

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's fetches."""
        rows = self._table.query(keys.pending_fetches(account_id))
        self._table.write_batch(deletes=[keys.Key(row["pk"], row["sk"]) for row in rows])


def _row(pending: PendingFetch) -> Row:
    return {
        "provider_id": pending.ref.provider_id,
        "provider_thread_id": pending.ref.provider_thread_id,
        "attempts": pending.attempts,
        "reason": pending.reason,
        "retry_at": to_text(pending.retry_at),
        "mark": token_hex(4),
    }


def _pending(row: Row) -> PendingFetch:
    return PendingFetch(
        ref=MessageRef(
            provider_id=ProviderMessageId(row["provider_id"]),
            provider_thread_id=ProviderThreadId(row["provider_thread_id"]),
        ),
        attempts=row["attempts"],
        reason=row["reason"],
        retry_at=from_text(row["retry_at"]),
        mark=row["mark"],
    )
