"""Errors as the Gmail API words them.

Bodies: https://developers.google.com/workspace/gmail/api/guides/handle-errors
"""

import json
from typing import Any

from werkzeug import Response

_STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_USUAL = {
    400: ("Precondition check failed.", "failedPrecondition"),
    401: ("Invalid Credentials", "authError"),
    403: ("Insufficient Permission", "insufficientPermissions"),
    404: ("Requested entity was not found.", "notFound"),
    429: ("Too many concurrent requests for user", "rateLimitExceeded"),
    500: ("Internal error encountered.", "backendError"),
    503: ("The service is currently unavailable.", "backendError"),
}


class GmailError(Exception):
    """An answer that is an error: HTTP status, message and Google's reason."""

    def __init__(
        self, status: int, message: str, reason: str, *, status_name: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.status_name = status_name or _STATUS_NAMES.get(status, "UNKNOWN")

    def response(self) -> Response:
        """Return the answer on the wire."""
        detail: dict[str, Any] = {"message": str(self), "domain": "global", "reason": self.reason}
        if self.status == 401:
            detail |= {"location": "Authorization", "locationType": "header"}
        error = {
            "code": self.status,
            "message": str(self),
            "errors": [detail],
            "status": self.status_name,
        }
        response = Response(json.dumps({"error": error}), self.status, mimetype="application/json")
        if self.status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/"'
        return response


def invalid(message: str) -> GmailError:
    """Return the error for an argument that makes no sense."""
    return GmailError(400, message, "invalidArgument")


def not_found() -> GmailError:
    """Return the error for what is not, or no longer, there."""
    return GmailError(404, "Requested entity was not found.", "notFound")


def usual(status: int) -> Response:
    """Return the body Gmail usually sends with a status."""
    message, reason = _USUAL.get(status, ("Backend Error", "backendError"))
    name = "FAILED_PRECONDITION" if status == 400 else None
    return GmailError(status, message, reason, status_name=name).response()
