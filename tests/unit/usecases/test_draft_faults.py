"""Drafts under faults: lost answers, busy providers, functions that die, other clients at work."""

import contextlib
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from postroom.domain.account import Account, ProviderName
from postroom.domain.draft import CREATION_CLAIM_LIFETIME
from postroom.domain.errors import BudgetSpent, Conflict, NotFound, Retryable, Throttled
from postroom.domain.ids import AccountId, DraftId, MessageId, creation_id
from postroom.domain.message import Address, MessageContent
from postroom.domain.outgoing import OutgoingAttachment
from postroom.providers.registry import ConfiguredProviders
from postroom.usecases.disconnect_account import disconnect_account
from tests.fakes import InMemoryContentStore
from tests.interruptions import Death, WritesUntilDeath, accompanied
from tests.owners import owner_of
from tests.unit.usecases.drafts import (
    PHOTO,
    PLAN,
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
from tests.world import GOOGLE_ALONE, MICROSOFT_ALONE, World, make_mail

MAKING = {"google": "/drafts$", "microsoft": "/messages$"}
WRITING = {"google": ("PUT", "/drafts/"), "microsoft": ("PATCH", "/messages/[^/]+$")}


@pytest.fixture
def account(world: World) -> Account:
    return connected(world)


def _fail_making(world: World, **fault: Any) -> None:
    path = MAKING[world.provider.value]
    world.simulator.fail({"path": path, "method": "POST", "times": 1, **fault})


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 500}, {"status": 504}])
def test_a_lost_answer_makes_no_second_draft(
    world: World, account: Account, fault: dict[str, Any]
) -> None:
    """It is there: found at once or when the same key asks again, and it is the only one."""
    _fail_making(world, after_effect=True, **fault)
    with contextlib.suppress(Retryable):
        create(world, account, "order-17", attachments=(PLAN, PHOTO))

    mail = create(world, account, "order-17", attachments=(PLAN, PHOTO)).mail

    (there,) = truth(world)
    assert [file["filename"] for file in there["attachments"]] == ["plan.pdf", "maçã.png"]
    assert len(mail.message.attachments) == 2
    world.sync(account)
    assert [each.draft_id for each in listed(world, account)] == [draft_of(mail)]
    world.assert_equal(account)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_provider_has_made_nothing(world: World, account: Account, status: int) -> None:
    """The same key may be used again, and makes one."""
    _fail_making(world, status=status, headers={"Retry-After": "3"})
    with pytest.raises(Retryable):
        create(world, account, "order-17")
    assert truth(world) == []
    world.clock.advance(timedelta(seconds=4))
    create(world, account, "order-17")
    assert len(truth(world)) == 1


@pytest.mark.parametrize("deadly", range(1, 6))
def test_a_function_that_dies_makes_one_draft(world: World, account: Account, deadly: int) -> None:
    """Whatever it had written: the same key finds the draft, or makes it, whole."""
    until = WritesUntilDeath(deadly)
    creations, messages = world.creations, world.messages
    world.creations = until.of(creations, "claim", "finish")
    world.messages = until.of(messages, "put", "note")
    with contextlib.suppress(Death):
        create(world, account, "order-17", attachments=(PLAN,), metadata={"key1": "17"})
    world.creations, world.messages = creations, messages

    world.clock.advance(CREATION_CLAIM_LIFETIME)
    mail = create(world, account, "order-17", attachments=(PLAN,), metadata={"key1": "17"}).mail

    (there,) = truth(world)
    assert [file["filename"] for file in there["attachments"]] == ["plan.pdf"]
    assert [each.draft_id for each in listed(world, account)] == [draft_of(mail)]


@MICROSOFT_ALONE
def test_a_draft_that_was_left_without_its_files_gets_them(world: World, account: Account) -> None:
    """Whoever made it died between the text and the files."""
    world.simulator.fail({"path": "/attachments$", "method": "POST", "drop": True, "times": 1})
    world.simulator.fail({"path": "/permanentDelete$", "drop": True, "times": 1})
    with pytest.raises(Retryable):
        create(world, account, "order-17", attachments=(PLAN, PHOTO))
    assert [each["attachments"] for each in truth(world)] == [[]]

    mail = create(world, account, "order-17", attachments=(PLAN, PHOTO)).mail

    assert [each.filename for each in mail.message.attachments] == ["plan.pdf", "maçã.png"]
    assert len(truth(world)) == 1


def test_a_key_at_work_is_a_conflict(world: World, account: Account) -> None:
    """For as long as somebody may be making the draft."""
    until = WritesUntilDeath(1)
    creations = world.creations
    world.creations = until.of(creations, "finish")
    with contextlib.suppress(Death):
        create(world, account, "order-17")
    world.creations = creations
    with pytest.raises(Conflict):
        create(world, account, "order-17")


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 500}])
def test_a_change_whose_answer_is_lost_is_made(
    world: World, account: Account, fault: dict[str, Any]
) -> None:
    """Writing it once more does no harm; there is one draft, with one of each file."""
    draft = draft_of(create(world, account, attachments=(PLAN,)).mail)
    method, path = WRITING[world.provider.value]
    for times in (1, 9):
        world.simulator.control("DELETE", "faults")
        world.simulator.fail(
            {"path": path, "method": method, "after_effect": True, "times": times, **fault}
        )
        with contextlib.suppress(Retryable):
            change(world, account, draft, subject=f"Nº {times}", attachments=(PHOTO,))
    world.simulator.control("DELETE", "faults")

    mail = change(world, account, draft, subject="Nº 9", attachments=(PHOTO,))

    assert mail.message.subject == "Nº 9"
    assert [each.filename for each in mail.message.attachments] == ["maçã.png"]
    (there,) = truth(world)
    assert there["subject"] == "Nº 9"
    world.sync(account)
    assert [each.draft_id for each in listed(world, account)] == [draft]
    world.assert_equal(account)


@MICROSOFT_ALONE
def test_files_are_never_lost_by_half_a_change(world: World, account: Account) -> None:
    """New ones come before old ones go: what breaks off in between leaves too many, not too few."""
    draft = draft_of(create(world, account, attachments=(PLAN,)).mail)
    world.simulator.fail({"path": "/attachments/", "method": "DELETE", "drop": True, "times": 1})
    with pytest.raises(Retryable):
        change(world, account, draft, attachments=(PHOTO,))
    (there,) = truth(world)
    assert {file["filename"] for file in there["attachments"]} == {"plan.pdf", "maçã.png"}
    mail = change(world, account, draft, attachments=(PHOTO,))
    assert [each.filename for each in mail.message.attachments] == ["maçã.png"]


def test_a_provider_that_wants_a_pause_gets_it(world: World, account: Account) -> None:
    """A change that is refused changes nothing, and the next calls wait."""
    draft = draft_of(create(world, account).mail)
    method, path = WRITING[world.provider.value]
    world.simulator.fail(
        {"path": path, "method": method, "status": 429, "headers": {"Retry-After": "9"}, "times": 1}
    )
    with pytest.raises(Throttled):
        change(world, account, draft, subject="Mais")
    assert read(world, account, draft).message.subject == "Olá"
    with pytest.raises((Throttled, BudgetSpent)):
        change(world, account, draft, subject="Mais")
    world.clock.advance(timedelta(seconds=10))
    assert change(world, account, draft, subject="Mais").message.subject == "Mais"


def test_a_large_draft_is_kept_whole(world: World, account: Account) -> None:
    """Beyond what one call takes: uploaded when it is made, and when it changes."""
    film = OutgoingAttachment(
        filename="film.mp4", content_type="video/mp4", content=bytes(range(256)) * 14_000
    )
    draft = draft_of(create(world, account, attachments=(film,)).mail)
    changed = change(world, account, draft, subject="Filme").message
    (file,) = changed.attachments
    with world.mailboxes.open(account) as mailbox:
        assert mailbox.attachment(changed, file.part_id) == film.content


# ── Other clients at work ────────────────────────────────────────────────────────────────────


def _begun_elsewhere(world: World, account: Account) -> DraftId:
    mail = make_mail(to=ANA, subject="Rascunho 0", sender=ROSA, Message_ID="<d@elsewhere.example>")
    world.simulator.deliver(ROSA, mail, folder="drafts", unread=False)
    world.sync(account)
    (found,) = listed(world, account)
    assert found.draft_id is not None
    return found.draft_id


def _autosave(world: World, number: int) -> None:
    """Save the one draft as another client does, a second later."""
    (there,) = truth(world)
    world.clock.advance(timedelta(seconds=1))
    owner_of(ROSA, world.simulator).edit_draft(there["id"], f"Rascunho {number}")


class _Interrupting(httpx.BaseTransport):
    """Lets something happen right after a message was fetched (which is `telling`), once a time."""

    def __init__(self, world: World, telling: bytes = b"") -> None:
        self._transport = world.simulator.transport
        self._telling = telling
        self._happening: list[Callable[[], None]] = []
        world.providers = ConfiguredProviders(
            configs=world.configs,
            client_secrets=world.client_secrets,
            clock=world.clock,
            simulator_urls=dict.fromkeys(ProviderName, "http://simulator"),
            transport=self,
        )

    def then(self, happen: Callable[[], None]) -> None:
        """Let this happen after the next fetch."""
        self._happening = [happen]

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a call, and let happen what waits."""
        answer = self._transport.handle_request(request)
        is_fetch = re.search(r"/batch|/\$batch|/delta", request.url.path)
        if is_fetch and self._telling in answer.read():
            # Folders are asked for side by side: only one of the calls takes it.
            try:
                happen = self._happening.pop()
            except IndexError:
                return answer
            happen()
        return answer


def test_an_autosave_storm_is_one_draft(world: World) -> None:
    """Saved every second, with pushes, syncs in between and late ones: one draft, one id."""
    world.turn_pushes_on()
    account = connected(world)
    draft = _begun_elsewhere(world, account)
    pushes = 0
    for number in range(1, 31):
        _autosave(world, number)
        if number % 3 == 0:
            pushes += world.receive_pushes()
        if number % 7 == 0:
            world.work_off()
            assert [each.draft_id for each in listed(world, account)] == [draft]
    assert pushes > 0
    world.work_off()

    (found,) = listed(world, account)
    assert (found.draft_id, found.subject) == (draft, "Rascunho 30")
    world.assert_equal(account)


def test_an_autosave_between_two_calls_is_no_ghost(world: World, account: Account) -> None:
    """What was fetched is replaced before its draft is looked up, or its files are listed.

    At worst it is not here until the next sync, which the same save has asked for.
    """
    draft = _begun_elsewhere(world, account)
    interrupting = _Interrupting(world)
    for number in range(1, 6):
        _autosave(world, number)
        interrupting.then(partial(_autosave, world, number + 100))
        world.sync(account)
        assert {each.draft_id for each in listed(world, account)} <= {draft}
        assert len(listed(world, account)) <= 1
    world.sync(account)
    world.work_off()
    (found,) = listed(world, account)
    assert (found.draft_id, found.subject) == (draft, "Rascunho 105")
    world.assert_equal(account)


def test_a_draft_is_there_while_another_client_saves_it(world: World, account: Account) -> None:
    """Gmail deletes its message and adds another one: in between there was no draft."""
    draft, seen = _begun_elsewhere(world, account), list[list[DraftId | None]]()
    interrupting = _Interrupting(world)
    for number in range(1, 4):
        _autosave(world, number)
        interrupting.then(lambda: seen.append([each.draft_id for each in listed(world, account)]))
        world.sync(account)
    assert seen == [[draft]] * 3
    assert [each.subject for each in listed(world, account)] == ["Rascunho 3"]


class _WhatIsWritten(InMemoryContentStore):
    """Contents, and the bodies that were written, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[str] = []

    def put_many(self, account_id: AccountId, contents: Mapping[MessageId, MessageContent]) -> None:
        """Keep contents."""
        self.bodies += [content.html for content in contents.values()]
        super().put_many(account_id, contents)


@MICROSOFT_ALONE
def test_a_draft_is_never_read_as_it_was_before_its_author_saved_it(
    world: World, account: Account
) -> None:
    """A sync had the former text in hand: the console showed it again, and saved it so."""
    # Given a sync that has fetched the draft, and its author, who writes on before that is stored
    world.contents = contents = _WhatIsWritten()
    draft = draft_of(create(world, account, body="<p>Yours</p>").mail)
    world.work_off()
    interrupting = _Interrupting(world, telling=b"Yours")
    owner_of(ROSA, world.simulator).edit_draft(truth(world)[0]["id"], "Rascunho")

    def write_on() -> None:
        world.clock.advance(timedelta(seconds=1))
        change(world, account, draft, body="<p>Yours truly</p>")

    interrupting.then(write_on)
    contents.bodies.clear()
    # When
    world.sync(account)
    world.work_off()
    # Then
    first = next(at for at, body in enumerate(contents.bodies) if "truly" in body)
    assert all("truly" in body for body in contents.bodies[first:])
    assert "truly" in read(world, account, draft).content.html


@GOOGLE_ALONE
@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429, "times": 1}])
def test_a_draft_stays_until_its_next_message_is_fetched(
    world: World, account: Account, fault: dict[str, Any]
) -> None:
    """Gmail could not tell of the new message for some minutes, and the old one was deleted."""
    draft = _begun_elsewhere(world, account)
    _autosave(world, 1)
    world.simulator.fail({"path": "/drafts$", "method": "GET", "times": 3, **fault})
    world.sync(account)
    assert [each.draft_id for each in listed(world, account)] == [draft]
    world.clock.advance(timedelta(minutes=10))
    world.sync(account)
    world.work_off()
    assert [each.subject for each in listed(world, account)] == ["Rascunho 1"]
    world.assert_equal(account)


@GOOGLE_ALONE
def test_a_draft_that_is_sent_goes_when_its_message_has_come(
    world: World, account: Account
) -> None:
    """A conversation that was nothing but the draft was gone while Gmail was asked for the mail."""
    draft, seen = draft_of(create(world, account).mail), list[list[DraftId | None]]()
    world.contents = accompanied(
        world.contents,
        "put_many",
        by=lambda: seen.append([each.draft_id for each in listed(world, account)]),
    )
    sent = send(world, account, draft).mail.message
    assert seen == [[draft]]
    assert listed(world, account) == []
    assert world.messages.get(account.id, sent.id).subject == "Olá"


def test_our_change_and_an_autosave_end_as_one_draft(world: World, account: Account) -> None:
    """Whoever writes last is what stands, with the other's parts kept where both allow it."""
    draft = _begun_elsewhere(world, account)
    for number in range(1, 8):
        _autosave(world, number)
        change(world, account, draft, cc=(Address(email=f"cc{number}@mail.example"),))
        if number % 2:
            world.work_off()
    world.work_off()
    (found,) = listed(world, account)
    assert (found.draft_id, found.subject) == (draft, "Rascunho 7")
    assert [each.email for each in found.cc] == ["cc7@mail.example"]
    assert len(truth(world)) == 1
    world.assert_equal(account)


def test_a_draft_that_is_autosaved_is_sent_and_deleted_by_its_id(
    world: World, account: Account
) -> None:
    """Although we know only an older state of it."""
    draft = _begun_elsewhere(world, account)
    for number in range(1, 4):
        _autosave(world, number)
    send(world, account, draft)
    assert [each["subject"] for each in received(world)] == ["Rascunho 3"]
    world.work_off()
    other = _begun_elsewhere(world, account)
    assert other != draft
    _autosave(world, 9)
    delete(world, account, other)
    world.work_off()
    assert (truth(world), listed(world, account)) == ([], [])
    world.assert_equal(account)


def test_a_draft_that_is_deleted_elsewhere_is_gone(world: World, account: Account) -> None:
    """Before a sync, whoever changes it is told; after it, it is not listed."""
    draft = draft_of(create(world, account).mail)
    (there,) = truth(world)
    world.simulator.change(ROSA, {"op": "delete", "id": there["id"]})
    with pytest.raises(NotFound):
        change(world, account, draft, subject="Mais")
    world.work_off()
    assert listed(world, account) == []
    world.assert_equal(account)


def test_a_draft_in_the_trash_is_none(world: World, account: Account) -> None:
    """Until its owner takes it out again; then it has its old id."""
    draft = draft_of(create(world, account).mail)
    (there,) = truth(world)
    world.simulator.change(ROSA, {"op": "trash", "id": there["id"]})
    world.sync(account)
    world.work_off()
    assert listed(world, account) == []
    with pytest.raises(NotFound):
        read(world, account, draft)
    back = {"google": "unlabel", "microsoft": "move"}[world.provider.value]
    where = {"google": "TRASH", "microsoft": "drafts"}[world.provider.value]
    world.simulator.change(ROSA, {"op": back, "id": there["id"], "folder": where})
    world.sync(account)
    world.work_off()
    assert [each.draft_id for each in listed(world, account)] == [draft]
    world.assert_equal(account)


@GOOGLE_ALONE
def test_the_list_of_drafts_is_asked_for_once_a_fetch(world: World, account: Account) -> None:
    """Whatever the number of drafts in it; and not at all when there is none."""
    for number in range(7):
        mail = make_mail(to=ANA, subject=f"{number}", sender=ROSA)
        world.simulator.deliver(ROSA, mail, folder="drafts", unread=False)
    before = world.simulator.calls_made().get("drafts.list", 0)
    world.sync(account)
    assert world.simulator.calls_made()["drafts.list"] == before + 1
    assert len({each.draft_id for each in listed(world, account)}) == 7
    world.simulator.deliver(ROSA)
    world.sync(account)
    assert world.simulator.calls_made()["drafts.list"] == before + 1


@GOOGLE_ALONE
@pytest.mark.parametrize("fault", [{"status": 503}, {"drop": True}, {"status": 429, "times": 1}])
def test_drafts_whose_list_cannot_be_read_are_fetched_later(
    world: World, account: Account, fault: dict[str, Any]
) -> None:
    """No half of a draft is stored; other mail of the same fetch is."""
    mail = make_mail(to=ANA, subject="Rascunho", sender=ROSA)
    world.simulator.deliver(ROSA, mail, folder="drafts", unread=False)
    world.simulator.deliver(ROSA)
    world.simulator.fail({"path": "/drafts$", "method": "GET", "times": 3, **fault})
    world.sync(account)
    assert world.subjects(account.id) == ["Hello"]
    assert listed(world, account) == []
    world.clock.advance(timedelta(minutes=10))
    world.sync(account)
    world.work_off()
    assert [each.subject for each in listed(world, account)] == ["Rascunho"]
    world.assert_equal(account)


def test_a_removed_account_leaves_no_key_behind(world: World, account: Account) -> None:
    """What was made under which key is erased with all the rest."""
    create(world, account, "order-17")
    disconnect_account(account=account, tools=world.tools)
    world.work_off()
    with pytest.raises(NotFound):
        world.creations.get(account.id, creation_id(account.id, "order-17"))
