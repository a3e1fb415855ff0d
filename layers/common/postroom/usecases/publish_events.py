"""Publishing: from the stream of events to one call for each webhook that wants to hear."""

from collections.abc import Sequence
from dataclasses import dataclass

from postroom.domain.delivery import DeliveryCall
from postroom.domain.event import Event
from postroom.domain.webhook import TOLD
from postroom.observability import count
from postroom.ports import DeliveryQueue, WebhookStore


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishTools:
    """What publishing works with."""

    webhooks: WebhookStore
    queue: DeliveryQueue


def publish_events(*, events: Sequence[Event], tools: PublishTools) -> None:
    """Have each event told to whom it concerns. May be repeated: who delivers knows what it did."""
    webhooks = [each for each in tools.webhooks.all() if each.status in TOLD]
    calls = [
        DeliveryCall(event_id=event.id, webhook_id=webhook.id, attempt=1)
        for event in events
        for webhook in webhooks
        if event.type in webhook.event_types
    ]
    if calls:
        tools.queue.deliver(calls)
        count("EventsPublished", len(calls))
