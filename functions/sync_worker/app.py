"""SQS: one account, one bounded step of its sync, its first sync, or its erasure."""

from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from postroom.bootstrap import sync_worker as bootstrap
from postroom.observability import counted, logger, unexpected_logged
from postroom.usecases.backfill_account import backfill_account
from postroom.usecases.disconnect_account import erase_account, is_being_erased
from postroom.usecases.sync_account import sync_account

# A failed record is answered, not raised: Lambda would print the exception with its text.
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@unexpected_logged()
def work_on(record: SQSRecord) -> None:
    """Do one step; a step that fails for our own reasons is delivered again."""
    services = bootstrap.services()
    account_id, lane = record.json_body["account_id"], record.json_body["lane"]
    logger.append_keys(account_id=account_id, lane=lane)
    if lane == "present":
        hints = record.json_body.get("hints", ())
        sync_account(account_id=account_id, tools=services.tools, hints=hints)
    elif is_being_erased(account_id=account_id, accounts=services.tools.accounts):
        erase_account(
            account_id=account_id,
            tools=services.tools,
            vault=services.vault,
            outbox=services.outbox,
            outgoing=services.outgoing,
            scheduler=services.scheduler,
            creations=services.creations,
            downloads=services.downloads,
            uploads=services.uploads,
        )
    else:
        backfill_account(account_id=account_id, tools=services.tools)


@logger.inject_lambda_context(clear_state=True)
@counted()
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Work on each record; answer those that have to come again."""
    return process_partial_response(
        event=event, record_handler=work_on, processor=processor, context=context
    )
