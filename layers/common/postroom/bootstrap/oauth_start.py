"""GET /v3/connect/auth."""

from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import aws
from postroom.bootstrap.clock import clock
from postroom.bootstrap.providers import providers
from postroom.config import settings
from postroom.ports import (
    AccountStore,
    ApplicationStore,
    Clock,
    ConnectionStore,
    MailDomains,
    ProviderConfigStore,
    Providers,
)
from postroom.providers.mail_domains import KnownMailDomains
from postroom.providers.mail_servers import mail_servers
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.application import DynamoApplicationStore
from postroom.storage.dynamodb.connections import DynamoConnectionStore
from postroom.storage.dynamodb.provider_configs import DynamoProviderConfigStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    application_id: str
    callback_url: str
    cookies_are_secure: bool
    application: ApplicationStore
    configs: ProviderConfigStore
    providers: Providers
    accounts: AccountStore
    domains: MailDomains
    connections: ConnectionStore
    clock: Clock


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(
        application_id=settings().application_id,
        callback_url=aws.callback_url(),
        cookies_are_secure=aws.cookies_are_secure(),
        application=DynamoApplicationStore(aws.table()),
        configs=DynamoProviderConfigStore(aws.table()),
        providers=providers(),
        accounts=DynamoAccountStore(aws.table()),
        domains=KnownMailDomains(mail_servers),
        connections=DynamoConnectionStore(aws.table()),
        clock=clock,
    )
