"""The gateway sends functions what API Gateway sends, and answers with API Gateway's limits."""

import base64
import http.client
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from local.gateway.app import (
    ANSWER_LIMIT_BYTES,
    BODY_LIMIT_BYTES,
    EVENT_LIMIT_BYTES,
    FunctionFailed,
    FunctionTooSlow,
    Gateway,
)
from local.gateway.routes import Route, RouteTable
from local.gateway.server import serving
from local.ports import free_port

NOW = datetime(2026, 3, 12, 19, 3, 58, tzinfo=UTC)


class FakeFunctions:
    """Functions that remember their events and give the answer they were told to give."""

    def __init__(self, answer: object = None, error: Exception | None = None) -> None:
        self.answer = answer
        self.error = error
        self.invoked: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, function_name: str, event: bytes, /) -> bytes:
        """Record the event; raise the error or give the answer."""
        self.invoked.append((function_name, json.loads(event)))
        if self.error:
            raise self.error
        return json.dumps(self.answer).encode()

    @property
    def event(self) -> dict[str, Any]:
        """The only event received."""
        [(_, event)] = self.invoked
        return event


def gateway_of(functions: FakeFunctions) -> Gateway:
    routes = RouteTable(
        [
            Route("GET", "/v3/grants/{grant_id}", "accounts"),
            Route("POST", "/v3/send", "send"),
            Route("ANY", "$default", "not_found"),
        ]
    )
    return Gateway(routes, functions, now=lambda: NOW, new_request_id=lambda: "request-1")


def client_of(functions: FakeFunctions) -> Client:
    return Client(gateway_of(functions), use_cookies=False)


def own_error(response: TestResponse) -> tuple[int, object]:
    return response.status_code, response.get_json()


def test_event_is_payload_format_2_0() -> None:
    """A GET with variables, repeated query names and cookies becomes exactly AWS's event."""
    functions = FakeFunctions({"statusCode": 200, "body": "{}"})

    client_of(functions).get(
        "/v3/grants/a%20b?limit=5&in=INBOX&in=SENT&q=a%2Bb+c&empty=",
        headers={
            "Host": "mail.example:3000",
            "Authorization": "Bearer key",
            "Cookie": "one=1; two=2",
            "User-Agent": "test",
            "Connection": "keep-alive",
        },
        environ_base={"REMOTE_ADDR": "192.0.2.7"},
    )

    assert functions.invoked[0][0] == "accounts"
    assert functions.event == {
        "version": "2.0",
        "routeKey": "GET /v3/grants/{grant_id}",
        "rawPath": "/v3/grants/a b",
        "rawQueryString": "limit=5&in=INBOX&in=SENT&q=a%2Bb+c&empty=",
        "cookies": ["one=1", "two=2"],
        "headers": {
            "host": "mail.example:3000",
            "authorization": "Bearer key",
            "user-agent": "test",
            "x-forwarded-for": "192.0.2.7",
            "x-forwarded-port": "80",
            "x-forwarded-proto": "http",
        },
        "queryStringParameters": {"limit": "5", "in": "INBOX,SENT", "q": "a+b c", "empty": ""},
        "pathParameters": {"grant_id": "a b"},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "mail.example",
            "domainPrefix": "mail",
            "http": {
                "method": "GET",
                "path": "/v3/grants/a b",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.7",
                "userAgent": "test",
            },
            "requestId": "request-1",
            "routeKey": "GET /v3/grants/{grant_id}",
            "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000",
            "timeEpoch": 1773342238000,
        },
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize(
    ("content_type", "body", "encoding"),
    [
        ("application/json; charset=utf-8", '{"a": "é"}'.encode(), "text"),
        ("text/plain", b"plain", "text"),
        ("application/x-www-form-urlencoded", b"a=1", "base64"),
        ("multipart/form-data; boundary=x", b"--x\r\n\xff", "base64"),
        (None, b"{}", "base64"),
    ],
)
def test_bodies_are_text_or_base64_by_their_type(
    content_type: str | None, body: bytes, encoding: str
) -> None:
    """Only the types API Gateway knows as text arrive as text."""
    functions = FakeFunctions({"statusCode": 200})

    client_of(functions).post("/v3/send", data=body, content_type=content_type)

    event = functions.event
    decoders: dict[str, Callable[[str], bytes]] = {"text": str.encode, "base64": base64.b64decode}
    assert event["isBase64Encoded"] is (encoding == "base64")
    assert decoders[encoding](event["body"]) == body


def test_answer_keeps_status_headers_cookies_and_bytes() -> None:
    """A full answer reaches the client: status, several cookies, and decoded base64."""
    functions = FakeFunctions(
        {
            "statusCode": 201,
            "headers": {"Content-Type": "image/png", "X-Count": 2},
            "cookies": ["a=1; HttpOnly", "b=2"],
            "body": base64.b64encode(b"\x89PNG").decode(),
            "isBase64Encoded": True,
        }
    )

    response = client_of(functions).get("/v3/grants/g")

    assert (response.status_code, response.data) == (201, b"\x89PNG")
    assert response.headers.getlist("set-cookie") == ["a=1; HttpOnly", "b=2"]
    assert (response.headers["content-type"], response.headers["x-count"]) == ("image/png", "2")
    assert response.headers["apigw-requestid"] == "request-1"


@pytest.mark.parametrize(
    ("result", "body"),
    [({"message": "hi"}, b'{"message": "hi"}'), ("hi", b"hi"), ([1], b"[1]"), (None, b"null")],
)
def test_answer_without_status_is_inferred(result: object, body: bytes) -> None:
    """What has no statusCode is the JSON body of a 200."""
    response = client_of(FakeFunctions(result)).get("/v3/grants/g")

    assert (response.status_code, response.data) == (200, body)
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": "many"},
        {"statusCode": 99},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "body": "%%%", "isBase64Encoded": True},
        {"statusCode": 200, "headers": ["x"]},
        {"statusCode": 200, "headers": {"x": ["y"]}},
        {"statusCode": 200, "body": "x" * ANSWER_LIMIT_BYTES},
    ],
)
def test_malformed_answer_is_500(answer: object) -> None:
    """An answer API Gateway cannot use is its own 500, with nothing of it shown."""
    response = client_of(FakeFunctions(answer)).get("/v3/grants/g")

    assert own_error(response) == (500, {"message": "Internal Server Error"})


def test_failing_function_is_500_without_its_words() -> None:
    """A function's exception text never reaches the client."""
    functions = FakeFunctions(error=FunctionFailed("KeyError: secret"))

    response = client_of(functions).get("/v3/grants/g")

    assert own_error(response) == (500, {"message": "Internal Server Error"})


def test_slow_function_is_503() -> None:
    """After the integration's 30 seconds API Gateway gives up."""
    response = client_of(FakeFunctions(error=FunctionTooSlow("accounts"))).get("/v3/grants/g")

    assert own_error(response) == (503, {"message": "Service Unavailable"})


@pytest.mark.parametrize(
    ("content_type", "length", "status"),
    [
        ("application/json", BODY_LIMIT_BYTES + 1, 413),
        ("application/octet-stream", EVENT_LIMIT_BYTES * 3 // 4, 413),
        ("application/octet-stream", EVENT_LIMIT_BYTES * 3 // 4 - 2000, 200),
        ("application/json", EVENT_LIMIT_BYTES - 2000, 200),
    ],
)
def test_too_large_requests_are_413(content_type: str, length: int, status: int) -> None:
    """The body's limit is 10 MB; the event's, base64 counted, is 6,291,456 bytes."""
    functions = FakeFunctions({"statusCode": 200})

    response = client_of(functions).post("/v3/send", data=b"x" * length, content_type=content_type)

    assert response.status_code == status
    assert len(functions.invoked) == (1 if status == 200 else 0)
    if status == 413:
        assert response.get_json() == {"message": "Request Entity Too Large"}


def test_served_over_a_socket_doubled_slashes_survive() -> None:
    """Python's http.server folds `//v3` into `/v3`; the function must still see both slashes."""
    functions = FakeFunctions({"statusCode": 404, "body": "no"})
    port = free_port()

    with serving(gateway_of(functions), port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "//v3/grants/g?x=1")
        response = connection.getresponse()
        body = response.read()
        connection.close()

    assert (response.status, body) == (404, b"no")
    assert (functions.event["routeKey"], functions.event["rawPath"]) == (
        "$default",
        "//v3/grants/g",
    )


def test_health_is_routed_like_everything_else() -> None:
    """No path is answered by the gateway or by what stands behind it."""
    functions = FakeFunctions({"statusCode": 200, "body": "ok"})

    client_of(functions).get("/health")

    assert functions.invoked[0][0] == "not_found"
