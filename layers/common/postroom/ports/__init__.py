"""What Postroom needs from outside: Protocols only. Every time is aware and UTC."""

from postroom.ports.accounts import AccountStore, ApiKeyStore, ConnectionStore
from postroom.ports.audits import AuditStore
from postroom.ports.drafts import DraftCreationStore
from postroom.ports.mail import (
    LOOKUP_LIMIT,
    ContentStore,
    DownloadStore,
    FolderStore,
    ListedMarks,
    MessageStore,
    PendingFetchStore,
    PutOutcome,
    ThreadStore,
)
from postroom.ports.providers import (
    AccessTokenSource,
    AuthorizationRequest,
    Mailbox,
    MailDomains,
    MailProvider,
    Providers,
    ProviderTraits,
)
from postroom.ports.pushes import PushReader, WatchPushReader
from postroom.ports.quota import Budget, QuotaStore
from postroom.ports.secrets import ClientSecretVault, DeploymentSecrets, TokenVault
from postroom.ports.sending import OutboxStore, OutgoingStore, SenderStore, SendScheduler
from postroom.ports.settings import ApplicationStore, ProviderConfigStore
from postroom.ports.sync import SyncStateStore
from postroom.ports.uploads import UploadReader, UploadStore
from postroom.ports.webhooks import (
    DeliveryQueue,
    DeliveryStore,
    EventStore,
    EventWriter,
    HostAddresses,
    WebhookCaller,
    WebhookStore,
)
from postroom.ports.work import Clock, Locks, WorkQueue

__all__ = [
    "LOOKUP_LIMIT",
    "AccessTokenSource",
    "AccountStore",
    "ApiKeyStore",
    "ApplicationStore",
    "AuditStore",
    "AuthorizationRequest",
    "Budget",
    "ClientSecretVault",
    "Clock",
    "ConnectionStore",
    "ContentStore",
    "DeliveryQueue",
    "DeliveryStore",
    "DeploymentSecrets",
    "DownloadStore",
    "DraftCreationStore",
    "EventStore",
    "EventWriter",
    "FolderStore",
    "HostAddresses",
    "ListedMarks",
    "Locks",
    "MailDomains",
    "MailProvider",
    "Mailbox",
    "MessageStore",
    "OutboxStore",
    "OutgoingStore",
    "PendingFetchStore",
    "ProviderConfigStore",
    "ProviderTraits",
    "Providers",
    "PushReader",
    "PutOutcome",
    "QuotaStore",
    "SendScheduler",
    "SenderStore",
    "SyncStateStore",
    "ThreadStore",
    "TokenVault",
    "UploadReader",
    "UploadStore",
    "WatchPushReader",
    "WebhookCaller",
    "WebhookStore",
    "WorkQueue",
]
