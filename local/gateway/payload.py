"""Lambda proxy payload format 2.0: the event a function receives, the answer it gives.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
Where that page is silent (which bodies are base64, that paths are decoded) this follows what
API Gateway was seen to do.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from local.gateway.routes import RouteMatch

ACCOUNT_ID = "000000000000"
API_ID = "local"
STAGE = "$default"

# They speak about one connection and end at API Gateway.
_HOP_BY_HOP = frozenset(
    ["connection", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"]
)
_TEXT_TYPES = ("application/json", "application/xml", "application/javascript")


class MalformedAnswer(Exception):
    """A function answered something that API Gateway turns into its own 500."""


@dataclass(frozen=True)
class HttpRequest:
    """A request as it stood on the wire; `target` is the raw path and query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    source_ip: str
    protocol: str
    port: int

    @property
    def path(self) -> str:
        """The percent-decoded path. A doubled slash at its start is kept."""
        return unquote(self.target.split("?", 1)[0])

    @property
    def query(self) -> str:
        """The query as it was sent, without its question mark."""
        return self.target.partition("?")[2]


@dataclass(frozen=True)
class HttpAnswer:
    """What goes back to the client."""

    status: int
    headers: Sequence[tuple[str, str]] = field(default=())
    body: bytes = b""


def event_of(
    request: HttpRequest, match: RouteMatch, *, request_id: str, now: datetime
) -> dict[str, Any]:
    """Build the event for a request. `now` is aware UTC."""
    headers = {name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP}
    cookies = [part.strip() for part in headers.pop("cookie", "").split(";") if part.strip()]
    host = headers.get("host", "localhost").rsplit(":", 1)[0]
    forwarded = headers.get("x-forwarded-for")
    headers["x-forwarded-for"] = (
        f"{forwarded}, {request.source_ip}" if forwarded else (request.source_ip)
    )
    headers["x-forwarded-proto"] = "http"
    headers["x-forwarded-port"] = str(request.port)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": match.route.key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "cookies": cookies,
        "headers": headers,
        "queryStringParameters": _query_parameters(request.query),
        "pathParameters": dict(match.path_parameters),
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": API_ID,
            "domainName": host,
            "domainPrefix": host.split(".", 1)[0],
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": match.route.key,
            "stage": STAGE,
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now.timestamp() * 1000),
        },
    }
    for optional in ("cookies", "queryStringParameters", "pathParameters"):
        if not event[optional]:
            del event[optional]
    return event | _body_of(request)


def _query_parameters(query: str) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        values.setdefault(name, []).append(value)
    return {name: ",".join(several) for name, several in values.items()}


def _body_of(request: HttpRequest) -> dict[str, Any]:
    if not request.body:
        return {"isBase64Encoded": False}
    content_type = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
    if content_type.startswith("text/") or content_type in _TEXT_TYPES:
        return {"body": request.body.decode("utf-8", errors="replace"), "isBase64Encoded": False}
    return {"body": base64.b64encode(request.body).decode("ascii"), "isBase64Encoded": True}


def answer_of(result: object) -> HttpAnswer:
    """Turn what a function returned into an HTTP answer.

    A result without `statusCode` is the body of a 200, as payload format 2.0 infers.
    Raises MalformedAnswer.
    """
    if not isinstance(result, Mapping) or "statusCode" not in result:
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        return HttpAnswer(200, [("content-type", "application/json")], text.encode())
    headers = _answer_headers(result)
    return HttpAnswer(_status(result["statusCode"]), headers, _answer_body(result))


def _status(value: object) -> int:
    try:
        status = int(str(value))
    except ValueError:
        raise MalformedAnswer("statusCode is no number") from None
    if not 100 <= status <= 599:
        raise MalformedAnswer("statusCode is no HTTP status")
    return status


def _answer_headers(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    given = result.get("headers") or {}
    cookies = result.get("cookies") or []
    if not isinstance(given, Mapping) or not isinstance(cookies, list):
        raise MalformedAnswer("headers must be an object and cookies a list")
    headers = [(str(name).lower(), _header_value(value)) for name, value in given.items()]
    headers += [("set-cookie", str(cookie)) for cookie in cookies]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))
    return [header for header in headers if header[0] != "content-length"]


def _header_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise MalformedAnswer("a header value is neither text nor number")


def _answer_body(result: Mapping[str, Any]) -> bytes:
    body = result.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedAnswer("body is no text")
    if result.get("isBase64Encoded"):
        try:
            return base64.b64decode(body, validate=True)
        except binascii.Error:
            raise MalformedAnswer("body is not base64") from None
    return body.encode()
