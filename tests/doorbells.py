"""Where the pushes of a simulator in this process arrive: noted, acknowledged, and handed on.

Simulators push from threads of their own. Nothing here rings anything by itself: a test asks for
what has arrived and does with it what it wants.
"""

import json
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx


@dataclass(frozen=True)
class ArrivedPush:
    """A push as the provider sent it."""

    path: str
    authorization: str
    body: bytes

    @property
    def items(self) -> list[dict[str, Any]]:
        """The notifications of a batch."""
        found: list[dict[str, Any]] = json.loads(self.body)["value"]
        return found


@dataclass
class Doorbell(httpx.BaseTransport):
    """The outside world of a simulator: it answers questions and takes pushes."""

    answers_questions: bool = True
    """Whether it repeats the token that proves an address to be ours."""
    refuses: bool = False
    """Whether it is out of order."""
    questions: list[str] = field(default_factory=list)
    """The paths that were asked for a token."""
    _arrived: list[ArrivedPush] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Take a push, or answer whether we want them."""
        tokens = parse_qs(request.url.query.decode()).get("validationToken")
        if tokens:
            self.questions.append(request.url.path)
            return httpx.Response(200 if self.answers_questions else 404, text=tokens[0])
        if self.refuses:
            return httpx.Response(503)
        push = ArrivedPush(
            request.url.path, request.headers.get("Authorization", ""), request.read()
        )
        with self._lock:
            self._arrived.append(push)
        return httpx.Response(202)

    def take(self) -> list[ArrivedPush]:
        """Return what has arrived since the last time."""
        with self._lock:
            taken, self._arrived = self._arrived, []
        return taken
