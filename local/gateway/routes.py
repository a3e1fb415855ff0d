"""Routes of an HTTP API: read from a processed SAM template, and chosen as API Gateway chooses.

Which route wins: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
("the most-specific match": full match, then greedy variable, then `$default`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_ROUTE_KEY = "$default"
ANY_METHOD = "ANY"
_OPENAPI_ANY_METHOD = "x-amazon-apigateway-any-method"
_INTEGRATED_FUNCTION = re.compile(r"functions/\$\{(\w+)\.Arn\}/invocations")


class UnreadableTemplate(Exception):
    """The processed template describes its API in a way this gateway does not know."""


@dataclass(frozen=True)
class Route:
    """One route: a method (or `ANY`), a path template, and the function it invokes."""

    method: str
    path: str
    function_name: str

    @property
    def key(self) -> str:
        """The route key as functions see it, such as `GET /v3/grants/{grant_id}`."""
        return self.path if self.path == DEFAULT_ROUTE_KEY else f"{self.method} {self.path}"


@dataclass(frozen=True)
class RouteMatch:
    """The chosen route and the values of its path variables."""

    route: Route
    path_parameters: Mapping[str, str]


class RouteTable:
    """All routes of one API."""

    def __init__(self, routes: Iterable[Route]) -> None:
        everything = tuple(routes)
        self._default = next((r for r in everything if r.path == DEFAULT_ROUTE_KEY), None)
        specific = [route for route in everything if route.path != DEFAULT_ROUTE_KEY]
        self._patterns = [(route, _pattern(route.path)) for route in sorted(specific, key=_rank)]

    def __len__(self) -> int:
        return len(self._patterns) + (self._default is not None)

    def match(self, method: str, path: str) -> RouteMatch | None:
        """Choose the route for a request; `path` is percent-decoded. None when none fits."""
        for route, pattern in self._patterns:
            if route.method in (method, ANY_METHOD) and (found := pattern.fullmatch(path)):
                return RouteMatch(route, dict(zip(_names(route.path), found.groups(), strict=True)))
        return RouteMatch(self._default, {}) if self._default else None


def routes_of_template(
    processed_template: Mapping[str, Any], function_names: Mapping[str, str]
) -> RouteTable:
    """Read the routes that SAM made of the functions' HttpApi events.

    `function_names` maps logical ids to the names of the deployed functions.
    Raises UnreadableTemplate when there is no HTTP API or a route invokes no function.
    """
    bodies = [
        resource["Properties"]["Body"]
        for resource in processed_template["Resources"].values()
        if resource["Type"] == "AWS::ApiGatewayV2::Api" and "Body" in resource["Properties"]
    ]
    if not bodies:
        raise UnreadableTemplate("the template has no HTTP API")
    return RouteTable(
        _route(path, method, operation, function_names)
        for body in bodies
        for path, operations in body["paths"].items()
        for method, operation in operations.items()
        if isinstance(operation, Mapping) and method != "options"
    )


def _route(
    path: str, method: str, operation: Mapping[str, Any], function_names: Mapping[str, str]
) -> Route:
    uri = str(operation.get("x-amazon-apigateway-integration", {}).get("uri", ""))
    if not (found := _INTEGRATED_FUNCTION.search(uri)):
        raise UnreadableTemplate(f"the route {method} {path} invokes no function: {uri!r}")
    if path.lstrip("/") == DEFAULT_ROUTE_KEY:
        return Route(ANY_METHOD, DEFAULT_ROUTE_KEY, function_names[found[1]])
    verb = ANY_METHOD if method == _OPENAPI_ANY_METHOD else method.upper()
    return Route(verb, path, function_names[found[1]])


def _names(path: str) -> list[str]:
    return [name.removesuffix("+") for name in re.findall(r"\{([^}]+)\}", path)]


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", path)
    return re.compile("".join(_piece(part) for part in parts), re.DOTALL)


def _piece(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    return "(.+)" if part.endswith("+}") else "([^/]+)"


def _rank(route: Route) -> tuple[list[int], bool]:
    """Sort key: fixed segments before variables before greedy ones, then method before ANY."""
    segments = route.path.split("/")
    kinds = [2 if s.endswith("+}") else 1 if s.startswith("{") else 0 for s in segments]
    return kinds, route.method == ANY_METHOD
