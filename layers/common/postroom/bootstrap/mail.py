"""/v3/grants/{grant_id}/messages and attachments: read and manage."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import access, aws, mail_stores
from postroom.config import settings
from postroom.domain.account import Account
from postroom.domain.principal import Principal
from postroom.ports import (
    AccountStore,
    Clock,
    DeploymentSecrets,
    DownloadStore,
    FolderStore,
    SyncStateStore,
    WorkQueue,
)
from postroom.storage.downloads import S3DownloadStore
from postroom.usecases.authenticate import resolve_account
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.store_mail import MailStores


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    accounts: AccountStore
    mailboxes: Mailboxes
    stores: MailStores
    folders: FolderStore
    sync_states: SyncStateStore
    work: WorkQueue
    clock: Clock
    downloads: DownloadStore
    secrets: DeploymentSecrets
    authenticate: Callable[[str], Principal]

    def account(self, principal: Principal, reference: str) -> Account:
        """Return the account that a path names. Raises NotFound, InvalidRequest."""
        return resolve_account(principal=principal, reference=reference, accounts=self.accounts)


@lru_cache
def services() -> Services:
    """Wire the function."""
    tools = mail_stores.sync_tools()
    return Services(
        accounts=tools.accounts,
        mailboxes=tools.mailboxes,
        stores=tools.stores,
        folders=tools.folders,
        sync_states=tools.sync_states,
        work=tools.work,
        clock=tools.clock,
        downloads=S3DownloadStore(aws.bucket_client(), settings().bucket_name),
        secrets=aws.deployment_secrets(),
        authenticate=access.authenticate,
    )
