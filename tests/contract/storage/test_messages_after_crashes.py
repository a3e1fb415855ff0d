"""What is left of a message when a writer dies, or is slow, between two of its writes.

The row of a message and its locations cannot be written at once. These tests stop a writer at any
write, or let others in between, and look at what readers then meet.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postroom.domain.ids import FolderId, MessageId, ThreadId
from postroom.domain.message import (
    ALL_MAIL,
    STARRED,
    UNREAD,
    Message,
    MessageFilter,
    View,
    thread_view,
)
from postroom.domain.thread import ThreadFilter, summarise
from postroom.ports import MessageStore
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.keys import Key
from postroom.storage.dynamodb.messages import DynamoMessageStore
from postroom.storage.dynamodb.table import Table
from postroom.storage.dynamodb.threads import DynamoThreadStore
from postroom.usecases.list_messages import list_messages
from postroom.usecases.list_threads import list_threads
from tests.builders import ACCOUNT_ID, make_message
from tests.contract import aws
from tests.fakes import (
    FixedClock,
    InMemoryContentStore,
    InMemoryMessageStore,
    InMemoryThreadStore,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INBOX = View("INBOX")
LABEL = View("Label_1")
VIEWS = (ALL_MAIL, INBOX, LABEL, UNREAD)


class Crash(Exception):
    """The function was killed here."""


class InterruptedTable(Table):
    """A table that calls `before_write` with each write's number, from 1 on, before it happens."""

    def __init__(self, client: "DynamoDBClient", before_write: Callable[[int], None]) -> None:
        super().__init__(client, aws.TABLE)
        self._before_write = before_write
        self.writes = 0

    def update(self, key: Key, expression: str, *rest: Any, **named: Any) -> Any:
        """Change a row."""
        self._count()
        return super().update(key, expression, *rest, **named)

    def delete(self, key: Key, *rest: Any) -> Any:
        """Delete a row."""
        self._count()
        return super().delete(key, *rest)

    def put(self, key: Key, row: Any, *rest: Any) -> Any:
        """Put a row: that of a thread."""
        self._count()
        return super().put(key, row, *rest)

    def write_batch(self, puts: Mapping[Key, Any] | None = None, deletes: Any = ()) -> None:
        """Write a batch."""
        self._count()
        super().write_batch(puts, deletes)

    def _count(self) -> None:
        self.writes += 1
        self._before_write(self.writes)


def dying_at(dynamodb: "DynamoDBClient", write: int) -> DynamoMessageStore:
    """A store whose function is killed before its n-th write."""

    def before_write(number: int) -> None:
        if number == write:
            raise Crash

    return DynamoMessageStore(InterruptedTable(dynamodb, before_write), FixedClock())


@pytest.fixture
def messages(table: Table) -> DynamoMessageStore:
    """The same table, seen by a function that lives."""
    return DynamoMessageStore(table, FixedClock())


def seen(messages: MessageStore, view: View) -> list[Message]:
    """What a reader lists: the places of a view whose message stands in it."""
    places = messages.positions(ACCOUNT_ID, view, limit=100)
    stored = messages.get_many(ACCOUNT_ID, [place.message_id for place in places])
    return [
        stored[place.message_id]
        for place in places
        if place.message_id in stored and view in stored[place.message_id].views()
    ]


def rows(dynamodb: "DynamoDBClient", kind: str) -> list[str]:
    """The partitions of a kind that have rows."""
    items = dynamodb.scan(TableName=aws.TABLE)["Items"]
    return sorted(item["pk"]["S"] for item in items if item["pk"]["S"].startswith(kind))


def test_crash_before_the_locations_is_healed_by_the_repetition(
    dynamodb: "DynamoDBClient", messages: DynamoMessageStore
) -> None:
    """A message whose writer died before listing it is listed when the queue delivers again."""
    message = make_message()
    with pytest.raises(Crash):
        dying_at(dynamodb, 2).put([message])
    assert seen(messages, ALL_MAIL) == []

    messages.put([message])

    assert seen(messages, ALL_MAIL) == seen(messages, INBOX) == [message]


def test_crash_before_the_locations_is_healed_when_the_message_is_listed_again(
    dynamodb: "DynamoDBClient", messages: DynamoMessageStore
) -> None:
    """Whoever meets a message that is stored already sees to it that readers find it."""
    message = make_message()
    with pytest.raises(Crash):
        dying_at(dynamodb, 2).put([message])

    assert messages.put_again(ACCOUNT_ID, [message.id, MessageId("none")]) == {message.id: message}

    assert seen(messages, ALL_MAIL) == seen(messages, INBOX) == [message]


def test_what_is_put_again_undoes_no_change(
    dynamodb: "DynamoDBClient", messages: DynamoMessageStore
) -> None:
    """A sync had read a mail, a reader starred it, and the mail was stored as it had been.

    Both had their time from just before, and a change through Gmail bears no version of its own.
    """
    message = make_message()
    messages.put([message])
    starred = replace(message, starred=True)

    def before_write(number: int) -> None:
        if number == 1:
            messages.put([starred])

    slow = DynamoMessageStore(InterruptedTable(dynamodb, before_write), FixedClock())

    slow.put_again(ACCOUNT_ID, [message.id])

    assert messages.get(ACCOUNT_ID, message.id) == starred
    assert seen(messages, STARRED) == [starred]


def test_a_message_is_listed_while_its_time_changes(
    dynamodb: "DynamoDBClient", messages: DynamoMessageStore
) -> None:
    """What had just been sent was gone for a moment, when the provider told its own time of it.

    Its thread was gone with it, although others of its messages had not changed.
    """
    # Given
    older, sent = (make_message(number=each, provider_thread_id="trip") for each in (1, 2))
    messages.put([older, sent])
    listed: list[tuple[list[MessageId], list[ThreadId]]] = []

    def look(_: int) -> None:
        page = list_messages(
            account_id=ACCOUNT_ID,
            wanted=MessageFilter(folder=FolderId("INBOX")),
            limit=5,
            after=None,
            with_content=False,
            messages=messages,
            contents=InMemoryContentStore(),
        )
        threads = list_threads(
            account_id=ACCOUNT_ID,
            wanted=ThreadFilter(folders=(FolderId("INBOX"),)),
            limit=5,
            after=None,
            with_content=False,
            messages=messages,
            threads=DynamoThreadStore(Table(dynamodb, aws.TABLE)),
            contents=InMemoryContentStore(),
        )
        listed.append(
            ([each.id for each in page.messages], [each.thread.id for each in threads.threads])
        )

    # When
    slow = DynamoMessageStore(InterruptedTable(dynamodb, look), FixedClock())
    later = sent.received_at + timedelta(seconds=2)
    slow.put([replace(sent, received_at=later, version=sent.version + 1)])
    look(0)
    # Then
    assert len(listed) > 4
    assert listed == [([sent.id, older.id], [sent.thread_id])] * len(listed)


def test_crash_before_taking_away_leaves_nothing_behind_for_good(
    dynamodb: "DynamoDBClient", messages: DynamoMessageStore
) -> None:
    """A view that a dead writer did not leave is left by the next put, of whatever version."""
    message = make_message()
    messages.put([message])
    read = replace(message, version=message.version + 1, unread=False, folders=())
    with pytest.raises(Crash):
        dying_at(dynamodb, 3).put([read])
    in_thread = thread_view(message.thread_id)
    left_behind = (ALL_MAIL, INBOX, UNREAD, in_thread)
    assert rows(dynamodb, "L#") == [f"L#{ACCOUNT_ID}#{view}" for view in left_behind]
    assert seen(messages, UNREAD) == []

    messages.put([read])

    assert rows(dynamodb, "L#") == [f"L#{ACCOUNT_ID}#{view}" for view in (ALL_MAIL, in_thread)]


def test_a_message_whose_time_changed_is_listed_once(
    dynamodb: "DynamoDBClient", messages: DynamoMessageStore
) -> None:
    """A draft keeps its id when it is sent, and stood in lists twice while its writer was dead."""
    message = make_message()
    messages.put([message])
    later = message.received_at + timedelta(seconds=1)
    with pytest.raises(Crash):
        dying_at(dynamodb, 3).put(
            [replace(message, version=message.version + 1, received_at=later)]
        )
    page = list_messages(
        account_id=ACCOUNT_ID,
        wanted=MessageFilter(),
        limit=50,
        after=None,
        with_content=False,
        messages=messages,
        contents=InMemoryContentStore(),
    )
    assert [each.received_at for each in page.messages] == [later]


def test_crash_of_a_removal_is_healed_by_the_repetition(
    dynamodb: "DynamoDBClient", messages: DynamoMessageStore
) -> None:
    """A removed message whose locations stayed behind loses them when it is removed again."""
    message = make_message()
    messages.put([message])
    with pytest.raises(Crash):
        dying_at(dynamodb, 2).remove(ACCOUNT_ID, message.id, message.version + 1)
    assert seen(messages, INBOX) == []

    messages.remove(ACCOUNT_ID, message.id, message.version + 1)

    assert rows(dynamodb, "L#") == []


def in_thread(number: int, thread: str, **changes: Any) -> Message:
    """A message of a thread."""
    return make_message(number=number, provider_thread_id=thread, **changes)


@pytest.mark.parametrize("write", range(1, 9))
def test_crash_of_a_put_is_healed_in_both_threads_by_the_repetition(
    dynamodb: "DynamoDBClient", table: Table, messages: DynamoMessageStore, write: int
) -> None:
    """A message that leaves one thread for another, wherever its writer dies."""
    staying, before = in_thread(1, "t", unread=False), in_thread(2, "t")
    after = in_thread(2, "u", version=before.version + 1, unread=False)
    messages.put([staying, before])
    with suppress(Crash):
        dying_at(dynamodb, write).put([after])

    messages.put([after])

    assert DynamoThreadStore(table).get_many(ACCOUNT_ID, [before.thread_id, after.thread_id]) == {
        before.thread_id: summarise([staying]),
        after.thread_id: summarise([after]),
    }


@pytest.mark.parametrize("version", [None, 5_000])
@pytest.mark.parametrize("write", range(1, 9))
def test_crash_of_a_removal_is_healed_in_its_thread_by_the_repetition(
    dynamodb: "DynamoDBClient",
    table: Table,
    messages: DynamoMessageStore,
    write: int,
    version: int | None,
) -> None:
    """The tombstone knows of the thread until it has been written anew."""
    staying, leaving = in_thread(1, "t"), in_thread(2, "t")
    messages.put([staying, leaving])
    with suppress(Crash):
        dying_at(dynamodb, write).remove(ACCOUNT_ID, leaving.id, version)

    messages.remove(ACCOUNT_ID, leaving.id, version)

    assert DynamoThreadStore(table).get(ACCOUNT_ID, staying.thread_id) == summarise([staying])


@pytest.mark.parametrize("write", [1, 2, 3])
def test_crash_of_an_erasure_leaves_no_row_behind(
    dynamodb: "DynamoDBClient", messages: DynamoMessageStore, write: int
) -> None:
    """Erasing goes on where it died, and takes along what writers had left behind before."""
    message = make_message()
    messages.put([message])
    read = replace(message, version=message.version + 1, unread=False, folders=())
    with pytest.raises(Crash):
        dying_at(dynamodb, 3).put([read])
    with pytest.raises(Crash):
        dying_at(dynamodb, write).erase(ACCOUNT_ID, limit=10)

    while messages.erase(ACCOUNT_ID, limit=10):
        pass

    assert dynamodb.scan(TableName=aws.TABLE)["Items"] == []


def test_newer_put_in_between_keeps_its_locations(
    dynamodb: "DynamoDBClient", messages: DynamoMessageStore
) -> None:
    """A slow writer does not take a view away that a newer state has joined meanwhile."""
    message = make_message()
    messages.put([message])
    read = replace(message, version=message.version + 1, unread=False)
    unread_again = replace(message, version=message.version + 2)

    def before_write(number: int) -> None:
        if number == 3:
            messages.put([unread_again])

    slow = DynamoMessageStore(InterruptedTable(dynamodb, before_write), FixedClock())
    slow.put([read])

    assert seen(messages, UNREAD) == [unread_again]


def test_slow_writer_that_dies_takes_nothing_from_a_newer_state(
    dynamodb: "DynamoDBClient", messages: DynamoMessageStore
) -> None:
    """What a slow writer may not take away is safe even if it never looks back."""
    message = make_message()
    messages.put([message])
    read = replace(message, version=message.version + 1, unread=False)
    unread_again = replace(message, version=message.version + 2)

    def before_write(number: int) -> None:
        if number == 3:
            messages.put([unread_again])
        if number == 4:
            raise Crash

    slow = DynamoMessageStore(InterruptedTable(dynamodb, before_write), FixedClock())
    with pytest.raises(Crash):
        slow.put([read])

    assert seen(messages, UNREAD) == [unread_again]


def test_three_writers_do_not_lose_a_location(
    dynamodb: "DynamoDBClient", messages: DynamoMessageStore
) -> None:
    """A location that a very late batch wrote over is no longer protected, and yet not lost.

    The first writer (1, unread) lists its message only when the third (3, unread again) is done;
    the second (2, read) takes "unread" away last of all, and meets version 1 there.
    """
    message = make_message(version=1)
    read, unread_again = replace(message, version=2, unread=False), replace(message, version=3)

    def second_waits_for_the_others(number: int) -> None:
        if number == 3:
            messages.put([unread_again])
            late_batch()

    def late_batch() -> None:
        # What the first writer still had to write.
        [place] = messages.positions(ACCOUNT_ID, UNREAD, limit=1)
        Table(dynamodb, aws.TABLE).write_batch(
            {keys.location(ACCOUNT_ID, UNREAD, place): {"version": message.version}}
        )

    with pytest.raises(Crash):
        dying_at(dynamodb, 2).put([message])
    second = DynamoMessageStore(
        InterruptedTable(dynamodb, second_waits_for_the_others), FixedClock()
    )
    second.put([read])

    assert seen(messages, UNREAD) == [unread_again]
    assert seen(messages, INBOX) == [unread_again]


# ── Any order of puts and removals, with a crash at any write, against the store in memory ───


MESSAGES = st.builds(
    lambda number, thread, version, unread, folders: make_message(
        number=number,
        provider_thread_id=thread,
        version=version,
        unread=unread,
        folders=tuple(FolderId(folder) for folder in sorted(folders)),
    ),
    number=st.integers(1, 2),
    thread=st.sampled_from(["t", "u"]),
    version=st.integers(1, 6),
    unread=st.booleans(),
    folders=st.sets(st.sampled_from(["INBOX", "Label_1"])),
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "remove", "end"]), MESSAGES, st.integers(0, 8)),
    min_size=1,
    max_size=8,
)


def _do(messages: MessageStore, kind: str, message: Message) -> None:
    if kind == "put":
        messages.put([message])
    else:
        version = message.version if kind == "remove" else None
        messages.remove(ACCOUNT_ID, message.id, version)


@settings(
    # Each takes a tenth of a second.
    max_examples=settings().max_examples * 2 // 5,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_crashes_change_nothing_once_the_work_was_repeated(
    dynamodb: "DynamoDBClient",
    table: Table,
    messages: DynamoMessageStore,
    steps: list[tuple[str, Message, int]],
) -> None:
    """After any story with crashes, each repeated once, the table says what the memory says.

    A message and its version name one state, as at the provider: the story keeps to that.
    """
    _clear(dynamodb)
    in_memory = InMemoryMessageStore(FixedClock())
    states: dict[tuple[str, int], Message] = {}
    threads = sorted({drawn.thread_id for _, drawn, _ in steps})
    views = {*VIEWS, *map(thread_view, threads)}
    written, recomputed = DynamoThreadStore(table), InMemoryThreadStore(in_memory)
    for kind, drawn, crash_at in steps:
        message = states.setdefault((drawn.id, drawn.version), drawn)
        if crash_at:
            with suppress(Crash):
                _do(dying_at(dynamodb, crash_at), kind, message)
        _do(messages, kind, message)
        _do(in_memory, kind, message)

        for view in views:
            assert seen(messages, view) == seen(in_memory, view)
        assert written.get_many(ACCOUNT_ID, threads) == recomputed.get_many(ACCOUNT_ID, threads)
    expected = [view for view in views for _ in seen(in_memory, view)]
    assert rows(dynamodb, "L#") == sorted(f"L#{ACCOUNT_ID}#{view}" for view in expected)


def _clear(dynamodb: "DynamoDBClient") -> None:
    for item in dynamodb.scan(TableName=aws.TABLE)["Items"]:
        dynamodb.delete_item(TableName=aws.TABLE, Key={"pk": item["pk"], "sk": item["sk"]})
