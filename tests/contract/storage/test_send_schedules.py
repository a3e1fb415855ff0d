"""SendScheduler, in memory and with EventBridge Scheduler."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from postroom.domain.ids import OutboxId
from postroom.ports import SendScheduler
from postroom.storage.send_schedules import EventBridgeSendScheduler
from tests.builders import ACCOUNT_ID, NOW
from tests.contract import aws
from tests.fakes import InMemorySendScheduler

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient

GROUP = "postroom-sends"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:sends"
DEAD_LETTERS = "arn:aws:sqs:us-east-1:123456789012:dead-sends"
ROLE = "arn:aws:iam::123456789012:role/sends"

Waiting = Callable[[], dict[str, datetime]]
"""Returns when each schedule calls, by name."""


@pytest.fixture
def client(moto: None) -> "EventBridgeSchedulerClient":
    """A scheduler with the stack's group."""
    made: EventBridgeSchedulerClient = aws.client("scheduler")
    made.create_schedule_group(Name=GROUP)
    return made


def _on_aws(client: "EventBridgeSchedulerClient") -> EventBridgeSendScheduler:
    return EventBridgeSendScheduler(
        client, group=GROUP, role_arn=ROLE, queue_arn=QUEUE, dead_letter_queue_arn=DEAD_LETTERS
    )


@pytest.fixture(params=["memory", "eventbridge"])
def scheduler(request: pytest.FixtureRequest) -> tuple[SendScheduler, Waiting]:
    """A scheduler, and what waits in it."""
    if request.param == "memory":
        memory = InMemorySendScheduler()
        return memory, lambda: {name: call.at for name, call in memory.waiting.items()}
    client = request.getfixturevalue("client")

    def waiting() -> dict[str, datetime]:
        listed = client.list_schedules(GroupName=GROUP)["Schedules"]
        return {each["Name"]: _time(client, each["Name"]) for each in listed}

    return _on_aws(client), waiting


def _time(client: "EventBridgeSchedulerClient", name: str) -> datetime:
    expression = client.get_schedule(GroupName=GROUP, Name=name)["ScheduleExpression"]
    assert expression.startswith("at(")
    return datetime.fromisoformat(expression.removeprefix("at(").rstrip(")")).replace(tzinfo=UTC)


class TestSendScheduler:
    """Calls at a time far away."""

    def test_each_call_has_its_time(self, scheduler: tuple[SendScheduler, Waiting]) -> None:
        """Until it has come, or is called off; to call it off again is fine."""
        calls, waiting = scheduler
        calls.schedule(ACCOUNT_ID, OutboxId("a"), name="one", at=NOW + timedelta(hours=1))
        calls.schedule(ACCOUNT_ID, OutboxId("b"), name="two", at=NOW + timedelta(days=365))
        assert waiting() == {"one": NOW + timedelta(hours=1), "two": NOW + timedelta(days=365)}

        calls.cancel("one")
        calls.cancel("one")

        assert waiting() == {"two": NOW + timedelta(days=365)}


def test_a_schedule_calls_the_queue_once_and_carries_ids_alone(
    client: "EventBridgeSchedulerClient",
) -> None:
    """It deletes itself after it has fired, and what cannot be delivered is not lost."""
    at = NOW + timedelta(hours=1, milliseconds=1)

    _on_aws(client).schedule(ACCOUNT_ID, OutboxId("a"), name="one", at=at)

    made: Any = client.get_schedule(GroupName=GROUP, Name="one")
    assert made["ActionAfterCompletion"] == "DELETE"
    assert made["ScheduleExpressionTimezone"] == "UTC"
    assert made["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert _time(client, "one") == NOW + timedelta(hours=1, seconds=1), "never too early"
    target = made["Target"]
    assert (target["Arn"], target["RoleArn"]) == (QUEUE, ROLE)
    assert target["DeadLetterConfig"] == {"Arn": DEAD_LETTERS}
    assert json.loads(target["Input"]) == {
        "account_id": ACCOUNT_ID,
        "outbox_id": "a",
        "attempt": 0,
    }
