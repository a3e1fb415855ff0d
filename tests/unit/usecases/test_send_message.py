"""Sending: once, whatever happens to the answer."""

from datetime import timedelta
from typing import Any

import pytest

from local.simulators.microsoft import rendering
from postroom.domain.account import Account, AccountStatus
from postroom.domain.errors import (
    Conflict,
    InvalidRequest,
    Rejected,
    Retryable,
    TooLarge,
)
from postroom.domain.event import EventType
from postroom.domain.folder import FolderRole
from postroom.domain.message import Address
from postroom.domain.outgoing import ABSENT_AFTER, OutboxEntry, OutgoingAttachment, SendState
from postroom.providers.http_calls import LARGEST_ANSWER_BYTES
from postroom.usecases.disconnect_account import disconnect_account
from tests.fakes import WorkKind
from tests.interruptions import Death, WritesUntilDeath, interrupted
from tests.unit.usecases.sends import (
    ANA,
    ROSA,
    connected,
    connected_with_alias,
    received,
    send,
)
from tests.world import MICROSOFT_ALONE, World, make_mail

FORBIDDEN = {
    "error": {
        "code": "ErrorAccessDenied",
        "message": "Forbidden",
        "errors": [{"reason": "insufficientPermissions"}],
    }
}


@pytest.fixture
def account(world: World) -> Account:
    """Rosa's connected mailbox; Ana has one at the provider, too."""
    return connected(world)


def test_a_message_with_an_attachment_arrives(world: World, account: Account) -> None:
    """What is sent arrives with its attachment, and stands in the sender's copy at once."""
    photo = OutgoingAttachment(
        filename="maçã.png", content_type="image/png", content=b"\x89PNG" * 9
    )
    sent = send(world, account, attachments=(photo,)).mail.message
    (arrived,) = received(world)
    assert arrived["subject"] == "Olá"
    assert [file["filename"] for file in arrived["attachments"]] == ["maçã.png"]
    assert arrived["internet_message_id"] == sent.internet_message_id
    assert world.stored(account.id)[sent.provider_id].subject == "Olá"
    world.assert_equal(account)


@MICROSOFT_ALONE
@pytest.mark.parametrize("wait", [None, timedelta(minutes=10)])
def test_what_outlook_shows_as_a_draft_for_a_moment_is_stored_as_sent(
    world: World, account: Account, monkeypatch: pytest.MonkeyPatch, wait: timedelta | None
) -> None:
    """It was answered, and listed, as a draft of the drafts' folder until the next sync."""
    folders = world.folders.all(account.id)
    (drafts,) = (each.provider_id for each in folders if each.role is FolderRole.DRAFTS)
    with monkeypatch.context() as lagging:
        lagging.setitem(rendering._ALWAYS, "isDraft", lambda _message, _view: True)
        lagging.setitem(rendering._ALWAYS, "parentFolderId", lambda _message, _view: drafts)
        result = send(world, account, send_at=wait and world.clock.now() + wait)
        if wait is not None:
            world.clock.advance(wait)
            world.do_next(WorkKind.SETTLE_SEND)

    (stored,) = world.stored(account.id).values()
    assert (stored.is_draft, stored.provider_draft_id) == (False, "")
    assert stored.folders == (world.folder(account.id, FolderRole.SENT),)
    if wait is None:
        assert result.mail.message == stored
    assert len(received(world)) == 1
    world.ring(account)
    world.work_off()
    world.assert_equal(account)


@MICROSOFT_ALONE
def test_what_a_sync_has_stored_as_a_draft_meanwhile_is_answered_as_sent(
    world: World, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its author is told of a mail that left."""
    read, lagging = world.messages, pytest.MonkeyPatch()

    def sync_early() -> None:
        world.messages = read
        lagging.setitem(rendering._ALWAYS, "isDraft", lambda _message, _view: True)
        world.sync(account)
        lagging.undo()

    world.messages = interrupted(read, before="get", by=sync_early)
    result = send(world, account)

    (stored,) = world.stored(account.id).values()
    assert stored.is_draft
    assert not result.mail.message.is_draft
    assert result.mail.message.id == stored.id


@pytest.mark.parametrize(
    ("body", "is_inline"),
    [
        ("<p>Without it.</p>", False),
        ('<img src="cid:plan&#64;house">', True),
        ('<img src="cid:plan%40house">', True),
    ],
)
def test_a_file_that_the_text_does_not_show_stands_beside_it(
    world: World, account: Account, body: str, *, is_inline: bool
) -> None:
    """Outlook tells of no inline files: one that no text named was never seen by its reader."""
    plan = OutgoingAttachment(
        filename="plan.png",
        content_type="image/png",
        content=b"\x89PNG" * 9,
        content_id="plan@house",
        is_inline=True,
    )
    sent = send(world, account, body=body, attachments=(plan,)).mail.message

    ana = world.connect(ANA)
    world.work_off()

    (arrived,) = (each for each in world.stored(ana.id).values() if each.subject == "Olá")
    for message in (sent, arrived):
        assert [(each.filename, each.is_inline) for each in message.attachments] == [
            ("plan.png", is_inline)
        ]
        assert message.has_attachments is not is_inline


def test_the_same_key_sends_once(world: World, account: Account) -> None:
    """A repeated request gets the first one's answer, and nothing leaves a second time."""
    first = send(world, account, "order-17")
    again = send(world, account, "order-17")
    assert again.replayed
    assert again.mail.message.id == first.mail.message.id
    assert len(received(world)) == 1


def test_a_key_belongs_to_one_request(world: World, account: Account) -> None:
    """The same key with another body, or another file, is a conflict; nothing is sent."""
    note = OutgoingAttachment(filename="a.txt", content_type="text/plain", content=b"one")
    send(world, account, "order-17", attachments=(note,))
    other = OutgoingAttachment(filename="a.txt", content_type="text/plain", content=b"two")
    for changed in ({"body": "<p>Else</p>"}, {"attachments": (other,)}):
        with pytest.raises(Conflict):
            send(world, account, "order-17", **changed)
    assert len(received(world)) == 1


def test_a_lost_answer_is_looked_up_never_sent_again(world: World, account: Account) -> None:
    """The provider sent it but its answer was lost: asking finds it, one mail arrived."""
    # Given a provider that sends and then drops the connection
    world.simulator.fail_calls("send", drop=True, after_effect=True, times=1)
    # When we send, and again since we heard nothing
    results = [send(world, account, "order-17") for _ in range(2)]
    # Then it left once
    assert len(received(world)) == 1
    # And the caller may follow it, unless Outlook could be asked at once
    assert {result.entry.is_followed for result in results} == {not results[0].has_left}
    # And the look-up finds it
    world.work_off()
    again = send(world, account, "order-17")
    assert again.replayed
    assert again.has_left
    assert len(received(world)) == 1
    world.assert_equal(account)


def test_a_request_that_never_arrived_is_sent_again(world: World, account: Account) -> None:
    """Once the provider says, long enough after, that it has no such message; and then once."""
    world.simulator.fail_calls("send", drop=True, times=1)
    assert not send(world, account, "order-17").has_left
    assert received(world) == []
    began_at = world.clock.now()
    world.work_off()
    assert len(received(world)) == 1
    assert received(world)[0]["internet_message_id"] is not None
    assert world.clock.now() - began_at >= ABSENT_AFTER
    assert send(world, account, "order-17").has_left
    world.assert_equal(account)


def test_a_provider_that_is_silent_for_a_day_leaves_it_unknown(
    world: World, account: Account
) -> None:
    """Not being told is no proof: nothing is sent again, its follower is told, nothing is kept."""
    # Given a send whose answer is lost, and then no answer at all
    sent = _send_on_a_silent_line(world, account)
    # When a day has passed
    world.work_off(limit=300)
    # Then
    assert world.clock.now() > account.created_at + timedelta(days=1)
    entry = world.outbox.get(account.id, sent.id)
    assert (entry.state, entry.closed_at is not None) == (SendState.UNKNOWN, True)
    assert [event.type for event in world.told()] == [EventType.MESSAGE_NOT_SENT]
    assert world.kept() == []
    # And the provider's return changes nothing any more
    world.simulator.control("DELETE", "faults")
    world.work_off()
    assert received(world) == []


def _send_on_a_silent_line(world: World, account: Account) -> OutboxEntry:
    """Send so that nothing is heard of it; what Outlook is asked before that is answered."""
    world.simulator.fail_calls("send", drop=True)
    entry = send(world, account, "order-17").entry
    world.simulator.fail_calls("any", drop=True)
    return entry


def test_a_function_that_dies_while_sending_is_looked_up(world: World, account: Account) -> None:
    """The look-up is enqueued before the provider is called, so a death loses nothing."""
    writes = WritesUntilDeath(1)
    world.outbox = writes.of(world.outbox, "settle")
    with pytest.raises(Death):
        send(world, account, "order-17")
    with pytest.raises(Conflict):
        send(world, account, "order-17")
    world.work_off()
    assert send(world, account, "order-17").replayed
    assert len(received(world)) == 1


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
    world.simulator.fail_calls("send", status=400, body=invalid, times=1)
    for _ in range(2):
        with pytest.raises(Rejected):
            send(world, account, "order-17")
    assert received(world) == []


def test_a_throttled_send_did_not_leave(world: World, account: Account) -> None:
    """A 429 says that nothing was sent: the same key sends when the caller tries again."""
    world.simulator.fail_calls("send", status=429, headers={"Retry-After": "7"}, times=1)
    with pytest.raises(Retryable) as busy:
        send(world, account, "order-17")
    assert busy.value.retry_after == timedelta(seconds=7)
    world.clock.advance(timedelta(seconds=7))
    assert not send(world, account, "order-17").replayed
    assert len(received(world)) == 1


@MICROSOFT_ALONE
def test_a_draft_whose_answer_nobody_can_hold_keeps_no_key(world: World, account: Account) -> None:
    """Nothing had been sent, and yet the key was at work for ever."""
    endless = {"body": {"content": "x" * LARGEST_ANSWER_BYTES}}
    fault = {"method": "POST", "path": "/messages$", "status": 201, "times": 1, "body": endless}
    world.simulator.fail(fault)
    with pytest.raises(TooLarge):
        send(world, account, "order-17")
    assert not send(world, account, "order-17").replayed
    assert len(received(world)) == 1


def test_a_reply_stays_in_its_thread(world: World, account: Account) -> None:
    """A reply carries the references and lands in the thread of what it answers."""
    answered = world.simulator.deliver(
        ROSA, make_mail(to=ROSA, sender=ANA, subject="Lunch?", Message_ID="<q@mail.example>")
    )
    world.ring(account)
    world.work_off()
    question = world.message(account.id, answered)
    reply = send(world, account, subject="Re: Lunch?", reply_to_message_id=question.id).mail.message
    assert reply.thread_id == question.thread_id
    assert reply.in_reply_to == "<q@mail.example>"


@pytest.mark.parametrize("odd", ["<ção@mail.example>", f"<{'q' * 985}@mail.example>", "q"])
@pytest.mark.parametrize("named", ["reply_to_message_id", "forwarded_message_id"])
def test_a_mail_with_an_odd_id_is_answered_and_passed_on(
    world: World, account: Account, odd: str, named: str
) -> None:
    """Incident: 400 for each answer to a mail whose Message-ID, or one of its thread's, was none.

    What remains of its thread is named, so that the answer stands there.
    """
    # Given
    first = make_mail(to=ROSA, sender=ANA, subject="Lunch?", Message_ID="<p@x.example>")
    world.simulator.deliver(ROSA, first)
    mail = make_mail(to=ROSA, sender=ANA, subject="Re: Lunch?")
    ids = f"Message-ID: {odd}\r\nReferences: {odd} <p@x.example>\r\n".encode()
    asked = world.simulator.deliver(ROSA, ids + mail.replace(b"\n", b"\r\n"))
    world.sync(account)
    question = world.message(account.id, asked)
    # When
    answer = send(world, account, subject="Re: Lunch?", **{named: question.id})
    # Then
    assert answer.has_left
    assert answer.mail.message.thread_id == question.thread_id
    assert len(received(world)) == 1


def test_mail_goes_to_the_domain_that_was_written(world: World, account: Account) -> None:
    """Incident: a domain with a sharp s went to its look-alike's owner: not the same mailbox."""
    there, alike = "ana@xn--strae-oqa.example", "ana@strasse.example"
    for address in (there, alike):
        world.simulator.add_mailbox(address)
    assert send(world, account, to=(Address(email="ana@straße.example"),)).has_left
    assert len(world.simulator.messages(there)) == 1
    assert not world.simulator.messages(alike)


def test_a_forward_stays_in_its_thread(world: World, account: Account) -> None:
    """What is passed on stands in the conversation it comes from."""
    # Given
    asked = world.simulator.deliver(
        ROSA, make_mail(to=ROSA, sender=ANA, subject="Lunch?", Message_ID="<q@mail.example>")
    )
    world.ring(account)
    world.work_off()
    question = world.message(account.id, asked)
    # When
    forward = send(
        world, account, subject="Fwd: Lunch?", forwarded_message_id=question.id
    ).mail.message
    # Then
    assert forward.thread_id == question.thread_id
    (arrived,) = received(world)
    assert arrived["subject"] == "Fwd: Lunch?"


@pytest.fixture
def alias(world: World) -> Account:
    """A connected mailbox that may also send from another address."""
    return connected_with_alias(world)


def test_senders_are_listed_once_the_mailbox_is_synced(world: World, alias: Account) -> None:
    """The account's own address first, then its aliases; gone with the account."""
    listed = [each.email for each in world.senders.all(alias.id)]
    assert listed == [ROSA, "shop@mail.example"]
    disconnect_account(account=alias, tools=world.tools)
    world.work_off()
    assert world.senders.all(alias.id) == []


def test_mail_is_synced_where_senders_are_not_told(world: World) -> None:
    """An organisation may forbid to look at settings; the mailbox works all the same."""
    world.simulator.add_mailbox(ROSA, messages=3, seed=1)
    account = world.connect(ROSA)
    world.simulator.fail_calls("senders", status=403, body=FORBIDDEN)
    world.work_off()
    assert len(world.stored(account.id)) == 3
    assert world.accounts.get(account.id).status is AccountStatus.ACTIVE
    assert world.senders.all(account.id) == []


def test_ones_own_address_needs_no_question(world: World, alias: Account) -> None:
    """The provider is asked for senders only when another address is wanted."""
    before = sum(world.simulator.calls_made().values())
    send(world, alias)
    plain = sum(world.simulator.calls_made().values()) - before
    send(world, alias, from_=(Address(email=ROSA.upper()),))
    assert sum(world.simulator.calls_made().values()) - before == 2 * plain


def test_a_provider_that_cannot_be_asked_leaves_nothing_behind(
    world: World, alias: Account
) -> None:
    """The key is free, and no look-up waits for a message that nobody sent."""
    shop = (Address(email="shop@mail.example"),)
    world.simulator.fail_calls("senders", status=503, times=9)
    with pytest.raises(Retryable):
        send(world, alias, "order-17", from_=shop)
    assert world.work.waiting == []
    world.simulator.control("DELETE", "faults")
    assert not send(world, alias, "order-17", from_=shop).replayed


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"forwarded_message_id": "nothing"}, "forward_message_id"),
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
        send(world, account, "order-17", **changed)
    assert refusal.value.field == field
    # And the key is still free
    assert not send(world, account, "order-17").replayed
