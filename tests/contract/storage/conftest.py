"""What several tests of the stores begin with."""

import pytest

from postroom.ports import SyncStateStore
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore
from tests.builders import ACCOUNT_ID, NOW
from tests.fakes import FixedClock, InMemorySyncStateStore


@pytest.fixture(params=["memory", "dynamodb"])
def states(request: pytest.FixtureRequest, clock: FixedClock) -> SyncStateStore:
    """A store with the state of one account in it, due now."""
    store: SyncStateStore = (
        InMemorySyncStateStore(clock)
        if request.param == "memory"
        else DynamoSyncStateStore(request.getfixturevalue("table"), clock)
    )
    store.create(ACCOUNT_ID, due_at=NOW)
    return store
