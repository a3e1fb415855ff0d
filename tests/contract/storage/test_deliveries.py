"""DeliveryStore and EventStore, in memory and in the table; the queue of calls in SQS."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from moto import mock_aws

from postroom.domain.delivery import (
    DELIVERY_LIFETIME,
    Answer,
    CallFailure,
    Delivery,
    DeliveryCall,
)
from postroom.domain.errors import NotFound
from postroom.domain.event import Event, EventType
from postroom.domain.ids import EventId
from postroom.domain.webhook import Outcomes
from postroom.ports import DeliveryStore, EventStore
from postroom.storage.dynamodb.deliveries import DynamoDeliveryStore
from postroom.storage.dynamodb.event_rows import DynamoEventStore, streamed, told
from postroom.storage.event_queue import QueueRefused, SqsDeliveryQueue
from tests.builders import ACCOUNT_ID, NOW
from tests.contract import aws
from tests.fakes import FixedClock, InMemoryDeliveryStore, InMemoryEventStore

HOOK = "hook-1"
EVENT = Event(
    id=EventId("event-1"),
    type=EventType.MESSAGE_NOT_SENT,
    account_id=ACCOUNT_ID,
    at=NOW,
    object_id="outbox-1",
    reason="The mailbox is full.",
)


def delivery(
    *, attempt: int = 1, event: Event = EVENT, status: int | None = 200, minutes: int = 0
) -> Delivery:
    """Return an attempt, so many minutes after the event."""
    return Delivery(
        webhook_id=HOOK,
        event_id=event.id,
        event_type=event.type,
        account_id=event.account_id,
        event_at=event.at,
        attempt=attempt,
        at=event.at + timedelta(minutes=minutes),
        answer=Answer(status=status)
        if status is not None
        else Answer(failure=CallFailure.NO_CONNECTION),
        duration_ms=41,
    )


@pytest.fixture(params=["memory", "dynamodb"])
def deliveries(request: pytest.FixtureRequest, clock: FixedClock) -> DeliveryStore:
    if request.param == "memory":
        return InMemoryDeliveryStore(clock)
    return DynamoDeliveryStore(request.getfixturevalue("table"), clock)


class TestDeliveryStore:
    """Attempts to tell events."""

    def test_attempts_are_kept_whole(self, deliveries: DeliveryStore) -> None:
        """Each with its answer, or with why there was none."""
        failed, delivered = delivery(status=None), delivery(attempt=2, minutes=2)
        deliveries.record(failed)
        deliveries.record(delivered)

        assert deliveries.newest(HOOK, limit=10) == [delivered, failed]
        assert deliveries.newest("another", limit=10) == []

    def test_newest_events_come_first_a_page_at_a_time(self, deliveries: DeliveryStore) -> None:
        """A late attempt stands with its event; a page begins behind the last one of another."""
        newer = replace(EVENT, id=EventId("a-newer-one"), at=NOW + timedelta(seconds=1))
        first, late = delivery(), delivery(attempt=2, minutes=12)
        of_newer = delivery(event=newer)
        for each in (first, of_newer, late):
            deliveries.record(each)

        page = deliveries.newest(HOOK, limit=2)
        rest = deliveries.newest(HOOK, limit=2, after=page[-1].place)

        assert [*page, *rest] == [of_newer, late, first]

    def test_the_attempts_of_an_event_are_found(self, deliveries: DeliveryStore) -> None:
        """No other event of the same moment is among them."""
        other = replace(EVENT, id=EventId("event-10"))
        mine = [delivery(status=500), delivery(attempt=2, minutes=2)]
        for each in (*mine, delivery(event=other)):
            deliveries.record(each)

        found = deliveries.of_event(HOOK, EVENT)

        assert sorted(found, key=lambda each: each.attempt) == mine
        assert deliveries.of_event("another", EVENT) == []

    def test_an_attempt_counts_once(self, deliveries: DeliveryStore) -> None:
        """Whoever notes it twice changes neither the row nor the count."""
        deliveries.record(delivery(status=500))
        deliveries.record(delivery(status=200))

        assert deliveries.outcomes(HOOK, since=NOW) == Outcomes(delivered=0, failed=1)
        assert deliveries.newest(HOOK, limit=10) == [delivery(status=500)]

    def test_outcomes_are_those_of_late(self, deliveries: DeliveryStore) -> None:
        """What is a quarter of an hour and five minutes old is left out."""
        for attempt, (minutes, status) in enumerate([(0, 500), (21, 500), (25, 204), (30, 200)]):
            deliveries.record(delivery(attempt=attempt, minutes=minutes, status=status))

        found = deliveries.outcomes(HOOK, since=NOW + timedelta(minutes=21))

        assert found == Outcomes(delivered=2, failed=1)
        assert deliveries.outcomes("another", since=NOW) == Outcomes()

    def test_attempts_are_shown_for_a_week(
        self, deliveries: DeliveryStore, clock: FixedClock
    ) -> None:
        """Rows may be deleted days later: what has expired is not shown."""
        deliveries.record(delivery())
        clock.advance(DELIVERY_LIFETIME + timedelta(seconds=2))

        assert deliveries.newest(HOOK, limit=10) == []


class TestEventStore:
    """Events, written with a change and read when they are told."""

    @pytest.fixture(params=["memory", "dynamodb"])
    def events(self, request: pytest.FixtureRequest) -> EventStore:
        """A store with one event in it."""
        if request.param == "memory":
            store = InMemoryEventStore()
            store.add(EVENT)
            return store
        table = request.getfixturevalue("table")
        table.transact(told(EVENT))
        return DynamoEventStore(table)

    def test_an_event_is_read_as_it_was_written(self, events: EventStore) -> None:
        """By its id."""
        assert events.get(EVENT.id) == EVENT
        with pytest.raises(NotFound):
            events.get(EventId("another"))

    def test_the_stream_shows_the_same(self) -> None:
        """What the table's stream hands over of a new row is the event."""
        assert streamed(told(EVENT)["Put"]["Item"]) == EVENT


class TestDeliveryQueue:
    """Calls as SQS messages."""

    def test_any_number_of_calls_is_put_in(self) -> None:
        """SQS takes ten at once; each call comes out as it went in."""
        calls = [
            DeliveryCall(event_id=EventId(f"e{number}"), webhook_id=HOOK, attempt=1)
            for number in range(23)
        ]
        with mock_aws():
            sqs = aws.client("sqs")
            url = sqs.create_queue(QueueName="events")["QueueUrl"]
            SqsDeliveryQueue(sqs, url).deliver(calls)
            came = _all_of(sqs, url)

        assert sorted(each["event_id"] for each in came) == sorted(c.event_id for c in calls)
        assert {(each["webhook_id"], each["attempt"]) for each in came} == {(HOOK, 1)}

    def test_a_wait_is_rounded_up(self) -> None:
        """A call that waits is not handed out before."""
        call = DeliveryCall(event_id=EventId("e"), webhook_id=HOOK, attempt=2)
        with mock_aws():
            sqs = aws.client("sqs")
            url = sqs.create_queue(QueueName="events")["QueueUrl"]
            SqsDeliveryQueue(sqs, url).deliver([call], delay=timedelta(milliseconds=600_500))
            assert _all_of(sqs, url) == []
            waiting = sqs.get_queue_attributes(
                QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesDelayed"]
            )["Attributes"]

        assert waiting == {"ApproximateNumberOfMessagesDelayed": "1"}

    def test_calls_that_are_not_taken_are_an_error(self) -> None:
        """SQS answers 200 with a list of what it did not take: that event would be lost."""
        call = DeliveryCall(event_id=EventId("e"), webhook_id=HOOK, attempt=1)

        with pytest.raises(QueueRefused):
            SqsDeliveryQueue(_Refusing(), "url").deliver([call])  # type: ignore[arg-type]


class _Refusing:
    """An SQS that is throttled."""

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        """Take nothing."""
        refused = {"Code": "ServiceUnavailable", "SenderFault": False}
        return {"Failed": [{"Id": each["Id"], **refused} for each in request["Entries"]]}


def _all_of(sqs: Any, url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(each["Body"]) for each in messages]
    return found
