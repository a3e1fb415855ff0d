"""Sending drafts: once, whatever happens to the answer, and to whoever asked."""

import contextlib
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    OutcomeUnknown,
    ProviderError,
    Rejected,
    Retryable,
)
from postroom.domain.folder import FolderRole
from postroom.domain.ids import DraftId, ProviderDraftId, draft_id
from postroom.domain.message import Address
from postroom.domain.outgoing import ABSENT_AFTER
from tests.interruptions import Death, WritesUntilDeath, interrupted
from tests.owners import owner_of
from tests.unit.usecases.drafts import (
    PHOTO,
    change,
    create,
    delete,
    draft_of,
    listed,
    read,
    send,
    truth,
)
from tests.unit.usecases.sends import ANA, ROSA, connected, received
from tests.world import World, make_mail


@pytest.fixture
def account(world: World) -> Account:
    return connected(world)


@pytest.fixture
def draft(world: World, account: Account) -> DraftId:
    """A draft to Ana with a photo."""
    return draft_of(create(world, account, attachments=(PHOTO,)).mail)


def _assert_gone(world: World, account: Account, draft: DraftId) -> None:
    assert listed(world, account) == []
    with pytest.raises(NotFound):
        read(world, account, draft)
    for do in (change, delete):
        with pytest.raises(NotFound):
            do(world, account, draft)


def test_a_sent_draft_arrives_and_is_no_draft(
    world: World, account: Account, draft: DraftId
) -> None:
    """It stands among the sent mail at once, with its Message-ID and its conversation."""
    before = read(world, account, draft).message

    sent = send(world, account, draft).mail.message

    (arrived,) = received(world)
    assert arrived["internet_message_id"] == before.internet_message_id
    assert [file["filename"] for file in arrived["attachments"]] == ["maçã.png"]
    assert sent.internet_message_id == before.internet_message_id
    assert sent.thread_id == before.thread_id
    assert not sent.is_draft
    assert world.folder(account.id, FolderRole.SENT) in sent.folders
    assert truth(world) == []
    for _ in range(2):
        _assert_gone(world, account, draft)
        assert world.subjects(account.id) == ["Olá"]
        world.work_off()
    world.assert_equal(account)


def test_asked_twice_it_is_sent_once(world: World, account: Account, draft: DraftId) -> None:
    """The second is told what the first was, for 30 days, also after a sync."""
    first = send(world, account, draft)
    again = send(world, account, draft)
    world.work_off()
    later = send(world, account, draft)
    assert (first.replayed, again.replayed, later.replayed) == (False, True, True)
    assert first.mail.message.id == again.mail.message.id == later.mail.message.id
    assert len(received(world)) == 1


def test_two_at_the_same_time_send_once(world: World, account: Account, draft: DraftId) -> None:
    """The second comes while the first is at work, and is told so."""
    seconds = []

    def ask_too() -> None:
        with pytest.raises(Conflict):
            send(world, account, draft)
        seconds.append("refused")

    world.outbox = interrupted(world.outbox, before="settle", by=ask_too)
    send(world, account, draft)
    assert seconds == ["refused"]
    assert len(received(world)) == 1


def test_a_changed_draft_is_sent_as_it_is_now(
    world: World, account: Account, draft: DraftId
) -> None:
    """Not as it was when it was made, nor as it was synced last."""
    change(world, account, draft, subject="Até já")
    (there,) = truth(world)
    owner_of(ROSA, world.simulator).edit_draft(there["id"], "Adeus")
    send(world, account, draft)
    assert [each["subject"] for each in received(world)] == ["Adeus"]


def test_nobody_to_send_it_to_is_said_before(world: World, account: Account) -> None:
    """The draft stays; with somebody in it, it is sent."""
    draft = draft_of(create(world, account, to=()).mail)
    with pytest.raises(InvalidRequest) as refused:
        send(world, account, draft)
    assert refused.value.field == "to"
    assert len(truth(world)) == 1
    change(world, account, draft, to=(Address(email=ANA),))
    send(world, account, draft)
    assert len(received(world)) == 1


def test_a_draft_of_another_client_is_sent(world: World, account: Account) -> None:
    """Also one without a Message-ID, by which a lost answer would be looked up."""
    world.simulator.deliver(
        ROSA, make_mail(to=ANA, subject="De fora", sender=ROSA), folder="drafts", unread=False
    )
    world.sync(account)
    (found,) = listed(world, account)
    assert found.draft_id is not None

    sent = send(world, account, found.draft_id).mail.message

    (arrived,) = received(world)
    assert arrived["internet_message_id"] == sent.internet_message_id != ""
    assert listed(world, account) == []
    world.work_off()
    world.assert_equal(account)


def test_a_refused_draft_stays_and_may_be_sent_again(
    world: World, account: Account, draft: DraftId
) -> None:
    """The provider's refusal is told; afterwards it may be sent."""
    invalid = {"error": {"code": "ErrorInvalidRecipients", "errors": [{"reason": "invalid"}]}}
    world.simulator.fail_calls("send", status=400, body=invalid, times=1)
    with pytest.raises(Rejected):
        send(world, account, draft)
    assert len(truth(world)) == len(listed(world, account)) == 1
    send(world, account, draft)
    assert len(received(world)) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_provider_that_is_busy_sends_later(
    world: World, account: Account, draft: DraftId, status: int
) -> None:
    """What surely did not leave may be asked for again."""
    world.simulator.fail_calls("send", status=status, times=1, headers={"Retry-After": "7"})
    with pytest.raises((Retryable, OutcomeUnknown)):
        send(world, account, draft)
    assert received(world) == []
    world.clock.advance(ABSENT_AFTER)
    send(world, account, draft)
    assert len(received(world)) == 1


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 500}, {"status": 502}])
def test_a_lost_answer_to_what_left_is_found(
    world: World, account: Account, draft: DraftId, fault: dict[str, Any]
) -> None:
    """The draft is gone and a sent message is there: the caller is told that it left."""
    world.simulator.fail_calls("send", after_effect=True, times=1, **fault)
    assert send(world, account, draft).mail.message.subject == "Olá"
    assert len(received(world)) == 1
    _assert_gone(world, account, draft)


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 500}])
def test_a_lost_answer_to_what_did_not_leave_is_no_second_mail(
    world: World, account: Account, draft: DraftId, fault: dict[str, Any]
) -> None:
    """Nobody knows at once; asked again a while later, it is sent, once."""
    world.simulator.fail_calls("send", times=1, **fault)
    with pytest.raises(OutcomeUnknown):
        send(world, account, draft)
    with pytest.raises(OutcomeUnknown):
        send(world, account, draft)
    assert received(world) == []
    world.clock.advance(ABSENT_AFTER)
    send(world, account, draft)
    send(world, account, draft)
    assert len(received(world)) == 1
    world.work_off()
    world.assert_equal(account)


def test_a_lost_answer_and_a_lost_look_are_found_out_by_the_next_who_asks(
    world: World, account: Account, draft: DraftId
) -> None:
    """It had left: the second call finds it, and sends nothing."""
    world.simulator.fail_calls("send", after_effect=True, drop=True, times=1)
    world.simulator.fail({"path": "/drafts/|/messages", "method": "GET", "status": 503, "times": 3})
    with pytest.raises(OutcomeUnknown):
        send(world, account, draft)
    assert send(world, account, draft).mail.message.subject == "Olá"
    assert len(received(world)) == 1
    _assert_gone(world, account, draft)


@pytest.mark.parametrize("deadly", range(1, 8))
def test_a_function_that_dies_sends_once(
    world: World, account: Account, draft: DraftId, deadly: int
) -> None:
    """Before or after any write of ours: asked again, one mail leaves, and one alone."""
    until = WritesUntilDeath(deadly)
    outbox, messages, pending = world.outbox, world.messages, world.pending
    world.outbox = until.of(outbox, "claim", "settle", "replace")
    world.messages = until.of(messages, "put", "remove")
    world.pending = until.of(pending, "put")
    with contextlib.suppress(Death):
        send(world, account, draft)
    world.outbox, world.messages, world.pending = outbox, messages, pending

    for _ in range(3):
        world.clock.advance(timedelta(minutes=3))
        with contextlib.suppress(NotFound):
            send(world, account, draft)
        world.sync(account)
        world.work_off()

    assert len(received(world)) == 1
    _assert_gone(world, account, draft)
    world.assert_equal(account)


def test_one_that_was_sent_elsewhere_is_gone(
    world: World, account: Account, draft: DraftId
) -> None:
    """Before we learn of it: 404, no second mail, and no deletion of what was sent."""
    (there,) = truth(world)
    world.simulator.owner_call(
        ROSA, **_sending(world, read(world, account, draft).message.provider_draft_id, there["id"])
    )
    with pytest.raises(NotFound):
        delete(world, account, draft)
    with pytest.raises(NotFound):
        send(world, account, draft)
    world.work_off()
    assert len(received(world)) == 1
    _assert_gone(world, account, draft)
    assert world.subjects(account.id) == ["Olá"]
    world.assert_equal(account)


def test_an_unknown_draft_is_not_sent(world: World, account: Account) -> None:
    """Nor is another account's."""
    with pytest.raises(NotFound):
        send(world, account, DraftId("nowhere"))
    with pytest.raises(NotFound):
        send(world, account, draft_id(account.id, ProviderDraftId("r1")))


def test_an_expired_consent_says_so(world: World, account: Account, draft: DraftId) -> None:
    """The draft stays where it is."""
    world.simulator.control("POST", "expire", json={"what": "consents"})
    with pytest.raises(ProviderError):
        send(world, account, draft)
    assert len(truth(world)) == 1


def _sending(world: World, draft: str, message: str) -> dict[str, Any]:
    if world.provider == "google":
        return {"method": "POST", "path": "/gmail/v1/users/me/drafts/send", "body": {"id": draft}}
    return {"method": "POST", "path": f"/v1.0/me/messages/{message}/send", "body": {}}
