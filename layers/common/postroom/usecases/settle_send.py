"""Finding out what became of a send whose answer was lost, or whose function died."""

from dataclasses import replace
from datetime import timedelta

from postroom.domain.account import Account, AccountStatus
from postroom.domain.errors import NotFound, ProviderError
from postroom.domain.ids import AccountId, OutboxId
from postroom.domain.outgoing import OutboxEntry, SendState
from postroom.observability import count, logger
from postroom.usecases.send_message import SendTools

_LOOKUP_DELAYS = (timedelta(seconds=5), timedelta(seconds=30), timedelta(seconds=120))
"""A provider lists a sent message within seconds, but not always at once."""

_LATE_LOOKUP_DELAY = timedelta(minutes=15)
_LOOKUP_PERIOD = timedelta(days=1)
"""After this the outcome stays unknown, for good."""


def settle_send(
    *, account_id: AccountId, outbox_id: OutboxId, attempt: int, tools: SendTools
) -> None:
    """Look an unsettled send up at the provider; when it is not there, look again later.

    It is never sent again: not being found is no proof that it did not leave.
    """
    try:
        account = tools.mailboxes.accounts.get(account_id)
        entry = tools.outbox.get(account_id, outbox_id)
    except NotFound:
        return
    if entry.state in (SendState.SENT, SendState.REJECTED):
        return
    looked_up_by_its_sender = attempt == 0 and entry.state is SendState.UNKNOWN
    if looked_up_by_its_sender or account.status is AccountStatus.DELETING:
        return
    if _found(account, entry, tools):
        return
    tools.outbox.settle(replace(entry, state=SendState.UNKNOWN))
    if tools.clock.now() - entry.created_at > _LOOKUP_PERIOD:
        logger.error("send_outcome_unknown", extra={"account_id": account_id})
        count("SendsUnknownForGood")
        return
    late = attempt >= len(_LOOKUP_DELAYS)
    delay = _LATE_LOOKUP_DELAY if late else _LOOKUP_DELAYS[attempt]
    tools.work.settle_send(account_id, outbox_id, attempt=attempt + 1, delay=delay)


def _found(account: Account, entry: OutboxEntry, tools: SendTools) -> bool:
    try:
        with tools.mailboxes.open(account) as mailbox:
            sent = mailbox.find_sent(entry.internet_message_id)
    except ProviderError:
        logger.warning("send_lookup_failed", extra={"account_id": account.id})
        return False
    if sent is None:
        return False
    tools.outbox.settle(replace(entry, state=SendState.SENT, sent=sent))
    tools.sync_states.ring(account.id)
    tools.work.sync(account.id)
    count("SendsFound")
    return True
