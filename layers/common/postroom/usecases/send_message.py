"""Sending: the outbox row first, then the provider, then what became of it.

The claim is a conditional write, so that the same idempotency key never sends twice; the
Message-ID is derived from it, so that a lost answer can be looked up.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from postroom.domain.account import Account
from postroom.domain.errors import (
    Conflict,
    InvalidRequest,
    MailboxUnavailable,
    Misconfigured,
    NotFound,
    OutcomeUnknown,
    ProviderError,
    ReauthRequired,
    Rejected,
    Retryable,
)
from postroom.domain.ids import (
    AccountId,
    InternetMessageId,
    MessageId,
    message_id,
    new_token,
    outbox_id,
    thread_id,
)
from postroom.domain.message import Address, FullMessage, Header, Message, MessageContent
from postroom.domain.outgoing import (
    OutboxEntry,
    OutgoingAttachment,
    OutgoingMessage,
    SendState,
    SentMessage,
)
from postroom.domain.sync import MessageRef
from postroom.observability import count, logger
from postroom.ports import Clock, DeploymentSecrets, Mailbox, OutboxStore, SyncStateStore, WorkQueue
from postroom.usecases.list_messages import read_message
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.store_mail import MailStores, fetch_and_store

CRASH_LOOKUP_DELAY = timedelta(minutes=2)
"""When a send is looked up whose function died: longer than any function of ours may run."""

UNKNOWN_LOOKUP_DELAY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRequest:
    """What an author asks to send."""

    to: tuple[Address, ...]
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    from_: tuple[Address, ...] = ()
    subject: str = ""
    body: str = ""
    is_plaintext: bool = False
    attachments: tuple[OutgoingAttachment, ...] = ()
    custom_headers: tuple[Header, ...] = ()
    reply_to_message_id: MessageId | None = None

    def digest(self) -> str:
        """SHA-256 over all of it: tells whether a repeated key carries the same request."""
        files = [hashlib.sha256(attachment.content).digest() for attachment in self.attachments]
        return hashlib.sha256(repr((self, files)).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTools:
    """What sending works with."""

    mailboxes: Mailboxes
    stores: MailStores
    outbox: OutboxStore
    sync_states: SyncStateStore
    secrets: DeploymentSecrets
    work: WorkQueue
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """The sent message; `replayed` when the same key had sent it before."""

    mail: FullMessage
    replayed: bool = False


def send_message(
    *, account: Account, request: SendRequest, idempotency_key: str, tools: SendTools
) -> SendResult:
    """Send a message once.

    Raises InvalidRequest, Conflict (the key was used for something else, or is at work), Rejected,
    Retryable (it did not leave; the key may be used again) and OutcomeUnknown (it is looked up).
    """
    key = idempotency_key or new_token()
    entry_id = outbox_id(account.id, key)
    try:
        return _replay(account, request, tools.outbox.get(account.id, entry_id), tools)
    except NotFound:
        outgoing = _compose(account, request, key, tools)
    entry = OutboxEntry(
        id=entry_id,
        account_id=account.id,
        request_hash=request.digest(),
        internet_message_id=outgoing.message_id,
        state=SendState.SENDING,
        created_at=tools.clock.now(),
    )
    # Before the claim: a function that dies right after it has somebody who looks.
    tools.work.settle_send(account.id, entry.id, attempt=0, delay=CRASH_LOOKUP_DELAY)
    earlier = tools.outbox.claim(entry)
    if earlier is not None:
        return _replay(account, request, earlier, tools)
    with _withdrawn_unless_sent(entry, tools), tools.mailboxes.open(account) as mailbox:
        sent = mailbox.send(outgoing)
        tools.outbox.settle(replace(entry, state=SendState.SENT, sent=sent))
        count("MessagesSent")
        stored = _store_copy(account.id, sent, mailbox, tools)
    tools.sync_states.ring(account.id)
    tools.work.sync(account.id)
    return SendResult(mail=stored or _copy(account, request, entry, sent))


def derive_message_id(
    *, signing_key: bytes, account_id: AccountId, idempotency_key: str, sender: Address
) -> InternetMessageId:
    """Make the Message-ID that a send keeps through all of its attempts."""
    said = f"{account_id}\0{idempotency_key}".encode()
    digest = hmac.new(signing_key, said, hashlib.sha256).digest()
    local_part = base64.b32encode(digest).decode().rstrip("=").lower()
    return InternetMessageId(f"<{local_part}@{sender.email.rpartition('@')[2]}>")


@contextmanager
def _withdrawn_unless_sent(entry: OutboxEntry, tools: SendTools) -> Iterator[None]:
    """Note what became of a claimed send, as far as this is known at once."""
    try:
        yield
    except Rejected as refusal:
        tools.outbox.settle(replace(entry, state=SendState.REJECTED, error=str(refusal)))
        count("MessagesRejected")
        raise
    except OutcomeUnknown:
        # The look-up first: an entry that nobody looks up must not say that it is looked up.
        tools.work.settle_send(entry.account_id, entry.id, attempt=1, delay=UNKNOWN_LOOKUP_DELAY)
        tools.outbox.settle(replace(entry, state=SendState.UNKNOWN))
        count("SendsUnknown")
        raise
    except (InvalidRequest, Retryable, ReauthRequired, MailboxUnavailable, Misconfigured):
        tools.outbox.withdraw(entry.account_id, entry.id)
        raise


def _compose(
    account: Account, request: SendRequest, idempotency_key: str, tools: SendTools
) -> OutgoingMessage:
    sender = _sender(account, request)
    answered = _answered(account.id, request, tools)
    return OutgoingMessage(
        message_id=derive_message_id(
            signing_key=tools.secrets.signing_key(),
            account_id=account.id,
            idempotency_key=idempotency_key,
            sender=sender,
        ),
        date=tools.clock.now(),
        from_=sender,
        to=request.to,
        cc=request.cc,
        bcc=request.bcc,
        reply_to=request.reply_to,
        subject=request.subject,
        body=request.body,
        is_plaintext=request.is_plaintext,
        attachments=request.attachments,
        custom_headers=request.custom_headers,
        in_reply_to=answered.internet_message_id if answered else InternetMessageId(""),
        references=_references(answered) if answered else (),
        provider_thread_id=answered.provider_thread_id if answered else None,
    )


def _sender(account: Account, request: SendRequest) -> Address:
    own = Address(email=account.identity.email, name=account.identity.name)
    if not request.from_:
        return own
    if len(request.from_) > 1:
        raise InvalidRequest("A message has one sender.", field="from")
    (wanted,) = request.from_
    if wanted.email.casefold() != own.email.casefold():
        raise InvalidRequest("This account may not send from that address.", field="from")
    return Address(email=own.email, name=wanted.name or own.name)


def _answered(account_id: AccountId, request: SendRequest, tools: SendTools) -> Message | None:
    if request.reply_to_message_id is None:
        return None
    try:
        return tools.stores.messages.get(account_id, request.reply_to_message_id)
    except NotFound:
        raise InvalidRequest(
            "There is no such message to reply to.", field="reply_to_message_id"
        ) from None


def _references(answered: Message) -> tuple[InternetMessageId, ...]:
    """The references of the answered message, then itself (RFC 5322 section 3.6.4)."""
    earlier = answered.references or ((answered.in_reply_to,) if answered.in_reply_to else ())
    itself = (answered.internet_message_id,) if answered.internet_message_id else ()
    return (*earlier, *itself)


def _replay(
    account: Account, request: SendRequest, earlier: OutboxEntry, tools: SendTools
) -> SendResult:
    """Answer a repeated key with what became of the first request."""
    if earlier.request_hash != request.digest():
        raise Conflict("This Idempotency-Key was used for another request.")
    if earlier.state is SendState.REJECTED:
        raise Rejected(earlier.error)
    if earlier.state is SendState.UNKNOWN:
        raise OutcomeUnknown("Whether this message left is still being looked up.")
    if earlier.sent is None:
        raise Conflict("A request with this Idempotency-Key is at work.")
    try:
        mail = read_message(
            account_id=account.id,
            message_id=message_id(account.id, earlier.sent.provider_id),
            messages=tools.stores.messages,
            contents=tools.stores.contents,
        )
    except NotFound:
        mail = _copy(account, request, earlier, earlier.sent)
    return SendResult(mail=mail, replayed=True)


def _store_copy(
    account_id: AccountId, sent: SentMessage, mailbox: Mailbox, tools: SendTools
) -> FullMessage | None:
    """Store the provider's copy at once; if that fails, the sync will. The mail has left."""
    ref = MessageRef(provider_id=sent.provider_id, provider_thread_id=sent.provider_thread_id)
    try:
        fetch_and_store(
            account_id=account_id,
            refs=[ref],
            mailbox=mailbox,
            stores=tools.stores,
            clock=tools.clock,
        )
        return read_message(
            account_id=account_id,
            message_id=message_id(account_id, sent.provider_id),
            messages=tools.stores.messages,
            contents=tools.stores.contents,
        )
    except (ProviderError, NotFound):
        logger.warning("sent_copy_not_stored", extra={"account_id": account_id})
        return None


def _copy(
    account: Account, request: SendRequest, entry: OutboxEntry, sent: SentMessage
) -> FullMessage:
    """What was sent, as long as (or since) the provider's copy is not there."""
    message = Message(
        id=message_id(account.id, sent.provider_id),
        account_id=account.id,
        provider_id=sent.provider_id,
        thread_id=thread_id(account.id, sent.provider_thread_id),
        provider_thread_id=sent.provider_thread_id,
        version=0,
        received_at=entry.created_at,
        subject=request.subject,
        from_=(_sender(account, request),),
        to=request.to,
        cc=request.cc,
        bcc=request.bcc,
        reply_to=request.reply_to,
        internet_message_id=entry.internet_message_id,
    )
    content = MessageContent(
        html="" if request.is_plaintext else request.body,
        text=request.body if request.is_plaintext else "",
    )
    return FullMessage(message=message, content=content)
