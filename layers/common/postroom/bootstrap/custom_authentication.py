"""Connecting by tokens, guessing providers, verifying connectors."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import access, aws
from postroom.bootstrap.clock import clock
from postroom.bootstrap.providers import providers, token_vault
from postroom.domain.principal import Principal
from postroom.ports import ApplicationStore, MailDomains, ProviderConfigStore
from postroom.providers.mail_domains import KnownMailDomains
from postroom.providers.mail_servers import mail_servers
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.application import DynamoApplicationStore
from postroom.storage.dynamodb.provider_configs import DynamoProviderConfigStore
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore
from postroom.usecases.connect_with_token import ConnectionTools


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    tools: ConnectionTools
    callback_url: str
    application: ApplicationStore
    domains: MailDomains
    configs: ProviderConfigStore
    authenticate: Callable[[str], Principal]


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(
        tools=ConnectionTools(
            providers=providers(),
            configs=DynamoProviderConfigStore(aws.table()),
            accounts=DynamoAccountStore(aws.table()),
            vault=token_vault(),
            sync_states=DynamoSyncStateStore(aws.table(), clock),
            work=aws.work_queue(),
            clock=clock,
        ),
        callback_url=aws.callback_url(),
        application=DynamoApplicationStore(aws.table()),
        domains=KnownMailDomains(mail_servers),
        configs=DynamoProviderConfigStore(aws.table()),
        authenticate=access.authenticate,
    )
