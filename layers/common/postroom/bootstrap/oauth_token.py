"""POST /v3/connect/token and /v3/connect/revoke."""

from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import aws
from postroom.bootstrap.clock import clock
from postroom.config import settings
from postroom.ports import AccountStore, Clock, ConnectionStore, DeploymentSecrets
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.connections import DynamoConnectionStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    application_id: str
    connections: ConnectionStore
    accounts: AccountStore
    secrets: DeploymentSecrets
    clock: Clock


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(
        application_id=settings().application_id,
        connections=DynamoConnectionStore(aws.table()),
        accounts=DynamoAccountStore(aws.table()),
        secrets=aws.deployment_secrets(),
        clock=clock,
    )
