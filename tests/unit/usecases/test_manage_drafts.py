"""Drafts, made, read, listed, changed and deleted, for both providers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import Conflict, InvalidRequest, NotFound
from postroom.domain.ids import DraftId, MessageId, ProviderMessageId, message_id
from postroom.domain.message import (
    Address,
    Header,
    Message,
    MessageFilter,
    MessagePage,
    Position,
)
from postroom.usecases.manage_drafts import list_drafts
from tests.interruptions import interrupted
from tests.unit.usecases.drafts import (
    PHOTO,
    PLAN,
    answered,
    change,
    create,
    delete,
    draft_of,
    listed,
    read,
    truth,
)
from tests.unit.usecases.sends import ANA, ROSA, connected
from tests.world import MICROSOFT_ALONE, World, make_mail


@pytest.fixture
def account(world: World) -> Account:
    return connected(world)


def test_a_made_draft_is_there_and_here_at_once(world: World, account: Account) -> None:
    """With all that was given; a sync changes nothing of it."""
    made = create(
        world,
        account,
        cc=(Address(email="bea@mail.example", name="Bea"),),
        bcc=(Address(email="cai@mail.example"),),
        reply_to=(Address(email="re@mail.example"),),
        attachments=(PHOTO,),
        custom_headers=(Header(name="X-Order", value="17"),),
    ).mail

    draft = draft_of(made)
    (there,) = truth(world)
    assert there["subject"] == "Olá"
    assert [file["filename"] for file in there["attachments"]] == ["maçã.png"]
    assert [each.draft_id for each in listed(world, account)] == [draft]
    assert [each.draft_id for each in listed(world, account, from_=frozenset({ROSA}))] == [draft]
    assert [each.draft_id for each in listed(world, account, any_email=frozenset({ROSA}))] == [
        draft
    ]
    assert listed(world, account, from_=frozenset({ANA})) == []
    message = made.message
    assert [each.email for each in message.from_] == [ROSA]
    assert [each.email for each in message.to] == [ANA]
    assert [each.email for each in message.cc] == ["bea@mail.example"]
    assert [each.email for each in message.bcc] == ["cai@mail.example"]
    assert [each.email for each in message.reply_to] == ["re@mail.example"]
    assert "Olá!" in read(world, account, draft).content.html
    assert world.subjects(account.id) == []
    world.sync(account)
    assert read(world, account, draft) == made
    world.assert_equal(account)


def test_a_draft_may_be_empty(world: World, account: Account) -> None:
    """Nobody to send it to, no subject, no body: it is a beginning."""
    made = create(world, account, to=(), subject="", body="").mail
    assert made.message.to == ()
    assert [each.draft_id for each in listed(world, account)] == [made.message.draft_id]


def test_a_star_is_kept_through_changes(world: World, account: Account) -> None:
    """Given when it is made, kept when something else changes, taken away when it is told."""
    made = create(world, account, starred=True).mail
    draft = draft_of(made)
    assert made.message.starred

    assert change(world, account, draft, subject="Mais").message.starred
    (there,) = truth(world)
    assert there["starred"]
    assert [each.draft_id for each in listed(world, account, starred=True)] == [draft]
    assert not change(world, account, draft, starred=False).message.starred
    assert change(world, account, draft, starred=True).message.starred
    world.sync(account)
    assert read(world, account, draft).message.starred


def test_what_is_not_named_stays(world: World, account: Account) -> None:
    """Files, people, headers, Message-ID and body stay when the subject changes, and so on."""
    made = create(
        world,
        account,
        cc=(Address(email="bea@mail.example"),),
        bcc=(Address(email="cai@mail.example"),),
        attachments=(PLAN, PHOTO),
        custom_headers=(Header(name="X-Order", value="17"),),
    ).mail
    draft = draft_of(made)

    changed = change(world, account, draft, subject="Até já")

    assert draft_of(changed) == draft
    assert changed.message.subject == "Até já"
    assert changed.message.internet_message_id == made.message.internet_message_id
    for part in ("to", "cc", "bcc"):
        assert getattr(changed.message, part) == getattr(made.message, part)
    assert [f.filename for f in changed.message.attachments] == ["plan.pdf", "maçã.png"]
    assert changed.content.html == made.content.html
    with world.mailboxes.open(account) as mailbox:
        assert b"X-Order: 17" in mailbox.raw(changed.message.provider_id)

    again = change(world, account, draft, body="<p>Até já!</p>", to=(Address(email=ROSA),))
    assert [f.filename for f in again.message.attachments] == ["plan.pdf", "maçã.png"]
    assert "Até já!" in again.content.html
    assert [each.email for each in again.message.to] == [ROSA]
    assert again.message.subject == "Até já"
    assert [each.draft_id for each in listed(world, account)] == [draft]
    world.sync(account)
    world.assert_equal(account)
    assert len(truth(world)) == 1


def test_given_lists_replace(world: World, account: Account) -> None:
    """Files and people; an empty list takes them all away, an empty text the text."""
    draft = draft_of(
        create(world, account, cc=(Address(email="bea@mail.example"),), attachments=(PLAN,)).mail
    )

    other = change(world, account, draft, attachments=(PHOTO,), cc=())
    assert [file.filename for file in other.message.attachments] == ["maçã.png"]
    assert other.message.cc == ()
    assert "Olá!" in other.content.html

    none = change(world, account, draft, attachments=(), subject="", to=())
    assert none.message.attachments == ()
    assert (none.message.subject, none.message.to) == ("", ())
    (there,) = truth(world)
    assert there["attachments"] == []


def test_a_files_bytes_survive_a_change(world: World, account: Account) -> None:
    """What was attached is what is attached, to the byte, whatever else is written."""
    draft = draft_of(create(world, account, attachments=(PHOTO,)).mail)
    changed = change(world, account, draft, body="<p>Outra coisa</p>").message
    (file,) = changed.attachments
    with world.mailboxes.open(account) as mailbox:
        assert mailbox.attachment(changed, file.part_id) == PHOTO.content


def test_a_plain_text_draft_is_one(world: World, account: Account) -> None:
    """And stays one when its subject or its files change."""
    draft = draft_of(create(world, account, body="Olá,\nAna", is_plaintext=True).mail)
    changed = change(world, account, draft, subject="Mais", attachments=(PLAN,))
    assert changed.content.html == ""
    assert changed.content.text.strip() == "Olá,\nAna"
    html = change(world, account, draft, body="<b>Olá</b>")
    assert "<b>Olá</b>" in html.content.html


def test_a_reply_is_drafted_in_its_conversation(world: World, account: Account) -> None:
    """It stays there when it changes; into another one it cannot be moved."""
    question = world.simulator.deliver(
        ROSA, make_mail(to=ROSA, subject="Quando?", Message_ID="<q@elsewhere.example>")
    )
    other = world.simulator.deliver(ROSA, make_mail(to=ROSA, subject="Outra"))
    world.sync(account)
    asked = answered(world, account, question)
    made = create(world, account, subject="Re: Quando?", reply_to_message_id=asked).mail
    draft = draft_of(made)
    thread = world.message(account.id, question).thread_id
    assert made.message.thread_id == thread

    changed = change(
        world, account, draft, body="<p>Amanhã.</p>", reply_to_message_id=asked
    ).message

    assert changed.thread_id == thread
    assert [each.draft_id for each in listed(world, account, thread_id=thread)] == [draft]
    with pytest.raises(InvalidRequest) as elsewhere:
        change(
            world,
            account,
            draft,
            reply_to_message_id=answered(world, account, other),
        )
    assert elsewhere.value.field == "reply_to_message_id"
    with pytest.raises(InvalidRequest):
        change(world, account, draft, reply_to_message_id=MessageId("nowhere"))


def test_a_stranger_is_no_author(world: World, account: Account) -> None:
    """Neither of a new draft nor of a changed one."""
    stranger = (Address(email="boss@elsewhere.example"),)
    with pytest.raises(InvalidRequest) as refused:
        create(world, account, from_=stranger)
    assert refused.value.field == "from"
    assert truth(world) == []
    draft = draft_of(create(world, account).mail)
    with pytest.raises(InvalidRequest):
        change(world, account, draft, from_=stranger)
    named = change(world, account, draft, from_=(Address(email=ROSA, name="Rosa M."),))
    assert [each.email for each in named.message.from_] == [ROSA]


def _saved(world: World, account: Account, old: Message, *, subject: str = "Mais") -> Message:
    """Store the next state of a draft, another message, while the old one is stored still."""
    provider_id = ProviderMessageId(f"next-{old.provider_id}")
    new = replace(
        old,
        id=message_id(account.id, provider_id),
        provider_id=provider_id,
        version=old.version + 1,
        received_at=old.received_at + timedelta(minutes=1),
        subject=subject,
    )
    world.messages.put([new])
    return new


def _page(
    world: World, account: Account, *, after: Position | None = None, **wanted: Any
) -> MessagePage[Position]:
    """One page with one draft."""
    return list_drafts(
        account=account,
        wanted=MessageFilter(**wanted),
        limit=1,
        after=after,
        with_content=True,
        messages=world.messages,
        contents=world.contents,
    )


def test_a_filter_finds_no_older_state_of_a_draft(world: World, account: Account) -> None:
    """While a draft is being saved both are stored: a search for the old subject showed it."""
    old = create(world, account, subject="Antes").mail.message
    new = _saved(world, account, old, subject="Depois")

    assert listed(world, account, subject="antes") == []
    assert [each.id for each in listed(world, account, subject="depois")] == [new.id]
    assert [each.id for each in listed(world, account)] == [new.id]
    assert [each.id for each in listed(world, account, starred=False)] == [new.id]


def test_no_later_page_shows_a_draft_again(world: World, account: Account) -> None:
    """Nor one that is between its two states in the list."""
    old = create(world, account, subject="Antes").mail.message
    world.clock.advance(timedelta(seconds=30))
    other = create(world, account, subject="Outro").mail.message
    new = _saved(world, account, old)

    shown: list[MessageId] = []
    after: Position | None = None
    while True:
        page = _page(world, account, after=after)
        shown += [message.id for message in page.messages]
        after = page.next_position
        if after is None:
            break

    assert shown == [new.id, other.id]


def test_a_draft_is_listed_while_its_newest_state_is_on_its_way_there(
    world: World, account: Account
) -> None:
    """It is stored after the list was read; the older one tells that it is there."""
    old = create(world, account).mail.message
    messages, new = world.messages, list[Message]()

    def save() -> None:
        world.messages = messages
        new.append(_saved(world, account, old))

    world.messages = interrupted(messages, before="get_many", by=save)
    page = _page(world, account, unread=False)

    assert [each.id for each in page.messages] == [new[0].id]
    assert page.next_position is None


@pytest.mark.parametrize("call", ["get", "get_many"])
def test_a_draft_is_found_while_it_is_saved(world: World, account: Account, call: str) -> None:
    """Its message was replaced between two reads, and the draft was not found."""
    made = create(world, account).mail
    old, draft = made.message, draft_of(made)
    messages = world.messages

    def save() -> None:
        world.messages = messages
        _saved(world, account, old, subject="Depois")
        messages.remove(account.id, old.id, None)

    world.messages = interrupted(messages, before=call, by=save)
    assert read(world, account, draft).message.subject == "Depois"


@MICROSOFT_ALONE
def test_headers_of_an_outlook_draft_stay_as_they_were_made(world: World, account: Account) -> None:
    """Outlook takes them only then; the same ones again are no change."""
    order = (Header(name="X-Order", value="17"),)
    draft = draft_of(create(world, account, custom_headers=order).mail)
    assert change(world, account, draft, subject="Mais", custom_headers=order)
    with pytest.raises(InvalidRequest) as refused:
        change(world, account, draft, custom_headers=(Header(name="X-Order", value="18"),))
    assert refused.value.field == "custom_headers"


def test_a_deleted_draft_is_gone(world: World, account: Account) -> None:
    """Here and there; its id is unknown, also after a sync."""
    draft = draft_of(create(world, account).mail)
    kept = draft_of(create(world, account, subject="Outra").mail)

    delete(world, account, draft)

    assert [each["subject"] for each in truth(world)] == ["Outra"]
    for _ in range(2):
        assert [each.draft_id for each in listed(world, account)] == [kept]
        with pytest.raises(NotFound):
            read(world, account, draft)
        world.work_off()
    with pytest.raises(NotFound):
        delete(world, account, draft)
    world.assert_equal(account)


@pytest.mark.parametrize("unknown", ["nowhere", "x" * 3000, "ü"])
def test_an_unknown_draft_is_not_found(world: World, account: Account, unknown: str) -> None:
    """Whatever its id looks like, and the id of a message is none."""
    for do in (read, delete, change):
        with pytest.raises(NotFound):
            do(world, account, DraftId(unknown))
    message = world.simulator.deliver(ROSA)
    world.sync(account)
    with pytest.raises(NotFound):
        read(world, account, DraftId(world.message(account.id, message).id))


def test_the_same_key_makes_one_draft(world: World, account: Account) -> None:
    """And answers it as it is now; another body is a conflict; so is a draft that is gone."""
    first = create(world, account, "order-17", attachments=(PLAN,))
    draft = draft_of(first.mail)
    change(world, account, draft, subject="Mais")

    again = create(world, account, "order-17", attachments=(PLAN,))

    assert (first.replayed, again.replayed) == (False, True)
    assert (draft_of(again.mail), again.mail.message.subject) == (draft, "Mais")
    assert len(truth(world)) == 1
    with pytest.raises(Conflict):
        create(world, account, "order-17", attachments=(PHOTO,))
    with pytest.raises(Conflict):
        create(world, account, "order-17", starred=True, attachments=(PLAN,))
    delete(world, account, draft)
    with pytest.raises(Conflict):
        create(world, account, "order-17", attachments=(PLAN,))
    assert truth(world) == []


def test_without_a_key_each_request_makes_a_draft(world: World, account: Account) -> None:
    """Two of the same are two."""
    create(world, account)
    create(world, account)
    assert len(truth(world)) == len(listed(world, account)) == 2


def test_metadata_goes_along(world: World, account: Account) -> None:
    """Noted when it is made, kept when the provider replaces the message, replaced when given."""
    made = create(world, account, metadata={"key1": "order 17"}).mail
    assert made.message.metadata == {"key1": "order 17"}
    draft = draft_of(made)
    assert change(world, account, draft, subject="Mais").message.metadata == {"key1": "order 17"}
    assert change(world, account, draft, metadata={"key2": "x"}).message.metadata == {"key2": "x"}
    found = listed(world, account, metadata=frozenset({("key2", "x")}))
    assert [each.draft_id for each in found] == [draft]
