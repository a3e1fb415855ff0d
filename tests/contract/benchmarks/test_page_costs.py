"""A page of a list costs what it shows, whatever stands behind it: counted on the real keys."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends

from benchmarks.request_units import MeteredDynamoDB, RequestUnits
from postroom.domain.ids import MessageId
from postroom.domain.message import ALL_MAIL, MessageFilter, MessagePage, Position
from postroom.storage.content import S3ContentStore
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import to_item
from postroom.storage.dynamodb.messages import DynamoMessageStore
from postroom.storage.dynamodb.table import SHAPE_VERSION, Table
from postroom.usecases.list_messages import list_messages
from tests.builders import ACCOUNT_ID, NOW, make_content, make_message
from tests.contract import aws
from tests.fakes import FixedClock

PAGE = 50
AWS_ACCOUNT = "123456789012"
"""The one that moto's callers are in."""

SHOWN = 2 * PAGE + 10
"""Messages that two pages look at; they are stored as they always are."""


class Mailbox:
    """Mail in a table, of which the newest can be read and the rest stands in its lists."""

    def __init__(self) -> None:
        self._dynamodb, self._s3 = aws.client("dynamodb"), aws.client("s3")
        table = aws.create_table(self._dynamodb)
        aws.create_bucket(self._s3)
        newest = [make_message(number=10_000 + number) for number in range(SHOWN)]
        S3ContentStore(table, self._s3, aws.BUCKET).put_many(
            ACCOUNT_ID, {each.id: make_content() for each in newest}
        )
        DynamoMessageStore(table, FixedClock()).put(newest)
        self._count = SHOWN

    def grow(self, count: int) -> None:
        """Fill the list of all mail up to so many messages with older ones.

        Past the requests, of which so many would take minutes. A message's own row stands in a
        partition of its own, where no list comes by: the older ones have none here.
        """
        rows = dynamodb_backends[AWS_ACCOUNT][aws.REGION].get_table(aws.TABLE)
        for number in range(self._count, count):
            place = Position(
                received_at=NOW - timedelta(days=30, minutes=number),
                message_id=MessageId(f"{number:027}"),
            )
            key = keys.location(ACCOUNT_ID, ALL_MAIL, place)
            rows.put_item(to_item({**key._asdict(), "v": SHAPE_VERSION, "version": number}))
        self._count = count

    def page(
        self, after: Position | None, *, with_content: bool
    ) -> tuple[MessagePage[Position], RequestUnits]:
        """List a page; answers what it read as well."""
        metered = MeteredDynamoDB(self._dynamodb, aws.TABLE)
        table = Table(cast("Any", metered), aws.TABLE)
        page = list_messages(
            account_id=ACCOUNT_ID,
            wanted=MessageFilter(),
            limit=PAGE,
            after=after,
            with_content=with_content,
            messages=DynamoMessageStore(table, FixedClock()),
            contents=S3ContentStore(table, self._s3, aws.BUCKET),
        )
        assert len(page.messages) == PAGE
        return page, metered.consumed

    def costs(self) -> list[RequestUnits]:
        """The first page and the second one, without bodies and with them."""
        found = []
        for with_content in (False, True):
            first, first_cost = self.page(None, with_content=with_content)
            assert first.next_position
            _, second_cost = self.page(first.next_position, with_content=with_content)
            found += [first_cost, second_cost]
        return found


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mock_aws():
        yield Mailbox()


def test_fifty_messages_cost_the_same_among_five_hundred_and_fifty_thousand(
    mailbox: Mailbox,
) -> None:
    """Not one byte more is looked at: fifty-one places, and the rows of their messages."""
    mailbox.grow(500)
    small = mailbox.costs()

    mailbox.grow(50_000)
    large = mailbox.costs()

    assert [cost.read_bytes for cost in large] == [cost.read_bytes for cost in small]
    assert [cost.reads for cost in large] == [cost.reads for cost in small]
    assert [cost.reads["M"] for cost in small] == [
        PAGE + 1,
        PAGE + 1,
        PAGE + 1 + PAGE,
        PAGE + 1 + PAGE,
    ]
    assert all(cost.reads["L"] <= 3 for cost in small)
    assert not any(cost.writes for cost in large)
