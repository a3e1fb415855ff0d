"""Short mutual exclusion between functions: a row that its holder may write and delete."""

from datetime import datetime, timedelta

from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import to_text, to_ttl
from postroom.storage.dynamodb.table import ConditionFailed, Table


class DynamoLocks:
    """Locks in the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def acquire(self, name: str, *, holder: str, now: datetime, lifetime: timedelta) -> bool:
        """Take a lock unless another holder has it; our own is prolonged."""
        ends_at = now + lifetime
        try:
            self._table.put(
                keys.lock(name),
                {"holder": holder, "ends_at": to_text(ends_at), "expires_at": to_ttl(ends_at)},
                "attribute_not_exists(#pk) OR #ends_at <= :now OR #holder = :holder",
                {"now": to_text(now), "holder": holder},
            )
        except ConditionFailed:
            return False
        return True

    def release(self, name: str, *, holder: str) -> None:
        """Give a lock back; one that is not ours any more is left alone."""
        try:
            self._table.delete(keys.lock(name), "#holder = :holder", {"holder": holder})
        except ConditionFailed:
            return
