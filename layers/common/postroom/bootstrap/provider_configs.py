"""/v3/connectors and /v3/applications: the administrator's settings."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import access, aws
from postroom.bootstrap.clock import clock
from postroom.config import settings
from postroom.domain.principal import Principal
from postroom.ports import ApplicationStore, ClientSecretVault, Clock, ProviderConfigStore
from postroom.storage.dynamodb.application import DynamoApplicationStore
from postroom.storage.dynamodb.provider_configs import DynamoProviderConfigStore
from postroom.storage.secrets import SecretsManagerClientSecretVault


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    application_id: str
    callback_url: str
    configs: ProviderConfigStore
    client_secrets: ClientSecretVault
    application: ApplicationStore
    clock: Clock
    authenticate: Callable[[str], Principal]


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(
        application_id=settings().application_id,
        callback_url=aws.callback_url(),
        configs=DynamoProviderConfigStore(aws.table()),
        client_secrets=SecretsManagerClientSecretVault(
            aws.secrets_client(), clock, prefix=settings().secret_prefix
        ),
        application=DynamoApplicationStore(aws.table()),
        clock=clock,
        authenticate=access.authenticate,
    )
