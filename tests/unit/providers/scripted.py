"""A scripted provider for unit tests: answers in turn, and remembers what it was asked."""

from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from tests.fakes import FixedClock

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


@dataclass
class Tokens:
    """An access token source that counts how often it had to give another."""

    token: str = "token-0"
    replaced: int = 0

    def current(self) -> str:
        """Return the newest token."""
        return self.token

    def replace(self, refused: str) -> str:
        """Make another token, unless another thread has made one since."""
        if refused == self.token:
            self.replaced += 1
            self.token = f"token-{self.replaced}"
        return self.token


@dataclass
class Scripted:
    """Answers calls from a list; an exception stands for a lost connection."""

    answers: list[Answer]
    requests: list[httpx.Request] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    tokens: Tokens = field(default_factory=Tokens)
    clock: FixedClock = field(default_factory=FixedClock)

    def http(self) -> httpx.Client:
        """Return a client whose calls are answered here."""
        return httpx.Client(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.authorizations.append(request.headers.get("Authorization", ""))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer
