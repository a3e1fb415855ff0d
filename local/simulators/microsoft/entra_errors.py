"""Errors as Entra words them: OAuth's code, and a number of its own.

https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
"""

import json
import uuid
from datetime import datetime
from typing import Any

from werkzeug import Response

_KNOWN = {
    50011: ("invalid_grant", "The redirect URI does not match the one the code was requested for."),
    50020: (
        "invalid_grant",
        "The account does not exist in the tenant. Sign in with another account.",
    ),
    50148: ("invalid_grant", "The code_verifier of the authorization request's PKCE is missing."),
    50173: (
        "invalid_grant",
        "The provided grant has expired due to it being revoked, a fresh auth token is needed.",
    ),
    54005: ("invalid_grant", "OAuth2 Authorization code was already redeemed."),
    65001: ("invalid_grant", "The user or administrator has not consented to use the application."),
    65004: ("access_denied", "User declined to consent to access the app."),
    70000: ("invalid_grant", "Provided grant is invalid or malformed."),
    70003: ("unsupported_grant_type", "The app requested an unsupported grant type."),
    70005: ("unsupported_response_type", "The response type is not supported."),
    70007: ("invalid_request", "The response mode is not supported."),
    70008: ("invalid_grant", "The provided authorization code has expired."),
    70011: ("invalid_scope", "The provided value for the input parameter 'scope' is not valid."),
    90002: ("invalid_request", "The tenant was not found."),
    90023: ("invalid_request", "The code challenge method is not supported."),
    90094: ("access_denied", "Only an administrator can grant the permissions the app requests."),
    501481: ("invalid_grant", "The Code_Verifier does not match the code_challenge."),
    700016: ("unauthorized_client", "The application was not found in the directory."),
    700082: ("invalid_grant", "The refresh token has expired due to inactivity."),
    900144: ("invalid_request", "The request must contain the parameter "),
    7000215: ("invalid_client", "Invalid client secret provided."),
    7000218: ("invalid_client", "The request body must contain client_assertion or client_secret."),
    9002313: ("invalid_grant", "Invalid request. Request is malformed or invalid."),
}
_SUBERRORS = {50173: "bad_token", 700082: "bad_token", 65001: "consent_required"}


class EntraError(Exception):
    """A refusal by its number; `detail` follows the usual text."""

    def __init__(self, number: int, detail: str = "") -> None:
        self.number = number
        self.error, text = _KNOWN[number]
        super().__init__(f"AADSTS{number}: {text}{detail}")

    def response(self, now: datetime) -> Response:
        """Return the token endpoint's answer."""
        trace_id, correlation_id = str(uuid.uuid4()), str(uuid.uuid4())
        body: dict[str, Any] = {
            "error": self.error,
            "error_description": self._described(trace_id, correlation_id, now),
            "error_codes": [self.number],
            "timestamp": _timestamp(now),
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.number}",
        }
        if self.number in _SUBERRORS:
            body["suberror"] = _SUBERRORS[self.number]
        status = 401 if self.error == "invalid_client" else 400
        response = Response(json.dumps(body), status, mimetype="application/json")
        response.headers["Cache-Control"] = "no-store, no-cache"
        return response

    def parameters(self, now: datetime) -> dict[str, str]:
        """Return what the visitor brings back to the product."""
        described = self._described(str(uuid.uuid4()), str(uuid.uuid4()), now)
        uri = f"https://login.microsoftonline.com/error?code={self.number}"
        return {"error": self.error, "error_description": described, "error_uri": uri}

    def _described(self, trace_id: str, correlation_id: str, now: datetime) -> str:
        return (
            f"{self} Trace ID: {trace_id} Correlation ID: {correlation_id} "
            f"Timestamp: {_timestamp(now)}"
        )


def _timestamp(now: datetime) -> str:
    return now.strftime("%Y-%m-%d %H:%M:%SZ")
