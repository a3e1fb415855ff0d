"""Removing an account: unseen at once, then erased step by step, its row last."""

from dataclasses import replace

from postroom.domain.account import Account, AccountStatus
from postroom.domain.errors import Misconfigured, NotFound, ReauthRequired
from postroom.domain.ids import AccountId
from postroom.domain.sync import STEP_LIMIT
from postroom.observability import count, logger
from postroom.ports import AccountStore, Clock, TokenVault, WorkQueue
from postroom.usecases.sync_account import SyncTools

_ERASE_LIMIT = 100
"""Messages erased between two looks at the clock."""


def disconnect_account(
    *, account: Account, accounts: AccountStore, work: WorkQueue, clock: Clock
) -> None:
    """Begin to remove an account: from now on it answers like one that never was."""
    accounts.replace(replace(account, status=AccountStatus.DELETING, updated_at=clock.now()))
    work.backfill(account.id)
    logger.info("account_disconnected", extra={"account_id": account.id})
    count("AccountsDisconnected")


def is_being_erased(*, account_id: AccountId, accounts: AccountStore) -> bool:
    """Whether an account's next step is its erasure."""
    try:
        return accounts.get(account_id).status is AccountStatus.DELETING
    except NotFound:
        return False


def erase_account(*, account_id: AccountId, tools: SyncTools, vault: TokenVault) -> None:
    """Erase for at most a step, consent and secrets first, and ask for the next step.

    Raises Retryable while the provider cannot be asked to withdraw the consent.
    """
    began_at = tools.clock.now()
    _withdraw_consent(tools.accounts.get(account_id), tools, vault)
    while erased := tools.stores.messages.erase(account_id, limit=_ERASE_LIMIT):
        tools.stores.contents.delete(account_id, erased)
        if tools.clock.now() - began_at > STEP_LIMIT:
            tools.work.backfill(account_id)
            return
    tools.stores.pending.erase(account_id)
    tools.folders.replace_all(account_id, [])
    tools.sync_states.delete(account_id)
    tools.accounts.delete(account_id)
    logger.info("account_erased", extra={"account_id": account_id})
    count("AccountsErased")


def _withdraw_consent(account: Account, tools: SyncTools, vault: TokenVault) -> None:
    try:
        tokens = vault.read(account.id)
        tools.mailboxes.providers.get(account.identity.provider).revoke(tokens)
    except (ReauthRequired, Misconfigured):
        # There is no consent any more, or no way to name it: nothing is left to withdraw.
        logger.info("consent_not_revoked", extra={"account_id": account.id})
    vault.delete(account.id)
