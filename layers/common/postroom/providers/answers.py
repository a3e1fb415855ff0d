"""Reading what a provider answered, whichever provider it is and whatever it is in truth."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

LONGEST_WAIT = timedelta(days=1)
"""Beyond it is no limit of a provider's but a mistake, and would stop the account."""


def json_object(content: bytes) -> dict[str, Any]:
    """Return the object that an answer holds; an empty one when it is no JSON or no object."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def text(value: object) -> str:
    """Return a text as it is, and an empty one for everything else."""
    return value if isinstance(value, str) else ""


def retry_after(headers: Mapping[str, str], *, now: datetime) -> timedelta | None:
    """Return the wait that Retry-After asks for (RFC 9110, 10.2.3): seconds or a date.

    None when there is none that can be read; at most `LONGEST_WAIT`.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        try:
            return timedelta(seconds=min(int(value), LONGEST_WAIT.total_seconds()))
        except ValueError:  # more digits than Python reads
            return None
    try:
        return wait_until(parsedate_to_datetime(value), now=now) if value else None
    except ValueError:
        return None


def wait_until(moment: datetime, *, now: datetime) -> timedelta:
    """Return how long it is until a moment, at most `LONGEST_WAIT`; UTC when it names no zone."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta()), LONGEST_WAIT)
