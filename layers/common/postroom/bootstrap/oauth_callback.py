"""GET /v3/connect/callback."""

from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import aws
from postroom.bootstrap.clock import clock
from postroom.bootstrap.providers import providers, token_vault
from postroom.config import settings
from postroom.ports import (
    AccountStore,
    Clock,
    ConnectionStore,
    Providers,
    SyncStateStore,
    TokenVault,
    WorkQueue,
)
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.connections import DynamoConnectionStore
from postroom.storage.dynamodb.invitations import DynamoInvitationStore
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore
from postroom.usecases.admit_person import Admission


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    callback_url: str
    cookies_are_secure: bool
    providers: Providers
    connections: ConnectionStore
    accounts: AccountStore
    vault: TokenVault
    sync_states: SyncStateStore
    work: WorkQueue
    clock: Clock
    admission: Admission


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(
        callback_url=aws.callback_url(),
        cookies_are_secure=aws.cookies_are_secure(),
        providers=providers(),
        connections=DynamoConnectionStore(aws.table()),
        accounts=DynamoAccountStore(aws.table()),
        vault=token_vault(),
        sync_states=DynamoSyncStateStore(aws.table(), clock),
        work=aws.work_queue(),
        clock=clock,
        admission=Admission(
            sign_up=settings().sign_up,
            accounts=DynamoAccountStore(aws.table()),
            invitations=DynamoInvitationStore(aws.table()),
            clock=clock,
        ),
    )
