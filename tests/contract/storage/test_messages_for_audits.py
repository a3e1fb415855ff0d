"""What an audit asks of MessageStore, in memory and in the table."""

from dataclasses import replace
from datetime import timedelta

from postroom.domain.message import ALL_MAIL, UNREAD, Position, View
from postroom.ports import MessageStore
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.messages import DynamoMessageStore
from postroom.storage.dynamodb.table import Table
from tests.builders import ACCOUNT_ID, NOW, OTHER_ACCOUNT_ID, make_message
from tests.contract.storage.test_messages import INBOX, LOST, NEW, listed, messages
from tests.fakes import FixedClock

__all__ = ["messages"]


def test_views_are_counted(messages: MessageStore) -> None:
    """Each view by itself, and no other account's."""
    messages.put([make_message(number=number, unread=number < 3) for number in range(1, 8)])
    messages.put([make_message(account_id=OTHER_ACCOUNT_ID)])

    assert messages.count(ACCOUNT_ID, ALL_MAIL) == 7
    assert messages.count(ACCOUNT_ID, INBOX) == 7
    assert messages.count(ACCOUNT_ID, UNREAD) == 2
    assert messages.count(ACCOUNT_ID, View("nothing")) == 0
    assert messages.count(ACCOUNT_ID, View("x" * 3000)) == 0


def test_a_view_of_many_pages_is_counted_to_its_end(table: Table, clock: FixedClock) -> None:
    """DynamoDB counts a megabyte at a time."""
    place = Position(received_at=NOW, message_id=make_message().id)
    row = {"padding": "x" * 60_000}
    table.write_batch(
        {
            keys.location(
                ACCOUNT_ID, INBOX, replace(place, received_at=NOW + timedelta(days=n))
            ): row
            for n in range(40)
        }
    )
    assert DynamoMessageStore(table, clock).count(ACCOUNT_ID, INBOX) == 40


def test_messages_without_their_place_are_found(messages: MessageStore) -> None:
    """A message that a view should list and does not, told from one that it lists."""
    there, elsewhere = make_message(), make_message(number=2, folders=())
    messages.put([there, elsewhere])

    assert list(messages.unplaced(INBOX, [there, elsewhere])) == [elsewhere]
    assert list(messages.unplaced(ALL_MAIL, [there, elsewhere])) == []
    assert list(messages.unplaced(ALL_MAIL, [])) == []


def test_an_end_that_was_none_lapses(messages: MessageStore, clock: FixedClock) -> None:
    """A message that was removed by mistake can be put again, in the version that it has."""
    message = make_message()
    messages.put([message])
    messages.remove(ACCOUNT_ID, message.id, None)
    clock.advance(timedelta(minutes=2))
    assert messages.put([message]) == [LOST]

    messages.let_ends_lapse(ACCOUNT_ID, [message.id], noted_before=clock.now())

    assert messages.put([message]) == [NEW]
    assert listed(messages) == [message.id]


def test_a_later_end_stands(messages: MessageStore, clock: FixedClock) -> None:
    """Whoever was deleted after the audit began stays deleted."""
    message, stored = make_message(), make_message(number=2)
    messages.put([message, stored])
    began_at = clock.now()
    clock.advance(timedelta(minutes=2))
    messages.remove(ACCOUNT_ID, message.id, None)

    unknown = make_message(number=3).id
    ids = [message.id, stored.id, unknown]
    messages.let_ends_lapse(ACCOUNT_ID, ids, noted_before=began_at)

    assert messages.put([message]) == [LOST]
    assert listed(messages) == [stored.id]
    assert messages.get_many(ACCOUNT_ID, ids) == {stored.id: stored}
