"""Finding by Message-ID: Gmail's search proposes, the header of what it found decides.

A Message-ID may be its author's own, and hold what are words and signs to a search:
`<a|in:sent@x.example>` finds any sent mail.
"""

import re
from datetime import datetime
from typing import Any

from postroom.domain.ids import InternetMessageId

MOST_FOUND = 10
"""Looked at, of what a search proposes."""

_PLAIN = re.compile(r"[\w.+=$@-]+", re.ASCII)
_NAMES = frozenset({"message-id", "x-google-original-message-id"})
"""The second has what Gmail has written its own over."""


def query(message_id: InternetMessageId) -> str:
    """Return the search for a Message-ID."""
    value = message_id.strip("<> ").replace('"', " ")
    return f"rfc822msgid:{value}" if _PLAIN.fullmatch(value) else f'rfc822msgid:"{value}"'


def bears(raw: Any, message_id: InternetMessageId, *, since: datetime | None) -> bool:
    """Whether a message, with its headers, has this Message-ID and is not older than `since`."""
    headers = (raw.get("payload") or {}).get("headers") or ()
    ids = {each.get("value", "").strip() for each in headers if each["name"].lower() in _NAMES}
    is_of_it = since is None or int(raw["internalDate"]) >= since.timestamp() * 1000
    return message_id.strip() in ids and is_of_it
