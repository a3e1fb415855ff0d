"""POST /push/microsoft and /push/microsoft/lifecycle: Graph says that mailboxes have changed."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from postroom.bootstrap import push_microsoft as bootstrap
from postroom.observability import counted, logger
from postroom.usecases.receive_push import receive_watch_pushes
from postroom.web.pushes import (
    Answer,
    accepted,
    plain_text,
    problems_answered,
    push_request,
    query_of,
)

_LIMIT_BYTES = 1_000_000
"""A thousand notifications, of which each has some 800 bytes."""


@logger.inject_lambda_context
@counted()
@problems_answered
def handler(event: dict[str, Any], _context: LambdaContext) -> Answer:
    """Shake hands, or ring for each mailbox that is named; an item tells what it is by itself."""
    services = bootstrap.services()
    question = services.reader.handshake(query_of(event))
    if question is not None:
        return plain_text(question)
    receive_watch_pushes(
        request=push_request(event, limit_bytes=_LIMIT_BYTES),
        reader=services.reader,
        sync_states=services.sync_states,
        work=services.work,
    )
    return accepted(202)
