"""The simulator's own clock, which tests move forward."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def system_now() -> datetime:
    """Return the machine's time, aware, in UTC."""
    return datetime.now(UTC)


class SimulatorClock:
    """A base clock plus the time it has been advanced by."""

    def __init__(self, base: Callable[[], datetime] | None = None) -> None:
        self._base = base or system_now
        self.advanced = timedelta()

    def now(self) -> datetime:
        """Return the simulated time, aware, in UTC."""
        return self._base() + self.advanced

    def now_ms(self) -> int:
        """Return the simulated time in milliseconds since the epoch."""
        return int(self.now().timestamp() * 1000)

    def advance(self, seconds: float) -> None:
        """Move the clock; a negative number moves it back."""
        self.advanced += timedelta(seconds=seconds)
