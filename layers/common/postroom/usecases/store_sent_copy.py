"""Storing what was just sent, so that whoever hears that it has left can read it."""

from dataclasses import replace

from postroom.domain.folder import FolderRole
from postroom.domain.ids import AccountId, ProviderDraftId
from postroom.domain.message import Message
from postroom.domain.outgoing import SentMessage
from postroom.domain.sync import FetchResult, MailPage, MessageRef
from postroom.ports import Clock, FolderStore, Mailbox
from postroom.usecases.store_mail import MailStores, ask_for, store_page


def store_sent_copy(
    *, account_id: AccountId, sent: SentMessage, mailbox: Mailbox, stores: MailStores, clock: Clock
) -> None:
    """Store the provider's copy; what cannot be had of it now, the sync will store.

    May be repeated. Nothing is removed: a provider may not find at once what it has just sent, and
    an end that is noted then would take along what its application says about it. Nor may it show
    as sent at once what it has sent: what is a draft still is stored as sent, and asked for again.
    """
    ref = MessageRef(provider_id=sent.provider_id, provider_thread_id=sent.provider_thread_id)
    seen_at = clock.now()
    found = mailbox.fetch([ref])
    drafts = [full.message for full in found.messages if full.message.is_draft]
    mail = tuple(
        replace(full, message=as_sent(account_id, full.message, stores.folders))
        if full.message.is_draft
        else full
        for full in found.messages
    )
    store_page(
        account_id=account_id,
        page=MailPage(fetched=FetchResult(messages=mail, failed=found.failed)),
        seen_at=seen_at,
        wanted=(),
        mailbox=mailbox,
        stores=stores,
        clock=clock,
        still_here=lambda: None,
    )
    if drafts:
        ask_for(
            account_id=account_id,
            messages=drafts,
            reason="sent, and shown as a draft",
            stores=stores,
            clock=clock,
        )


def as_sent(account_id: AccountId, message: Message, folders: FolderStore) -> Message:
    """Return a draft as what sending makes of it: mail among what was sent."""
    among_sent = [each.id for each in folders.all(account_id) if each.role is FolderRole.SENT]
    return replace(
        message,
        is_draft=False,
        provider_draft_id=ProviderDraftId(""),
        folders=tuple(among_sent) or message.folders,
    )
