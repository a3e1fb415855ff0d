"""`$batch`: up to twenty calls in one JSON request, each with its own answer.

Answers come in an order of their own, to be matched by id.
https://learn.microsoft.com/en-us/graph/json-batching
"""

import base64
import json
from collections.abc import Callable
from typing import Any, Final

from werkzeug import Request, Response
from werkzeug.test import EnvironBuilder

from local.simulators.microsoft.errors import GraphError, invalid

MAX_CALLS: Final = 20
BESIDE: Final = "simulator.calls_beside"
"""Environ key: how many calls of the same batch, on which it does not wait, run before this one."""
_METHODS: Final = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})
_OF_CONNECTION: Final = frozenset({"content-length", "transfer-encoding", "connection", "host"})


def answer_batch(request: Request, answer: Callable[[Request], Response]) -> Response:
    """Do each call, those that depend on others after them; raises a 400 GraphError."""
    calls = _calls(request)
    done: dict[str, Response] = {}
    beside = 0
    for each in calls:
        failed = [name for name in each.get("dependsOn", []) if done[name].status_code >= 400]
        if failed:
            done[each["id"]] = GraphError(
                424, "FailedDependency", f"The call {failed[0]}, which this one needs, failed."
            ).response()
        else:
            alone = bool(each.get("dependsOn"))
            done[each["id"]] = answer(_inner(each, request, 0 if alone else beside))
            beside += 0 if alone else 1
    answers = [_part(name, response) for name, response in done.items()]
    return Response(json.dumps({"responses": answers[::-1]}), mimetype="application/json")


def _calls(request: Request) -> list[dict[str, Any]]:
    """Return the calls, checked."""
    try:
        body = json.loads(request.get_data())
    except ValueError:
        body = None
    calls = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(calls, list) or not calls:
        raise invalid("Invalid batch payload format.")
    if len(calls) > MAX_CALLS:
        raise GraphError(
            400,
            "BadRequest",
            f"Number of batch request steps exceeds the maximum value of {MAX_CALLS}.",
        )
    names: set[str] = set()
    for each in calls:
        if not isinstance(each, dict) or not isinstance(each.get("id"), str) or each["id"] in names:
            raise invalid("Every request of a batch needs an id of its own.")
        if str(each.get("method")).upper() not in _METHODS or not isinstance(each.get("url"), str):
            raise invalid(f"The request {each['id']} needs a method and a url.")
        if not set(each.get("dependsOn") or []) <= names:
            raise invalid(f"The request {each['id']} depends on one that does not come before it.")
        names.add(each["id"])
    return calls


def _inner(each: dict[str, Any], outer: Request, beside: int) -> Request:
    headers = {str(n).lower(): str(v) for n, v in (each.get("headers") or {}).items()}
    headers.setdefault("authorization", outer.headers.get("Authorization", ""))
    body = each.get("body")
    content = b""
    if isinstance(body, str):
        content = body.encode()
    elif body is not None:
        content = json.dumps(body).encode()
        if "json" not in headers.get("content-type", ""):
            raise invalid(f"The request {each['id']} has a body but no JSON content type.")
    path, _, query = f"/v1.0/{each['url'].lstrip('/')}".partition("?")
    builder = EnvironBuilder(
        path=path,
        query_string=query,
        method=each["method"].upper(),
        headers=[(n, v) for n, v in headers.items() if v and n not in _OF_CONNECTION],
        data=content,
        base_url=outer.host_url,
    )
    environ = builder.get_environ()
    environ[BESIDE] = beside
    return Request(environ)


def _part(name: str, response: Response) -> dict[str, Any]:
    headers = {n: v for n, v in response.headers if n.lower() not in _OF_CONNECTION}
    part: dict[str, Any] = {"id": name, "status": response.status_code, "headers": headers}
    content = response.get_data()
    if response.mimetype == "application/json" and content:
        try:
            part["body"] = json.loads(content)
        except ValueError:
            part["body"] = content.decode(errors="replace")
    elif content:
        part["body"] = base64.b64encode(content).decode()
    return part
