"""Removing an account: unseen at once, then erased step by step, its row last."""

from dataclasses import replace
from datetime import timedelta

from postroom.domain.account import Account, AccountStatus
from postroom.domain.errors import Misconfigured, NotFound, ReauthRequired, Retryable
from postroom.domain.ids import AccountId
from postroom.domain.message import ALL_MAIL
from postroom.domain.sync import STEP_LIMIT
from postroom.observability import count, logger
from postroom.ports import AccountStore, DownloadStore, OutboxStore, TokenVault
from postroom.usecases.mailboxes import renewal_lock
from postroom.usecases.sync_account import MAX_DELAY, SyncTools

_LONGEST_FUNCTION = timedelta(minutes=2)
"""Longer than any function may run: those that begin later see that the account is removed."""

_RETRY_DELAY = timedelta(minutes=1)

_ERASE_LIMIT = 100
"""Messages erased between two looks at the clock."""


def disconnect_account(*, account: Account, tools: SyncTools) -> None:
    """Begin to remove an account: from now on it answers like one that never was."""
    now = tools.clock.now()
    tools.accounts.replace(replace(account, status=AccountStatus.DELETING, updated_at=now))
    tools.sync_states.create(account.id, due_at=now + _LONGEST_FUNCTION)
    tools.work.backfill(account.id)
    logger.info("account_disconnected", extra={"account_id": account.id})
    count("AccountsDisconnected")


def is_being_erased(*, account_id: AccountId, accounts: AccountStore) -> bool:
    """Whether an account's next step is its erasure."""
    try:
        return accounts.get(account_id).status is AccountStatus.DELETING
    except NotFound:
        return False


def erase_account(
    *,
    account_id: AccountId,
    tools: SyncTools,
    vault: TokenVault,
    outbox: OutboxStore,
    downloads: DownloadStore,
) -> None:
    """Erase for at most a step, consent and secrets first, and ask for the next step.

    The mail goes when no function is left that may have begun before the account was removed: what
    such a one stored after the erasure would stay for ever.
    """
    account = tools.accounts.get(account_id)
    try:
        _withdraw_consent(account, tools, vault)
    except Retryable as problem:
        wait = problem.retry_after or _RETRY_DELAY
        tools.work.backfill(account_id, delay=min(wait, MAX_DELAY))
        return
    alone_at = account.updated_at + _LONGEST_FUNCTION
    if tools.clock.now() < alone_at:
        tools.work.backfill(account_id, delay=alone_at - tools.clock.now())
        return
    if not _erase_mail(account_id, tools):
        tools.work.backfill(account_id)
        return
    tools.stores.pending.erase(account_id)
    outbox.erase(account_id)
    downloads.erase(account_id)
    tools.folders.replace_all(account_id, [])
    tools.accounts.delete(account_id)
    # Last: a sync state without an account is found by the sweep, and removed by the sync.
    tools.sync_states.delete(account_id)
    logger.info("account_erased", extra={"account_id": account_id})
    count("AccountsErased")


def _withdraw_consent(account: Account, tools: SyncTools, vault: TokenVault) -> None:
    """End the consent and forget its tokens, while nobody else can renew them."""
    with renewal_lock(account.id, locks=tools.mailboxes.locks, clock=tools.clock):
        try:
            tokens = vault.read(account.id)
            tools.mailboxes.providers.get(account.identity.provider).revoke(tokens)
        except (ReauthRequired, Misconfigured):
            # There is no consent any more, or no way to name it: nothing is left to withdraw.
            logger.info("no_consent_to_revoke", extra={"account_id": account.id})
        vault.delete(account.id)


def _erase_mail(account_id: AccountId, tools: SyncTools) -> bool:
    """Erase messages, contents before the rows that name them; False when there are more."""
    began_at = tools.clock.now()
    while places := tools.stores.messages.positions(account_id, ALL_MAIL, limit=_ERASE_LIMIT):
        tools.stores.contents.delete(account_id, [place.message_id for place in places])
        tools.stores.messages.erase(account_id, limit=_ERASE_LIMIT)
        if tools.clock.now() - began_at > STEP_LIMIT:
            return False
    return True
