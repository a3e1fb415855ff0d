"""Sending a draft: claimed in the outbox, then sent by its id, then out of the drafts.

A provider sends a draft once, whatever becomes of two calls that ask for it: the draft is gone with
the first. So a lost answer needs no worker. The draft tells: as long as it is there, it has not
left, and may be sent again once no earlier call can still be on its way.

    claim ──► SENDING ──yes─────────► SENT: the same answer for 30 days
                │  ▲  ──refused─────► withdrawn; the draft stays, to be changed and sent again
                │  │  ──no answer──┬─ it is gone, and a sent message is there ──► SENT
                │  │               └─ UNKNOWN
                │  └──asked again: it still is a draft, after `ABSENT_AFTER`
                └─────its function died: as UNKNOWN, after `CRASH_LOOKUP_DELAY`
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from postroom.domain.account import Account
from postroom.domain.draft import DraftChange, DraftUpdate
from postroom.domain.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    PostroomError,
)
from postroom.domain.ids import (
    DraftId,
    ProviderDraftId,
    draft_id,
    message_id,
    outbox_id,
    thread_id,
)
from postroom.domain.message import Address, FullMessage, Message, MessageContent
from postroom.domain.outgoing import (
    ABSENT_AFTER,
    CRASH_LOOKUP_DELAY,
    OutboxEntry,
    SendState,
    SentMessage,
)
from postroom.domain.sync import MessageRef
from postroom.observability import count
from postroom.ports import Mailbox
from postroom.usecases.compose_message import derive_message_id, is_alias
from postroom.usecases.list_messages import read_message
from postroom.usecases.manage_drafts import (
    DraftTools,
    gone_if_unknown,
    states_of,
    update_draft,
)
from postroom.usecases.send_message import SendResult, SendTools
from postroom.usecases.store_mail import ask_for, remove_message
from postroom.usecases.store_sent_copy import as_sent, store_sent_copy


def send_draft(*, account: Account, draft: DraftId, tools: DraftTools) -> SendResult:
    """Send a draft once; asked again, answer the message that it became.

    Raises NotFound, InvalidRequest (nobody to send it to), Conflict (it is being sent), Rejected
    and Retryable (it did not leave, and is a draft still), OutcomeUnknown (ask again).
    """
    sending = tools.sending
    # No idempotency key has this sign in it.
    entry_id = outbox_id(account.id, f"draft\0{draft}")
    try:
        states = states_of(account.id, draft, sending.stores.messages)
    except NotFound as unknown:
        try:
            entry = sending.outbox.get(account.id, entry_id)
        except NotFound:
            raise unknown from None
        return _of_one_that_is_gone(account, entry, sending)
    message = _with_message_id(account, states[0], tools)
    states = [message, *(each for each in states if each.id != message.id)]
    if not (message.to or message.cc or message.bcc):
        raise InvalidRequest("Name at least one recipient.", field="to")
    now = sending.clock.now()
    entry = OutboxEntry(
        id=entry_id,
        account_id=account.id,
        request_hash=hashlib.sha256(draft.encode()).hexdigest(),
        internet_message_id=message.internet_message_id,
        state=SendState.QUEUED,
        created_at=now,
    ).claimed(now)
    earlier = sending.outbox.claim(entry)
    if earlier is not None:
        taken_over = _taken_over(account, message, earlier, sending)
        if isinstance(taken_over, SendResult):
            return taken_over
        entry = taken_over
    try:
        with sending.mailboxes.open(account) as mailbox:
            if not entry.counted_as:
                entry = replace(entry, counted_as=sending.pace.count(account, message))
            with sending.pace.heeded(account), gone_if_unknown(account.id, states, sending):
                sent = _sent(account, mailbox, message)
            entry = replace(entry, counted_as=())  # it has left: nothing is given back
            count("MessagesSent")
            return _done(account, entry, message, sent, mailbox, sending, states=states)
    except OutcomeUnknown:
        sending.outbox.settle(replace(entry, state=SendState.UNKNOWN))
        count("SendsUnknown")
        raise
    except PostroomError:
        sending.outbox.withdraw(account.id, entry.id)  # unless it has been settled as sent
        sending.pace.give_back(account, entry.counted_as)
        raise


def _sent(account: Account, mailbox: Mailbox, message: Message) -> SentMessage:
    """Send a draft; one of which no answer came may be known to have left."""
    from_alias = any(is_alias(account, author) for author in message.from_)
    try:
        return mailbox.send_draft(message, from_alias=from_alias)
    except OutcomeUnknown as doubt:
        try:
            sent = mailbox.sent_draft(message)
        except PostroomError as error:
            raise doubt from error
        if sent is None:
            raise
        return sent


def _taken_over(
    account: Account, message: Message, earlier: OutboxEntry, sending: SendTools
) -> SendResult | OutboxEntry:
    """Answer what became of an earlier claim, or claim anew what surely did not leave."""
    now, claimed_at = sending.clock.now(), earlier.claimed_at or earlier.created_at
    if earlier.state is SendState.SENDING and now < claimed_at + CRASH_LOOKUP_DELAY:
        raise Conflict("This draft is being sent.")
    with sending.mailboxes.open(account) as mailbox:
        sent = earlier.sent
        if sent is None:
            with gone_if_unknown(account.id, [message], sending):
                sent = mailbox.sent_draft(message)
        if sent is not None:
            done = _done(account, earlier, message, sent, mailbox, sending, states=[message])
            return replace(done, replayed=True)
    if now < claimed_at + ABSENT_AFTER:
        raise OutcomeUnknown("Whether this draft left is not known yet; ask again in a minute.")
    entry = earlier.claimed(now)
    if not sending.outbox.replace(entry, expected=earlier):
        raise Conflict("This draft is being sent.")
    return entry


def _of_one_that_is_gone(account: Account, entry: OutboxEntry, sending: SendTools) -> SendResult:
    """Answer for a draft that is no draft any more. Raises NotFound unless it was sent here."""
    if entry.sent is None:
        with sending.mailboxes.open(account) as mailbox:
            sent = mailbox.find_sent(entry.internet_message_id)
        if sent is None:
            raise NotFound("There is no such draft.")
        entry = entry.ended(SendState.SENT, sending.clock.now(), sent=sent)
        sending.outbox.settle(entry)
    return SendResult(mail=_mail(account, entry, None, sending), entry=entry, replayed=True)


def _done(
    account: Account,
    entry: OutboxEntry,
    message: Message,
    sent: SentMessage,
    mailbox: Mailbox,
    sending: SendTools,
    *,
    states: Sequence[Message],
) -> SendResult:
    """Note that a draft has left, and take it out of the drafts, whatever else may fail."""
    entry = entry.ended(SendState.SENT, sending.clock.now(), sent=sent)
    with sending.carried_on("sent_not_noted", account.id):
        sending.outbox.settle(entry)
    if sent.provider_id == message.provider_id:
        with sending.carried_on("sent_draft_not_moved", account.id):
            _put_among_sent(account, message, sending)
    else:
        _replace(account, message, sent, mailbox, sending, states=states)
    with sending.carried_on("sent_not_rung", account.id):
        sending.sync_states.ring(account.id)
        sending.work.sync(account.id)
    return SendResult(mail=_mail(account, entry, message, sending), entry=entry)


def _replace(
    account: Account,
    message: Message,
    sent: SentMessage,
    mailbox: Mailbox,
    sending: SendTools,
    *,
    states: Sequence[Message],
) -> None:
    """Let what has left take the draft's place, with what was noted about it.

    The draft goes last: its conversation is never without both.
    """
    messages, ours = sending.stores.messages, message_id(account.id, sent.provider_id)
    with sending.carried_on("sent_metadata_not_noted", account.id):
        # An application may have noted something while it was sent, or a sync have removed it.
        metadata = messages.get_many(account.id, [message.id]).get(message.id, message).metadata
        if metadata:
            messages.note(account.id, ours, metadata)
    with sending.carried_on("sent_copy_not_stored", account.id):
        store_sent_copy(
            account_id=account.id,
            sent=sent,
            mailbox=mailbox,
            stores=sending.stores,
            clock=sending.clock,
        )
    with sending.carried_on("sent_draft_not_removed", account.id):
        for state in states:
            remove_message(
                account_id=account.id, ref=MessageRef.to(state), version=None, stores=sending.stores
            )


def _with_message_id(account: Account, message: Message, tools: DraftTools) -> Message:
    """Give a draft of another client a Message-ID, by which it is found once it has left."""
    if message.internet_message_id:
        return message
    named = derive_message_id(
        signing_key=tools.sending.secrets.signing_key(),
        account_id=account.id,
        asked=("draft", message.provider_draft_id),
        sender=Address(email=account.identity.email),
    )
    update = DraftUpdate(change=DraftChange(internet_message_id=named))
    draft = draft_id(account.id, message.provider_draft_id)
    return update_draft(account=account, draft=draft, update=update, tools=tools).message


def _put_among_sent(account: Account, message: Message, sending: SendTools) -> None:
    """Note what sending makes of a message that keeps its id; the next sync looks how it stands.

    It is not fetched here: the provider may show it as a draft for some moments more.
    """
    sent = as_sent(account.id, message, sending.stores.folders)
    sending.stores.messages.put([sent])
    ask_for(
        account_id=account.id,
        messages=[sent],
        reason="draft sent",
        stores=sending.stores,
        clock=sending.clock,
    )


def _mail(
    account: Account, entry: OutboxEntry, draft: Message | None, sending: SendTools
) -> FullMessage:
    """Return the message that was sent, or, until it can be read, what is known of it."""
    if entry.sent is None:
        raise NotFound("There is no such draft.")
    ours = message_id(account.id, entry.sent.provider_id)
    with sending.carried_on("sent_copy_not_read", account.id), suppress(NotFound):
        return read_message(
            account_id=account.id,
            message_id=ours,
            messages=sending.stores.messages,
            contents=sending.stores.contents,
        )
    thread = entry.sent.provider_thread_id
    known = draft or Message(
        id=ours,
        account_id=account.id,
        provider_id=entry.sent.provider_id,
        thread_id=thread_id(account.id, thread),
        provider_thread_id=thread,
        version=0,
        received_at=entry.wanted_at,
        internet_message_id=entry.internet_message_id,
    )
    sent = replace(
        known,
        id=ours,
        provider_id=entry.sent.provider_id,
        is_draft=False,
        provider_draft_id=ProviderDraftId(""),
    )
    return FullMessage(message=sent, content=MessageContent())
