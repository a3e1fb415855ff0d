"""From the stream to the record of a delivery, through both functions as they are wired."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from postroom.bootstrap.clock import clock
from postroom.domain.event import Event, EventType
from postroom.domain.ids import AccountId, EventId
from postroom.domain.webhook import Webhook, WebhookStatus
from postroom.storage.dynamodb.deliveries import DynamoDeliveryStore
from postroom.storage.dynamodb.event_rows import told
from postroom.storage.dynamodb.table import Table
from postroom.storage.dynamodb.webhooks import DynamoWebhookStore
from tests.contract import aws
from tests.functions.conftest import SAMPLE_GRANT, Deployment

STREAMED, CALLED = "event_publisher.grant_expired", "event_delivery.first_attempt"


@dataclass
class Story:
    """A webhook whose host has moved into the private network since it was saved."""

    deployment: Deployment
    table: Table
    hook: Webhook

    def happens(self) -> dict[str, Any]:
        """Let a consent end; answers what the stream hands over."""
        event = Event(
            id=EventId(f"event-{clock.now().timestamp()}"),
            type=EventType.GRANT_EXPIRED,
            account_id=AccountId(self.deployment.names[SAMPLE_GRANT]),
            at=clock.now(),
        )
        self.table.transact(told(event))
        record = copy.deepcopy(self.deployment.event(STREAMED)["Records"][0])
        record["dynamodb"]["NewImage"] = told(event)["Put"]["Item"]
        return {"Records": [record]}

    def calls(self) -> list[str]:
        """Take everything from the queue of events."""
        found = []
        queue = self.deployment.queues["event"]
        while messages := self.deployment.sqs.receive_message(QueueUrl=queue).get("Messages"):
            for each in messages:
                found.append(each["Body"])
                self.deployment.sqs.delete_message(
                    QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"]
                )
        return found

    def deliver(self, body: str) -> Any:
        """Hand a call to the function."""
        record = self.deployment.event(CALLED)["Records"][0] | {"body": body}
        return self.deployment.invoke(CALLED, Records=[record])

    def deliveries(self, query: str = "", *, status: int = 200) -> dict[str, Any]:
        """Ask the API for what was delivered."""
        path = f"/v3/webhooks/{self.hook.id}/deliveries"
        return self.deployment.call("GET", path, status=status, query=query)


@pytest.fixture
def story(deployment: Deployment) -> Iterator[Story]:
    table = Table(aws.client("dynamodb"), aws.TABLE)
    now = datetime.now(UTC)
    hook = Webhook(
        id=f"hook-{now.timestamp()}".replace(".", "-"),
        url="https://127.0.0.1/hook",
        event_types=(EventType.GRANT_EXPIRED,),
        description="",
        notified_addresses=(),
        status=WebhookStatus.ACTIVE,
        secret_number=1,
        created_at=now,
        updated_at=now,
        status_updated_at=now,
    )
    webhooks = DynamoWebhookStore(table)
    webhooks.add(hook)
    yield Story(deployment, table, hook)
    webhooks.delete(hook.id)


def test_an_event_is_called_for_and_its_attempt_is_recorded(story: Story) -> None:
    """The stream's batch becomes a call; the call an attempt, which the webhook's owner sees."""
    stream = story.happens()
    story.deployment.invoke(STREAMED, **stream)
    (call,) = story.calls()
    assert json.loads(call)["webhook_id"] == story.hook.id

    assert story.deliver(call) == {"batchItemFailures": []}
    # The queue hands it out once more.
    assert story.deliver(call) == {"batchItemFailures": []}

    (shown,) = story.deliveries()["data"]
    assert shown.pop("duration_ms") >= 0
    assert shown.pop("attempted_at") >= shown.pop("event_at")
    assert shown == {
        "event_id": json.loads(call)["event_id"],
        "type": "grant.expired",
        "grant_id": story.deployment.names[SAMPLE_GRANT],
        "attempt": 1,
        "state": "failed",
        "failure": "private_address",
    }
    assert story.calls() == []


def test_deliveries_come_in_pages(story: Story) -> None:
    """Newest first; the token of one webhook opens no list of another."""
    for _ in range(3):
        story.deployment.invoke(STREAMED, **story.happens())
        for call in story.calls():
            story.deliver(call)
    whole = story.deliveries()
    first = story.deliveries("limit=2")
    rest = story.deliveries(f"limit=2&page_token={first['next_cursor']}")

    assert [*first["data"], *rest["data"]] == whole["data"]
    assert (len(rest["data"]), "next_cursor" in rest, "next_cursor" in whole) == (1, False, False)
    for query in ("limit=0", "limit=201", "limit=x", "page_token=x"):
        assert story.deliveries(query, status=400)["error"]["message"]
    path = "/v3/webhooks/another/deliveries"
    story.deployment.call("GET", path, status=404)
    token = f"page_token={first['next_cursor']}"
    story.deployment.call("GET", path, status=400, query=token)


def test_a_call_for_what_is_gone_is_dropped(story: Story) -> None:
    """It would end among the dead letters, and an alarm would tell of nothing."""
    body = json.dumps({"event_id": "gone", "webhook_id": story.hook.id, "attempt": 1})
    assert story.deliver(body) == {"batchItemFailures": []}
    assert DynamoDeliveryStore(story.table, clock).newest(story.hook.id, limit=1) == []


def test_a_fault_of_ours_has_the_call_come_again(story: Story) -> None:
    """And ends among the dead letters in the end."""
    failed = story.deliver("{}")
    assert len(failed["batchItemFailures"]) == 1


def test_a_stream_that_cannot_be_published_is_read_again(story: Story) -> None:
    """Whatever is raised has the stream hand out the batch once more: no event is lost."""
    record = story.happens()["Records"][0]
    del record["dynamodb"]["NewImage"]["type"]
    with pytest.raises(KeyError):
        story.deployment.invoke(STREAMED, Records=[record])
