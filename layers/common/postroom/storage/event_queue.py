"""Calls of who delivers events, as SQS messages.

{"event_id": …, "webhook_id": …, "attempt": …}
"""

import json
import math
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from postroom.domain.delivery import DeliveryCall

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH_LIMIT = 10
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html


class QueueRefused(Exception):
    """The queue did not take all that was put into it."""


class SqsDeliveryQueue:
    """A standard queue. A delay is rounded up."""

    def __init__(self, client: "SQSClient", queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def deliver(self, calls: Sequence[DeliveryCall], *, delay: timedelta = timedelta()) -> None:
        """Have events told, each to one webhook. Raises QueueRefused."""
        refused = 0
        for start in range(0, len(calls), _BATCH_LIMIT):
            answer = self._client.send_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {
                        "Id": str(number),
                        "MessageBody": _body(call),
                        "DelaySeconds": math.ceil(delay.total_seconds()),
                    }
                    for number, call in enumerate(calls[start : start + _BATCH_LIMIT])
                ],
            )
            refused += len(answer.get("Failed", ()))
        if refused:
            raise QueueRefused(f"{refused} calls were not taken")


def _body(call: DeliveryCall) -> str:
    return json.dumps(
        {"event_id": call.event_id, "webhook_id": call.webhook_id, "attempt": call.attempt}
    )
