"""Storing what was just sent, so that whoever hears that it has left can read it."""

from postroom.domain.ids import AccountId
from postroom.domain.outgoing import SentMessage
from postroom.domain.sync import FetchResult, MailPage, MessageRef
from postroom.ports import Clock, Mailbox
from postroom.usecases.store_mail import MailStores, store_page


def store_sent_copy(
    *, account_id: AccountId, sent: SentMessage, mailbox: Mailbox, stores: MailStores, clock: Clock
) -> None:
    """Store the provider's copy; what cannot be had of it now, the sync will store.

    May be repeated. Nothing is removed: a provider may not find at once what it has just sent, and
    an end that is noted then would take along what its application says about it.
    """
    ref = MessageRef(provider_id=sent.provider_id, provider_thread_id=sent.provider_thread_id)
    seen_at = clock.now()
    found = mailbox.fetch([ref])
    store_page(
        account_id=account_id,
        page=MailPage(fetched=FetchResult(messages=found.messages, failed=found.failed)),
        seen_at=seen_at,
        wanted=(),
        mailbox=mailbox,
        stores=stores,
        clock=clock,
        still_here=lambda: None,
    )
