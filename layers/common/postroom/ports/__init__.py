"""What Postroom needs from outside: Protocols only. Every time is aware and UTC."""

from postroom.ports.accounts import AccountStore, ConnectionStore
from postroom.ports.mail import (
    ContentStore,
    DownloadStore,
    FolderStore,
    ListedMarks,
    MessageStore,
    PendingFetchStore,
    PutOutcome,
)
from postroom.ports.providers import (
    AccessTokenSource,
    AuthorizationRequest,
    Mailbox,
    MailProvider,
    Providers,
    ProviderTraits,
)
from postroom.ports.secrets import ClientSecretVault, DeploymentSecrets, TokenVault
from postroom.ports.sending import OutboxStore
from postroom.ports.settings import ApplicationStore, ProviderConfigStore
from postroom.ports.sync import SyncStateStore
from postroom.ports.work import Clock, Locks, WorkQueue

__all__ = [
    "AccessTokenSource",
    "AccountStore",
    "ApplicationStore",
    "AuthorizationRequest",
    "ClientSecretVault",
    "Clock",
    "ConnectionStore",
    "ContentStore",
    "DeploymentSecrets",
    "DownloadStore",
    "FolderStore",
    "ListedMarks",
    "Locks",
    "MailProvider",
    "Mailbox",
    "MessageStore",
    "OutboxStore",
    "PendingFetchStore",
    "ProviderConfigStore",
    "ProviderTraits",
    "Providers",
    "PutOutcome",
    "SyncStateStore",
    "TokenVault",
    "WorkQueue",
]
