"""Requests as API Gateway delivers them."""

import base64
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from aws_lambda_powertools.utilities.typing import LambdaContext

from postroom.web.resolver import Api

EVENTS = Path(__file__).parents[3] / "events"


def event(
    method: str = "GET",
    path: str = "/",
    *,
    query: str = "",
    body: str | bytes | None = None,
    **headers: str,
) -> dict[str, Any]:
    """A request; headers are written with underscores, a body of bytes comes as base64."""
    given: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {
            "http": {"method": method, "path": path},
            "requestId": "request-1",
            "stage": "$default",
        },
        "isBase64Encoded": isinstance(body, bytes),
    }
    if body is not None:
        given["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    return given


def recorded(name: str) -> APIGatewayProxyEventV2:
    """One of the files in events/."""
    return APIGatewayProxyEventV2(json.loads((EVENTS / f"{name}.json").read_text()))


Ask = Callable[..., dict[str, Any]]


def asking(app: Api) -> Ask:
    """Ask a resolver; the answer's JSON body stands under `json`."""

    def ask(*parts: Any, **more: Any) -> dict[str, Any]:
        answer = app.resolve(event(*parts, **more), LambdaContext())
        is_json = answer["headers"].get("Content-Type") == "application/json"
        if is_json and not answer["isBase64Encoded"]:
            answer["json"] = json.loads(answer["body"])
        return answer

    return ask


def error_of(answer: Mapping[str, Any]) -> tuple[int, str, str]:
    """Status, type and message of an answer in the contract's shape."""
    error = answer["json"]["error"]
    return answer["statusCode"], error["type"], error["message"]


@pytest.fixture
def read() -> Callable[[str], APIGatewayProxyEventV2]:
    """Read a recorded event."""
    return recorded
