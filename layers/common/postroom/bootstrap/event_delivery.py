"""Telling webhooks of events."""

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from postroom.bootstrap import aws
from postroom.bootstrap.clock import clock
from postroom.config import settings
from postroom.network.host_addresses import host_addresses
from postroom.network.webhook_calls import PublicWebhookCaller
from postroom.storage.content import S3ContentStore
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.deliveries import DynamoDeliveryStore
from postroom.storage.dynamodb.event_rows import DynamoEventStore
from postroom.storage.dynamodb.folders import DynamoFolderStore
from postroom.storage.dynamodb.messages import DynamoMessageStore
from postroom.storage.dynamodb.outbox import DynamoOutboxStore
from postroom.storage.dynamodb.webhooks import DynamoWebhookStore
from postroom.usecases.deliver_event import DeliveryTools
from postroom.usecases.tell_of_event import TellingTools
from postroom.web.event_envelopes import EnvelopeWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    tools: DeliveryTools


@lru_cache
def services() -> Services:
    """Wire the function."""
    bucket = settings().bucket_name
    return Services(
        tools=DeliveryTools(
            events=DynamoEventStore(aws.table()),
            webhooks=DynamoWebhookStore(aws.table()),
            deliveries=DynamoDeliveryStore(aws.table(), clock),
            telling=TellingTools(
                accounts=DynamoAccountStore(aws.table()),
                messages=DynamoMessageStore(aws.table(), clock),
                contents=S3ContentStore(aws.table(), aws.bucket_client(), bucket),
                folders=DynamoFolderStore(aws.table()),
                outbox=DynamoOutboxStore(aws.table(), clock),
            ),
            write=EnvelopeWriter(settings().application_id),
            call=PublicWebhookCaller(host_addresses, local_host=settings().local_webhook_host),
            queue=aws.delivery_queue(),
            secrets=aws.deployment_secrets(),
            clock=clock,
            first_wait=timedelta(seconds=settings().webhook_retry_seconds),
        )
    )
