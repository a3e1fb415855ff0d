"""Quota units and concurrency, per mailbox.

Units of May 2026: https://developers.google.com/workspace/gmail/api/reference/quota
"""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock

from local.simulators.google.errors import GmailError

UNITS_PER_MINUTE = 6000
CONCURRENT_CALLS = 50
"""Calls of one mailbox that run at once, the parts of a batch included; not published, measured
elsewhere between 25 (works) and 100 (refused)."""
_WINDOW_MS = 60_000

UNITS = {
    "getProfile": 1,
    "labels.list": 1,
    "labels.get": 1,
    "labels.create": 5,
    "labels.update": 5,
    "labels.patch": 5,
    "labels.delete": 5,
    "history.list": 2,
    "messages.list": 5,
    "messages.get": 20,
    "messages.modify": 5,
    "messages.trash": 20,
    "messages.untrash": 5,
    "messages.delete": 10,
    "messages.batchModify": 50,
    "messages.batchDelete": 50,
    "messages.send": 100,
    "messages.insert": 25,
    "messages.import": 25,
    "messages.attachments.get": 20,
    "drafts.list": 5,
    "drafts.get": 20,
    "drafts.create": 10,
    "drafts.update": 15,
    "drafts.send": 100,
    "drafts.delete": 10,
    "threads.list": 10,
    "threads.get": 40,
    "threads.modify": 10,
    "threads.trash": 10,
    "threads.untrash": 10,
    "threads.delete": 20,
    "settings.sendAs.list": 1,
    "settings.sendAs.get": 1,
    "settings.sendAs.patch": 100,
    "watch": 100,
    "stop": 50,
}


class Quota:
    """What each mailbox has spent in the last minute, and has running. Safe between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._spent: dict[str, deque[tuple[int, int]]] = {}
        self._running: Counter[str] = Counter()

    @contextmanager
    def slot(self, mailbox: str, *, beside: int, enforced: bool) -> Iterator[None]:
        """Hold a place while a call runs; `beside` more of its batch count as running.

        Raises a 429 GmailError.
        """
        with self._lock:
            if enforced and self._running[mailbox] + beside >= CONCURRENT_CALLS:
                raise GmailError(429, "Too many concurrent requests for user", "rateLimitExceeded")
            self._running[mailbox] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[mailbox] -= 1

    def spend(self, mailbox: str, units: int, now_ms: int, limit: float) -> None:
        """Take units of the sliding minute; raises a 429 GmailError that names the time."""
        with self._lock:
            spent = self._spent.setdefault(mailbox, deque())
            while spent and spent[0][0] <= now_ms - _WINDOW_MS:
                spent.popleft()
            over = sum(amount for _, amount in spent) + units - limit
            if over <= 0:
                spent.append((now_ms, units))
                return
            free_at_ms = now_ms + _WINDOW_MS
            for at_ms, amount in spent:
                over -= amount
                if over <= 0:
                    free_at_ms = at_ms + _WINDOW_MS
                    break
        when = datetime.fromtimestamp(free_at_ms / 1000, UTC).isoformat(timespec="milliseconds")
        raise GmailError(
            429,
            f"User-rate limit exceeded.  Retry after {when.replace('+00:00', 'Z')}",
            "rateLimitExceeded",
        )

    def clear(self) -> None:
        """Forget what was spent."""
        with self._lock:
            self._spent.clear()
