"""Counts calls, quota units and refused calls per mailbox and method."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any


@dataclass
class MethodUsage:
    """What one mailbox spent on one method."""

    calls: int = 0
    units: int = 0
    """Quota units of the calls that were let in."""
    rejected: int = 0
    """Calls answered 401, 403 or 429, or failed by a fault."""


class Usage:
    """Usage since the last reset. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: dict[tuple[str, str], MethodUsage] = defaultdict(MethodUsage)

    def count(self, mailbox: str, method: str, units: int, *, rejected: bool) -> None:
        """Add one call; `mailbox` is empty for calls that speak for none."""
        with self._lock:
            usage = self._counts[mailbox, method]
            usage.calls += 1
            if rejected:
                usage.rejected += 1
            else:
                usage.units += units

    def clear(self) -> None:
        """Start counting afresh."""
        with self._lock:
            self._counts.clear()

    def as_json(self) -> dict[str, Any]:
        """Return `{"mailboxes": {address: {method: counts}}, "totals": counts}`."""
        mailboxes: dict[str, dict[str, Any]] = defaultdict(dict)
        totals = MethodUsage()
        with self._lock:
            for (mailbox, method), usage in sorted(self._counts.items()):
                mailboxes[mailbox][method] = asdict(usage)
                totals.calls += usage.calls
                totals.units += usage.units
                totals.rejected += usage.rejected
        return {"mailboxes": mailboxes, "totals": asdict(totals)}
