"""What a send looks like as long as the provider's copy of it cannot be read."""

from postroom.domain.account import Account
from postroom.domain.ids import (
    MessageId,
    ProviderMessageId,
    ProviderThreadId,
    ThreadId,
    message_id,
    thread_id,
)
from postroom.domain.message import Address, FullMessage, Message, MessageContent
from postroom.domain.outgoing import OutboxEntry, OutgoingMessage
from postroom.domain.send_request import SendRequest


def copy_as_asked(account: Account, request: SendRequest, entry: OutboxEntry) -> FullMessage:
    """Return a message as its author asked for it."""
    own = Address(email=account.identity.email, name=account.identity.name)
    return copy_of_send(entry, request, from_=request.from_ or (own,))


def copy_of_send(
    entry: OutboxEntry, said: SendRequest | OutgoingMessage, *, from_: tuple[Address, ...]
) -> FullMessage:
    """Return what is or was sent, as long as (or since) the provider's copy is not there."""
    account_id, sent = entry.account_id, entry.sent
    message = Message(
        id=MessageId("") if sent is None else message_id(account_id, sent.provider_id),
        account_id=account_id,
        provider_id=ProviderMessageId("") if sent is None else sent.provider_id,
        thread_id=ThreadId("") if sent is None else thread_id(account_id, sent.provider_thread_id),
        provider_thread_id=ProviderThreadId("") if sent is None else sent.provider_thread_id,
        version=0,
        received_at=entry.wanted_at,
        subject=said.subject,
        from_=from_,
        to=said.to,
        cc=said.cc,
        bcc=said.bcc,
        reply_to=said.reply_to,
        internet_message_id=entry.internet_message_id,
    )
    content = MessageContent(
        html="" if said.is_plaintext else said.body,
        text=said.body if said.is_plaintext else "",
    )
    return FullMessage(message=message, content=content)
