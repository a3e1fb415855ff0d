"""What goes wrong, as the API answers it.

Two shapes, and a client tells them apart by the path alone:

    everywhere                     {"request_id", "error": {"type", "message", "field"?,
                                    "provider_error"?}}
    where the path has             {"error", "error_code", "error_description", "error_uri"}
    connect/token, connect/revoke  (all four, or the official SDKs do not recognise it)

An error that `error_kinds` does not know is a mistake of ours: it is logged without its text, which
may hold mail or secrets, and answered as `internal_error`.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as RouteNotFound
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from postroom.domain import errors as domain
from postroom.observability import log_unexpected
from postroom.web.error_kinds import INTERNAL, OAUTH_ERRORS, ErrorKind, MethodNotAllowed, kind_of

DEFAULT_RETRY_AFTER = timedelta(seconds=30)
"""What Retry-After says when the provider gave no time."""

OAUTH_ERROR_URI = "https://datatracker.ietf.org/doc/html/rfc6749#section-5.2"

_SHOWN_LENGTH = 60
"""How much of an unknown field's name is repeated to whoever sent it."""

_WORDS: Mapping[str, str] = {
    "missing": "This is required",
    "extra_forbidden": "There is no such field",
    "string_type": "Send a text",
    "string_unicode": "A text has half of a character in it",
    "string_too_long": "Use at most {max_length} characters",
    "string_too_short": "This must not be empty",
    "too_short": "This must not be empty",
    "bool_type": "Send true or false",
    "bool_parsing": "Send true or false",
    "int_type": "Send a whole number",
    "int_from_float": "Send a whole number",
    "int_parsing": "Send a whole number",
    "int_parsing_size": "Send a whole number",
    "greater_than_equal": "Use {ge} or more",
    "less_than_equal": "Use {le} or less",
    "literal_error": "Use {expected}",
    "enum": "Use {expected}",
    "list_type": "Send a list",
    "too_long": "Send at most {max_length} of these",
    "model_type": "Send an object",
    "model_attributes_type": "Send an object",
    "mapping_type": "Send an object",
    "dict_type": "Send an object",
}
"""What pydantic calls its findings, in words for people who have never heard of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One error on its way to the caller, in no shape yet."""

    status: int
    type: str
    message: str
    request_id: str
    oauth_error: str
    field: str = ""
    """Which part of the request is wrong; empty where it is none."""
    provider_error: Mapping[str, str] | None = None
    headers: Mapping[str, str]


def problem_of(error: Exception, *, request_id: str) -> Problem:
    """Say what an error means to the caller; logs those that are mistakes of ours."""
    known = _named(error)
    kind = kind_of(known)
    if kind is INTERNAL:
        log_unexpected(known)
        message = "Something went wrong on our side. Please name the request_id when you ask."
    else:
        message = str(known)
    return Problem(
        status=kind.status,
        type=kind.type,
        message=message,
        request_id=request_id,
        oauth_error=kind.oauth_error,
        field=known.field if isinstance(known, domain.InvalidRequest) else "",
        provider_error=_provider_error(known),
        headers=_headers(known, kind),
    )


def contract_error(problem: Problem, _event: APIGatewayProxyEventV2) -> Response[str]:
    """Render the shape of all routes but those of OAuth."""
    error: dict[str, Any] = {"type": problem.type, "message": problem.message}
    if problem.field:
        error["field"] = problem.field
    if problem.provider_error:
        error["provider_error"] = dict(problem.provider_error)
    return _json(problem, {"request_id": problem.request_id, "error": error})


def oauth_error(problem: Problem, _event: APIGatewayProxyEventV2) -> Response[str]:
    """Render the shape of the token and revocation routes."""
    known = OAUTH_ERRORS.get(problem.oauth_error, OAUTH_ERRORS["invalid_request"])
    answer = {
        "error": problem.oauth_error,
        "error_code": known.code,
        "error_description": problem.message,
        "error_uri": OAUTH_ERROR_URI,
        "request_id": problem.request_id,
    }
    return _json(problem, answer)


def error_of_path(problem: Problem, event: APIGatewayProxyEventV2) -> Response[str]:
    """Render the shape that official SDKs expect at an address, whether there is one or not."""
    is_oauth = re.search("connect/(token|revoke)", event.raw_path)
    return oauth_error(problem, event) if is_oauth else contract_error(problem, event)


def invalid_request(
    errors: Sequence[Mapping[str, Any]], *, skip: int, within: str = ""
) -> domain.InvalidRequest:
    """Put pydantic's findings into our words, without values and without its own.

    `skip` is how many leading parts of a location are not the caller's (`query`, say); `within`
    is what stands before the rest.
    """
    paths = [_path(error["loc"][skip:], within) for error in errors]
    others = sorted({path for path in paths if path and path != paths[0]})
    also = f" (also to correct: {', '.join(others[:5])})" if others else ""
    return domain.InvalidRequest(f"{_words(errors[0])}.{also}", field=paths[0] or "body")


def _path(location: Sequence[Any], within: str) -> str:
    return ".".join(str(part)[:_SHOWN_LENGTH] for part in (within, *location) if part != "")


def _words(error: Mapping[str, Any]) -> str:
    """Say in words of ours what pydantic found; errors of our own validators are so already."""
    kind = str(error["type"])
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ").rstrip(".")
    if kind == "too_long" and isinstance(error["input"], str):
        kind = "string_too_long"
    return _WORDS.get(kind, "This value cannot be used here").format(**error.get("ctx", {}))


def _named(error: Exception) -> Exception:
    """Turn what Powertools raises into our own errors."""
    if isinstance(error, RouteNotFound):
        return domain.NotFound("There is no such route, or not with this method.")
    if isinstance(error, RequestValidationError):
        # Query models are found at (query, <the handler's own name for it>, <field>, …).
        return invalid_request(error.errors(), skip=2)
    return error


def _provider_error(error: Exception) -> dict[str, str] | None:
    if not isinstance(error, domain.ProviderError):
        return None
    said = {"code": error.provider_code, "message": error.provider_message}
    return said if any(said.values()) else None


def _headers(error: Exception, kind: ErrorKind) -> dict[str, str]:
    if kind.status in {429, 503}:
        wait = getattr(error, "retry_after", None) or DEFAULT_RETRY_AFTER
        return {"Retry-After": str(max(1, math.ceil(wait.total_seconds())))}
    if isinstance(error, MethodNotAllowed):
        return {"Allow": ", ".join(error.allowed)}
    if isinstance(error, domain.Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}
    return {}


def _json(problem: Problem, answer: Mapping[str, Any]) -> Response[str]:
    return Response(
        status_code=problem.status,
        content_type="application/json",
        body=json.dumps(answer, ensure_ascii=False),
        headers=dict(problem.headers),
    )
