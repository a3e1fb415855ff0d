"""Requests that providers push: read from API Gateway's event and answered without its resolver.

The resolver, its validation and pydantic take longer to load than a provider waits for an answer on
a bad day, and there is nothing here for them to do.
"""

import base64
import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from postroom.domain.errors import InvalidRequest, PostroomError, Retryable, Unauthenticated
from postroom.domain.push import PushRequest
from postroom.observability import count, log_unexpected, logger
from postroom.web.error_kinds import INTERNAL, kind_of

Event = Mapping[str, Any]
Answer = dict[str, Any]

_RETRY_AFTER_SECONDS = 30
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def push_request(event: Event, *, limit_bytes: int) -> PushRequest:
    """Read the request of an event. Raises InvalidRequest when its body is too large."""
    body = event.get("body") or ""
    try:
        encoded = bool(event.get("isBase64Encoded"))
        content = base64.b64decode(body, validate=True) if encoded else body.encode()
    except ValueError:
        raise InvalidRequest("This cannot be decoded.", field="body") from None
    if len(content) > limit_bytes:
        raise InvalidRequest(f"Send at most {limit_bytes} bytes.", field="body")
    headers = event.get("headers") or {}
    return PushRequest(body=content, authorization=headers.get("authorization", ""))


def query_of(event: Event) -> str:
    """Return the query as it was sent."""
    query: str = event.get("rawQueryString") or ""
    return query


def accepted(status: int) -> Answer:
    """Answer that nothing has to come again."""
    return {"statusCode": status, "headers": dict(_HEADERS)}


def plain_text(text: str) -> Answer:
    """Answer a text that came from outside, so that no browser takes it for a page."""
    headers = {**_HEADERS, "Content-Type": "text/plain"}
    return {"statusCode": 200, "headers": headers, "body": text}


def problems_answered(
    handle: Callable[[dict[str, Any], LambdaContext], Answer],
) -> Callable[[dict[str, Any], LambdaContext], Answer]:
    """Answer what a handler raises, in the API's shape; from 500 on the provider comes again.

    An unknown error is answered and not passed on, since Lambda would print it, text and all.
    """

    @wraps(handle)
    def handler(event: dict[str, Any], context: LambdaContext) -> Answer:
        try:
            return handle(event, context)
        except PostroomError as error:
            logger.warning("push_refused", extra={"error_type": type(error).__qualname__})
            count("PushesRefused")
            return _refusal(error, event)
        except Exception as error:  # noqa: BLE001 - the last one before Lambda
            log_unexpected(error)
            return _refusal(error, event)

    return handler


def _refusal(error: Exception, event: Event) -> Answer:
    kind = kind_of(error)
    headers = {**_HEADERS, "Content-Type": "application/json"}
    if isinstance(error, Retryable):
        headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    message = "Something went wrong on our side." if kind is INTERNAL else str(error)
    answer = {
        "request_id": event.get("requestContext", {}).get("requestId", ""),
        "error": {"type": kind.type, "message": message},
    }
    return {"statusCode": kind.status, "headers": headers, "body": json.dumps(answer)}
