"""Stateful stand-ins for everything in `postroom.ports` that keeps something.

Each passes the same contract tests as the real thing, in `tests/contract/storage`.
"""

from tests.fakes.audits import InMemoryAuditStore
from tests.fakes.clock import FixedClock
from tests.fakes.deliveries import (
    InMemoryDeliveryStore,
    InMemoryEventStore,
    RecordingDeliveryQueue,
)
from tests.fakes.drafts import InMemoryDraftCreationStore
from tests.fakes.messages import (
    InMemoryContentStore,
    InMemoryDownloadStore,
    InMemoryMessageStore,
    InMemoryThreadStore,
)
from tests.fakes.queue import QueuedWork, RecordingQueue, WorkKind
from tests.fakes.quotas import InMemoryQuotaStore
from tests.fakes.sending import (
    InMemoryOutboxStore,
    InMemoryOutgoingStore,
    InMemorySenderStore,
    InMemorySendScheduler,
    ScheduledCall,
)
from tests.fakes.stores import (
    InMemoryAccountStore,
    InMemoryApiKeyStore,
    InMemoryApplicationStore,
    InMemoryConnectionStore,
    InMemoryFolderStore,
    InMemoryLocks,
    InMemoryProviderConfigStore,
    InMemoryWebhookStore,
)
from tests.fakes.sync import (
    InMemoryListedMarks,
    InMemoryPendingFetchStore,
    InMemorySyncStateStore,
)
from tests.fakes.uploads import InMemoryUploadStore
from tests.fakes.vaults import (
    InMemoryClientSecretVault,
    InMemoryDeploymentSecrets,
    InMemoryTokenVault,
)

__all__ = [
    "FixedClock",
    "InMemoryAccountStore",
    "InMemoryApiKeyStore",
    "InMemoryApplicationStore",
    "InMemoryAuditStore",
    "InMemoryClientSecretVault",
    "InMemoryConnectionStore",
    "InMemoryContentStore",
    "InMemoryDeliveryStore",
    "InMemoryDeploymentSecrets",
    "InMemoryDownloadStore",
    "InMemoryDraftCreationStore",
    "InMemoryEventStore",
    "InMemoryFolderStore",
    "InMemoryListedMarks",
    "InMemoryLocks",
    "InMemoryMessageStore",
    "InMemoryOutboxStore",
    "InMemoryOutgoingStore",
    "InMemoryPendingFetchStore",
    "InMemoryProviderConfigStore",
    "InMemoryQuotaStore",
    "InMemorySendScheduler",
    "InMemorySenderStore",
    "InMemorySyncStateStore",
    "InMemoryThreadStore",
    "InMemoryTokenVault",
    "InMemoryUploadStore",
    "InMemoryWebhookStore",
    "QueuedWork",
    "RecordingDeliveryQueue",
    "RecordingQueue",
    "ScheduledCall",
    "WorkKind",
]
