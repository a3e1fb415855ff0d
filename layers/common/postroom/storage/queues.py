"""Calls of workers as SQS messages.

sync        {"account_id": …, "lane": "present", "hints": [<provider's message id>, …]}
backfill    {"account_id": …, "lane": "backfill"}
send        {"account_id": …, "outbox_id": …, "attempt": …}
"""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from postroom.domain.ids import AccountId, OutboxId, ProviderMessageId
from postroom.domain.sync import Lane

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_LONGEST_DELAY_SECONDS = 900
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html


class SqsWorkQueue:
    """Three standard queues. A delay is rounded up, and never more than fifteen minutes."""

    def __init__(
        self,
        client: "SQSClient",
        *,
        sync_queue_url: str,
        backfill_queue_url: str,
        send_queue_url: str,
    ) -> None:
        self._client = client
        self._sync_queue_url = sync_queue_url
        self._backfill_queue_url = backfill_queue_url
        self._send_queue_url = send_queue_url

    def sync(
        self,
        account_id: AccountId,
        *,
        delay: timedelta = timedelta(),
        hints: Sequence[ProviderMessageId] = (),
    ) -> None:
        """Have the present of an account synced, from these messages on."""
        body: dict[str, object] = {"account_id": account_id, "lane": Lane.PRESENT.value}
        if hints:
            body["hints"] = list(hints)
        self._send(self._sync_queue_url, body, delay)

    def backfill(self, account_id: AccountId, *, delay: timedelta = timedelta()) -> None:
        """Have the next chunk of an account's first sync (or its erasure) done."""
        body = {"account_id": account_id, "lane": Lane.BACKFILL.value}
        self._send(self._backfill_queue_url, body, delay)

    def settle_send(
        self, account_id: AccountId, outbox_id: OutboxId, *, attempt: int, delay: timedelta
    ) -> None:
        """Have a send taken on: sent when it is due, looked up when nobody knows."""
        body = send_call(account_id, outbox_id, attempt=attempt)
        self._put(self._send_queue_url, body, delay)

    def _send(self, queue_url: str, body: Mapping[str, object], delay: timedelta) -> None:
        self._put(queue_url, json.dumps(body), delay)

    def _put(self, queue_url: str, body: str, delay: timedelta) -> None:
        seconds = math.ceil(delay.total_seconds())
        self._client.send_message(
            QueueUrl=queue_url,
            MessageBody=body,
            DelaySeconds=min(max(seconds, 0), _LONGEST_DELAY_SECONDS),
        )


def send_call(account_id: AccountId, outbox_id: OutboxId, *, attempt: int) -> str:
    """Return the call of the worker of sends, whoever puts it into its queue."""
    return json.dumps({"account_id": account_id, "outbox_id": outbox_id, "attempt": attempt})
