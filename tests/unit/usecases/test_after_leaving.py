"""A mail that has left is never answered as if it had not, and is told to those who got no answer.

S3 failed to forget the content of a mail that had left, and its author was answered 500, pressed
Send again, and two arrived. Of a mail whose function died nobody was told: not that it had left,
and not that it was refused.
"""

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import OutcomeUnknown
from postroom.domain.event import EventType
from postroom.usecases.scheduled_sends import list_scheduled_sends
from tests.interruptions import Death, WritesUntilDeath
from tests.sending_storm import NEVER
from tests.unit.usecases import drafts
from tests.unit.usecases.sends import STORE_FAILURES, connected, failing, received, send
from tests.world import World

FAILURES = (*STORE_FAILURES, OutcomeUnknown("the time of the request is over"))
CALLS = ("outbox.settle", "outgoing.delete", "messages.put", "sync_states.ring", "work.sync")
ENDS = {EventType.MESSAGE_SENT, EventType.MESSAGE_NOT_SENT}


@pytest.fixture
def account(world: World) -> Account:
    """Rosa's connected mailbox; Ana has one at the provider, too."""
    return connected(world)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("call", CALLS)
def test_what_has_left_is_answered_so(
    world: World, account: Account, call: str, failure: Exception
) -> None:
    """Whatever fails then; in the end it is noted, and nothing is kept."""
    with failing(world, call, failure):
        sent = send(world, account, "order-17")
    world.work_off()

    assert sent.has_left
    assert send(world, account, "order-17").has_left
    assert len(received(world)) == 1


@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("call", ["outbox.settle", "messages.put", "sync_states.ring", "work.sync"])
def test_a_draft_that_has_left_is_answered_so(
    world: World, account: Account, call: str, failure: Exception
) -> None:
    """As other mails."""
    draft = drafts.draft_of(drafts.create(world, account).mail)

    with failing(world, call, failure):
        sent = drafts.send(world, account, draft)

    assert sent.has_left
    assert len(received(world)) == 1


def test_a_mistake_of_ours_is_not_hidden(world: World, account: Account) -> None:
    """Only what fails outside is gone on after."""
    with failing(world, "sync_states.ring", KeyError()), pytest.raises(KeyError):
        send(world, account)


def _die_sending(world: World, account: Account) -> None:
    outbox = world.outbox
    world.outbox = WritesUntilDeath(1).of(outbox, "settle")
    with pytest.raises(Death):
        send(world, account)
    world.outbox = outbox


def test_a_mail_that_left_while_its_function_died_is_told(world: World, account: Account) -> None:
    """Whoever sent it had no answer; the event says that it left, and the list shows it."""
    _die_sending(world, account)
    world.work_off()

    assert len(received(world)) == 1
    assert [event.type for event in world.told() if event.type in ENDS] == [EventType.MESSAGE_SENT]
    assert len(list_scheduled_sends(account_id=account.id, tools=world.send_tools)) == 1


def test_a_mail_that_is_refused_after_its_function_died_is_told(
    world: World, account: Account
) -> None:
    """It was lost in silence: sent again by the worker, and refused."""
    world.simulator.fail_calls("send", drop=True, times=1)
    _die_sending(world, account)
    world.simulator.fail_calls("send", **NEVER)
    world.work_off()

    assert received(world) == []
    told = [event.type for event in world.told() if event.type in ENDS]
    assert told == [EventType.MESSAGE_NOT_SENT]
    assert len(list_scheduled_sends(account_id=account.id, tools=world.send_tools)) == 1
