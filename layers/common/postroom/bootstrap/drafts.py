"""/v3/grants/{grant_id}/drafts: read, write, send."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import access, aws, mail_stores
from postroom.bootstrap.clock import clock
from postroom.domain.account import Account
from postroom.domain.principal import Principal
from postroom.ports import AccountStore, DeploymentSecrets
from postroom.storage.dynamodb.draft_creations import DynamoDraftCreationStore
from postroom.usecases.authenticate import resolve_account
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.manage_drafts import DraftTools
from postroom.usecases.store_mail import MailStores


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    accounts: AccountStore
    mailboxes: Mailboxes
    stores: MailStores
    tools: DraftTools
    secrets: DeploymentSecrets
    authenticate: Callable[[str], Principal]

    def account(self, principal: Principal, reference: str) -> Account:
        """Return the account that a path names. Raises NotFound, InvalidRequest."""
        return resolve_account(principal=principal, reference=reference, accounts=self.accounts)


@lru_cache
def services() -> Services:
    """Wire the function."""
    sending = mail_stores.send_tools()
    return Services(
        accounts=sending.mailboxes.accounts,
        mailboxes=sending.mailboxes,
        stores=sending.stores,
        tools=DraftTools(sending=sending, creations=DynamoDraftCreationStore(aws.table(), clock)),
        secrets=sending.secrets,
        authenticate=access.authenticate,
    )
