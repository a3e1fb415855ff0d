"""/v3/grants/{grant_id}/attachment-uploads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import access, aws
from postroom.bootstrap.clock import clock
from postroom.config import settings
from postroom.domain.account import ProviderName
from postroom.domain.message_limit import MessageLimit
from postroom.domain.principal import Principal
from postroom.ports import AccountStore, Clock, UploadStore
from postroom.providers.message_limits import MESSAGE_LIMITS
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.uploads import S3UploadStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    accounts: AccountStore
    uploads: UploadStore
    limits: Mapping[ProviderName, MessageLimit]
    clock: Clock
    authenticate: Callable[[str], Principal]


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(
        accounts=DynamoAccountStore(aws.table()),
        uploads=S3UploadStore(aws.table(), aws.bucket_client(), settings().bucket_name, clock),
        limits=MESSAGE_LIMITS,
        clock=clock,
        authenticate=access.authenticate,
    )
