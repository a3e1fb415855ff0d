"""An application's metadata of a draft, which becomes another message with every change."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import pytest

from benchmarks.request_units import MeteredDynamoDB, RequestUnits
from postroom.domain.ids import FolderId, ProviderDraftId
from postroom.domain.message import Message
from postroom.ports import MessageStore
from postroom.storage.dynamodb.messages import DynamoMessageStore
from postroom.storage.dynamodb.table import Table
from tests.builders import ACCOUNT_ID, make_message
from tests.contract import aws
from tests.contract.storage.test_messages_after_crashes import Crash, dying_at
from tests.fakes import FixedClock, InMemoryMessageStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOTES = {"key1": "order 17"}
NEWER = {"key1": "order 18"}


@pytest.fixture(params=["memory", "dynamodb"])
def messages(request: pytest.FixtureRequest, clock: FixedClock) -> MessageStore:
    if request.param == "memory":
        return InMemoryMessageStore(clock)
    return DynamoMessageStore(request.getfixturevalue("table"), clock)


def state(number: int, draft: str = "r1") -> Message:
    """One of the messages that a draft becomes, one after the other."""
    return make_message(
        number=number,
        is_draft=True,
        provider_draft_id=ProviderDraftId(draft),
        folders=(FolderId("DRAFT"),),
    )


def remove(messages: MessageStore, message: Message) -> None:
    """Remove a message, as a sync does that is told of its end."""
    messages.remove(ACCOUNT_ID, message.id, None)


def noted(messages: MessageStore, message: Message) -> object:
    """The metadata of a stored message."""
    return messages.get(ACCOUNT_ID, message.id).metadata


def test_a_draft_that_is_replaced_keeps_its_metadata(messages: MessageStore) -> None:
    """What was noted of a draft was lost when its author went on writing in Gmail.

    Gmail makes another message of it; which of the two a sync comes to first is chance.
    """
    messages.put([state(1)])
    messages.note(ACCOUNT_ID, state(1).id, NOTES)

    messages.put([state(2)])
    assert noted(messages, state(2)) == NOTES
    remove(messages, state(1))

    remove(messages, state(2))
    messages.put([state(3), state(9, draft="r2")])
    assert noted(messages, state(3)) == NOTES
    assert noted(messages, state(9, draft="r2")) == {}

    messages.note(ACCOUNT_ID, state(3).id, NEWER)
    messages.put([state(4)])
    messages.put([state(5)])
    for number in (3, 4, 5):
        remove(messages, state(number))
    messages.put([state(6)])
    assert noted(messages, state(6)) == NEWER


def test_what_an_application_took_back_does_not_return(messages: MessageStore) -> None:
    """Metadata that was emptied stays empty, and what was noted ahead of a message stands."""
    messages.put([state(1)])
    messages.note(ACCOUNT_ID, state(1).id, NOTES)
    messages.put([state(2)])
    remove(messages, state(1))
    messages.note(ACCOUNT_ID, state(2).id, {})
    remove(messages, state(2))
    messages.put([state(3)])
    assert noted(messages, state(3)) == {}

    messages.note(ACCOUNT_ID, state(3).id, NOTES)
    messages.note(ACCOUNT_ID, state(4).id, NEWER)
    messages.put([state(4)])
    assert noted(messages, state(4)) == NEWER


def test_a_removal_that_tells_an_old_tale_keeps_nothing_back(messages: MessageStore) -> None:
    """It changes nothing, as with any other message."""
    messages.put([state(2)])
    messages.note(ACCOUNT_ID, state(2).id, NOTES)
    assert not messages.remove(ACCOUNT_ID, state(2).id, state(2).version - 1)
    assert noted(messages, state(2)) == NOTES
    assert messages.remove(ACCOUNT_ID, state(2).id, state(2).version)
    assert messages.get_many(ACCOUNT_ID, [state(2).id]) == {}


def test_erasing_takes_what_waits_for_a_draft(dynamodb: "DynamoDBClient", table: Table) -> None:
    """An account that is deleted leaves nothing of what was noted."""
    messages = DynamoMessageStore(table, FixedClock())
    messages.put([state(1)])
    messages.note(ACCOUNT_ID, state(1).id, NOTES)
    messages.put([state(2)])
    remove(messages, state(1))
    messages.erase(ACCOUNT_ID, limit=10)

    left = dynamodb.scan(TableName=aws.TABLE)["Items"]
    assert not [row for row in left if "metadata" in row]


def _put_first(messages: MessageStore) -> None:
    messages.put([state(2)])
    remove(messages, state(1))


def _removed_first(messages: MessageStore) -> None:
    remove(messages, state(1))
    messages.put([state(2)])


@pytest.mark.parametrize("replaced", [_put_first, _removed_first])
@pytest.mark.parametrize("write", range(1, 13))
def test_metadata_survives_the_death_of_its_writer(
    dynamodb: "DynamoDBClient",
    table: Table,
    replaced: Callable[[MessageStore], None],
    write: int,
) -> None:
    """A sync that dies between any two of its writes is repeated from where it began."""
    messages = DynamoMessageStore(table, FixedClock())
    messages.put([state(1)])
    messages.note(ACCOUNT_ID, state(1).id, NOTES)

    with suppress(Crash):
        replaced(dying_at(dynamodb, write))
    replaced(messages)

    assert noted(messages, state(2)) == NOTES
    assert messages.get_many(ACCOUNT_ID, [state(1).id]) == {}


def test_mail_pays_nothing_for_the_metadata_of_drafts(
    dynamodb: "DynamoDBClient", table: Table
) -> None:
    """No row more is read or written for what is no draft, with metadata or without."""
    metered = MeteredDynamoDB(dynamodb, aws.TABLE)
    messages = DynamoMessageStore(Table(cast("DynamoDBClient", metered), aws.TABLE), FixedClock())

    def cost_of(message: Message, *, metadata: dict[str, str]) -> list[RequestUnits]:
        costs = []
        for step in (
            lambda: messages.put([message]),
            lambda: messages.note(ACCOUNT_ID, message.id, metadata) if metadata else None,
            lambda: messages.remove(ACCOUNT_ID, message.id, None),
        ):
            metered.consumed = RequestUnits()
            step()
            costs.append(metered.consumed)
        return costs

    put, _, removal = cost_of(make_message(), metadata={})
    assert put.writes == {"M": 1, "L": 4, "T": 1}
    assert put.reads == {"T": 1, "L": 1, "M": 1}, "the thread, its messages' places, and they"
    noted_put, _, noted_removal = cost_of(make_message(number=2), metadata=NOTES)
    assert (noted_put, noted_removal) == (put, removal)

    draft, _, _ = cost_of(state(3), metadata={})
    assert draft.writes["M"] == put.writes["M"]
    assert draft.reads == {"T": 1, "L": 2, "M": 2}
