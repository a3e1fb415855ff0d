"""Metadata of drafts that their author changes or sends elsewhere, for both providers."""

from contextlib import suppress

import pytest

from postroom.domain.account import Account, ProviderName
from postroom.domain.message import Message
from postroom.domain.sync import LEASE_LIFETIME
from tests.interruptions import Death, WritesUntilDeath, interrupted
from tests.owners import owner_of
from tests.unit.usecases.drafts import change, create, draft_of, listed, read, send, truth
from tests.unit.usecases.sends import ROSA, connected
from tests.world import World

NOTES = {"key1": "order 17"}
NEWER = {"key1": "order 18"}


@pytest.fixture
def account(world: World) -> Account:
    return connected(world)


def edit_elsewhere(world: World, subject: str) -> None:
    """Save the draft in the provider's own page."""
    (there,) = truth(world)
    owner_of(ROSA, world.simulator).edit_draft(there["id"], subject)


def only(world: World, account: Account) -> Message:
    """The one draft."""
    (found,) = listed(world, account)
    return found


def test_metadata_stays_when_its_author_goes_on_elsewhere(world: World, account: Account) -> None:
    """An order's number was lost when somebody opened the draft in Gmail and saved it."""
    draft = draft_of(create(world, account, metadata=NOTES).mail)
    world.work_off()

    for subject in ("Mais", "Menos", "Tudo"):
        edit_elsewhere(world, subject)
        if subject != "Menos":  # twice between two syncs
            world.ring(account)
            world.work_off()
            assert (only(world, account).subject, only(world, account).metadata) == (subject, NOTES)

    assert only(world, account).draft_id == draft
    assert change(world, account, draft, subject="Fim").message.metadata == NOTES
    world.assert_equal(account)


@pytest.mark.parametrize("deadly", range(1, 5))
def test_metadata_survives_a_sync_that_dies(world: World, account: Account, deadly: int) -> None:
    """Whatever it had done by then, the next one has both the draft and its metadata."""
    create(world, account, metadata=NOTES)
    world.work_off()
    edit_elsewhere(world, "Mais")
    until, messages = WritesUntilDeath(deadly), world.messages
    world.messages = until.of(messages, "put", "remove", "note")
    world.ring(account)
    with suppress(Death):
        world.work_off()
    world.messages = messages
    world.clock.advance(LEASE_LIFETIME)
    world.ring(account)
    world.work_off()

    assert (only(world, account).subject, only(world, account).metadata) == ("Mais", NOTES)


def test_a_draft_that_is_sent_keeps_its_metadata(world: World, account: Account) -> None:
    """Sent through us it is the same to the application, also after the sync."""
    draft = draft_of(create(world, account, metadata=NOTES).mail)
    sent = send(world, account, draft).mail.message
    assert world.messages.get(account.id, sent.id).metadata == NOTES
    world.work_off()
    assert world.messages.get(account.id, sent.id).metadata == NOTES


def test_a_draft_that_is_sent_elsewhere(world: World, account: Account) -> None:
    """Outlook sends the message that the draft was, Gmail another one, which nothing ties to it."""
    draft = draft_of(create(world, account, metadata=NOTES).mail)
    world.work_off()
    assert read(world, account, draft).message.metadata == NOTES
    (there,) = truth(world)
    owner_of(ROSA, world.simulator).send_draft(there["id"])
    world.ring(account)
    world.work_off()

    (sent,) = world.stored(account.id).values()
    assert not sent.is_draft
    is_the_same = account.identity.provider is ProviderName.MICROSOFT
    assert sent.metadata == (NOTES if is_the_same else {})


@pytest.mark.parametrize("newer", [NEWER, {}])
def test_what_is_noted_while_a_draft_is_changed_stays(
    world: World, account: Account, newer: dict[str, str]
) -> None:
    """Whoever changed the body wrote the metadata over it that had been read before."""
    draft = draft_of(create(world, account, metadata=NOTES).mail)
    messages = world.messages

    def somebody_notes() -> None:
        assert change(world, account, draft, metadata=newer).message.metadata == newer

    world.messages = interrupted(messages, before="put", by=somebody_notes)
    assert change(world, account, draft, body="<p>Mais</p>").message.metadata == newer
    world.messages = messages
    world.work_off()
    assert only(world, account).metadata == newer


def test_metadata_stays_when_a_sync_takes_the_old_draft_away_first(
    world: World, account: Account
) -> None:
    """It waits for the message that the draft has become."""
    draft = draft_of(create(world, account, metadata=NOTES).mail)
    messages = world.messages
    world.messages = interrupted(messages, before="put", by=lambda: world.sync(account))
    assert change(world, account, draft, subject="Mais").message.metadata == NOTES
    world.messages = messages
    world.work_off()
    assert (only(world, account).subject, only(world, account).metadata) == ("Mais", NOTES)


@pytest.mark.parametrize("newer", [NEWER, {}])
def test_what_is_noted_while_a_draft_is_sent_stays(
    world: World, account: Account, newer: dict[str, str]
) -> None:
    """The sent message has what the draft had last, not what it had when it was read."""
    draft = draft_of(create(world, account, metadata=NOTES).mail)

    def somebody_notes() -> None:
        assert change(world, account, draft, metadata=newer).message.metadata == newer

    world.outbox = interrupted(world.outbox, before="settle", by=somebody_notes)
    sent = send(world, account, draft).mail.message
    assert sent.metadata == newer
    world.work_off()
    assert world.messages.get(account.id, sent.id).metadata == newer


def test_metadata_stays_when_a_sync_sees_first_that_a_draft_was_sent(
    world: World, account: Account
) -> None:
    """It has taken the draft away before we could."""
    draft = draft_of(create(world, account, metadata=NOTES).mail)
    world.outbox = interrupted(world.outbox, before="settle", by=lambda: world.sync(account))
    sent = send(world, account, draft).mail.message
    assert sent.metadata == NOTES
    world.work_off()
    assert world.messages.get(account.id, sent.id).metadata == NOTES
