"""The gateway as a WSGI application, with API Gateway's limits and its own error answers.

    request ── no route ──────────────────────────────► 404 Not Found
       ├── body > 10 MB, or event > 6,291,456 bytes ──► 413 Request Entity Too Large
       └── function ── answers ───────────────────────► its answer
              ├── fails, or answers malformed or > 6 MB► 500 Internal Server Error
              └── 30 seconds pass ────────────────────► 503 Service Unavailable

Limits: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html and
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html.
"""

import json
import logging
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from werkzeug import Request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from local.gateway.payload import HttpAnswer, HttpRequest, MalformedAnswer, answer_of, event_of
from local.gateway.routes import RouteTable

BODY_LIMIT_BYTES = 10 * 1024 * 1024
EVENT_LIMIT_BYTES = 6_291_456
ANSWER_LIMIT_BYTES = 6_291_556
INTEGRATION_TIMEOUT_SECONDS = 30.0

access_log = logging.getLogger("local.gateway")


class FunctionFailed(Exception):
    """The function could not be invoked, raised, or was ended by its own timeout."""


class FunctionTooSlow(Exception):
    """The function did not answer in the time API Gateway waits."""


class Invoker(Protocol):
    """Invokes a function by name with a JSON event and gives its JSON answer.

    Raises FunctionFailed, FunctionTooSlow.
    """

    def __call__(self, function_name: str, event: bytes, /) -> bytes:
        """Invoke, and wait for the answer."""
        ...


class LambdaInvoker:
    """Invokes through Lambda's Invoke API at `endpoint_url`."""

    def __init__(
        self,
        endpoint_url: str,
        region: str,
        timeout_seconds: float = INTEGRATION_TIMEOUT_SECONDS,
    ) -> None:
        self._client = boto3.client(
            "lambda",
            endpoint_url=endpoint_url,
            region_name=region,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - the local AWS checks none
            config=Config(
                read_timeout=timeout_seconds,
                max_pool_connections=64,
                retries={"total_max_attempts": 1},
                proxies={},
            ),
        )

    def __call__(self, function_name: str, event: bytes, /) -> bytes:
        """Invoke synchronously."""
        try:
            answer = self._client.invoke(FunctionName=function_name, Payload=event)
            payload = answer["Payload"].read()
        except ReadTimeoutError:
            raise FunctionTooSlow(function_name) from None
        except (ClientError, BotoCoreError) as error:
            raise FunctionFailed(f"{function_name}: {error}") from error
        if answer.get("FunctionError"):
            raise FunctionFailed(f"{function_name}: {payload.decode(errors='replace')}")
        return payload


class Gateway:
    """WSGI application that answers as an HTTP API with Lambda integrations does."""

    def __init__(
        self,
        routes: RouteTable,
        invoke: Invoker,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        new_request_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._routes = routes
        self._invoke = invoke
        self._now = now
        self._new_request_id = new_request_id

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request; each is one line of the access log, by route and never by path."""
        started = time.monotonic()
        request_id = self._new_request_id()
        route_key, answer = self._answer(environ, request_id)
        response = Response(answer.body, status=answer.status)
        response.headers.clear()
        response.headers.extend(answer.headers)
        response.headers["apigw-requestid"] = request_id
        response.headers["content-length"] = str(len(answer.body))
        milliseconds = round((time.monotonic() - started) * 1000)
        access_log.info("%s %s %dms %s", answer.status, route_key, milliseconds, request_id)
        return response(environ, start_response)

    def _answer(self, environ: dict[str, Any], request_id: str) -> tuple[str, HttpAnswer]:
        try:
            request = request_of(environ)
        except RequestEntityTooLarge:
            return "-", _own_answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        match = self._routes.match(request.method, request.path)
        if match is None:
            return "-", _own_answer(HTTPStatus.NOT_FOUND)
        event = event_of(request, match, request_id=request_id, now=self._now())
        payload = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode(
            errors="replace"
        )
        if len(payload) > EVENT_LIMIT_BYTES:
            return match.route.key, _own_answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return match.route.key, self._function_answer(match.route.function_name, payload)

    def _function_answer(self, function_name: str, event: bytes) -> HttpAnswer:
        try:
            result = json.loads(self._invoke(function_name, event) or b"null")
            if len(json.dumps(result, ensure_ascii=False).encode()) > ANSWER_LIMIT_BYTES:
                raise MalformedAnswer("more than 6 MB")
            return answer_of(result)
        except FunctionTooSlow:
            return _own_answer(HTTPStatus.SERVICE_UNAVAILABLE)
        except (FunctionFailed, MalformedAnswer, ValueError) as error:
            access_log.warning("%s: %s", function_name, error)
            return _own_answer(HTTPStatus.INTERNAL_SERVER_ERROR)


def request_of(environ: dict[str, Any]) -> HttpRequest:
    """Read a WSGI request. Raises RequestEntityTooLarge for a body above 10 MB."""
    reader = Request(environ)
    reader.max_content_length = BODY_LIMIT_BYTES
    return HttpRequest(
        method=reader.method,
        target=environ["REQUEST_URI"],
        headers={name.lower(): value for name, value in reader.headers.items()},
        body=reader.get_data(cache=False),
        source_ip=environ.get("REMOTE_ADDR") or "127.0.0.1",
        protocol=environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
        port=int(environ["SERVER_PORT"]),
    )


def _own_answer(status: HTTPStatus) -> HttpAnswer:
    phrases = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Request Entity Too Large"}
    message = phrases.get(status, status.phrase)
    body = json.dumps({"message": message}, separators=(",", ":")).encode()
    return HttpAnswer(status, [("content-type", "application/json")], body)
