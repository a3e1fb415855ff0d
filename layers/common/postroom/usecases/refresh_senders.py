"""Keeping the addresses that an account may send from as the provider has them."""

from postroom.domain.errors import MailboxUnavailable, NotFound, ReauthRequired, Rejected
from postroom.domain.ids import AccountId
from postroom.observability import logger
from postroom.ports import Mailbox, SenderStore


def refresh_senders(account_id: AccountId, mailbox: Mailbox, senders: SenderStore) -> None:
    """Read the senders again; a provider that does not tell them to us leaves those we know.

    Mail is read all the same where the owner has not allowed to look at settings.
    """
    try:
        senders.replace(account_id, mailbox.senders())
    except (MailboxUnavailable, NotFound, ReauthRequired, Rejected):
        logger.info("senders_not_told", extra={"account_id": account_id})
