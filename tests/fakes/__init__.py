"""Stateful stand-ins for everything in `postroom.ports` that keeps something.

Each passes the same contract tests as the real thing, in `tests/contract/storage`.
"""

from tests.fakes.clock import FixedClock
from tests.fakes.messages import (
    InMemoryContentStore,
    InMemoryDownloadStore,
    InMemoryMessageStore,
)
from tests.fakes.queue import QueuedWork, RecordingQueue, WorkKind
from tests.fakes.stores import (
    InMemoryAccountStore,
    InMemoryApplicationStore,
    InMemoryConnectionStore,
    InMemoryFolderStore,
    InMemoryLocks,
    InMemoryOutboxStore,
    InMemoryProviderConfigStore,
)
from tests.fakes.sync import (
    InMemoryListedMarks,
    InMemoryPendingFetchStore,
    InMemorySyncStateStore,
)
from tests.fakes.vaults import (
    InMemoryClientSecretVault,
    InMemoryDeploymentSecrets,
    InMemoryTokenVault,
)

__all__ = [
    "FixedClock",
    "InMemoryAccountStore",
    "InMemoryApplicationStore",
    "InMemoryClientSecretVault",
    "InMemoryConnectionStore",
    "InMemoryContentStore",
    "InMemoryDeploymentSecrets",
    "InMemoryDownloadStore",
    "InMemoryFolderStore",
    "InMemoryListedMarks",
    "InMemoryLocks",
    "InMemoryMessageStore",
    "InMemoryOutboxStore",
    "InMemoryPendingFetchStore",
    "InMemoryProviderConfigStore",
    "InMemorySyncStateStore",
    "InMemoryTokenVault",
    "QueuedWork",
    "RecordingQueue",
    "WorkKind",
]
