"""SQS: send what is due (later, large, put off), and find out what became of lost answers."""

from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from postroom.bootstrap import send_worker as bootstrap
from postroom.observability import counted, logger, unexpected_logged
from postroom.usecases.settle_send import settle_send

# A failed record is answered, not raised: Lambda would print the exception with its text.
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@unexpected_logged()
def settle(record: SQSRecord) -> None:
    """Send one message whose time has come, or look up whether it left; or have it come again."""
    call = record.json_body
    logger.append_keys(account_id=call["account_id"])
    settle_send(
        account_id=call["account_id"],
        outbox_id=call["outbox_id"],
        attempt=call["attempt"],
        tools=bootstrap.services().tools,
    )


@logger.inject_lambda_context(clear_state=True)
@counted()
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Settle each record; answer those that have to come again."""
    return process_partial_response(
        event=event, record_handler=settle, processor=processor, context=context
    )
