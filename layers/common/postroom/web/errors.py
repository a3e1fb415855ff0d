"""What goes wrong, as HTTP says it: the only place that knows statuses and `error.type`.

Two shapes, and a client tells them apart by the path alone:

    everywhere                     {"request_id", "error": {"type", "message", "provider_error"?}}
    under /v3/connect/token,       {"error", "error_code", "error_description", "error_uri"}
    /revoke                        (all four, or the official SDKs do not recognise it)

`KINDS` is the documented table. An error that is not in it is a mistake of ours: it is logged
without its text, which may hold mail or secrets, and answered as `internal_error`.
"""

import json
import math
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

DEFAULT_RETRY_AFTER = timedelta(seconds=30)
"""What Retry-After says when the provider gave no time."""

_OAUTH_ERROR_URI = "https://datatracker.ietf.org/doc/html/rfc6749#section-5.2"
_OAUTH_CODES = {
    "invalid_request": 25000,
    "invalid_grant": 25001,
    "invalid_client": 25002,
    "unsupported_grant_type": 25003,
    "temporarily_unavailable": 25004,
    "server_error": 25005,
}
"""The contract wants a number beside each word of RFC 6749; these are ours and stay as they are."""

_WORDS: Mapping[str, str] = {
    "missing": "This is required",
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
    "list_type": "Send a list",
    "too_long": "Send at most {max_length} of these",
    "model_type": "Send an object",
    "model_attributes_type": "Send an object",
    "mapping_type": "Send an object",
    "dict_type": "Send an object",
}
"""What pydantic calls its findings, in words for people who have never heard of it."""


class UnsupportedMediaType(domain.PostroomError):
    """The body is of a kind that this route does not read."""


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One row of the documented table."""

    status: int
    type: str
    """`error.type`: stable, for programs."""
    cause: str
    """What a reader of the documentation is told."""
    oauth_error: str = "invalid_request"
    """The word on the OAuth routes (RFC 6749 sections 4.1.2.1 and 5.2)."""


KINDS: Mapping[type[Exception], ErrorKind] = {
    domain.InvalidRequest: ErrorKind(
        400, "invalid_request_error", "A part of the request is wrong; the message names it."
    ),
    domain.Unauthenticated: ErrorKind(
        401, "unauthorized", "No valid API key or access token came along.", "invalid_client"
    ),
    domain.Forbidden: ErrorKind(
        403, "insufficient_scopes", "The key or token does not reach this far."
    ),
    domain.NotFound: ErrorKind(404, "not_found_error", "There is no such thing, or not for you."),
    domain.Conflict: ErrorKind(
        409, "conflict_error", "It exists already, or an Idempotency-Key means another request."
    ),
    domain.TooLarge: ErrorKind(
        413, "request_too_large_error", "The request, or its answer, does not fit."
    ),
    UnsupportedMediaType: ErrorKind(
        415, "unsupported_media_type_error", "The Content-Type is not one that is read here."
    ),
    domain.ReauthRequired: ErrorKind(
        401, "grant.reauth_required", "The mailbox owner has to give consent again."
    ),
    domain.MailboxUnavailable: ErrorKind(
        403, "grant.mailbox_unavailable", "The account has no usable mailbox at its provider."
    ),
    domain.Rejected: ErrorKind(400, "provider_error", "The provider refuses this request."),
    domain.Misconfigured: ErrorKind(
        500,
        "provider_misconfigured",
        "The connector is missing or refused; its administrator has to act.",
        "server_error",
    ),
    domain.OutcomeUnknown: ErrorKind(
        504,
        "outcome_unknown_error",
        "The provider may or may not have done it. Repeat with the same Idempotency-Key.",
        "temporarily_unavailable",
    ),
    domain.Retryable: ErrorKind(
        503,
        "provider_unavailable_error",
        "The provider is busy or unreachable; repeat after Retry-After.",
        "temporarily_unavailable",
    ),
    domain.LeaseLost: ErrorKind(
        503,
        "provider_unavailable_error",
        "The account is being worked on; repeat after Retry-After.",
        "temporarily_unavailable",
    ),
}

INTERNAL = ErrorKind(500, "internal_error", "A mistake of ours.", "server_error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One error on its way to the caller, in no shape yet."""

    status: int
    type: str
    message: str
    request_id: str
    oauth_error: str
    provider_error: Mapping[str, str] | None = None
    headers: Mapping[str, str]


def problem_of(error: Exception, *, request_id: str) -> Problem:
    """Say what an error means to the caller; logs those that are mistakes of ours."""
    known = _named(error)
    kind = next((KINDS[each] for each in type(known).__mro__ if each in KINDS), INTERNAL)
    if isinstance(known, domain.ConnectionRefused):
        status = 401 if known.reason == "invalid_client" else 400
        kind = ErrorKind(status, known.reason, "", known.reason)
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
        provider_error=_provider_error(known),
        headers=_headers(known, kind),
    )


def contract_error(problem: Problem, _event: APIGatewayProxyEventV2) -> Response[str]:
    """Render the shape of all routes but those of OAuth."""
    error: dict[str, Any] = {"type": problem.type, "message": problem.message}
    if problem.provider_error:
        error["provider_error"] = dict(problem.provider_error)
    return _json(problem, {"request_id": problem.request_id, "error": error})


def oauth_error(problem: Problem, _event: APIGatewayProxyEventV2) -> Response[str]:
    """Render the shape of the token and revocation routes."""
    answer = {
        "error": problem.oauth_error,
        "error_code": _OAUTH_CODES.get(problem.oauth_error, _OAUTH_CODES["invalid_request"]),
        "error_description": problem.message,
        "error_uri": _OAUTH_ERROR_URI,
        "request_id": problem.request_id,
    }
    return _json(problem, answer)


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
    return ".".join(str(part) for part in (within, *location) if part != "")


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
