"""Lists that are narrowed by time, from the store in memory and from the table."""

from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

from postroom.domain.ids import MessageId, ThreadId
from postroom.domain.message import Message, MessageFilter
from postroom.domain.thread import ThreadFilter
from postroom.ports import MessageStore, ThreadStore
from postroom.storage.dynamodb.messages import DynamoMessageStore
from postroom.storage.dynamodb.table import Table
from postroom.storage.dynamodb.threads import DynamoThreadStore
from postroom.usecases.list_messages import list_messages
from postroom.usecases.list_threads import list_threads
from tests.builders import ACCOUNT_ID, NOW, make_message
from tests.fakes import (
    FixedClock,
    InMemoryContentStore,
    InMemoryMessageStore,
    InMemoryThreadStore,
)

SECOND = NOW.replace(microsecond=0)
TIMES = [
    SECOND + timedelta(milliseconds=milliseconds)
    for milliseconds in (-1_001, -1_000, -1, 0, 1, 999, 1_000, 1_001)
]


class Stores(NamedTuple):
    """Messages, and the threads that they are."""

    messages: MessageStore
    threads: ThreadStore


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest, clock: FixedClock) -> Stores:
    """Stores with a mail of every time, each a thread of its own."""
    if request.param == "memory":
        in_memory = InMemoryMessageStore(clock)
        made = Stores(in_memory, InMemoryThreadStore(in_memory))
    else:
        table: Table = request.getfixturevalue("table")
        made = Stores(DynamoMessageStore(table, clock), DynamoThreadStore(table))
    made.messages.put(mail())
    return made


def mail() -> list[Message]:
    """A message for every time."""
    return [make_message(number=number, received_at=at) for number, at in enumerate(TIMES, start=1)]


def found_messages(stores: Stores, wanted: MessageFilter) -> list[MessageId]:
    """The ids of a list, oldest first."""
    page = list_messages(
        account_id=ACCOUNT_ID,
        wanted=wanted,
        limit=50,
        after=None,
        with_content=False,
        messages=stores.messages,
        contents=InMemoryContentStore(),
    )
    return [message.id for message in reversed(page.messages)]


def found_threads(stores: Stores, wanted: ThreadFilter) -> list[ThreadId]:
    """The ids of a list of threads, oldest first."""
    page = list_threads(
        account_id=ACCOUNT_ID,
        wanted=wanted,
        limit=50,
        after=None,
        with_content=False,
        messages=stores.messages,
        threads=stores.threads,
        contents=InMemoryContentStore(),
    )
    return [shown.thread.id for shown in reversed(page.threads)]


@pytest.mark.parametrize("given", [SECOND, SECOND + timedelta(milliseconds=999)])
def test_times_are_compared_by_their_seconds(stores: Stores, given: datetime) -> None:
    """Also a time that was given more exactly; in all mail, and in any other list."""
    messages = [message.id for message in mail()]
    threads = [message.thread_id for message in mail()]
    for unread in (None, True):
        later = MessageFilter(received_after=given, unread=unread)
        earlier = MessageFilter(received_before=given, unread=unread)
        assert found_messages(stores, later) == messages[6:]
        assert found_messages(stores, earlier) == messages[:3]
        later_threads = ThreadFilter(latest_after=given, unread=unread)
        earlier_threads = ThreadFilter(latest_before=given, unread=unread)
        assert found_threads(stores, later_threads) == threads[6:]
        assert found_threads(stores, earlier_threads) == threads[:3]


@pytest.mark.parametrize("index", range(len(TIMES)))
def test_a_poller_is_told_nothing_twice(stores: Stores, index: int) -> None:
    """`received_after` with the date of the last message brought that one again, for ever.

    Gmail tells milliseconds and the wire has whole seconds, so that most mail came after its own
    date.
    """
    known = mail()[index]
    date = datetime.fromtimestamp(int(known.received_at.timestamp()), tz=known.received_at.tzinfo)
    assert known.id not in found_messages(stores, MessageFilter(received_after=date))
    assert known.thread_id not in found_threads(stores, ThreadFilter(latest_after=date))
    newer = [each.id for each in mail() if each.received_at >= date + timedelta(seconds=1)]
    assert found_messages(stores, MessageFilter(received_after=date)) == newer
