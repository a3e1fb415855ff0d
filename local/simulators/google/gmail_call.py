"""One authenticated Gmail call: what its endpoint works with."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug import Request

from local.simulators.clock import SimulatorClock
from local.simulators.google.errors import GmailError, invalid
from local.simulators.google.mailbox import Mailbox
from local.simulators.settings import Settings

JSON_BODY_LIMIT = 5 * 1024 * 1024
"""Bytes of a JSON body; larger messages go through `/upload`."""
Json = dict[str, Any]


@dataclass
class GmailCall:
    """A request, whose it is, and what it leaves to do after the lock is released."""

    request: Request
    mailbox: Mailbox
    scopes: frozenset[str]
    client_id: str
    path: Mapping[str, str]
    settings: Settings
    clock: SimulatorClock
    find_mailbox: Callable[[str], Mailbox | None]
    upload: tuple[Json, bytes] | None = None
    """Metadata and message of an upload, once it is complete."""
    parting_letters: list[tuple[str, bytes]] = field(default_factory=list)
    """Mail for addresses that are not known here: (recipient, message)."""

    def json(self) -> Json:
        """Return the JSON body; raises a 400 or 413 GmailError."""
        content = self.request.get_data()
        if len(content) > JSON_BODY_LIMIT:
            raise GmailError(413, "Request Entity Too Large", "uploadTooLarge")
        if not content:
            return {}
        try:
            body = json.loads(content)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise GmailError(400, "Invalid JSON payload received.", "badRequest")
        return body

    def argument(self, name: str) -> str | None:
        """Return a query parameter."""
        return self.request.args.get(name)

    def flag(self, name: str) -> bool:
        """Return a boolean query parameter, false when absent."""
        return self.request.args.get(name, "false").lower() == "true"

    def page_limit(self, default: int = 100, most: int = 500) -> int:
        """Return how many results a page may have; raises a 400 GmailError."""
        text = self.argument("maxResults") or str(default)
        if not text.isdigit():
            raise invalid(f"Invalid value at 'max_results' (TYPE_UINT32), \"{text}\"")
        wanted = min(int(text) or default, most)
        return min(wanted, self.settings.page_size or wanted)


def texts(body: Json, name: str, most: int) -> list[str]:
    """Return a list of texts from a body; raises a 400 GmailError."""
    values = body.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise invalid(f"Invalid value at '{name}'")
    if len(values) > most:
        raise invalid(f"Too many values at '{name}': at most {most}")
    return values
