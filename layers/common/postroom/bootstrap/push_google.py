"""Gmail's pushes, delivered by Pub/Sub."""

from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import push
from postroom.bootstrap.clock import clock
from postroom.domain.push import AddressPush
from postroom.ports import AccountStore, PushReader, SyncStateStore, WorkQueue
from postroom.providers.google.endpoints import endpoints
from postroom.providers.google.push import GooglePushReader, PublishedKeys
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    reader: PushReader[AddressPush]
    accounts: AccountStore
    sync_states: SyncStateStore
    work: WorkQueue


@lru_cache
def services() -> Services:
    """Wire the function."""
    google = endpoints(push.setting("GOOGLE_SIMULATOR_URL"))
    return Services(
        reader=GooglePushReader(
            keys=PublishedKeys(endpoints=google, clock=clock),
            audience=lambda: f"{push.public_url()}/push/google",
            service_account=push.setting("GOOGLE_PUSH_SERVICE_ACCOUNT"),
            clock=clock,
        ),
        accounts=DynamoAccountStore(push.table()),
        sync_states=DynamoSyncStateStore(push.table(), clock),
        work=push.work_queue(),
    )
