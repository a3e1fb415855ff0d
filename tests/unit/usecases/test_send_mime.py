"""Sending what comes in MIME: as it was written, and once, whatever happens to the answer."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import Conflict, InvalidRequest, Rejected, Retryable, TooLarge
from postroom.domain.outgoing import ABSENT_AFTER, SendState
from postroom.domain.send_request import SendRequest
from postroom.domain.written_mime import read_written_mime
from postroom.usecases.send_message import SendResult, send_message
from tests.interruptions import Death, WritesUntilDeath
from tests.world import MICROSOFT_ALONE, World

ANA, ROSA, SHOP = "ana@mail.example", "rosa@mail.example", "shop@mail.example"
EVE = "eve@mail.example"
THEIRS = "<theirs-1@app.example>"
LETTER = (
    f"Message-ID: {THEIRS}\r\nFrom: Rosa <{ROSA}>\r\nTo: Ana <{ANA}>\r\nBcc: {EVE}\r\n"
    "Subject: =?utf-8?q?Ol=C3=A1?=\r\nDate: Sat, 21 Nov 2026 09:30:00 +0000\r\n"
    "X-Priority: 1\r\nImportance: high\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/mixed; boundary="theirs"\r\n\r\n'
    "--theirs\r\nContent-Type: text/plain\r\n\r\nIt   has no\r\npretensions.\r\n"
    '--theirs\r\nContent-Disposition: attachment; filename="a.txt"\r\n\r\napple\r\n--theirs--\r\n'
).encode()
HEADER, BODY = LETTER.split(b"\r\n\r\n", 1)


@pytest.fixture
def account(world: World) -> Account:
    """Rosa's connected mailbox, with an alias; Ana and Eve have one at the provider, too."""
    world.simulator.add_mailbox(ANA)
    world.simulator.add_mailbox(EVE)
    mailbox = {"address": ROSA, "name": "Rosa", "aliases": [SHOP]}
    world.simulator.control("POST", "mailboxes", json=mailbox)
    connected = world.connect(ROSA)
    world.work_off()
    return connected


def _send(world: World, account: Account, content: bytes = LETTER, key: str = "") -> SendResult:
    return send_message(
        account=account,
        request=SendRequest.of_mime(read_written_mime(content)),
        idempotency_key=key,
        tools=world.send_tools,
    )


def _received(world: World, address: str = ANA) -> list[dict[str, Any]]:
    return list(world.simulator.messages(address).values())


def _raw(world: World, address: str) -> bytes:
    """Return the one message that somebody got, as their provider has it."""
    reader = world.connect(address)
    world.work_off()
    (arrived,) = world.stored(reader.id).values()
    with world.mailboxes.open(reader) as mailbox:
        return mailbox.raw(arrived.provider_id)


def test_it_arrives_as_it_was_written(world: World, account: Account) -> None:
    """Header fields and body byte for byte, the caller's Message-ID among them; but for Bcc."""
    sent = _send(world, account).mail.message
    assert sent.internet_message_id == THEIRS
    assert sent.subject == "Olá"
    assert world.stored(account.id)[sent.provider_id].internet_message_id == THEIRS
    arrived = _raw(world, ANA)
    assert arrived.endswith(b"\r\n\r\n" + BODY)
    for line in HEADER.split(b"\r\n"):
        assert (line in arrived) == (not line.startswith(b"Bcc"))
    world.assert_equal(account)


def test_who_gets_a_blind_copy_is_told_to_nobody(world: World, account: Account) -> None:
    """Neither the others nor the one who gets it find a Bcc field."""
    _send(world, account)
    for address in (ANA, EVE):
        raw = _raw(world, address)
        assert EVE.encode() not in raw
        assert b"bcc:" not in raw.lower()


def test_blind_copies_alone_are_enough(world: World, account: Account) -> None:
    """A circular letter names nobody."""
    _send(world, account, f"From: {ROSA}\nBcc: {EVE}\nSubject: All\n\nx".encode())
    (arrived,) = _received(world, EVE)
    assert arrived["subject"] == "All"


def test_without_a_message_id_ours_is_derived(world: World, account: Account) -> None:
    """From account and key, as for any send, so that a lost answer can be looked up."""
    plain = f"From: {ROSA}\r\nTo: {ANA}\r\n\r\nhi".encode()
    sent = _send(world, account, plain, "order-17").mail.message
    (arrived,) = _received(world)
    assert arrived["internet_message_id"] == sent.internet_message_id
    assert sent.internet_message_id.endswith("@mail.example>")
    assert _raw(world, ANA).endswith(f"From: {ROSA}\r\nTo: {ANA}\r\n\r\nhi".encode())


def test_the_same_key_sends_once_and_belongs_to_these_bytes(world: World, account: Account) -> None:
    """A repeat is answered as before; one byte of the body makes another request."""
    first = _send(world, account, key="order-17")
    again = _send(world, account, key="order-17")
    assert (again.replayed, again.mail.message.id) == (True, first.mail.message.id)
    with pytest.raises(Conflict):
        _send(world, account, LETTER.replace(b"apple", b"apples"), "order-17")
    assert len(_received(world)) == 1


def test_it_may_leave_from_an_alias(world: World, account: Account) -> None:
    """As long as the provider lets the account send from there."""
    _send(world, account, LETTER.replace(ROSA.encode(), SHOP.upper().encode(), 1))
    assert f"From: Rosa <{SHOP.upper()}>".encode() in _raw(world, ANA)


@pytest.mark.parametrize("field", [b"From: boss@mail.example", b"Sender: boss@mail.example"])
def test_nobody_sends_as_somebody_else(world: World, account: Account, field: bytes) -> None:
    """A From or Sender of another's is refused before anything happens; the key is free."""
    fields = [each for each in HEADER.split(b"\r\n") if field[:5] != each[:5]]
    forged = b"\r\n".join([*fields, field]) + b"\r\n\r\n" + BODY
    with pytest.raises(InvalidRequest) as refusal:
        _send(world, account, forged, "order-17")
    assert refusal.value.field == "mime"
    assert _received(world) == []
    assert world.kept() == []
    assert not _send(world, account, key="order-17").replayed


@MICROSOFT_ALONE
def test_more_than_outlook_takes_in_one_request_is_refused(world: World, account: Account) -> None:
    """413 before anything is kept: Graph would refuse the draft."""
    with pytest.raises(TooLarge, match="3,000,000"):
        _send(world, account, LETTER + b"x" * 3_000_000)
    assert world.kept() == []
    _send(world, account, LETTER.replace(b"apple", b"apple " * 490_000))
    assert len(_received(world)) == 1


def test_a_lost_answer_is_looked_up_never_sent_again(world: World, account: Account) -> None:
    """The provider sent it but its answer was lost: it is found by the caller's Message-ID."""
    world.simulator.fail_calls("send", drop=True, after_effect=True, times=1)
    _send(world, account, key="order-17")
    world.work_off()
    again = _send(world, account, key="order-17")
    assert (again.replayed, again.has_left) == (True, True)
    assert len(_received(world)) == 1
    world.assert_equal(account)


def test_a_request_that_never_arrived_is_sent_again(world: World, account: Account) -> None:
    """The bytes were kept: the same message leaves, once, and nothing of it is kept any more."""
    world.simulator.fail_calls("send", drop=True, times=1)
    assert not _send(world, account, key="order-17").has_left
    began_at = world.clock.now()
    world.work_off()
    assert world.clock.now() - began_at >= ABSENT_AFTER
    assert len(_received(world)) == 1
    assert _raw(world, ANA).endswith(b"\r\n\r\n" + BODY)
    assert world.kept() == []
    assert [each["draft"] for each in _received(world, ROSA)] == [False]
    world.assert_equal(account)


@MICROSOFT_ALONE
def test_a_draft_of_the_owners_with_the_same_id_is_let_alone(
    world: World, account: Account
) -> None:
    """Somebody sends a letter whose draft they have put into the mailbox long before."""
    # Given their draft, which differs
    draft = world.simulator.owner_call(
        ROSA,
        method="POST",
        path="/v1.0/me/messages",
        body={"subject": "A first attempt", "internetMessageId": THEIRS},
    )
    assert draft.is_success, draft.text
    world.clock.advance(timedelta(minutes=1))
    # When the letter has to be sent twice, and the answer to making its draft is lost before
    fault = {"method": "POST", "path": "/messages$", "drop": True, "after_effect": True, "times": 1}
    world.simulator.fail(fault)
    with pytest.raises(Retryable):
        _send(world, account, key="order-17")
    world.simulator.fail_calls("send", drop=True, times=1)
    assert not _send(world, account, key="order-17").has_left
    world.work_off()
    # Then the letter has left, and of the drafts theirs alone is there
    assert [each["subject"] for each in _received(world)] == ["Olá"]
    drafts = [each["subject"] for each in _received(world, ROSA) if each["draft"]]
    assert drafts == ["A first attempt"]


def test_a_function_that_dies_while_sending_is_looked_up(world: World, account: Account) -> None:
    """The look-up is enqueued before the provider is called, so a death loses nothing."""
    world.outbox = WritesUntilDeath(1).of(world.outbox, "settle")
    with pytest.raises(Death):
        _send(world, account, key="order-17")
    world.work_off()
    assert _send(world, account, key="order-17").replayed
    assert len(_received(world)) == 1


def test_a_refused_message_stays_refused(world: World, account: Account) -> None:
    """A 400 of the provider is final for this key; nothing is left of it."""
    body = {"error": {"code": 400, "message": "Invalid To header", "status": "INVALID_ARGUMENT"}}
    world.simulator.fail_calls("send", status=400, body=body, times=1)
    for _ in range(2):
        with pytest.raises(Rejected):
            _send(world, account, key="order-17")
    assert _received(world) == []
    assert world.kept() == []
    assert _received(world, ROSA) == []


def test_it_may_be_called_back(world: World, account: Account) -> None:
    """Where sends wait for a moment, this one does, and leaves as it was written."""
    world.undo_window = timedelta(seconds=30)
    waiting = _send(world, account, key="order-17")
    assert waiting.entry.state is SendState.QUEUED
    assert waiting.mail.message.subject == "Olá"
    assert _received(world) == []
    world.work_off()
    assert _raw(world, ANA).endswith(b"\r\n\r\n" + BODY)


def test_a_request_in_mime_is_another_than_the_same_in_parts() -> None:
    """What it says may be alike; what is sent is not."""
    request = SendRequest.of_mime(read_written_mime(LETTER))
    assert request.digest() != replace(request, written=None).digest()
