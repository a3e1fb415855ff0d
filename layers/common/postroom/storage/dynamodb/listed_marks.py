"""Marks of the messages that a reading of a unit has listed."""

from collections.abc import Sequence
from datetime import timedelta

from postroom.domain.ids import AccountId, MessageId
from postroom.ports import Clock
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import to_ttl
from postroom.storage.dynamodb.table import Table

_LIFETIME = timedelta(days=30)
"""Longer than reading the largest unit takes. A mark that outlives it does no harm: its
generation is never used again, so no reader has to check the time."""


class DynamoListedMarks:
    """One row a mark."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def mark(
        self, account_id: AccountId, generation: str, message_ids: Sequence[MessageId]
    ) -> None:
        """Note that these messages were listed."""
        row = {"expires_at": to_ttl(self._clock.now() + _LIFETIME)}
        self._table.write_batch(
            {keys.listed_mark(account_id, generation, each): row for each in message_ids}
        )

    def unmarked(
        self, account_id: AccountId, generation: str, message_ids: Sequence[MessageId]
    ) -> Sequence[MessageId]:
        """Return those that were not."""
        rows = self._table.get_many(
            keys.listed_mark(account_id, generation, each) for each in message_ids
        )
        marked = {row["sk"] for row in rows}
        return [each for each in message_ids if each not in marked]
