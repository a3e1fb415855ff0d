"""Errors as Microsoft Graph words them.

Bodies: https://learn.microsoft.com/en-us/graph/errors
"""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from werkzeug import Response

_USUAL = {
    400: ("BadRequest", "The request is malformed or incorrect."),
    401: ("InvalidAuthenticationToken", "Access token has expired or is not yet valid."),
    403: ("ErrorAccessDenied", "Access is denied. Check credentials and try again."),
    404: ("ErrorItemNotFound", "The specified object was not found in the store."),
    409: ("Conflict", "The request conflicts with the state of the resource."),
    410: ("SyncStateNotFound", "The sync state generation is not found."),
    413: ("ErrorMessageSizeExceeded", "The message exceeds the maximum supported size."),
    429: ("ApplicationThrottled", "Application is over its MailboxConcurrency limit."),
    500: ("InternalServerError", "An internal server error occurred. The operation failed."),
    502: ("BadGateway", "The server received an invalid answer."),
    503: ("ErrorServerBusy", "The server cannot service this request right now. Try again later."),
    504: ("ErrorTimeoutExpired", "The request did not finish in time."),
}


class GraphError(Exception):
    """An answer that is an error: HTTP status, Graph's code, a message, headers of its own."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Return the answer on the wire."""
        request_id = str(uuid.uuid4())
        inner = {
            "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
            "request-id": request_id,
            "client-request-id": request_id,
        }
        error = {"code": self.code, "message": str(self), "innerError": inner}
        response = Response(json.dumps({"error": error}), self.status, mimetype="application/json")
        response.headers["request-id"] = request_id
        if self.status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="", error="invalid_token"'
        response.headers.update(self.headers)
        return response


def invalid(message: str) -> GraphError:
    """Return the error for a request that Graph cannot read."""
    return GraphError(400, "BadRequest", message)


def invalid_argument(message: str) -> GraphError:
    """Return the error for a value that the mailbox cannot take."""
    return GraphError(400, "ErrorInvalidRequest", message)


def not_found() -> GraphError:
    """Return the error for an item that is not, or no longer, there."""
    return GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def usual(status: int) -> Response:
    """Return the body Graph usually sends with a status."""
    code, message = _USUAL.get(status, ("UnknownError", ""))
    return GraphError(status, code, message).response()
