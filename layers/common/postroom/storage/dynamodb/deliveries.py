"""Attempts to tell webhooks of events: a row each, and counts of five minutes.

The counts are the one thing that is incremented. An attempt is counted after its row has been
written, once; what a crash between the two leaves out changes no verdict, since that is of shares.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from postroom.domain.delivery import (
    DELIVERY_LIFETIME,
    Answer,
    CallFailure,
    Delivery,
    event_place,
)
from postroom.domain.event import Event, EventType
from postroom.domain.ids import AccountId, EventId
from postroom.domain.webhook import Outcomes
from postroom.ports import Clock
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_text, to_text, to_ttl
from postroom.storage.dynamodb.table import ConditionFailed, Table

_COUNTED_SECONDS = 300
_COUNT_LIFETIME = timedelta(hours=1)


class DynamoDeliveryStore:
    """Attempts in the table."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def record(self, delivery: Delivery) -> None:
        """Note an attempt, and count it, once."""
        key = keys.delivery(delivery.webhook_id, delivery.place)
        try:
            self._table.put(key, _row(delivery), "attribute_not_exists(#pk)")
        except ConditionFailed:
            return
        began_at = _five_minutes_of(delivery.at)
        counted = "delivered" if delivery.answer.is_success else "failed"
        self._table.update(
            keys.delivery_count(delivery.webhook_id, began_at),
            f"ADD #{counted} :one SET #expires_at = :expires_at",
            {"one": 1, "expires_at": to_ttl(began_at + _COUNT_LIFETIME)},
        )

    def of_event(self, webhook_id: str, event: Event) -> Sequence[Delivery]:
        """Return the attempts to tell a webhook of an event."""
        rows = self._table.query(
            keys.deliveries(webhook_id),
            "begins_with(#sk, :event)",
            {"event": event_place(event.id, event.at)},
        )
        return [_delivery(row) for row in rows]

    def newest(self, webhook_id: str, *, limit: int, after: str = "") -> Sequence[Delivery]:
        """Return a webhook's attempts behind a place, newest events first."""
        rows = self._table.query(
            keys.deliveries(webhook_id),
            "#sk < :after" if after else "",
            {"after": after} if after else None,
            newest_first=True,
            limit=limit,
        )
        # TTL deletes late, and what is oldest stands last.
        now = to_ttl(self._clock.now())
        return [_delivery(row) for row in rows if row["expires_at"] > now]

    def outcomes(self, webhook_id: str, *, since: datetime) -> Outcomes:
        """Count a webhook's attempts since a time, or since up to five minutes before it."""
        oldest = keys.delivery_count(webhook_id, _five_minutes_of(since)).sk
        rows = self._table.query(
            keys.delivery_counts(webhook_id), "#sk >= :oldest", {"oldest": oldest}
        )
        delivered = failed = 0
        for row in rows:
            delivered += row.get("delivered", 0)
            failed += row.get("failed", 0)
        return Outcomes(delivered=delivered, failed=failed)


def _five_minutes_of(at: datetime) -> datetime:
    seconds = int(at.timestamp())
    return datetime.fromtimestamp(seconds - seconds % _COUNTED_SECONDS, tz=at.tzinfo)


def _row(delivery: Delivery) -> Row:
    answer = delivery.answer
    return {
        "webhook_id": delivery.webhook_id,
        "event_id": delivery.event_id,
        "event_type": delivery.event_type,
        "account_id": delivery.account_id,
        "event_at": to_text(delivery.event_at),
        "attempt": delivery.attempt,
        "at": to_text(delivery.at),
        "status": answer.status,
        "failure": answer.failure,
        "duration_ms": delivery.duration_ms,
        "expires_at": to_ttl(delivery.at + DELIVERY_LIFETIME),
    }


def _delivery(row: Row) -> Delivery:
    failure = row["failure"]
    return Delivery(
        webhook_id=row["webhook_id"],
        event_id=EventId(row["event_id"]),
        event_type=EventType(row["event_type"]),
        account_id=AccountId(row["account_id"]),
        event_at=from_text(row["event_at"]),
        attempt=row["attempt"],
        at=from_text(row["at"]),
        answer=Answer(
            status=row["status"], failure=None if failure is None else CallFailure(failure)
        ),
        duration_ms=row["duration_ms"],
    )
