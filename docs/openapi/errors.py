"""How routes answer when something is wrong: one answer for each status, made from the tables."""

from collections.abc import Iterable, Mapping
from typing import Any

from postroom.web.error_kinds import INTERNAL, KINDS, OAUTH_ERRORS, ErrorKind
from postroom.web.errors import OAUTH_ERROR_URI

Schema = dict[str, Any]

_REQUEST_ID = "5f1a3c1e-9d5e-4d6f-8a58-0d3c7a1f2b44"
_GATEWAY = {
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
"""What API Gateway says before a function runs, or when none answers."""

_ABOUT = {
    400: "A part of the request is wrong, or the provider refuses it.",
    401: "No valid key or token, or the mailbox owner has to give consent again.",
    403: "The key or token does not reach this far, or the account has no usable mailbox.",
    404: "There is no such thing, or not for you.",
    405: "There is such an address, but not with this method: `Allow` names those that it has.",
    409: "It contradicts what is there.",
    413: "The request, or its answer, is too large.",
    415: "The Content-Type is not one that is read here.",
    429: "Too many requests; API Gateway says so before anything is done.",
    500: "A mistake of ours, or a connector that does not work.",
    503: "The provider is busy or unreachable; repeat after `Retry-After`.",
    504: "It took too long, or the provider's answer was lost: it may have happened.",
}

SCHEMAS: Mapping[str, Schema] = {
    "Error": {
        "type": "object",
        "required": ["request_id", "error"],
        "properties": {
            "request_id": {"type": "string", "description": "Also in `x-request-id`."},
            "error": {
                "type": "object",
                "required": ["type", "message"],
                "properties": {
                    "type": {"type": "string", "description": "Stable, for programs."},
                    "message": {"type": "string", "description": "What to do, for people."},
                    "field": {
                        "type": "string",
                        "description": "Which part of the request is wrong: `to.0.email`.",
                    },
                    "provider_error": {
                        "type": "object",
                        "description": "The provider's own words, where it said any.",
                        "required": ["code", "message"],
                        "properties": {
                            "code": {"type": "string"},
                            "message": {"type": "string"},
                        },
                    },
                },
            },
        },
    },
    "OAuthError": {
        "type": "object",
        "required": ["error", "error_code", "error_description", "error_uri", "request_id"],
        "properties": {
            "error": {"type": "string", "enum": list(OAUTH_ERRORS)},
            "error_code": {"type": "integer"},
            "error_description": {"type": "string", "description": "What to do, for people."},
            "error_uri": {"type": "string"},
            "request_id": {"type": "string", "description": "Also in `x-request-id`."},
        },
    },
    "GatewayError": {
        "type": "object",
        "description": "What API Gateway itself answers.",
        "required": ["message"],
        "properties": {"message": {"type": "string"}},
    },
}


def contract_errors(statuses: Iterable[int]) -> Schema:
    """Return the answers to these statuses in the shape of all routes but those of OAuth."""
    return {str(status): {"$ref": f"#/components/responses/Error{status}"} for status in statuses}


def oauth_errors(statuses: Iterable[int]) -> Schema:
    """Return the answers to these statuses in the shape of RFC 6749."""
    names = {status: f"OAuthError{status}" for status in _oauth_examples()}
    return {
        str(status): {"$ref": f"#/components/responses/{names.get(status, f'Error{status}')}"}
        for status in statuses
    }


def pages(statuses: Iterable[int], *, or_shape: bool) -> Schema:
    """Return the answers of routes that people meet in a browser: pages, for programs shapes."""
    answers = {}
    for status in statuses:
        content: Schema = {"text/html": {"schema": {"type": "string"}}}
        if or_shape or status in _GATEWAY:
            content |= _contract_answer(status)["content"]
        answers[str(status)] = {"description": _ABOUT[status], "content": content}
    return answers


def responses() -> dict[str, Schema]:
    """Return all answers that routes refer to."""
    contract = {f"Error{status}": _contract_answer(status) for status in _ABOUT}
    oauth = {
        f"OAuthError{status}": {
            "description": _ABOUT[status],
            "headers": _headers(status),
            "content": _content(status, "OAuthError", examples),
        }
        for status, examples in _oauth_examples().items()
    }
    return contract | oauth


def _contract_answer(status: int) -> Schema:
    found = {
        kind.type: {
            "summary": kind.cause,
            "value": {
                "request_id": _REQUEST_ID,
                "error": {"type": kind.type, "message": kind.remedy},
            },
        }
        for kind in _kinds()
        if kind.status == status
    }
    return {
        "description": _ABOUT[status],
        "headers": _headers(status),
        "content": _content(status, "Error", found),
    }


def _kinds() -> list[ErrorKind]:
    return [*KINDS.values(), INTERNAL]


def _oauth_examples() -> dict[int, dict[str, Schema]]:
    """Return the examples of each status."""
    found: dict[int, dict[str, Schema]] = {}
    for word, refusal in OAUTH_ERRORS.items():
        for status in refusal.statuses:
            found.setdefault(status, {})[word] = {
                "summary": refusal.cause,
                "value": {
                    "error": word,
                    "error_code": refusal.code,
                    "error_description": refusal.remedy,
                    "error_uri": OAUTH_ERROR_URI,
                    "request_id": _REQUEST_ID,
                },
            }
    return dict(sorted(found.items()))


def _content(status: int, schema: str, examples: Mapping[str, Schema]) -> Schema:
    shapes: list[Schema] = [{"$ref": f"#/components/schemas/{schema}"}] if examples else []
    shown = dict(examples)
    if status in _GATEWAY:
        shapes.append({"$ref": "#/components/schemas/GatewayError"})
        shown["gateway"] = {
            "summary": "API Gateway's own words.",
            "value": {"message": _GATEWAY[status]},
        }
    one = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
    return {"application/json": {"schema": one, "examples": shown}}


def _headers(status: int) -> Schema:
    headers: Schema = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if status == 503:
        headers["Retry-After"] = {
            "description": "Seconds to wait before repeating.",
            "schema": {"type": "integer", "minimum": 1},
        }
    if status == 401:
        headers["WWW-Authenticate"] = {"schema": {"type": "string"}}
    return headers
