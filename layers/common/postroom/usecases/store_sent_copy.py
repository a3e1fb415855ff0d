"""Storing what was just sent, so that whoever hears that it has left can read it."""

from dataclasses import replace

from postroom.domain.folder import FolderRole
from postroom.domain.ids import AccountId, ProviderDraftId
from postroom.domain.message import FullMessage
from postroom.domain.outgoing import SentMessage
from postroom.domain.sync import FetchResult, MailPage, MessageRef
from postroom.ports import Clock, Mailbox
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
    mail = found.messages if not drafts else _as_sent(account_id, found.messages, stores)
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


def _as_sent(
    account_id: AccountId, mail: tuple[FullMessage, ...], stores: MailStores
) -> tuple[FullMessage, ...]:
    folders = stores.folders.all(account_id)
    among_sent = tuple(each.id for each in folders if each.role is FolderRole.SENT)
    return tuple(
        replace(
            full,
            message=replace(
                full.message,
                is_draft=False,
                provider_draft_id=ProviderDraftId(""),
                folders=among_sent or full.message.folders,
            ),
        )
        for full in mail
    )
