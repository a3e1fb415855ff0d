"""What the OAuth servers of both simulators have in common on the wire."""

import base64
import hashlib
import json
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from werkzeug import Request, Response


def client_of(request: Request) -> tuple[str, str]:
    """Return a client's id and secret, from HTTP Basic or from the form."""
    basic = request.authorization
    if basic is not None and basic.type == "basic":
        return basic.username or "", basic.password or ""
    return request.form.get("client_id", ""), request.form.get("client_secret", "")


def challenge_of(verifier: str, method: str) -> str:
    """Return the code challenge that belongs to a verifier (RFC 7636)."""
    if method != "S256":
        return verifier
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def redirect_back(address: str, parameters: dict[str, str]) -> Response:
    """Send the visitor back to the product."""
    scheme, host, path, query, _ = urlsplit(address)
    query = "&".join(filter(None, [query, urlencode(parameters)]))
    location = urlunsplit((scheme, host, path, query, ""))
    return Response(status=302, headers={"Location": location})


def json_answer(body: dict[str, Any], status: int = 200) -> Response:
    """Return an answer that no cache keeps."""
    response = Response(json.dumps(body), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
