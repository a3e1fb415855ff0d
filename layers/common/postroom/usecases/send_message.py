"""Sending: kept first, then the outbox row, then the provider, then what became of it.

    somebody is called later ──► content kept ──► row (once per key) ──┬─ at once: the provider
    (a queue, or a schedule)                                           └─ later: that call

The row is a conditional write, so that the same idempotency key never sends twice; the Message-ID
is derived from it, so that a lost answer can be looked up. Whoever dies on the way has somebody
who looks after the send, and after what was kept for it, because the call is made first.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from secrets import token_urlsafe

from postroom.domain.account import Account, ProviderName
from postroom.domain.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    PostroomError,
    Rejected,
    SendingLimitReached,
)
from postroom.domain.ids import (
    AccountId,
    message_id,
    new_token,
    outbox_id,
)
from postroom.domain.message import FullMessage
from postroom.domain.message_limit import MessageLimit
from postroom.domain.outgoing import (
    CRASH_LOOKUP_DELAY,
    LATEST_SEND_AT,
    SOONEST_SEND_AT,
    OutboxEntry,
    OutgoingMessage,
    SendState,
    SentMessage,
)
from postroom.domain.send_request import SendRequest
from postroom.observability import count, logger
from postroom.ports import (
    Clock,
    DeploymentSecrets,
    Mailbox,
    OutboxStore,
    OutgoingStore,
    SenderStore,
    SendScheduler,
    SyncStateStore,
    UploadStore,
    WorkQueue,
)
from postroom.usecases.compose_message import Composer
from postroom.usecases.copy_of_send import copy_as_asked, copy_of_send
from postroom.usecases.list_messages import read_message
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.sending_pace import SendingPace
from postroom.usecases.store_mail import MailStores
from postroom.usecases.store_sent_copy import store_sent_copy

UPLOADS_DELAY = timedelta(seconds=2)
"""When the worker takes a message with uploads, which outlasts a request: once the row is there."""

UNKNOWN_LOOKUP_DELAY = timedelta(seconds=5)

LONGEST_QUEUE_DELAY = timedelta(minutes=15)
"""What waits for longer is scheduled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendTools:
    """What sending works with."""

    mailboxes: Mailboxes
    stores: MailStores
    outbox: OutboxStore
    outgoing: OutgoingStore
    scheduler: SendScheduler
    senders: SenderStore
    pace: SendingPace
    uploads: UploadStore
    limits: Mapping[ProviderName, MessageLimit]
    sync_states: SyncStateStore
    secrets: DeploymentSecrets
    work: WorkQueue
    clock: Clock
    store_failures: tuple[type[Exception], ...]
    """What the stores raise when they cannot do what they are asked; see `carried_on`."""
    undo_window: timedelta = timedelta()
    """How long each send waits before it leaves, so that it can be called back."""

    @contextmanager
    def carried_on(self, message: str, account: AccountId) -> Iterator[None]:
        """Go on after a block that fails, once a mail has left; what it did not do is done later.

        Its author is told that it left, whatever fails then: without a key, an error is answered
        by pressing Send again. A provider may fail, a store, and the request's time may be over
        (OutcomeUnknown); a mistake of ours passes.
        """
        failures: tuple[type[Exception], ...] = (PostroomError, *self.store_failures)
        try:
            yield
        except failures as failure:
            # The kind alone: a text may quote an address.
            kind = type(failure).__qualname__
            logger.warning(message, extra={"account_id": account, "error_type": kind})

    @property
    def composer(self) -> Composer:
        """What makes messages out of requests."""
        return Composer(
            mailboxes=self.mailboxes,
            messages=self.stores.messages,
            contents=self.stores.contents,
            senders=self.senders,
            uploads=self.uploads,
            limits=self.limits,
            secrets=self.secrets,
            clock=self.clock,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SendResult:
    """A send; `replayed` when the same key had asked for it before.

    What has not left (yet) has neither message id nor thread id.
    """

    mail: FullMessage
    entry: OutboxEntry
    replayed: bool = False

    @property
    def has_left(self) -> bool:
        """Whether the message was sent; otherwise its caller may follow what becomes of it."""
        return self.entry.state is SendState.SENT


def send_message(
    *, account: Account, request: SendRequest, idempotency_key: str, tools: SendTools
) -> SendResult:
    """Send a message once, now or later.

    A result that has not left is being seen to: it waits for its time, or what became of it is
    looked up. Raises InvalidRequest, Conflict (the key was used for something else, or is at work),
    Rejected, and Retryable (it did not leave; the key may be used again).
    """
    key = idempotency_key or new_token()
    entry_id, request_hash = outbox_id(account.id, key), request.digest()
    try:
        return _replay(account, request, tools.outbox.get(account.id, entry_id), tools)
    except NotFound:
        # Before anything is kept: what is refused leaves nothing behind.
        now = tools.clock.now()
        _check_time(request.send_at, now)
        outgoing = tools.composer.compose(
            account, request, idempotency_key=key, request_hash=request_hash
        )
    later = request.send_at or (now + tools.undo_window if tools.undo_window else None)
    entry = OutboxEntry(
        id=entry_id,
        account_id=account.id,
        request_hash=request_hash,
        internet_message_id=outgoing.message_id,
        state=SendState.QUEUED,
        created_at=now,
        kept_as=f"{entry_id}.{token_urlsafe(16)}",
        metadata=request.metadata,
        send_at=later,
        due_at=later or now,
        is_followed=later is not None or outgoing.has_uploads,
    )
    if not entry.is_followed:
        entry = entry.claimed(now)
    _arrange_call(entry, now, tools)
    tools.outgoing.put(account.id, entry.kept_as, outgoing)
    if entry.state is SendState.SENDING:
        entry = _counted(account, entry, outgoing, tools)
    earlier = _claim(entry, tools)
    if earlier is not None:
        tools.pace.give_back(account, entry.counted_as)
        call_off(entry, tools)
        return _replay(account, request, earlier, tools)
    if entry.state is SendState.QUEUED:
        count("SendsScheduled")
        return SendResult(mail=copy_of_send(entry, outgoing, from_=(outgoing.from_,)), entry=entry)
    # The caller's key may have come free when an attempt failed that left something behind.
    return _send_now(account, entry, outgoing, tools, again=bool(idempotency_key))


def forget_content(entry: OutboxEntry, tools: SendTools) -> None:
    """Forget what a send that has ended was to send."""
    if entry.kept_as:
        tools.outgoing.delete(entry.account_id, entry.kept_as)


def note_metadata(entry: OutboxEntry, sent: SentMessage, tools: SendTools) -> None:
    """Note what the application said about a message that has left, before it is said to have."""
    if entry.metadata:
        ours = message_id(entry.account_id, sent.provider_id)
        tools.stores.messages.note(entry.account_id, ours, dict(entry.metadata))


def call_off(entry: OutboxEntry, tools: SendTools) -> None:
    """Forget a send that nobody shall be called for any more."""
    forget_content(entry, tools)
    if is_scheduled(entry):
        tools.scheduler.cancel(entry.kept_as)


def is_scheduled(entry: OutboxEntry) -> bool:
    """Whether a schedule calls for it rather than a queue."""
    return entry.wanted_at - entry.created_at > LONGEST_QUEUE_DELAY


def _check_time(send_at: datetime | None, now: datetime) -> None:
    if send_at is None:
        return
    if send_at < now + SOONEST_SEND_AT:
        raise InvalidRequest("Give a time that is a minute ahead or more.", field="send_at")
    if send_at > now + LATEST_SEND_AT:
        raise InvalidRequest("Give a time within a year.", field="send_at")


def _arrange_call(entry: OutboxEntry, now: datetime, tools: SendTools) -> None:
    if is_scheduled(entry):
        tools.scheduler.schedule(entry.account_id, entry.id, name=entry.kept_as, at=entry.wanted_at)
        return
    delay = CRASH_LOOKUP_DELAY if entry.send_at is None else entry.send_at - now
    if entry.state is SendState.QUEUED and entry.send_at is None:
        delay = UPLOADS_DELAY
    tools.work.settle_send(entry.account_id, entry.id, attempt=0, delay=delay)


def _counted(
    account: Account, entry: OutboxEntry, outgoing: OutgoingMessage, tools: SendTools
) -> OutboxEntry:
    """Count a message that is sent at once; its row tells whoever goes on with it, if one must."""
    try:
        return replace(entry, counted_as=tools.pace.count(account, outgoing))
    except SendingLimitReached:
        forget_content(entry, tools)
        raise


def _claim(entry: OutboxEntry, tools: SendTools) -> OutboxEntry | None:
    """Write the row; answer the one that is there already, of another call."""
    try:
        return tools.outbox.claim(entry)
    except tools.store_failures:
        # It may have been written, and then the mail leaves, whatever its author is told.
        with suppress(NotFound):
            found = tools.outbox.get(entry.account_id, entry.id)
            return None if found.kept_as == entry.kept_as else found
        raise


def _send_now(
    account: Account,
    entry: OutboxEntry,
    outgoing: OutgoingMessage,
    tools: SendTools,
    *,
    again: bool,
) -> SendResult:
    interruptions: tuple[type[Exception], ...] = (OutcomeUnknown, *tools.store_failures)
    try:
        return _sent_now(account, entry, outgoing, tools, again=again)
    except OutcomeUnknown as doubt:
        return _in_doubt(entry, outgoing, doubt, tools)
    except PostroomError as refusal:
        try:
            _take_back(account, entry, refusal, tools)
        except interruptions:
            # The time of the request was over just then, or a store did not answer.
            return _in_doubt(entry, outgoing, refusal, tools)
        raise
    except tools.store_failures as failure:
        # The worker sends what its row says is being sent: an error would have it sent twice.
        return _in_doubt(entry, outgoing, failure, tools)


def _sent_now(
    account: Account,
    entry: OutboxEntry,
    outgoing: OutgoingMessage,
    tools: SendTools,
    *,
    again: bool,
) -> SendResult:
    with tools.pace.heeded(account), tools.mailboxes.open(account) as mailbox:
        sent = mailbox.send(outgoing, again=again)
        entry = entry.ended(SendState.SENT, tools.clock.now(), sent=sent)
        count("MessagesSent")
        with tools.carried_on("sent_not_noted", account.id):
            note_metadata(entry, sent, tools)
            tools.outbox.settle(entry)
            forget_content(entry, tools)
        stored = None
        with tools.carried_on("sent_copy_not_stored", account.id):
            stored = _store_copy(account.id, sent, mailbox, tools)
    with tools.carried_on("sent_not_rung", account.id):
        tools.sync_states.ring(account.id)
        tools.work.sync(account.id)
    if stored is None or stored.message.is_draft:  # a sync may have stored it as one meanwhile
        stored = copy_of_send(entry, outgoing, from_=(outgoing.from_,))
    return SendResult(mail=stored, entry=entry)


def _take_back(
    account: Account, entry: OutboxEntry, refusal: PostroomError, tools: SendTools
) -> None:
    """Note that a claimed send did not leave: for good, or so that its key may be used again."""
    is_noted = True
    if isinstance(refusal, Rejected):
        now = tools.clock.now()
        is_noted = tools.outbox.settle(entry.ended(SendState.REJECTED, now, problem=refusal))
        count("MessagesRejected")
    else:
        # If it is settled as sent, it is not withdrawn.
        tools.outbox.withdraw(entry.account_id, entry.id)
    if is_noted:
        tools.pace.give_back(account, entry.counted_as)
    forget_content(entry, tools)


def _in_doubt(
    entry: OutboxEntry, outgoing: OutgoingMessage, problem: Exception, tools: SendTools
) -> SendResult:
    """Answer a send that was interrupted by what is stored of it, so that it can be followed.

    Raises the problem when it was noted already that the message did not leave.
    """
    try:
        doubted = _doubted(entry, tools) or tools.outbox.get(entry.account_id, entry.id)
    except NotFound:
        raise problem from None
    except tools.store_failures:
        # It can be followed once the call that was made first finds it.
        doubted = entry
    if doubted.state is SendState.REJECTED:
        raise problem
    return SendResult(mail=copy_of_send(doubted, outgoing, from_=(outgoing.from_,)), entry=doubted)


def _doubted(entry: OutboxEntry, tools: SendTools) -> OutboxEntry | None:
    """Have a send looked up; None when it has ended, or another has it by now."""
    entry = entry.in_doubt(tools.clock.now() + UNKNOWN_LOOKUP_DELAY)
    # The look-up first: an entry that nobody looks up must not say that it is looked up.
    tools.work.settle_send(entry.account_id, entry.id, attempt=1, delay=UNKNOWN_LOOKUP_DELAY)
    if not tools.outbox.settle(entry):
        return None
    count("SendsUnknown")
    return entry


def _replay(
    account: Account, request: SendRequest, earlier: OutboxEntry, tools: SendTools
) -> SendResult:
    """Answer a repeated key with what became of the first request."""
    if earlier.request_hash != request.digest():
        raise Conflict("This Idempotency-Key was used for another request.")
    if earlier.state is SendState.REJECTED:
        raise Rejected(earlier.error)
    if earlier.state is SendState.CANCELLED:
        raise Conflict("The send of this Idempotency-Key was cancelled.")
    if earlier.sent is None:
        followed = earlier if earlier.is_followed else _taken_over(earlier, tools)
        if followed is None:
            raise Conflict("A request with this Idempotency-Key is at work.")
        return SendResult(
            mail=copy_as_asked(account, request, followed), entry=followed, replayed=True
        )
    try:
        mail = read_message(
            account_id=account.id,
            message_id=message_id(account.id, earlier.sent.provider_id),
            messages=tools.stores.messages,
            contents=tools.stores.contents,
        )
    except NotFound:
        mail = copy_as_asked(account, request, earlier)
    return SendResult(mail=mail, entry=earlier, replayed=True)


def _taken_over(entry: OutboxEntry, tools: SendTools) -> OutboxEntry | None:
    """Look after a send whose function has died, for its call may be lost; None if it works on."""
    is_dead = entry.due_at is not None and tools.clock.now() >= entry.due_at
    return _doubted(entry, tools) if is_dead else None


def _store_copy(
    account_id: AccountId, sent: SentMessage, mailbox: Mailbox, tools: SendTools
) -> FullMessage:
    """Store the provider's copy at once, and read it; if that fails, the sync will store it."""
    store_sent_copy(
        account_id=account_id,
        sent=sent,
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
