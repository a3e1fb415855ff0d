"""From the stream of events to calls of who delivers them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from postroom.bootstrap import aws
from postroom.domain.event import Event
from postroom.storage.dynamodb.event_rows import streamed
from postroom.storage.dynamodb.webhooks import DynamoWebhookStore
from postroom.usecases.publish_events import PublishTools


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    read: Callable[[Mapping[str, Any]], Event]
    """Reads what the stream shows of a new row."""
    tools: PublishTools


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(
        read=streamed,
        tools=PublishTools(webhooks=DynamoWebhookStore(aws.table()), queue=aws.delivery_queue()),
    )
