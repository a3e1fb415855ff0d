"""Taking a send on: sent when its time has come, looked up when nobody knows what became of it.

Calls may come twice, late and in any order. Each is answered from the row:

    QUEUED     due: claimed and sent           early, never claimed: called again
               a day late: refused
    SENDING    due: its function died, looked up       else: let alone
    UNKNOWN    due: looked up                          else: let alone
    ended      nothing, but for content that was left behind
    none       a first call: called again     else: as if it had ended

Whoever leaves something to a later call makes that call before writing its time (`due_at`) into
the row. So of two calls for one time the second finds another time, and ends; and a call that is
lost is made again by the sweep (`wake_overdue_sends`).

What has left is stored before its row ends: whoever hears that it left can read it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from postroom.domain.account import Account, AccountStatus
from postroom.domain.errors import (
    Conflict,
    InvalidRequest,
    LeaseLost,
    NotFound,
    OutcomeUnknown,
    PostroomError,
    ProviderError,
    ReauthRequired,
    Rejected,
    Retryable,
    SendingLimitReached,
)
from postroom.domain.event import Event, EventType
from postroom.domain.ids import AccountId, OutboxId
from postroom.domain.outgoing import (
    ABSENT_AFTER,
    CRASH_LOOKUP_DELAY,
    PATIENCE,
    OutboxEntry,
    SendState,
    SentMessage,
)
from postroom.observability import count, logger
from postroom.ports import Mailbox
from postroom.usecases.send_message import (
    LONGEST_QUEUE_DELAY,
    UNKNOWN_LOOKUP_DELAY,
    UPLOADS_DELAY,
    SendTools,
    forget_content,
    note_metadata,
)
from postroom.usecases.store_sent_copy import store_sent_copy
from postroom.usecases.transfer_message import Handover, abandon

_LOOKUP_DELAYS = (timedelta(seconds=5), timedelta(seconds=30), timedelta(seconds=120))
"""A provider lists a sent message within seconds, but not always at once."""

_LATE_LOOKUP_DELAY = timedelta(minutes=15)
_FIRST_RETRY_DELAY = timedelta(minutes=1)

_LONGEST_REQUEST = timedelta(minutes=1)
"""Longer than a function may take from the content that it keeps to the row."""

_SLACK = timedelta(seconds=5)
"""By which the clocks of two functions may differ."""

_CLOCKS_DIFFER_BY = timedelta(minutes=1)
"""At most: a provider's clock and ours. What left earlier is a mail of the key's earlier use."""

_LIMIT_PATIENCE = PATIENCE + timedelta(hours=3)
"""For a mail whose account has sent enough: the longest window of a limit is a day, it is counted
a twelfth late, and then the mail's turn has to come."""

_FINAL = (Rejected, ReauthRequired, InvalidRequest, NotFound, Conflict)
"""What a later attempt would meet again, or only after its owner has done something."""


def settle_send(
    *, account_id: AccountId, outbox_id: OutboxId, attempt: int, tools: SendTools
) -> None:
    """Take a send on. `attempt` counts its look-ups."""
    try:
        account = tools.mailboxes.accounts.get(account_id)
    except NotFound:
        # Nobody erases this account again, so what is left of the send ends here.
        tools.outbox.withdraw(account_id, outbox_id)
        _sweep(account_id, outbox_id, tools)
        return
    if account.status is AccountStatus.DELETING:
        return
    try:
        entry = tools.outbox.get(account_id, outbox_id)
    except NotFound:
        if attempt == 0:
            # A call of a second ahead may come before the row that it is for.
            tools.work.settle_send(account_id, outbox_id, attempt=1, delay=CRASH_LOOKUP_DELAY)
        else:
            _sweep(account_id, outbox_id, tools)
        return
    if entry.closed_at is not None:
        _sweep(account_id, outbox_id, tools)
        return
    _Call(account, entry, attempt, tools).answer()


def _sweep(account_id: AccountId, outbox_id: OutboxId, tools: SendTools) -> None:
    """Forget what somebody kept who died before the row, or right after the end."""
    put_before = tools.clock.now() - _LONGEST_REQUEST
    tools.outgoing.sweep(account_id, outbox_id, put_before=put_before)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call for one send."""

    account: Account
    entry: OutboxEntry
    attempt: int
    tools: SendTools

    def answer(self) -> None:
        """Do what the row asks for."""
        entry, now = self.entry, self.tools.clock.now()
        if entry.state is SendState.QUEUED:
            self._send_when_due(now)
        elif now + _SLACK >= (entry.due_at or now):
            self._look_up()

    # ── Sending ──────────────────────────────────────────────────────────────────────────

    def _send_when_due(self, now: datetime) -> None:
        wait = (self.entry.due_at or now) - now
        if now > self.entry.wanted_at + PATIENCE and wait < -PATIENCE / 24:
            # Called at last, by whoever repaired something: nobody expects it to leave any more.
            self._refused(self.entry, Retryable("It could not be sent within a day of its time."))
        elif wait <= _SLACK:
            self._send(now)
        elif self.entry.claims == 0:
            # What waits again after a claim has a call of its own; this one is left over.
            self._call_again(min(wait, LONGEST_QUEUE_DELAY), attempt=0)

    def _send(self, now: datetime) -> None:
        # Whoever asked for one that was to leave at once got no answer: they can follow it.
        tools, entry = self.tools, replace(self.entry.claimed(now), is_followed=True)
        self._call_again(CRASH_LOOKUP_DELAY, attempt=0)
        if not tools.outbox.replace(entry, expected=self.entry):
            return  # it was cancelled, or another call has it
        handover = Handover(entry, tools)
        try:
            outgoing = tools.outgoing.get(self.account.id, entry.kept_as)
            handover.count(self.account, outgoing)
            with (
                tools.pace.heeded(self.account),
                tools.mailboxes.open(self.account) as mailbox,
            ):
                if outgoing.has_uploads:
                    sent = handover.go_on(outgoing, mailbox)
                else:
                    sent = mailbox.send(outgoing.dated(now), again=entry.claims > 1)
                if sent is not None:
                    self._make_readable(handover.entry, sent, mailbox)
        except LeaseLost:
            return  # another call has it by now
        except OutcomeUnknown:
            look_up_at = tools.clock.now() + UNKNOWN_LOOKUP_DELAY
            self._call_again(UNKNOWN_LOOKUP_DELAY, attempt=1)
            tools.outbox.settle(handover.entry.in_doubt(look_up_at))
            count("SendsUnknown")
        except _FINAL as refusal:
            self._refused(handover.entry, refusal)
        except PostroomError as problem:
            self._later(handover.entry, problem)
        else:
            if sent is None:
                self._go_on_soon(handover.entry)
                return
            self._left(handover.entry, sent)
            count("MessagesSent")

    def _go_on_soon(self, entry: OutboxEntry) -> None:
        """Have the rest of a message handed over by another call, which has time for it."""
        self._call_again(UPLOADS_DELAY, attempt=0)
        self.tools.outbox.replace(entry.going_on(self.tools.clock.now()), expected=entry)

    def _later(self, entry: OutboxEntry, problem: PostroomError) -> None:
        """Have a message that did not leave sent later, unless that has gone on for a day."""
        now = self.tools.clock.now()
        doubling = _FIRST_RETRY_DELAY * 2 ** min(entry.claims - 1, 5)
        asked = problem.retry_after if isinstance(problem, Retryable) else None
        delay = min(asked or doubling, LONGEST_QUEUE_DELAY)
        is_full = isinstance(problem, SendingLimitReached)
        if now + delay > entry.wanted_at + (_LIMIT_PATIENCE if is_full else PATIENCE):
            kind = SendingLimitReached if is_full else Retryable
            self._refused(entry, kind(f"It could not be sent for a day: {problem}"))
            return
        self._call_again(delay, attempt=0)
        if self.tools.outbox.replace(entry.put_off(now + delay), expected=entry):
            self.tools.pace.give_back(self.account, entry.counted_as)
        count("SendsDeferred")

    # ── Looking up ───────────────────────────────────────────────────────────────────────

    def _look_up(self) -> None:
        try:
            with self.tools.mailboxes.open(self.account) as mailbox:
                sent = mailbox.find_sent(
                    self.entry.internet_message_id, since=self.entry.created_at - _CLOCKS_DIFFER_BY
                )
                if sent is not None:
                    self._make_readable(self.entry, sent, mailbox)
        except ProviderError:
            logger.warning("send_lookup_failed", extra={"account_id": self.account.id})
            self._look_up_again(answered=False)
            return
        if sent is None:
            self._look_up_again(answered=True)
        else:
            self._left(self.entry, sent)
            count("SendsFound")

    def _look_up_again(self, *, answered: bool) -> None:
        now, entry = self.tools.clock.now(), self.entry
        claimed_at = entry.claimed_at or entry.created_at
        if answered and now + _SLACK >= claimed_at + ABSENT_AFTER:
            if now < entry.wanted_at + PATIENCE:
                self._send(now)
            else:
                said = "It did not leave, said the provider, a day after its time."
                self._refused(entry, Retryable(said))
            return
        if now > claimed_at + PATIENCE:
            self._unknown_for_good(entry, now)
            return
        late = self.attempt >= len(_LOOKUP_DELAYS)
        delay = _LATE_LOOKUP_DELAY if late else _LOOKUP_DELAYS[self.attempt]
        self._call_again(delay, attempt=self.attempt + 1)
        # Whoever asked for it may have got no answer: from now on it can be followed.
        self.tools.outbox.settle(entry.in_doubt(now + delay))

    # ── Ends ─────────────────────────────────────────────────────────────────────────────

    def _make_readable(self, entry: OutboxEntry, sent: SentMessage, mailbox: Mailbox) -> None:
        """Have what has left stored, before anybody hears that it has.

        Whatever fails here, it has left, and the sync makes up for it.
        """
        with self.tools.carried_on("sent_copy_not_stored", self.account.id):
            note_metadata(entry, sent, self.tools)
            store_sent_copy(
                account_id=self.account.id,
                sent=sent,
                mailbox=mailbox,
                stores=self.tools.stores,
                clock=self.tools.clock,
            )

    def _left(self, entry: OutboxEntry, sent: SentMessage) -> None:
        with self.tools.carried_on("sent_not_rung", self.account.id):
            self.tools.sync_states.ring(self.account.id)
            self.tools.work.sync(self.account.id)
        note_metadata(entry, sent, self.tools)  # again: nobody else does, if it failed before
        ended = entry.ended(SendState.SENT, self.tools.clock.now(), sent=sent)
        self._end(ended, EventType.MESSAGE_SENT)

    def _refused(self, entry: OutboxEntry, problem: PostroomError) -> None:
        now = self.tools.clock.now()
        abandon(self.account, entry, self.tools)
        ended = entry.ended(SendState.REJECTED, now, problem=problem)
        if self._end(ended, EventType.MESSAGE_NOT_SENT):
            self.tools.pace.give_back(self.account, entry.counted_as)
        count("MessagesRejected")

    def _unknown_for_good(self, entry: OutboxEntry, now: datetime) -> None:
        doubt = OutcomeUnknown("The provider did not say for a day whether it was sent.")
        self._end(entry.ended(SendState.UNKNOWN, now, problem=doubt), EventType.MESSAGE_NOT_SENT)
        logger.error("send_outcome_unknown", extra={"account_id": self.account.id})
        count("SendsUnknownForGood")

    def _end(self, ended: OutboxEntry, told_as: EventType) -> bool:
        """End the send, once; answers whether this call did."""
        # Whoever asked for one that the worker ends got no answer, or one that it is followed.
        ended = replace(ended, is_followed=True)
        event = Event.of_send(told_as, ended)
        if not self.tools.outbox.settle(ended, event=event):
            return False  # it has ended otherwise, or another call has it and what it sends
        forget_content(ended, self.tools)
        _sweep(self.account.id, ended.id, self.tools)
        return True

    def _call_again(self, delay: timedelta, *, attempt: int) -> None:
        self.tools.work.settle_send(self.account.id, self.entry.id, attempt=attempt, delay=delay)
