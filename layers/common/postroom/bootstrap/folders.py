"""/v3/grants/{grant_id}/folders: read and manage."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import access, aws, mail_stores
from postroom.domain.account import Account
from postroom.domain.principal import Principal
from postroom.ports import AccountStore, DeploymentSecrets
from postroom.usecases.authenticate import resolve_account
from postroom.usecases.manage_folders import FolderTools


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    accounts: AccountStore
    folder_tools: FolderTools
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
        folder_tools=FolderTools(
            mailboxes=tools.mailboxes,
            folders=tools.folders,
            sync_states=tools.sync_states,
            work=tools.work,
            clock=tools.clock,
        ),
        secrets=aws.deployment_secrets(),
        authenticate=access.authenticate,
    )
