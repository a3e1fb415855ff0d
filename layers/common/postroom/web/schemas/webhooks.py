"""Webhooks. The secret goes out when it is made, and never again."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from postroom.domain.delivery import Delivery
from postroom.domain.event import EventType
from postroom.domain.webhook import Webhook
from postroom.web.schemas.fields import (
    Body,
    Flag,
    Line,
    Output,
    PageLimit,
    PageToken,
    Query,
    spelled,
    unix_seconds,
)

Url = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2048),
    spelled(r"[!-~]*", "Use plain ASCII characters without spaces"),
]
Address = Annotated[
    Line,
    StringConstraints(strip_whitespace=True, max_length=320),
    spelled(r"[^@\s]+@[^@\s]+", "Send an e-mail address"),
]

_NEVER_HAPPENS = re.compile(
    r"(booking|calendar|contact|event|notetaker)\..+"
    r"|message\.((intelligence|transactional)\..+|delivered|bounced|complaint|rejected)"
    r"|message\.(created|updated)\.(truncated|cleaned)|grant\.imap_sync_completed"
)
"""Triggers of the SDKs that are of other things than mail, or of other ways to tell of it."""


def _can_happen(value: Any) -> Any:
    if isinstance(value, str) and _NEVER_HAPPENS.fullmatch(value):
        raise ValueError(
            "Leave this out: Postroom never tells of it. It has mail and folders, no calendars,"
            " contacts or meetings, and tells of each message in one way"
        )
    return value


EventTypes = Annotated[
    list[Annotated[EventType, BeforeValidator(_can_happen)]], Field(min_length=1, max_length=50)
]
Description = Annotated[Line, StringConstraints(max_length=500)]
Addresses = Annotated[list[Address], Field(max_length=50)]


class WebhookIn(Body):
    """A new webhook."""

    trigger_types: EventTypes
    webhook_url: Url
    description: Description | None = None
    notification_email_addresses: Addresses | None = None
    compressed_delivery: Flag | None = None


class WebhookChangeIn(Body):
    """What to change on a webhook; what is missing stays."""

    trigger_types: EventTypes | None = None
    webhook_url: Url | None = None
    description: Description | None = None
    notification_email_addresses: Addresses | None = None
    compressed_delivery: Flag | None = None
    status: Literal["active", "pause"] | None = None


class WebhookOut(Output):
    """A webhook."""

    id: str
    description: str
    trigger_types: list[str]
    webhook_url: str
    webhook_secret: str | None = None
    status: str
    notification_email_addresses: list[str]
    compressed_delivery: bool
    """Whether deliveries come compressed (gzip)."""
    status_updated_at: int
    created_at: int
    updated_at: int

    @classmethod
    def from_domain(cls, webhook: Webhook, secret: str = "") -> "WebhookOut":
        """Render a webhook; with its secret when that has just been made."""
        return cls(
            id=webhook.id,
            description=webhook.description,
            trigger_types=list(webhook.event_types),
            webhook_url=webhook.url,
            webhook_secret=secret or None,
            status=webhook.status,
            notification_email_addresses=list(webhook.notified_addresses),
            compressed_delivery=webhook.is_compressed,
            status_updated_at=unix_seconds(webhook.status_updated_at),
            created_at=unix_seconds(webhook.created_at),
            updated_at=unix_seconds(webhook.updated_at),
        )


class RemovalOut(Output):
    """That a webhook is removed."""

    status: Literal["success"] = "success"


class DeliveryQuery(Query):
    """Which page of the attempts."""

    limit: PageLimit = 50
    page_token: PageToken = None


class DeliveryOut(Output):
    """An attempt to tell a webhook of an event: what the webhook answered, or why it did not.

    `state` is `delivered`, `retrying` (another attempt follows) or `failed` (none does). `failure`
    is `no_address`, `private_address`, `no_connection`, `no_trust` (TLS), `too_slow` or
    `no_answer`.
    """

    event_id: str
    """The `id` of the notification."""
    type: str
    grant_id: str
    event_at: int
    attempt: int
    attempted_at: int
    state: Literal["delivered", "retrying", "failed"]
    status_code: int | None
    failure: str | None
    duration_ms: int

    @classmethod
    def from_domain(cls, delivery: Delivery) -> "DeliveryOut":
        """Render an attempt."""
        return cls(
            event_id=delivery.event_id,
            type=delivery.event_type,
            grant_id=delivery.account_id,
            event_at=unix_seconds(delivery.event_at),
            attempt=delivery.attempt,
            attempted_at=unix_seconds(delivery.at),
            state=delivery.state.value,
            status_code=delivery.answer.status,
            failure=delivery.answer.failure,
            duration_ms=delivery.duration_ms,
        )


class IpAddressesOut(Output):
    """Where deliveries come from: Lambda has no addresses of its own, so there are none to name."""

    ip_addresses: list[str] = Field(default_factory=list)
    updated_at: int = 0
