"""Sends that wait for their time, and how the last of them ended."""

from collections.abc import Sequence

from postroom.domain.errors import Conflict, NotFound
from postroom.domain.ids import AccountId, OutboxId
from postroom.domain.outgoing import STATUS_LIFETIME, OutboxEntry, SendState
from postroom.observability import count
from postroom.usecases.send_message import SendTools, call_off
from postroom.usecases.transfer_message import abandon

_NO_SCHEDULE = "There is no such schedule."


def list_scheduled_sends(*, account_id: AccountId, tools: SendTools) -> Sequence[OutboxEntry]:
    """Return the sends of an account that are followed, the next one first.

    Those that have ended are among them for 72 hours.
    """
    since = tools.clock.now() - STATUS_LIFETIME
    found = [
        entry
        for entry in tools.outbox.followed(account_id)
        if entry.is_followed and (entry.closed_at is None or entry.closed_at > since)
    ]
    return sorted(found, key=lambda entry: (entry.wanted_at, entry.id))


def find_scheduled_send(*, account_id: AccountId, wanted: str, tools: SendTools) -> OutboxEntry:
    """Return a send that is followed. Raises NotFound."""
    try:
        entry = tools.outbox.get(account_id, OutboxId(wanted))
    except NotFound:
        raise NotFound(_NO_SCHEDULE) from None
    if not entry.is_followed:
        raise NotFound(_NO_SCHEDULE)
    return entry


def cancel_scheduled_send(*, account_id: AccountId, wanted: str, tools: SendTools) -> None:
    """Call a send back, as long as it waits; one that was called back stays so.

    Raises NotFound, and Conflict when it has left, or is about to.
    """
    entry = find_scheduled_send(account_id=account_id, wanted=wanted, tools=tools)
    if entry.state is SendState.QUEUED:
        cancelled = entry.ended(SendState.CANCELLED, tools.clock.now())
        if tools.outbox.replace(cancelled, expected=entry):
            account = tools.mailboxes.accounts.get(account_id)
            tools.pace.give_back(account, entry.counted_as)
            # Before the content is gone: what is left of that is swept by the send's last call,
            # while nobody else knows what has been handed over.
            abandon(account, entry, tools)
            call_off(cancelled, tools)
            count("SendsCancelled")
            return
        entry = find_scheduled_send(account_id=account_id, wanted=wanted, tools=tools)
    if entry.state is not SendState.CANCELLED:
        raise Conflict("It is too late: this message has left, or is leaving.")
