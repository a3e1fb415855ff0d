"""Removing an account: unseen at once, then erased step by step, its row last.

    removed ── until no function is left that began before ──► watch ─► consent, tokens ─► mail ─► …
                                                               └─ try again: by the sweep

Such a function may still store mail, renew tokens or start a watch; what it brings about after its
kind was erased would stay for ever, and a watch can be stopped only with the tokens. Until then the
account rings for nobody: no worker begins anything for it.

One call at a time goes on with it and asks for the next one; the sweep looks after a lost one.
"""

from dataclasses import replace
from datetime import timedelta

from postroom.domain.account import Account, AccountStatus
from postroom.domain.errors import (
    MailboxUnavailable,
    Misconfigured,
    NotFound,
    ReauthRequired,
    Rejected,
    Retryable,
)
from postroom.domain.ids import AccountId
from postroom.domain.message import ALL_MAIL
from postroom.domain.sync import STEP_LIMIT
from postroom.observability import count, logger
from postroom.ports import (
    AccountStore,
    DownloadStore,
    DraftCreationStore,
    OutboxStore,
    OutgoingStore,
    SendScheduler,
    TokenVault,
    UploadStore,
)
from postroom.usecases.mailboxes import renewal_lock
from postroom.usecases.send_message import is_scheduled
from postroom.usecases.sync_lanes import SyncTools

_LONGEST_FUNCTION = timedelta(minutes=2)
"""Longer than any function may run: those that begin later see that the account is removed."""

_RETRY_DELAY = timedelta(minutes=1)

_CALL_LOST_AFTER = timedelta(minutes=15)
"""Longer than a step, the way to the next one, and the repetition of one that died."""

_STOP_PATIENCE = timedelta(hours=1)
"""How long to try to stop a watch of a provider that fails; then the mail is erased anyway."""

_ERASE_LIMIT = 100
"""Messages erased between two looks at the clock."""


def disconnect_account(*, account: Account, tools: SyncTools) -> None:
    """Begin to remove an account: from now on it answers like one that never was."""
    now = tools.clock.now()
    tools.accounts.replace(replace(account, status=AccountStatus.DELETING, updated_at=now))
    tools.sync_states.create(account.id, due_at=now + _LONGEST_FUNCTION + _RETRY_DELAY)
    tools.work.backfill(account.id, delay=_LONGEST_FUNCTION)
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
    outgoing: OutgoingStore,
    scheduler: SendScheduler,
    creations: DraftCreationStore,
    downloads: DownloadStore,
    uploads: UploadStore,
) -> None:
    """Erase for at most a step, watch, consent and secrets first, and ask for the next step.

    Whoever is called too early leaves it to the sweep: would each one call another, there were as
    many at once as pushes have come meanwhile.
    """
    account, now = tools.accounts.get(account_id), tools.clock.now()
    alone_at = account.updated_at + _LONGEST_FUNCTION
    if now < alone_at:
        tools.sync_states.create(account_id, due_at=alone_at + _RETRY_DELAY)
        return
    tools.sync_states.defer(account_id, until=now + _CALL_LOST_AFTER)
    try:
        _stop_watch(account, tools)
        _withdraw_consent(account, tools, vault)
    except Retryable as problem:
        # By way of the sweep: would each call make another one, there were ever more of them.
        wait = problem.retry_after or _RETRY_DELAY
        tools.sync_states.create(account_id, due_at=tools.clock.now() + wait)
        return
    if not _erase_mail(account_id, tools):
        tools.work.backfill(account_id)
        return
    tools.stores.pending.erase(account_id)
    tools.audits.erase(account_id)
    _erase_sends(account_id, outbox, outgoing, scheduler)
    tools.senders.erase(account_id)
    creations.erase(account_id)
    downloads.erase(account_id)
    uploads.erase(account_id)
    tools.folders.replace_all(account_id, [])
    tools.accounts.delete(account_id)
    # Last: a sync state without an account is found by the sweep, and removed by the sync.
    tools.sync_states.delete(account_id)
    logger.info("account_erased", extra={"account_id": account_id})
    count("AccountsErased")


def _stop_watch(account: Account, tools: SyncTools) -> None:
    """Have the provider ring no more, while there is a consent to say so with.

    Where it cannot be told, its watch ends by itself within a week, and nobody hears it ring.
    """
    try:
        watch = tools.sync_states.glance(account.id).watch
    except NotFound:
        return
    if watch is None:
        return
    try:
        with tools.mailboxes.open(account) as mailbox:
            mailbox.stop_watch(watch)
    except (MailboxUnavailable, Misconfigured, ReauthRequired, Rejected):
        logger.info("watch_not_stopped", extra={"account_id": account.id})
    except Retryable:
        if tools.clock.now() < account.updated_at + _STOP_PATIENCE:
            raise
        logger.warning("watch_not_stopped", extra={"account_id": account.id})


def _withdraw_consent(account: Account, tools: SyncTools, vault: TokenVault) -> None:
    """End the consent and forget its tokens, while nobody else can renew them."""
    with renewal_lock(account.id, locks=tools.mailboxes.locks, clock=tools.clock):
        try:
            tokens = vault.read(account.id)
            tools.mailboxes.revoke(account, tokens)
        except (ReauthRequired, Misconfigured):
            # There is no consent any more, or no way to name it: nothing is left to withdraw.
            logger.info("no_consent_to_revoke", extra={"account_id": account.id})
        vault.delete(account.id)


def _erase_sends(
    account_id: AccountId, outbox: OutboxStore, outgoing: OutgoingStore, scheduler: SendScheduler
) -> None:
    """Erase what was sent and what was to be, the schedules before the rows that name them."""
    for entry in outbox.followed(account_id):
        if entry.closed_at is None and is_scheduled(entry):
            scheduler.cancel(entry.kept_as)
    outgoing.erase(account_id)
    outbox.erase(account_id)


def _erase_mail(account_id: AccountId, tools: SyncTools) -> bool:
    """Erase messages, contents before the rows that name them; False when there are more."""
    began_at = tools.clock.now()
    while places := tools.stores.messages.positions(account_id, ALL_MAIL, limit=_ERASE_LIMIT):
        tools.stores.contents.delete(account_id, [place.message_id for place in places])
        tools.stores.messages.erase(account_id, limit=_ERASE_LIMIT)
        if tools.clock.now() - began_at > STEP_LIMIT:
            return False
    return True
