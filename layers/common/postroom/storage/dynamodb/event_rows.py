"""The row of an event, which the table's stream passes on."""

from collections.abc import Mapping
from typing import Any

from postroom.domain.errors import NotFound
from postroom.domain.event import EVENT_LIFETIME, Event, EventType
from postroom.domain.ids import AccountId, EventId
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_item, from_text, to_text, to_ttl
from postroom.storage.dynamodb.table import Table, put_in_transaction


class DynamoEventStore:
    """Events in the table; whoever writes one does so with the change that it tells of."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, event_id: EventId) -> Event:
        """Return an event. Raises NotFound."""
        row = self._table.get(keys.event(event_id))
        if row is None:
            raise NotFound("There is no such event.")
        return _event(row)


def told(event: Event) -> dict[str, Any]:
    """Return the write of an event, for a transaction."""
    row: Row = {
        "id": event.id,
        "type": event.type,
        "account_id": event.account_id,
        "at": to_text(event.at),
        "object_id": event.object_id,
        "reason": event.reason,
        "expires_at": to_ttl(event.at + EVENT_LIFETIME),
    }
    return put_in_transaction(keys.event(event.id), row)


def streamed(image: Mapping[str, Any]) -> Event:
    """Read an event from what the stream shows of its row."""
    return _event(from_item(image))


def _event(row: Row) -> Event:
    return Event(
        id=EventId(row["id"]),
        type=EventType(row["type"]),
        account_id=AccountId(row["account_id"]),
        at=from_text(row["at"]),
        object_id=row["object_id"],
        reason=row["reason"],
    )
