"""One-off schedules on the local AWS: they call the queue of sends at their time, and are gone."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.child import START_SECONDS
from local.ministack_process import is_ready, running_ministack
from local.ports import free_port
from postroom.domain.ids import OutboxId
from postroom.storage.send_schedules import EventBridgeSendScheduler
from tests.builders import ACCOUNT_ID
from tests.contract import aws

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_sqs import SQSClient

GROUP = "postroom-sends"
WAIT_SECONDS = 60
"""A limit, not a delay: it looks after its schedules every few seconds."""


@pytest.fixture(scope="module")
def endpoint_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A ministack that ends with these tests."""
    folder: Path = tmp_path_factory.mktemp("ministack")
    port = free_port()
    with running_ministack(
        port=port, state=folder / "state", scratch=folder / "scratch", log=folder / "log"
    ) as child:
        child.wait_until(partial(is_ready, port), START_SECONDS)
        yield f"http://127.0.0.1:{port}"


def _names(client: "EventBridgeSchedulerClient") -> set[str]:
    return {each["Name"] for each in client.list_schedules(GroupName=GROUP)["Schedules"]}


def test_a_schedule_fires_once_and_is_gone(endpoint_url: str) -> None:
    """What was called off never fires; what is due puts its call into the queue."""
    # Given
    sqs: SQSClient = aws.client("sqs", endpoint_url=endpoint_url)
    client: EventBridgeSchedulerClient = aws.client("scheduler", endpoint_url=endpoint_url)
    client.create_schedule_group(Name=GROUP)
    url = sqs.create_queue(QueueName="sends")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    scheduler = EventBridgeSendScheduler(
        client,
        group=GROUP,
        role_arn="arn:aws:iam::000000000000:role/schedules",
        queue_arn=arn["QueueArn"],
        dead_letter_queue_arn=arn["QueueArn"],
    )
    now = datetime.now(UTC)
    for name, wait in (("soon", 3), ("never", 4), ("later", 3_600)):
        at = now + timedelta(seconds=wait)
        scheduler.schedule(ACCOUNT_ID, OutboxId(name), name=f"{name}.1", at=at)
    scheduler.cancel("never.1")
    scheduler.cancel("never.1")
    # When
    give_up_at = time.monotonic() + WAIT_SECONDS
    bodies: list[object] = []
    while not bodies and time.monotonic() < give_up_at:
        received = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
        bodies = [json.loads(each["Body"]) for each in received.get("Messages", [])]
    # Then
    assert bodies == [{"account_id": ACCOUNT_ID, "outbox_id": "soon", "attempt": 0}]
    while "soon.1" in _names(client) and time.monotonic() < give_up_at:
        sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)
    assert _names(client) == {"later.1"}
