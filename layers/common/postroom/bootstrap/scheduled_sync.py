"""The sweep, every minute."""

from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import aws
from postroom.bootstrap.clock import clock
from postroom.ports import Clock, OutboxStore, SyncStateStore, WorkQueue
from postroom.storage.dynamodb.outbox import DynamoOutboxStore
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    sync_states: SyncStateStore
    outbox: OutboxStore
    work: WorkQueue
    clock: Clock


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(
        sync_states=DynamoSyncStateStore(aws.table(), clock),
        outbox=DynamoOutboxStore(aws.table(), clock),
        work=aws.work_queue(),
        clock=clock,
    )
