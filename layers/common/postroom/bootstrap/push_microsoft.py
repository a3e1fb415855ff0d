"""Graph's change notifications and lifecycle events."""

from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import push
from postroom.bootstrap.clock import clock
from postroom.ports import SyncStateStore, WatchPushReader, WorkQueue
from postroom.providers.microsoft.push import MicrosoftPushReader
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    reader: WatchPushReader
    sync_states: SyncStateStore
    work: WorkQueue


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(
        reader=MicrosoftPushReader(),
        sync_states=DynamoSyncStateStore(push.table(), clock),
        work=push.work_queue(),
    )
