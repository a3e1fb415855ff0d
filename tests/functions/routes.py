"""Any request to any route of the template, without an event file of its own."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from samtranslator.yaml_helper import yaml_parse

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


@dataclass(frozen=True)
class Route:
    """One method and path, and the function that serves it."""

    function: str
    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def with_names(self, **names: str) -> str:
        """Return the path with something in the place of each parameter."""
        return self.path.format(**names)


@cache
def template() -> dict[str, Any]:
    """Return the template, with short intrinsics (`!Ref`) in their long form."""
    parsed: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
    return parsed


@cache
def routes() -> tuple[Route, ...]:
    """Return every route of the API."""
    found = []
    for resource in template()["Resources"].values():
        for event in resource.get("Properties", {}).get("Events", {}).values():
            place = event.get("Properties", {})
            if event["Type"] == "HttpApi" and place.get("Path"):
                folder = Path(resource["Properties"]["CodeUri"]).name
                found.append(Route(folder, place["Method"], place["Path"]))
    return tuple(found)


def function_of(method: str, path: str) -> str:
    """Return the function that API Gateway calls: what is named in a route comes first."""
    segments = path.split("/")
    fitting = [
        route
        for route in routes()
        if route.method == method
        and len(route.path.split("/")) == len(segments)
        and all(
            theirs == ours or theirs.startswith("{")
            for theirs, ours in zip(route.path.split("/"), segments, strict=True)
        )
    ]
    assert fitting, f"no route for {method} {path}"
    return min(fitting, key=lambda route: route.path.count("{")).function


def request(
    method: str, path: str, *, bearer: str = "", body: Any = None, query: str = ""
) -> dict[str, Any]:
    """Return an event of API Gateway's HTTP API, payload version 2."""
    headers = {"host": "postroom.example", "content-type": "application/json"}
    if bearer:
        headers["authorization"] = f"Bearer {bearer}"
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "http": {"method": method, "path": path, "sourceIp": "203.0.113.7"},
            "requestId": "Uj3kNh0QFiAEJ8w=",
            "stage": "$default",
        },
        "body": body if isinstance(body, str | None) else json.dumps(body),
        "isBase64Encoded": False,
    }
