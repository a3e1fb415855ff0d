"""ThreadStore, in memory and in the table: always what its messages say."""

import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.request_units import item_size
from postroom.domain.errors import NotFound
from postroom.domain.ids import FolderId, ProviderDraftId, ThreadId
from postroom.domain.message import ALL_MAIL, Address, Message, View
from postroom.domain.thread import LARGEST_THREAD, ShownThread, Thread, summarise
from postroom.ports import MessageStore, ThreadStore
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.keys import Key
from postroom.storage.dynamodb.messages import DynamoMessageStore
from postroom.storage.dynamodb.table import Table
from postroom.storage.dynamodb.threads import DynamoThreadStore
from postroom.usecases.list_threads import read_thread
from tests.builders import ACCOUNT_ID, OTHER_ACCOUNT_ID, make_attachment, make_message
from tests.contract import aws
from tests.fakes import (
    FixedClock,
    InMemoryContentStore,
    InMemoryMessageStore,
    InMemoryThreadStore,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LARGEST_ROW_BYTES = 400 * 1024


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest, clock: FixedClock) -> tuple[MessageStore, ThreadStore]:
    """Where messages are kept, and where their threads are read."""
    if request.param == "memory":
        messages = InMemoryMessageStore(clock)
        return messages, InMemoryThreadStore(messages)
    table: Table = request.getfixturevalue("table")
    return DynamoMessageStore(table, clock), DynamoThreadStore(table)


@pytest.fixture
def messages(stores: tuple[MessageStore, ThreadStore]) -> MessageStore:
    return stores[0]


@pytest.fixture
def threads(stores: tuple[MessageStore, ThreadStore]) -> ThreadStore:
    return stores[1]


def in_thread(number: int, thread: str = "t", **changes: Any) -> Message:
    """One of the messages of a thread."""
    return make_message(number=number, provider_thread_id=thread, **changes)


THREAD = in_thread(1).thread_id


def newer(message: Message, **changes: Any) -> Message:
    """The message after a change."""
    return replace(message, version=message.version + 1, **changes)


def test_a_thread_is_what_its_messages_say(messages: MessageStore, threads: ThreadStore) -> None:
    """Everything about it comes back, in every script."""
    mail = [
        in_thread(1, subject="Кирилл — ✉️", cc=(Address(email="Grace@example.net", name="日本"),)),
        in_thread(2, from_=(), bcc=(Address(email="", name="no address"),), starred=True),
        in_thread(
            3,
            is_draft=True,
            provider_draft_id=ProviderDraftId("r1"),
            folders=(FolderId("DRAFT"), FolderId("Label_1")),
            unread=False,
        ),
    ]
    mail[1] = replace(mail[1], attachments=(make_attachment(message=mail[1].id),))

    messages.put(mail)

    assert threads.get(ACCOUNT_ID, THREAD) == summarise(mail)
    other = in_thread(4, "other")
    messages.put([other])
    assert threads.get_many(ACCOUNT_ID, [THREAD, other.thread_id, ThreadId("x")]) == {
        THREAD: summarise(mail),
        other.thread_id: summarise([other]),
    }


def test_unknown_threads_are_not_found(messages: MessageStore, threads: ThreadStore) -> None:
    """Also those of another account, and those that callers make up."""
    messages.put([in_thread(1)])
    for account_id, thread_id in (
        (ACCOUNT_ID, ThreadId("x")),
        (ACCOUNT_ID, ThreadId("x" * 5_000)),
        (OTHER_ACCOUNT_ID, THREAD),
    ):
        with pytest.raises(NotFound):
            threads.get(account_id, thread_id)
        assert threads.get_many(account_id, [thread_id]) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"unread": False},
        {"starred": True},
        {"folders": (FolderId("TRASH"),)},
        {"is_draft": True},
        {"subject": "Another one"},
    ],
)
def test_a_change_of_a_message_is_one_of_its_thread(
    messages: MessageStore, threads: ThreadStore, change: dict[str, Any]
) -> None:
    """Whoever puts a message has not to think of threads."""
    first, second = in_thread(1, unread=False), in_thread(2)
    messages.put([first, second])
    changed = newer(second, **change)

    messages.put([changed])

    assert threads.get(ACCOUNT_ID, THREAD) == summarise([first, changed])


def test_an_older_version_changes_no_thread(messages: MessageStore, threads: ThreadStore) -> None:
    """What lost is in no thread."""
    message = in_thread(1, unread=False)
    messages.put([message])

    messages.put([replace(message, version=message.version - 1, unread=True)])

    assert threads.get(ACCOUNT_ID, THREAD) == summarise([message])


def test_a_message_leaves_its_thread_for_another(
    messages: MessageStore, threads: ThreadStore
) -> None:
    """Both threads tell of it; one that has lost its last message is gone."""
    first, second = in_thread(1), in_thread(2)
    messages.put([first, second])
    there = in_thread(1, "other")

    moved = newer(second, thread_id=there.thread_id)
    messages.put([moved])
    assert threads.get(ACCOUNT_ID, THREAD) == summarise([first])
    assert threads.get(ACCOUNT_ID, there.thread_id) == summarise([moved])

    messages.put([newer(first, thread_id=there.thread_id)])
    with pytest.raises(NotFound):
        threads.get(ACCOUNT_ID, THREAD)


@pytest.mark.parametrize("end", [None, 5_000])
def test_a_removed_message_is_in_no_thread(
    messages: MessageStore, threads: ThreadStore, end: int | None
) -> None:
    """The last one ends its thread, and a new one begins it again."""
    first, second = in_thread(1), in_thread(2)
    messages.put([first, second])

    messages.remove(ACCOUNT_ID, second.id, end)
    assert threads.get(ACCOUNT_ID, THREAD) == summarise([first])

    messages.remove(ACCOUNT_ID, first.id, end)
    assert threads.get_many(ACCOUNT_ID, [THREAD]) == {}
    with pytest.raises(NotFound):
        threads.get(ACCOUNT_ID, THREAD)

    third = in_thread(3)
    messages.put([third])
    assert threads.get(ACCOUNT_ID, THREAD) == summarise([third])


@pytest.mark.parametrize("text", ["\ud800 half", "\0nul\0", "ж" * 70_000])
def test_nothing_in_a_mail_makes_a_thread_fail(
    messages: MessageStore, threads: ThreadStore, text: str
) -> None:
    """Whatever a sender writes."""
    person = Address(email=text, name=text)
    messages.put([in_thread(1, subject=text, snippet=text, from_=(person,))])

    assert len(threads.get(ACCOUNT_ID, THREAD).message_ids) == 1


def test_a_thread_of_thousands_tells_of_its_newest(
    messages: MessageStore, threads: ThreadStore
) -> None:
    """An alert that fires for years: its list has all of them, its description the newest 500."""
    mail = [in_thread(number) for number in range(LARGEST_THREAD + 20)]
    messages.put(mail)

    thread = threads.get(ACCOUNT_ID, THREAD)

    assert list(thread.message_ids) == [each.id for each in reversed(mail[20:])]
    assert thread.latest.message_id == mail[-1].id


def test_an_erased_account_has_no_threads(messages: MessageStore, threads: ThreadStore) -> None:
    """They go with their messages; other accounts keep theirs."""
    mine = [in_thread(number, str(number % 2)) for number in range(5)]
    other = in_thread(1, account_id=OTHER_ACCOUNT_ID)
    messages.put(mine)
    messages.put([other])

    while messages.erase(ACCOUNT_ID, limit=2):
        pass

    assert threads.get_many(ACCOUNT_ID, [each.thread_id for each in mine]) == {}
    assert threads.get(OTHER_ACCOUNT_ID, other.thread_id) == summarise([other])


# ── The row ──────────────────────────────────────────────────────────────────────────────────


class SlowTable(Table):
    """A table that lets somebody else in before each put of a row."""

    def __init__(self, client: "DynamoDBClient", before_put: Callable[[], None]) -> None:
        super().__init__(client, aws.TABLE)
        self._before_put = before_put

    def put(self, key: Key, row: Any, *rest: Any, **named: Any) -> Any:
        """Put a row."""
        self._before_put()
        return super().put(key, row, *rest, **named)


class Others:
    """Somebody who writes whenever the slow one is about to write, a few times."""

    def __init__(self, *writes: Callable[[], object]) -> None:
        self._writes = list(writes)

    def __call__(self) -> None:
        """Let the next of them write."""
        if self._writes:
            self._writes.pop(0)()


def thread_row(table: Table) -> Thread:
    """The thread as it stands in the table."""
    return DynamoThreadStore(table).get(ACCOUNT_ID, THREAD)


def test_two_writers_at_once_leave_what_both_have_written(
    dynamodb: "DynamoDBClient", table: Table
) -> None:
    """The slower one has read its thread before the quicker one wrote a message into it."""
    quick = DynamoMessageStore(table, FixedClock())
    mail = [in_thread(number) for number in range(1, 5)]
    others = Others(*(partial(quick.put, [each]) for each in mail[1:]))
    slow = DynamoMessageStore(SlowTable(dynamodb, others), FixedClock())

    slow.put(mail[:1])

    assert thread_row(table) == summarise(mail)


def test_a_thread_is_read_as_soon_as_its_messages_are_listed(
    dynamodb: "DynamoDBClient", table: Table
) -> None:
    """A list led to a thread that was 404 until all mail stored with it was; it is told whole."""
    messages, threads = DynamoMessageStore(table, FixedClock()), DynamoThreadStore(table)
    seen: list[ShownThread] = []

    def look() -> None:
        with pytest.raises(NotFound):
            threads.get(ACCOUNT_ID, THREAD)
        seen.append(shown())

    def shown() -> ShownThread:
        return read_thread(
            account_id=ACCOUNT_ID,
            thread_id=THREAD,
            messages=messages,
            threads=threads,
            contents=InMemoryContentStore(),
        )

    slow = DynamoMessageStore(SlowTable(dynamodb, Others(look)), FixedClock())
    slow.put([in_thread(1), in_thread(2, starred=True), in_thread(3, is_draft=True)])

    assert seen == [shown()]


def test_a_late_writer_does_not_bring_back_what_was_taken_back(
    dynamodb: "DynamoDBClient", table: Table
) -> None:
    """Read and unread again meanwhile: the row looks as it did, and is another one."""
    quick = DynamoMessageStore(table, FixedClock())
    message = in_thread(1)
    quick.put([message])
    read = newer(message, unread=False)
    unread_again = newer(read, unread=True)
    others = Others(lambda: quick.put([unread_again]))

    DynamoMessageStore(SlowTable(dynamodb, others), FixedClock()).put([read])

    assert thread_row(table) == summarise([unread_again])


def test_a_late_writer_does_not_bring_back_a_thread_that_has_ended(
    dynamodb: "DynamoDBClient", table: Table
) -> None:
    """Its only message was removed while the slow one was about to tell of it."""
    quick = DynamoMessageStore(table, FixedClock())
    message = in_thread(1)
    others = Others(lambda: quick.remove(ACCOUNT_ID, message.id, message.version + 1))

    DynamoMessageStore(SlowTable(dynamodb, others), FixedClock()).put([message])

    assert DynamoThreadStore(table).get_many(ACCOUNT_ID, [THREAD]) == {}


def test_the_largest_thread_fits_into_its_row(dynamodb: "DynamoDBClient", table: Table) -> None:
    """Thousands of people, authors and labels, in as many messages as a row tells of."""
    folders = tuple(FolderId(f"Label_{number}") for number in range(2_500))
    mail = [
        in_thread(
            number,
            subject="Ж" * 5_000,
            snippet="Ж" * 5_000,
            from_=(Address(email=f"author-{number}@example.com", name="Ж" * 90),),
            to=tuple(
                Address(email=f"somebody-{number}-{each}@example.com", name="Ж" * 40)
                for each in range(20)
            ),
            is_draft=number % 2 == 0,
            provider_draft_id=ProviderDraftId(f"r{number}"),
            folders=folders[number * 5 : number * 5 + 5],
            categories=tuple(f"{number} {each} " + "Ж" * 240 for each in range(25)),
        )
        for number in range(LARGEST_THREAD)
    ]
    DynamoMessageStore(table, FixedClock()).put(mail)

    key = keys.thread(ACCOUNT_ID, THREAD)
    item = dynamodb.get_item(TableName=aws.TABLE, Key={"pk": {"S": key.pk}, "sk": {"S": key.sk}})[
        "Item"
    ]
    assert item_size(item) < LARGEST_ROW_BYTES
    thread, whole = thread_row(table), summarise(mail)
    assert whole is not None
    assert set(thread.folders) == set(folders)
    assert thread.message_ids == whole.message_ids
    assert thread.draft_ids == whole.draft_ids
    assert thread.participants[:500] == whole.participants[:500]
    assert 0 < len(thread.categories) < 50
    assert thread.categories == whole.categories[: len(thread.categories)]


def test_a_thread_of_before_there_were_categories_is_still_read(
    dynamodb: "DynamoDBClient", table: Table
) -> None:
    """Its row says nothing of them until one of its messages changes."""
    # Given
    messages, message = DynamoMessageStore(table, FixedClock()), in_thread(1, categories=("Work",))
    messages.put([message])
    key = keys.thread(ACCOUNT_ID, THREAD)
    row = {"pk": {"S": key.pk}, "sk": {"S": key.sk}}
    item = dynamodb.get_item(TableName=aws.TABLE, Key=row)["Item"]
    document = json.loads(zlib.decompress(item["thread"]["B"]))
    del document["categories"]
    item["thread"] = {"B": zlib.compress(json.dumps(document).encode())}
    dynamodb.put_item(TableName=aws.TABLE, Item=item)
    # Then
    assert thread_row(table).categories == ()
    messages.put([newer(message, starred=True)])
    assert thread_row(table).categories == ("Work",)


def test_an_ended_thread_leaves_a_row_for_a_day(table: Table) -> None:
    """So that a writer who is late knows that there was another."""
    clock = FixedClock()
    messages, message = DynamoMessageStore(table, clock), in_thread(1)
    messages.put([message])
    messages.remove(ACCOUNT_ID, message.id, message.version)

    row = table.get(keys.thread(ACCOUNT_ID, THREAD))

    assert row is not None
    assert "thread" not in row
    assert row["expires_at"] == int((clock.now() + timedelta(days=1)).timestamp()) + 1


def test_a_thread_of_ordinary_length_costs_one_write_unit(
    dynamodb: "DynamoDBClient", table: Table
) -> None:
    """20 messages among four people still fit into a kilobyte."""
    people = [Address(email=f"person.{n}@example.com", name=f"Person {n}") for n in range(4)]
    mail = [
        in_thread(
            number,
            from_=(people[number % 4],),
            to=tuple(people),
            folders=(FolderId("INBOX"), FolderId("CATEGORY_PERSONAL")),
        )
        for number in range(20)
    ]
    DynamoMessageStore(table, FixedClock()).put(mail)

    key = keys.thread(ACCOUNT_ID, THREAD)
    item = dynamodb.get_item(TableName=aws.TABLE, Key={"pk": {"S": key.pk}, "sk": {"S": key.sk}})[
        "Item"
    ]
    assert item_size(item) <= 1024
    assert {View("INBOX"), ALL_MAIL} <= set(thread_row(table).newest_in)
