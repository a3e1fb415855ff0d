"""/v3/connectors: the administrator's OAuth clients."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import access, aws
from postroom.bootstrap.clock import clock
from postroom.config import settings
from postroom.domain.principal import Principal
from postroom.ports import (
    ClientSecretVault,
    Clock,
    DeploymentSecrets,
    ProviderConfigStore,
)
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.provider_configs import DynamoProviderConfigStore
from postroom.storage.secrets import SecretsManagerClientSecretVault
from postroom.usecases.manage_registrations import RegistrationTools


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    callback_url: str
    configs: ProviderConfigStore
    client_secrets: ClientSecretVault
    registration_tools: RegistrationTools
    secrets: DeploymentSecrets
    clock: Clock
    authenticate: Callable[[str], Principal]


@lru_cache
def services() -> Services:
    """Wire the function."""
    configs = DynamoProviderConfigStore(aws.table())
    client_secrets = SecretsManagerClientSecretVault(
        aws.secrets_client(), clock, prefix=settings().secret_prefix
    )
    return Services(
        callback_url=aws.callback_url(),
        configs=configs,
        client_secrets=client_secrets,
        registration_tools=RegistrationTools(
            configs=configs,
            client_secrets=client_secrets,
            accounts=DynamoAccountStore(aws.table()),
            clock=clock,
        ),
        secrets=aws.deployment_secrets(),
        clock=clock,
        authenticate=access.authenticate,
    )
