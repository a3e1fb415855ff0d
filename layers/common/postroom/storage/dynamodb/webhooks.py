"""Webhooks, all in one small partition."""

from collections.abc import Sequence

from postroom.domain.errors import Conflict, NotFound
from postroom.domain.event import EventType
from postroom.domain.webhook import Webhook, WebhookStatus
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_text, to_text
from postroom.storage.dynamodb.table import ConditionFailed, Table

_CHANGES = ("updated_at", "status", "status_updated_at", "secret_number")
"""One of these differs after every change."""


class DynamoWebhookStore:
    """Webhooks in the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, webhook_id: str) -> Webhook:
        """Return a webhook. Raises NotFound."""
        row = self._table.get(keys.webhook(webhook_id))
        if row is None:
            raise _not_found()
        return _webhook(row)

    def all(self) -> Sequence[Webhook]:
        """Return all webhooks, oldest first."""
        found = map(_webhook, self._table.query(keys.WEBHOOKS))
        return sorted(found, key=lambda each: (each.created_at, each.id))

    def add(self, webhook: Webhook) -> None:
        """Add a webhook."""
        self._table.put(keys.webhook(webhook.id), _row(webhook))

    def replace(self, webhook: Webhook, *, expected: Webhook) -> None:
        """Replace a webhook that is still as it was read. Raises NotFound, Conflict."""
        there = _row(expected)
        try:
            self._table.put(
                keys.webhook(webhook.id),
                _row(webhook),
                " AND ".join(f"#{name} = :{name}" for name in _CHANGES),
                {name: there[name] for name in _CHANGES},
            )
        except ConditionFailed as failed:
            if failed.existing is None:
                raise _not_found() from None
            raise Conflict("The webhook has changed meanwhile.") from None

    def delete(self, webhook_id: str) -> None:
        """Remove a webhook. Raises NotFound."""
        self.get(webhook_id)
        self._table.delete(keys.webhook(webhook_id))


def _not_found() -> NotFound:
    return NotFound("There is no such webhook.")


def _row(webhook: Webhook) -> Row:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "event_types": list(webhook.event_types),
        "description": webhook.description,
        "notified_addresses": list(webhook.notified_addresses),
        "is_compressed": webhook.is_compressed,
        "status": webhook.status,
        "secret_number": webhook.secret_number,
        "created_at": to_text(webhook.created_at),
        "updated_at": to_text(webhook.updated_at),
        "status_updated_at": to_text(webhook.status_updated_at),
    }


def _webhook(row: Row) -> Webhook:
    return Webhook(
        id=row["id"],
        url=row["url"],
        event_types=tuple(EventType(each) for each in row["event_types"]),
        description=row["description"],
        notified_addresses=tuple(row["notified_addresses"]),
        # Older rows do not say.
        is_compressed=row.get("is_compressed", False),
        status=WebhookStatus(row["status"]),
        secret_number=row["secret_number"],
        created_at=from_text(row["created_at"]),
        updated_at=from_text(row["updated_at"]),
        status_updated_at=from_text(row["status_updated_at"]),
    )
