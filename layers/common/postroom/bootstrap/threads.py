"""/v3/grants/{grant_id}/threads: read and manage."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import access, aws, mail_stores
from postroom.domain.account import Account
from postroom.domain.principal import Principal
from postroom.ports import (
    AccountStore,
    Clock,
    DeploymentSecrets,
    FolderStore,
    SenderStore,
    SyncStateStore,
    ThreadStore,
    WorkQueue,
)
from postroom.storage.dynamodb.threads import DynamoThreadStore
from postroom.usecases.authenticate import resolve_account
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.store_mail import MailStores


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    accounts: AccountStore
    mailboxes: Mailboxes
    stores: MailStores
    threads: ThreadStore
    folders: FolderStore
    senders: SenderStore
    sync_states: SyncStateStore
    work: WorkQueue
    clock: Clock
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
        threads=DynamoThreadStore(aws.table()),
        folders=tools.folders,
        senders=tools.senders,
        sync_states=tools.sync_states,
        work=tools.work,
        clock=tools.clock,
        secrets=aws.deployment_secrets(),
        authenticate=access.authenticate,
    )
