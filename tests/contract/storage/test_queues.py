"""WorkQueue, in memory and on SQS."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from postroom.domain.ids import OutboxId
from postroom.ports import WorkQueue
from postroom.storage.queues import SqsWorkQueue
from tests.builders import ACCOUNT_ID, OTHER_ACCOUNT_ID
from tests.contract import aws
from tests.fakes import QueuedWork, RecordingQueue, WorkKind

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

LANES = {WorkKind.SYNC: "present", WorkKind.BACKFILL: "backfill", WorkKind.SETTLE_SEND: None}
"""One function serves two queues and reads its lane from the message."""

Take = Callable[[WorkKind], QueuedWork | None]


class SqsReader:
    """Reads the three queues as their workers do."""

    def __init__(self, client: "SQSClient") -> None:
        self._client = client
        self._urls = {
            kind: client.create_queue(QueueName=kind.value)["QueueUrl"] for kind in WorkKind
        }
        self.queue = SqsWorkQueue(
            client,
            sync_queue_url=self._urls[WorkKind.SYNC],
            backfill_queue_url=self._urls[WorkKind.BACKFILL],
            send_queue_url=self._urls[WorkKind.SETTLE_SEND],
        )

    def take(self, kind: WorkKind) -> QueuedWork | None:
        """Take a message that is there."""
        url = self._urls[kind]
        messages = self._client.receive_message(QueueUrl=url, MaxNumberOfMessages=1)
        for message in messages.get("Messages", []):
            self._client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            body: dict[str, Any] = json.loads(message["Body"])
            assert body.pop("lane", None) == LANES[kind]
            return QueuedWork(kind=kind, **body)
        return None


@pytest.fixture(params=["memory", "sqs"])
def work(request: pytest.FixtureRequest) -> tuple[WorkQueue, Take]:
    """A queue, and a worker's way to take from it."""
    if request.param == "memory":
        recording = RecordingQueue()
        return recording, recording.take
    request.getfixturevalue("moto")
    reader = SqsReader(aws.client("sqs"))
    return reader.queue, reader.take


class TestWorkQueue:
    """Calls of workers."""

    def test_worker_is_told_the_account(self, work: tuple[WorkQueue, Take]) -> None:
        """Each kind of work has a queue of its own."""
        queue, take = work

        queue.sync(ACCOUNT_ID)
        queue.backfill(OTHER_ACCOUNT_ID)

        assert take(WorkKind.SYNC) == QueuedWork(kind=WorkKind.SYNC, account_id=ACCOUNT_ID)
        assert take(WorkKind.SYNC) is None
        assert take(WorkKind.BACKFILL) == QueuedWork(
            kind=WorkKind.BACKFILL, account_id=OTHER_ACCOUNT_ID
        )
        assert take(WorkKind.SETTLE_SEND) is None

    def test_send_is_named_with_its_attempt(self, work: tuple[WorkQueue, Take]) -> None:
        """The worker knows which send to look up, and how often it was tried."""
        queue, take = work

        queue.settle_send(ACCOUNT_ID, OutboxId("outbox-1"), attempt=2, delay=timedelta())

        assert take(WorkKind.SETTLE_SEND) == QueuedWork(
            kind=WorkKind.SETTLE_SEND,
            account_id=ACCOUNT_ID,
            outbox_id=OutboxId("outbox-1"),
            attempt=2,
        )


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        (timedelta(), 0),
        (timedelta(seconds=-5), 0),
        (timedelta(milliseconds=1_200), 2),
        (timedelta(seconds=900), 900),
        (timedelta(hours=2), 900),
    ],
)
def test_delay_is_one_that_sqs_takes(moto: None, delay: timedelta, seconds: int) -> None:
    """Whole seconds, never too early, and at most the fifteen minutes that SQS allows."""
    client: SQSClient = aws.client("sqs")
    sent: list[int] = []
    client.meta.events.register(
        "provide-client-params.sqs.SendMessage",
        lambda params, **_: sent.append(params["DelaySeconds"]),
    )

    SqsReader(client).queue.sync(ACCOUNT_ID, delay=delay)

    assert sent == [seconds]
