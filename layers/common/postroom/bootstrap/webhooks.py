"""/v3/webhooks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import access, aws
from postroom.bootstrap.clock import clock
from postroom.config import settings
from postroom.domain.principal import Principal
from postroom.network.host_addresses import host_addresses
from postroom.storage.dynamodb.deliveries import DynamoDeliveryStore
from postroom.storage.dynamodb.webhooks import DynamoWebhookStore
from postroom.usecases.manage_webhooks import WebhookTools


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    tools: WebhookTools
    authenticate: Callable[[str], Principal]


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(
        tools=WebhookTools(
            webhooks=DynamoWebhookStore(aws.table()),
            deliveries=DynamoDeliveryStore(aws.table(), clock),
            host_addresses=host_addresses,
            secrets=aws.deployment_secrets(),
            clock=clock,
            local_host=settings().local_webhook_host,
        ),
        authenticate=access.authenticate,
    )
