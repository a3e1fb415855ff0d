"""The providers with the administrator's configs, and the vaults that hold their secrets."""

from functools import lru_cache

from postroom.bootstrap import aws
from postroom.bootstrap.clock import clock
from postroom.config import settings
from postroom.domain.account import ProviderName
from postroom.providers.quotas import quotas
from postroom.providers.registry import ConfiguredProviders
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.locks import DynamoLocks
from postroom.storage.dynamodb.provider_configs import DynamoProviderConfigStore
from postroom.storage.dynamodb.quotas import DynamoQuotaStore
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore
from postroom.storage.secrets import SecretsManagerClientSecretVault
from postroom.storage.token_vault import SecretsManagerTokenVault
from postroom.usecases.governor import Governor
from postroom.usecases.mailboxes import Mailboxes


@lru_cache
def token_vault() -> SecretsManagerTokenVault:
    """Return where accounts' tokens are kept."""
    return SecretsManagerTokenVault(aws.secrets_client(), prefix=settings().secret_prefix)


@lru_cache
def providers() -> ConfiguredProviders:
    """Return the configured providers; connections to them last as long as the process."""
    return ConfiguredProviders(
        configs=DynamoProviderConfigStore(aws.table()),
        client_secrets=SecretsManagerClientSecretVault(
            aws.secrets_client(), clock, prefix=settings().secret_prefix
        ),
        clock=clock,
        simulator_urls={
            ProviderName.GOOGLE: settings().google_simulator_url,
            ProviderName.MICROSOFT: settings().microsoft_simulator_url,
        },
    )


@lru_cache
def mailboxes() -> Mailboxes:
    """Return what opens accounts' mailboxes."""
    return Mailboxes(
        accounts=DynamoAccountStore(aws.table()),
        providers=providers(),
        vault=token_vault(),
        locks=DynamoLocks(aws.table()),
        sync_states=DynamoSyncStateStore(aws.table(), clock),
        governor=Governor(
            quotas=quotas(
                gmail_units_a_minute=settings().gmail_units_per_minute,
                gmail_units_a_day=settings().gmail_units_per_day,
            ),
            store=DynamoQuotaStore(aws.table(), clock),
            clock=clock,
        ),
        clock=clock,
    )
