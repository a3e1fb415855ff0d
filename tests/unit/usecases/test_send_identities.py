"""Whom a mail is from: an address that the account may send from, or nothing leaves."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import InvalidRequest, Rejected
from postroom.domain.message import Address, Message
from postroom.domain.outgoing import OutboxEntry, SendState
from postroom.domain.send_request import SendRequest
from postroom.domain.written_mime import read_written_mime
from postroom.usecases.send_message import SendResult, send_message
from tests.unit.usecases import drafts
from tests.unit.usecases.sends import (
    ANA,
    ROSA,
    SHOP,
    connected_with_alias,
    let_come,
    received,
    send,
    upload,
)
from tests.world import GOOGLE_ALONE, MICROSOFT_ALONE, World, make_mail

AS_SHOP = (Address(email=SHOP),)
AS_ROSA = (Address(email=ROSA),)
SOON, LATER = timedelta(minutes=10), timedelta(days=3)


@pytest.fixture
def account(world: World) -> Account:
    """Rosa's connected mailbox, which may also send as the shop; Ana has one, too."""
    return connected_with_alias(world)


def _withdraw_alias(world: World) -> None:
    """Do what an owner or an administrator does meanwhile; no doorbell tells of it."""
    world.simulator.control("PUT", f"mailboxes/{ROSA}/aliases", json={"aliases": []})


def _send_mime(world: World, account: Account, author: str) -> SendResult:
    written = f"From: {author}\r\nTo: {ANA}\r\nSubject: x\r\n\r\nhi".encode()
    return send_message(
        account=account,
        request=SendRequest.of_mime(read_written_mime(written)),
        idempotency_key="",
        tools=world.send_tools,
    )


def _arrived(world: World) -> Message:
    """Return the one mail that Ana has got, as her own client shows it."""
    ana = world.connect(ANA)
    world.work_off()
    (message,) = world.stored(ana.id).values()
    return message


def _entry(world: World, sent: SendResult) -> OutboxEntry:
    return world.outbox.get(sent.entry.account_id, sent.entry.id)


def _assert_refused(world: World, sent: SendResult) -> None:
    """Nothing left, and whoever follows the send reads why."""
    assert received(world) == []
    entry = _entry(world, sent)
    assert entry.state is SendState.REJECTED
    assert "may not send from this address" in entry.error
    assert entry.consequence == "Rejected"
    assert world.kept() == []


# ── An alias that is withdrawn before its mail leaves ────────────────────────────────────────
#
# The incident: an alias was taken from an account after a mail from it had been scheduled. Gmail
# refused nothing: it put the account's own address into From, and the customer of a shop got an
# answer from somebody's private address, reported as sent.


@pytest.mark.parametrize("wait", [SOON, LATER])
def test_a_scheduled_mail_does_not_leave_from_an_alias_that_was_withdrawn(
    world: World, account: Account, wait: timedelta
) -> None:
    """It ends as rejected, with the reason; by a queue and by a schedule."""
    sent = send(world, account, from_=AS_SHOP, send_at=world.clock.now() + wait)
    _withdraw_alias(world)
    let_come(world, sent.entry.wanted_at)
    _assert_refused(world, sent)


def test_a_written_mime_mail_does_not_leave_from_an_alias_that_was_withdrawn(
    world: World, account: Account
) -> None:
    """The undo window lies between the writing and the sending."""
    world.undo_window = timedelta(minutes=1)
    sent = _send_mime(world, account, SHOP)
    _withdraw_alias(world)
    let_come(world, sent.entry.wanted_at)
    _assert_refused(world, sent)


def test_a_draft_does_not_leave_from_an_alias_that_was_withdrawn(
    world: World, account: Account
) -> None:
    """It stays a draft, and leaves once another author is chosen."""
    draft = drafts.draft_of(drafts.create(world, account, from_=AS_SHOP).mail)
    _withdraw_alias(world)
    with pytest.raises(Rejected, match="may not send from this address"):
        drafts.send(world, account, draft)
    assert received(world) == []
    assert drafts.read(world, account, draft).message.is_draft
    drafts.change(world, account, draft, from_=AS_ROSA)
    assert drafts.send(world, account, draft).has_left
    assert _arrived(world).from_[0].email == ROSA


def test_pieces_are_not_handed_over_for_an_alias_that_was_withdrawn(
    world: World, account: Account
) -> None:
    """Before the first of them; nothing of the message is left at the provider."""
    sent = send(world, account, from_=AS_SHOP, attachments=(upload(world, account),))
    _withdraw_alias(world)
    world.work_off()
    _assert_refused(world, sent)
    assert world.simulator.messages(ROSA) == {}


def test_a_mail_does_not_leave_from_an_alias_that_is_withdrawn_at_that_moment(
    world: World, account: Account
) -> None:
    """Between the question which senders there are and the handing over."""
    composer = world.send_tools.composer
    request = SendRequest(to=(Address(email=ANA),), from_=AS_SHOP)
    composed = composer.compose(account, request, idempotency_key="k", request_hash="h")
    _withdraw_alias(world)
    with (
        world.mailboxes.open(account) as mailbox,
        pytest.raises(Rejected, match="may not send from this address"),
    ):
        mailbox.send(composed)
    assert received(world) == []
    assert world.simulator.messages(ROSA) == {}


@GOOGLE_ALONE
def test_gmail_itself_would_rewrite_the_author(world: World, account: Account) -> None:
    """What the look at the senders is for: without it the mail leaves from another address."""
    request = SendRequest(to=(Address(email=ANA),), from_=AS_SHOP)
    composed = world.send_tools.composer.compose(
        account, request, idempotency_key="k", request_hash="h"
    )
    _withdraw_alias(world)
    with world.mailboxes.open(account) as mailbox:
        mailbox.send(replace(composed, from_alias=False))
    assert _arrived(world).from_[0].email == ROSA


@GOOGLE_ALONE
def test_only_an_alias_costs_a_look_at_the_senders(world: World, account: Account) -> None:
    """One call, right before the mail is handed over; none for the account's own address."""

    def looks() -> int:
        return world.simulator.calls_made()["settings.sendAs.list"]

    before = looks()
    send(world, account)
    _send_mime(world, account, ROSA)
    drafts.send(world, account, drafts.draft_of(drafts.create(world, account).mail))
    assert looks() == before
    scheduled = send(world, account, from_=AS_SHOP, send_at=world.clock.now() + SOON)
    before = looks()
    let_come(world, scheduled.entry.wanted_at)
    assert _entry(world, scheduled).state is SendState.SENT
    assert looks() == before + 1


# ── A sign-in name that is no address of mail ────────────────────────────────────────────────

SIGN_IN = "rosa@login.example"


@pytest.fixture
def signed_in_by_name(world: World) -> Account:
    """Rosa's account at Outlook, which tells the name she signs in with, and no address."""
    me = {"id": "u", "displayName": "Rosa", "mail": None, "userPrincipalName": SIGN_IN}
    world.simulator.add_mailbox(ANA)
    world.simulator.add_mailbox(ROSA)
    world.simulator.fail_calls("senders", status=200, body=me)  # no fault, but an answer
    assert "code" in world.come_back(*world.consent(ROSA))
    (account_id,) = world.accounts.by_email(SIGN_IN)
    world.work_off()
    return world.accounts.get(account_id)


@MICROSOFT_ALONE
@pytest.mark.parametrize("author", [SIGN_IN, SIGN_IN.upper()])
def test_a_draft_by_the_accounts_own_name_can_be_sent(
    world: World, signed_in_by_name: Account, author: str
) -> None:
    """The incident: `from` was written as it was given, and Outlook refused to send the draft.

    When it is made, when its author is named later, and in a reply, whose author Outlook names.
    """
    account = signed_in_by_name
    own = (Address(email=author, name="Rosa"),)
    asked = world.simulator.deliver(
        ROSA, make_mail(to=ROSA, sender=ANA, subject="Open?", Message_ID="<q@mail.example>")
    )
    world.ring(account)
    world.work_off()
    question = world.message(account.id, asked)
    made = drafts.create(world, account, from_=own)
    named = drafts.create(world, account)
    drafts.change(world, account, drafts.draft_of(named.mail), from_=own)
    reply = drafts.create(
        world, account, subject="Re: Open?", reply_to_message_id=question.id, from_=own
    )
    drafts.change(world, account, drafts.draft_of(reply.mail), from_=own)
    for each in (made, named, reply):
        assert drafts.send(world, account, drafts.draft_of(each.mail)).has_left
    assert len(received(world)) == 3


@MICROSOFT_ALONE
def test_a_message_by_the_accounts_own_name_can_be_sent(
    world: World, signed_in_by_name: Account
) -> None:
    """As with a draft."""
    own = (Address(email=SIGN_IN),)
    assert send(world, signed_in_by_name, from_=own).has_left
    assert len(received(world)) == 1


@pytest.mark.parametrize(
    ("first", "then"), [(AS_SHOP, AS_SHOP), (AS_SHOP, AS_ROSA), ((), AS_SHOP), (AS_ROSA, AS_SHOP)]
)
def test_a_draft_leaves_from_the_author_that_was_chosen_last(
    world: World,
    account: Account,
    first: tuple[Address, ...],
    then: tuple[Address, ...],
) -> None:
    """An alias and the account's own address may take each other's place."""
    draft = drafts.draft_of(drafts.create(world, account, from_=first).mail)
    drafts.change(world, account, draft, from_=then)
    assert drafts.send(world, account, draft).has_left
    assert _arrived(world).from_[0].email == then[0].email


# ── Answers come from whom the mail was sent to ──────────────────────────────────────────────


def _question(world: World, account: Account, **headers: str) -> Message:
    """Let a mail come to Rosa, and be synced."""
    given = {"to": SHOP, "sender": ANA, "subject": "Open?", "Message_ID": "<q@mail.example>"}
    asked = world.simulator.deliver(ROSA, make_mail(**(given | headers)))
    world.ring(account)
    world.work_off()
    return world.message(account.id, asked)


ANSWERS = pytest.mark.parametrize("kind", ["reply_to_message_id", "forwarded_message_id"])


@ANSWERS
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"to": "list@else.example", "Cc": f"The Shop <{SHOP.upper()}>"},
        {"to": "list@else.example", "Delivered_To": SHOP},
        {"to": "list@else.example", "X_Original_To": f"<{SHOP}>"},
    ],
)
def test_an_answer_is_sent_from_the_alias_that_the_mail_came_to(
    world: World, account: Account, kind: str, headers: dict[str, str]
) -> None:
    """Sent at once, later, or as a draft; whether it stood in To, in Cc, or on the envelope."""
    answer: dict[str, Any] = {kind: _question(world, account, **headers).id, "subject": "Re: Open?"}
    assert send(world, account, **answer).mail.message.from_[0].email == SHOP

    later = send(world, account, **answer, send_at=world.clock.now() + SOON)
    assert later.mail.message.from_[0].email == SHOP

    draft = drafts.create(world, account, **answer).mail
    assert draft.message.from_[0].email == SHOP
    drafts.send(world, account, drafts.draft_of(draft))

    let_come(world, later.entry.wanted_at)
    ana = world.connect(ANA)
    world.work_off()
    authors = [each.from_[0].email for each in world.stored(ana.id).values()]
    assert authors == [SHOP] * 3


@ANSWERS
@pytest.mark.parametrize(
    "headers",
    [
        {"to": ROSA},
        {"to": f"{ROSA}, {SHOP}"},
        {"to": ROSA, "Delivered_To": SHOP},
        {"to": "list@else.example"},
        {"to": "list@else.example", "Delivered_To": ROSA},
    ],
)
def test_an_answer_to_what_came_to_no_alias_is_from_the_account_itself(
    world: World, account: Account, kind: str, headers: dict[str, str]
) -> None:
    """Also where nobody knows under which address it came."""
    answer: dict[str, Any] = {kind: _question(world, account, **headers).id, "subject": "Re: Open?"}
    assert send(world, account, **answer).mail.message.from_[0].email == ROSA
    assert drafts.create(world, account, **answer).mail.message.from_[0].email == ROSA


@ANSWERS
def test_an_answer_is_not_sent_from_an_alias_that_is_none_any_more(
    world: World, account: Account, kind: str
) -> None:
    """The account's own address takes its place, as nobody asked for the alias."""
    answer: dict[str, Any] = {kind: _question(world, account).id, "subject": "Re: Open?"}
    _withdraw_alias(world)
    assert send(world, account, **answer).mail.message.from_[0].email == ROSA


# ── Who may be named ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "stranger", ["team@mail.example", "shared.shop@mail.example", ANA, "shop@mail.example.else"]
)
def test_nobody_sends_as_a_group_or_another_mailbox(
    world: World, account: Account, stranger: str
) -> None:
    """Groups and shared mailboxes are no senders of the account: 400 naming `from`."""
    author = (Address(email=stranger),)
    for refused in (
        lambda: send(world, account, from_=author),
        lambda: send(world, account, from_=author, send_at=world.clock.now() + SOON),
        lambda: drafts.create(world, account, from_=author),
    ):
        with pytest.raises(InvalidRequest) as refusal:
            refused()
        assert refusal.value.field == "from"
    assert received(world) == []


@pytest.mark.parametrize("author", [SHOP, SHOP.upper(), "Shop@Mail.Example"])
def test_a_sender_may_have_another_name_and_be_written_in_any_case(
    world: World, account: Account, author: str
) -> None:
    """The address goes out as the provider has it, with the name that was asked for."""
    send(world, account, from_=(Address(email=author, name="Loja, número 1"),))
    assert _arrived(world).from_ == (Address(email=SHOP, name="Loja, número 1"),)


BOOKS, BOOKS_ENCODED = "shop@bücher.example", "shop@xn--bcher-kva.example"


@pytest.mark.parametrize("listed", [BOOKS, BOOKS_ENCODED])
@pytest.mark.parametrize("asked", [BOOKS, BOOKS_ENCODED, "Shop@BÜCHER.example"])
def test_an_internationalised_domain_has_two_forms(world: World, listed: str, asked: str) -> None:
    """Whichever the provider lists and the application writes: it is one sender."""
    account = connected_with_alias(world, listed)
    author: dict[str, Any] = {"from_": (Address(email=asked),)}
    assert send(world, account, **author).has_left
    draft = drafts.draft_of(drafts.create(world, account, **author).mail)
    assert drafts.send(world, account, draft).has_left
    assert len(received(world)) == 2
    for each in world.stored(account.id).values():
        assert each.from_[0].email in {BOOKS, BOOKS_ENCODED}
