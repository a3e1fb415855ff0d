"""POST /push/google: Pub/Sub says that a mailbox at Gmail has changed."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from postroom.bootstrap import push_google as bootstrap
from postroom.observability import counted, logger
from postroom.usecases.receive_push import receive_address_push
from postroom.web.pushes import Answer, accepted, problems_answered, push_request

_LIMIT_BYTES = 256_000
"""A push has some hundred bytes."""


@logger.inject_lambda_context
@counted()
@problems_answered
def handler(event: dict[str, Any], _context: LambdaContext) -> Answer:
    """Ring for a push that is Google's; whatever is not answered with 2xx comes again."""
    request = push_request(event, limit_bytes=_LIMIT_BYTES)
    services = bootstrap.services()
    receive_address_push(
        request=request,
        reader=services.reader,
        accounts=services.accounts,
        sync_states=services.sync_states,
        work=services.work,
    )
    return accepted(204)
