"""DynamoDB stream: each new event, to all webhooks that want to hear of it."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from postroom.bootstrap import event_publisher as bootstrap
from postroom.observability import counted, logger, unexpected_logged
from postroom.usecases.publish_events import publish_events


@logger.inject_lambda_context(clear_state=True)
@counted()
@unexpected_logged()
def handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001 - Lambda's
    """Publish a batch. What fails is raised: the stream hands out the whole batch again.

    A partial answer would spare the calls that were put in already, but not every stream's reader
    takes one; who delivers knows what it has done.
    """
    services = bootstrap.services()
    events = [services.read(record["dynamodb"]["NewImage"]) for record in event["Records"]]
    publish_events(events=events, tools=services.tools)
