"""Making a draft: once for each idempotency key, also when an answer is lost on its way."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from postroom.domain.account import Account
from postroom.domain.draft import (
    CREATION_CLAIM_LIFETIME,
    CREATION_LIFETIME,
    DraftChange,
    DraftCreation,
    NewDraft,
    ProviderDraft,
    authored,
)
from postroom.domain.errors import Conflict, NotFound, NotYet, PostroomError
from postroom.domain.ids import (
    AccountId,
    creation_id,
    draft_id,
    message_id,
    new_token,
    thread_id,
)
from postroom.domain.message import FullMessage, Message, MessageContent
from postroom.domain.outgoing import OutgoingMessage
from postroom.observability import count
from postroom.ports import Mailbox
from postroom.usecases.manage_drafts import (
    DraftTools,
    read_draft,
    ring,
    stored_draft,
)
from postroom.usecases.send_message import SendTools

_DAY = timedelta(days=1)
"""Sooner than a key comes free, its draft is left to whoever uses it next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeDraft:
    """A draft; `replayed` when the same key had made it before."""

    mail: FullMessage
    replayed: bool = False


def create_draft(
    *, account: Account, wanted: NewDraft, idempotency_key: str, tools: DraftTools
) -> MadeDraft:
    """Make a draft, once for each idempotency key.

    Raises InvalidRequest, Conflict (the key was used for something else, is at work, or its draft
    is gone), Rejected, Retryable (the same key may be used again, and makes no second one).
    """
    key, sending = idempotency_key or new_token(), tools.sending
    request_hash, now = wanted.digest(), sending.clock.now()
    made_by_key = creation_id(account.id, key)
    try:
        earlier = tools.creations.get(account.id, made_by_key)
        if earlier.draft is not None or earlier.claimed_until > now:
            return _replay(account, request_hash, earlier, tools)
    except NotFound:
        pass
    # Apart from those of sends: the same key there is another message. No key has this sign in it.
    outgoing = sending.composer.compose(
        account, wanted.request, idempotency_key=f"draft\0{key}", request_hash=request_hash
    )
    creation = DraftCreation(
        id=made_by_key,
        account_id=account.id,
        request_hash=request_hash,
        internet_message_id=outgoing.message_id,
        created_at=now,
        claimed_until=now + CREATION_CLAIM_LIFETIME,
        claim=new_token(),
    )
    there = tools.creations.claim(creation)
    if there is not None:
        return _replay(account, request_hash, there, tools)
    with sending.mailboxes.open(account) as mailbox:
        with _withdrawn_on_failure(creation, tools):
            made = _left_behind(outgoing, now, mailbox) if idempotency_key else None
            if made is None:
                made = mailbox.create_draft(outgoing, starred=wanted.starred)
            else:
                made = _completed(account.id, made, wanted, outgoing, mailbox, sending)
            tools.creations.finish(replace(creation, draft=made.id))
        count("DraftsCreated")
        if wanted.metadata:
            ours = message_id(account.id, made.message_id)
            sending.stores.messages.note(account.id, ours, wanted.metadata)
        mail = stored_draft(account.id, made, mailbox, sending)
    ring(account.id, sending)
    mail = mail or _copy(account.id, made, outgoing)
    return MadeDraft(mail=replace(mail, message=authored(account, mail.message)))


def _replay(
    account: Account, request_hash: str, earlier: DraftCreation, tools: DraftTools
) -> MadeDraft:
    """Answer a repeated key with the draft that it made."""
    if earlier.request_hash != request_hash:
        raise Conflict("This Idempotency-Key was used for another request.")
    if earlier.draft is None:
        raise Conflict("A request with this Idempotency-Key is at work.")
    sending = tools.sending
    try:
        mail = read_draft(
            account=account,
            draft=draft_id(account.id, earlier.draft),
            messages=sending.stores.messages,
            contents=sending.stores.contents,
        )
    except NotFound:
        with sending.mailboxes.open(account) as mailbox:
            made = mailbox.find_draft(earlier.internet_message_id)
            there = made is not None and made.id == earlier.draft
            found = stored_draft(account.id, made, mailbox, sending) if made and there else None
        if found is None:
            raise Conflict(
                "The draft that this Idempotency-Key made was sent or deleted; use another key."
            ) from None
        mail = replace(found, message=authored(account, found.message))
    return MadeDraft(mail=mail, replayed=True)


def _left_behind(
    outgoing: OutgoingMessage, now: datetime, mailbox: Mailbox
) -> ProviderDraft | None:
    """Return the draft of an attempt that failed, or was not heard of, under the same key.

    An older one was made when the key had its use before.
    """
    return mailbox.find_draft(outgoing.message_id, since=now - CREATION_LIFETIME + _DAY)


@contextmanager
def _withdrawn_on_failure(creation: DraftCreation, tools: DraftTools) -> Iterator[None]:
    """Free the key of a draft that was not made, as far as is known."""
    try:
        yield
    except PostroomError:
        tools.creations.withdraw(creation)
        raise


def _completed(
    account_id: AccountId,
    found: ProviderDraft,
    wanted: NewDraft,
    outgoing: OutgoingMessage,
    mailbox: Mailbox,
    sending: SendTools,
) -> ProviderDraft:
    """Give a draft that was left half-way the files it lacks: it has got all the rest at once."""
    mail = stored_draft(account_id, found, mailbox, sending)
    if mail is None:
        raise NotYet("The draft of this Idempotency-Key cannot be read yet.")
    if len(mail.message.attachments) == len(outgoing.attachments):
        return found
    files = DraftChange(attachments=outgoing.attachments, starred=wanted.starred)
    return mailbox.update_draft(mail.message, files)


def _copy(account_id: AccountId, made: ProviderDraft, said: OutgoingMessage) -> FullMessage:
    """What was written, as long as the provider's copy is not there."""
    message = Message(
        id=message_id(account_id, made.message_id),
        account_id=account_id,
        provider_id=made.message_id,
        thread_id=thread_id(account_id, made.thread_id),
        provider_thread_id=made.thread_id,
        version=0,
        received_at=said.date,
        subject=said.subject,
        from_=(said.from_,),
        to=said.to,
        cc=said.cc,
        bcc=said.bcc,
        reply_to=said.reply_to,
        is_draft=True,
        provider_draft_id=made.id,
        internet_message_id=said.message_id,
    )
    content = MessageContent(
        html="" if said.is_plaintext else said.body,
        text=said.body if said.is_plaintext else "",
    )
    return FullMessage(message=message, content=content)
