"""One authenticated Graph call: what its endpoint works with, and what it may answer."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode

from werkzeug import Request, Response

from local.simulators.clock import SimulatorClock
from local.simulators.grants import Token
from local.simulators.microsoft.errors import GraphError, invalid
from local.simulators.microsoft.mailbox import Mailbox
from local.simulators.settings import Settings

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes of a request's body; https://learn.microsoft.com/en-us/graph/outlook-large-attachments"""
Json = dict[str, Any]
Answer = Json | Response | None
"""A JSON body (200), a whole response, or nothing (204)."""
_PREFERENCE = re.compile(r'\s*([\w.-]+)\s*(?:=\s*(?:"([^"]*)"|([^,;\s]+)))?\s*(?:[,;]|$)')


@dataclass
class GraphCall:
    """A request, whose it is, and what it leaves to do after the lock is released."""

    request: Request
    mailbox: Mailbox
    token: Token
    path: Mapping[str, str]
    """The variable parts of the address, by their name in the routes."""
    settings: Settings
    clock: SimulatorClock
    find_mailbox: Callable[[str], Mailbox | None]
    """Returns the mailbox of an address or alias."""
    parting_letters: list[tuple[str, bytes]] = field(default_factory=list)
    """Mail for addresses that are not known here: (recipient, message)."""

    def json(self) -> Json:
        """Return the JSON body, empty when there is none; raises a 400 or 413 GraphError."""
        content = self.content()
        if not content.strip():
            return {}
        try:
            body = json.loads(content)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise invalid("Unable to read JSON request payload. Please ensure it is valid JSON.")
        return body

    def content(self) -> bytes:
        """Return the body as it came; raises a 413 GraphError."""
        content = self.request.get_data()
        if len(content) > BODY_LIMIT:
            raise GraphError(
                413, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size."
            )
        return content

    def argument(self, name: str) -> str | None:
        """Return a query parameter, such as `$top`."""
        return self.request.args.get(name)

    def number(self, name: str, default: int, most: int) -> int:
        """Return a whole number of the query, not negative; raises a 400 GraphError."""
        text = self.argument(name)
        if text is None:
            return default
        if not text.isdecimal() or int(text) > most:
            raise invalid(f"Invalid value '{text}' for {name} query option found.")
        return int(text)

    @cached_property
    def preferences(self) -> dict[str, str]:
        """The Prefer header, names in lower case."""
        text = ",".join(self.request.headers.getlist("Prefer"))
        return {name.lower(): a or b for name, a, b in _PREFERENCE.findall(text)}

    @property
    def immutable_ids(self) -> bool:
        """Whether the caller asked for ids that outlive a move."""
        return self.preferences.get("idtype", "").lower() == "immutableid"

    @property
    def wants_text(self) -> bool:
        """Whether bodies are to be plain text."""
        return self.preferences.get("outlook.body-content-type", "").lower() == "text"

    @property
    def max_page_size(self) -> int | None:
        """The page size that the caller prefers."""
        text = self.preferences.get("odata.maxpagesize", "")
        return int(text) if text.isdecimal() and int(text) > 0 else None

    @property
    def now_ms(self) -> int:
        """The simulator's time in milliseconds since the epoch."""
        return self.clock.now_ms()

    @property
    def base_url(self) -> str:
        """The address of the API on the host that the request came to, without a slash."""
        return f"{self.request.host_url}v1.0"

    @property
    def owner_url(self) -> str:
        """The address of the mailbox, as the caller named it, without a slash."""
        user = self.path.get("user")
        return f"{self.base_url}/users/{user}" if user else f"{self.base_url}/me"

    def same_url(self, **changed: str) -> str:
        """Return the address of this call with some query parameters replaced."""
        query = {**self.request.args.to_dict(), **changed}
        path = quote(self.request.path.split("/", 2)[2], safe="/()'$,=")
        return f"{self.base_url}/{path}?{urlencode(query, safe='$')}"

    def context(self, what: str) -> str:
        """Return the `@odata.context` of an answer."""
        return f"{self.base_url}/$metadata#users('{self.mailbox.user_id}')/{what}"


def parameter(body: Json, name: str, default: Any = None) -> Any:
    """Return an action's parameter; the name may begin with a capital, as in the client."""
    return body.get(name, body.get(name[:1].upper() + name[1:], default))


def created(body: Json) -> Response:
    """Return the answer of a call that made something."""
    return Response(json.dumps(body), 201, mimetype="application/json")


def accepted() -> Response:
    """Return the answer of a call whose work goes on."""
    return Response(status=202)
