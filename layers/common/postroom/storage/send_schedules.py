"""One-off schedules of EventBridge Scheduler, which put a worker's call into the queue of sends.

A schedule carries ids only, and deletes itself once it has fired. The group, the role and the
queue belong to the stack and keep their names, so that a schedule outlives redeployments.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-delete.html
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from postroom.domain.ids import AccountId, OutboxId
from postroom.storage.queues import send_call

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient


class EventBridgeSendScheduler:
    """Schedules in one group. Their names are given: at most 64 of [A-Za-z0-9_.-]."""

    def __init__(
        self,
        client: "EventBridgeSchedulerClient",
        *,
        group: str,
        role_arn: str,
        queue_arn: str,
        dead_letter_queue_arn: str,
    ) -> None:
        self._client = client
        self._group = group
        self._role_arn = role_arn
        self._queue_arn = queue_arn
        self._dead_letter_queue_arn = dead_letter_queue_arn

    def schedule(
        self, account_id: AccountId, outbox_id: OutboxId, *, name: str, at: datetime
    ) -> None:
        """Have the worker called once, not before this time."""
        whole_second = (at + timedelta(microseconds=999_999)).astimezone(UTC).replace(microsecond=0)
        self._client.create_schedule(
            Name=name,
            GroupName=self._group,
            ScheduleExpression=f"at({whole_second:%Y-%m-%dT%H:%M:%S})",
            ScheduleExpressionTimezone="UTC",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={
                "Arn": self._queue_arn,
                "RoleArn": self._role_arn,
                "Input": send_call(account_id, outbox_id, attempt=0),
                "DeadLetterConfig": {"Arn": self._dead_letter_queue_arn},
            },
        )

    def cancel(self, name: str) -> None:
        """Delete a schedule; what is not there is fine."""
        try:
            self._client.delete_schedule(Name=name, GroupName=self._group)
        except self._client.exceptions.ResourceNotFoundException:
            return
