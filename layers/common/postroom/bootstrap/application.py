"""/v3/applications and /v3/api-keys: what the administrator says about the application."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import access, aws
from postroom.bootstrap.clock import clock
from postroom.config import settings
from postroom.domain.principal import Principal
from postroom.ports import ApiKeyStore, ApplicationStore, Clock
from postroom.storage.dynamodb.api_keys import DynamoApiKeyStore
from postroom.storage.dynamodb.application import DynamoApplicationStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    application_id: str
    application: ApplicationStore
    api_keys: ApiKeyStore
    clock: Clock
    authenticate: Callable[[str], Principal]


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(
        application_id=settings().application_id,
        application=DynamoApplicationStore(aws.table()),
        api_keys=DynamoApiKeyStore(aws.table()),
        clock=clock,
        authenticate=access.authenticate,
    )
