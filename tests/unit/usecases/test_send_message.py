"""Sending: once, whatever happens to the answer."""

from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import Conflict, InvalidRequest, OutcomeUnknown, Rejected, Retryable
from postroom.domain.message import Address
from postroom.domain.outgoing import OutgoingAttachment
from postroom.usecases.send_message import SendRequest, SendResult, send_message
from tests.interruptions import Death, WritesUntilDeath
from tests.world import World, make_mail

ANA, ROSA = "ana@mail.example", "rosa@mail.example"


@pytest.fixture
def account(world: World) -> Account:
    """Rosa's connected mailbox; Ana has one at the provider, too."""
    world.simulator.add_mailbox(ANA)
    world.simulator.add_mailbox(ROSA)
    connected = world.connect(ROSA)
    world.work_off()
    return connected


def _request(**changed: Any) -> SendRequest:
    asked: dict[str, Any] = {"to": (Address(email=ANA),), "subject": "Olá", "body": "<p>Olá!</p>"}
    return SendRequest(**(asked | changed))


def _send(world: World, account: Account, key: str = "", **changed: Any) -> SendResult:
    return send_message(
        account=account,
        request=_request(**changed),
        idempotency_key=key,
        tools=world.send_tools,
    )


def _received(world: World) -> list[dict[str, Any]]:
    return list(world.simulator.messages(ANA).values())


def test_a_message_with_an_attachment_arrives(world: World, account: Account) -> None:
    """What is sent arrives with its attachment, and stands in the sender's copy at once."""
    photo = OutgoingAttachment(
        filename="maçã.png", content_type="image/png", content=b"\x89PNG" * 9
    )
    sent = _send(world, account, attachments=(photo,)).mail.message
    (arrived,) = _received(world)
    assert arrived["subject"] == "Olá"
    assert [file["filename"] for file in arrived["attachments"]] == ["maçã.png"]
    assert arrived["internet_message_id"] == sent.internet_message_id
    assert world.stored(account.id)[sent.provider_id].subject == "Olá"
    world.assert_equal(account)


def test_the_same_key_sends_once(world: World, account: Account) -> None:
    """A repeated request gets the first one's answer, and nothing leaves a second time."""
    first = _send(world, account, "order-17")
    again = _send(world, account, "order-17")
    assert again.replayed
    assert again.mail.message.id == first.mail.message.id
    assert len(_received(world)) == 1


def test_a_key_belongs_to_one_request(world: World, account: Account) -> None:
    """The same key with another body, or another file, is a conflict; nothing is sent."""
    note = OutgoingAttachment(filename="a.txt", content_type="text/plain", content=b"one")
    _send(world, account, "order-17", attachments=(note,))
    other = OutgoingAttachment(filename="a.txt", content_type="text/plain", content=b"two")
    for changed in ({"body": "<p>Else</p>"}, {"attachments": (other,)}):
        with pytest.raises(Conflict):
            _send(world, account, "order-17", **changed)
    assert len(_received(world)) == 1


def test_a_lost_answer_is_looked_up_never_sent_again(world: World, account: Account) -> None:
    """The provider sent it but its answer was lost: asking finds it, one mail arrived."""
    # Given a provider that sends and then drops the connection
    world.simulator.fail({"path": "/send", "drop": True, "after_effect": True, "times": 1})
    # When we send
    with pytest.raises(OutcomeUnknown):
        _send(world, account, "order-17")
    # Then repeating the request does not send again
    with pytest.raises(OutcomeUnknown):
        _send(world, account, "order-17")
    # And the look-up finds it
    world.work_off()
    assert _send(world, account, "order-17").replayed
    assert len(_received(world)) == 1
    world.assert_equal(account)


def test_a_request_that_never_arrived_stays_unknown(world: World, account: Account) -> None:
    """Not being found is no proof: after a day of look-ups it is unknown for good, never resent."""
    world.simulator.fail({"path": "/send", "drop": True, "times": 1})
    with pytest.raises(OutcomeUnknown):
        _send(world, account, "order-17")
    world.work_off(limit=300)
    assert world.clock.now() > account.created_at + timedelta(days=1)
    with pytest.raises(OutcomeUnknown):
        _send(world, account, "order-17")
    assert _received(world) == []


def test_a_function_that_dies_while_sending_is_looked_up(world: World, account: Account) -> None:
    """The look-up is enqueued before the provider is called, so a death loses nothing."""
    writes = WritesUntilDeath(1)
    world.outbox = writes.of(world.outbox, "settle")
    with pytest.raises(Death):
        _send(world, account, "order-17")
    with pytest.raises(Conflict):
        _send(world, account, "order-17")
    world.work_off()
    assert _send(world, account, "order-17").replayed
    assert len(_received(world)) == 1


def test_a_refused_message_stays_refused(world: World, account: Account) -> None:
    """A 400 of the provider is final for this key, and says so again."""
    invalid = {
        "error": {
            "code": 400,
            "message": "Invalid To header",
            "errors": [{"domain": "global", "reason": "invalidArgument"}],
            "status": "INVALID_ARGUMENT",
        }
    }
    world.simulator.fail({"path": "/send", "status": 400, "body": invalid, "times": 1})
    for _ in range(2):
        with pytest.raises(Rejected):
            _send(world, account, "order-17")
    assert _received(world) == []


def test_a_throttled_send_did_not_leave(world: World, account: Account) -> None:
    """A 429 says that nothing was sent: the same key sends when the caller tries again."""
    world.simulator.fail(
        {"path": "/send", "status": 429, "headers": {"Retry-After": "7"}, "times": 1}
    )
    with pytest.raises(Retryable) as busy:
        _send(world, account, "order-17")
    assert busy.value.retry_after == timedelta(seconds=7)
    assert not _send(world, account, "order-17").replayed
    assert len(_received(world)) == 1


def test_a_reply_stays_in_its_thread(world: World, account: Account) -> None:
    """A reply carries the references and lands in the thread of what it answers."""
    answered = world.simulator.deliver(
        ROSA, make_mail(to=ROSA, sender=ANA, subject="Lunch?", Message_ID="<q@mail.example>")
    )
    world.sync_states.ring(account.id)
    world.work.sync(account.id)
    world.work_off()
    question = world.message(account.id, answered)
    reply = _send(
        world, account, subject="Re: Lunch?", reply_to_message_id=question.id
    ).mail.message
    assert reply.thread_id == question.thread_id
    assert reply.in_reply_to == "<q@mail.example>"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"from_": (Address(email="boss@mail.example"),)}, "from"),
        ({"from_": (Address(email=ROSA), Address(email=ROSA))}, "from"),
        ({"reply_to_message_id": "nothing"}, "reply_to_message_id"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_happens(
    world: World, account: Account, changed: dict[str, Any], field: str
) -> None:
    """A foreign sender, two senders, an unknown message to reply to: a clear refusal."""
    with pytest.raises(InvalidRequest) as refusal:
        _send(world, account, "order-17", **changed)
    assert refusal.value.field == field
    # And the key is still free
    assert not _send(world, account, "order-17").replayed
