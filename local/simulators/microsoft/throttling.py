"""How much one application may ask of one mailbox: four requests at once, 10,000 in ten minutes.

https://learn.microsoft.com/en-us/graph/throttling-limits#outlook-service-limits
"""

import math
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from local.simulators.microsoft.errors import GraphError

CONCURRENT_REQUESTS = 4
REQUESTS_PER_WINDOW = 10_000
_WINDOW_MS = 600_000
_CONCURRENCY_RETRY_SECONDS = 2
"""Not published; the real one names a few seconds."""


class Throttle:
    """Counts requests of each mailbox. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: Counter[str] = Counter()
        self._asked: dict[str, deque[int]] = {}

    @contextmanager
    def slot(self, address: str, *, enforced: bool, beside: int = 0) -> Iterator[None]:
        """Hold a place while a request runs; raises a 429 GraphError with Retry-After.

        `beside` more of its batch count as running.
        """
        with self._lock:
            if enforced and self._running[address] + beside >= CONCURRENT_REQUESTS:
                raise GraphError(
                    429,
                    "ApplicationThrottled",
                    "Application is over its MailboxConcurrency limit.",
                    {"Retry-After": str(_CONCURRENCY_RETRY_SECONDS)},
                )
            self._running[address] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[address] -= 1

    def spend(self, address: str, now_ms: int, limit: float) -> None:
        """Count a request in the sliding ten minutes; raises a 429 GraphError with Retry-After.

        Refused requests count too, as they do at Microsoft: who does not wait waits longer.
        """
        with self._lock:
            asked = self._asked.setdefault(address, deque())
            while asked and asked[0] <= now_ms - _WINDOW_MS:
                asked.popleft()
            asked.append(now_ms)
            if len(asked) <= limit:
                return
            # The next one fits when this many, counted from the oldest, have left the window.
            leaving = min(len(asked) - math.floor(limit) + 1, len(asked))
            free_in_ms = asked[leaving - 1] + _WINDOW_MS - now_ms
        raise GraphError(
            429,
            "TooManyRequests",
            "The application has sent too many requests to the mailbox.",
            {"Retry-After": str(max(1, math.ceil(free_in_ms / 1000)))},
        )

    def clear(self) -> None:
        """Forget what was asked."""
        with self._lock:
            self._asked.clear()
