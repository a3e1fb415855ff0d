"""SQS: one attempt to tell one webhook of one event."""

from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from postroom.bootstrap import event_delivery as bootstrap
from postroom.observability import counted, logger, unexpected_logged
from postroom.usecases.deliver_event import deliver_event

# A failed record is answered, not raised: Lambda would print the exception with its text.
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@unexpected_logged()
def deliver(record: SQSRecord) -> None:
    """Make an attempt; a fault of ours has it come again."""
    call = record.json_body
    logger.append_keys(webhook_id=call["webhook_id"], event_id=call["event_id"])
    deliver_event(
        event_id=call["event_id"],
        webhook_id=call["webhook_id"],
        attempt=call["attempt"],
        tools=bootstrap.services().tools,
    )


@logger.inject_lambda_context(clear_state=True)
@counted()
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Deliver each record; answer those that have to come again."""
    return process_partial_response(
        event=event, record_handler=deliver, processor=processor, context=context
    )
