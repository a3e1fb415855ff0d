"""An application's metadata of a message, in memory and in the table."""

from dataclasses import replace
from datetime import timedelta

import pytest

from postroom.domain.errors import NotFound
from postroom.ports import MessageStore
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.messages import DynamoMessageStore
from postroom.storage.dynamodb.metadata import METADATA_WAITS
from postroom.storage.dynamodb.table import Table
from tests.builders import ACCOUNT_ID, OTHER_ACCOUNT_ID, make_message
from tests.fakes import FixedClock, InMemoryMessageStore

NOTES = {"key1": "Vorgang 17/Ä", "internal": ""}


@pytest.fixture(params=["memory", "dynamodb"])
def messages(request: pytest.FixtureRequest, clock: FixedClock) -> MessageStore:
    if request.param == "memory":
        return InMemoryMessageStore(clock)
    return DynamoMessageStore(request.getfixturevalue("table"), clock)


def test_metadata_comes_with_its_message(messages: MessageStore) -> None:
    """It is read with the message, one alone or many, and replaced as a whole."""
    message = make_message()
    messages.put([message, make_message(number=2)])

    messages.note(ACCOUNT_ID, message.id, NOTES)

    noted = replace(message, metadata=NOTES)
    assert messages.get(ACCOUNT_ID, message.id) == noted
    found = messages.get_many(ACCOUNT_ID, [message.id, make_message(number=2).id])
    assert found == {message.id: noted, make_message(number=2).id: make_message(number=2)}
    messages.note(ACCOUNT_ID, message.id, {"key2": "other"})
    assert messages.get(ACCOUNT_ID, message.id).metadata == {"key2": "other"}
    messages.note(ACCOUNT_ID, message.id, {})
    assert messages.get(ACCOUNT_ID, message.id) == message


def test_no_put_changes_metadata(messages: MessageStore) -> None:
    """Neither the same version again nor a newer one, not even one that was read before."""
    message = make_message()
    messages.put([message])
    messages.note(ACCOUNT_ID, message.id, NOTES)
    read = messages.get(ACCOUNT_ID, message.id)
    messages.note(ACCOUNT_ID, message.id, {"key1": "newer"})

    messages.put([message])
    messages.put([replace(read, version=message.version + 1, unread=False)])

    stored = messages.get(ACCOUNT_ID, message.id)
    assert (stored.metadata, stored.unread) == ({"key1": "newer"}, False)


def test_metadata_may_come_before_its_message(messages: MessageStore) -> None:
    """What is noted of a send waits for the message to be stored, and is no message itself."""
    message = make_message()
    messages.note(ACCOUNT_ID, message.id, {"key1": "first"})
    messages.note(ACCOUNT_ID, message.id, NOTES)

    with pytest.raises(NotFound):
        messages.get(ACCOUNT_ID, message.id)
    assert messages.get_many(ACCOUNT_ID, [message.id]) == {}
    assert not messages.remove(ACCOUNT_ID, message.id, None)
    (outcome,) = messages.put([message])

    assert outcome.is_new
    assert messages.get(ACCOUNT_ID, message.id) == replace(message, metadata=NOTES)
    assert messages.get_many(OTHER_ACCOUNT_ID, [message.id]) == {}


def test_metadata_ends_with_its_message(messages: MessageStore) -> None:
    """A message that comes back has none, nor has one that is noted after its end."""
    message = make_message()
    messages.put([message])
    messages.note(ACCOUNT_ID, message.id, NOTES)
    messages.remove(ACCOUNT_ID, message.id, None)

    messages.note(ACCOUNT_ID, message.id, NOTES)
    messages.put([message], revive=True)

    assert messages.get(ACCOUNT_ID, message.id) == message


def test_an_end_that_comes_first_takes_what_was_noted(messages: MessageStore) -> None:
    """Nothing waits for a message that is known to have ended."""
    message = make_message()
    messages.note(ACCOUNT_ID, message.id, NOTES)
    messages.remove(ACCOUNT_ID, message.id, message.version)

    messages.put([message], revive=True)

    assert messages.get(ACCOUNT_ID, message.id) == message


def test_erasing_takes_metadata_too(messages: MessageStore) -> None:
    """An account's mail that is stored again later has nothing of before."""
    message = make_message()
    messages.put([message])
    messages.note(ACCOUNT_ID, message.id, NOTES)
    assert messages.erase(ACCOUNT_ID, limit=10) == [message.id]

    messages.put([message])

    assert messages.get(ACCOUNT_ID, message.id) == message


def test_what_waits_in_vain_vanishes(table: Table, clock: FixedClock) -> None:
    """TTL takes it; from a row whose message has come it takes nothing."""
    messages, message = DynamoMessageStore(table, clock), make_message()
    messages.note(ACCOUNT_ID, message.id, NOTES)
    waiting = table.get(keys.message(ACCOUNT_ID, message.id))
    messages.put([message])
    stored = table.get(keys.message(ACCOUNT_ID, message.id))

    assert waiting is not None
    assert stored is not None
    latest = clock.now() + METADATA_WAITS + timedelta(seconds=2)
    assert clock.now().timestamp() < waiting["expires_at"] <= latest.timestamp()
    assert "expires_at" not in stored
