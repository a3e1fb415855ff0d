"""JSON that came from outside, before anybody knows what it is."""

import json
from typing import Any

from postroom.domain.errors import InvalidRequest


def json_object(content: bytes, *, field: str) -> dict[str, Any]:
    """Return the JSON object that some bytes are. Raises InvalidRequest, which names `field`."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise InvalidRequest("This is no JSON.", field=field) from None
    if not isinstance(found, dict):
        raise InvalidRequest("Send an object.", field=field)
    return found
