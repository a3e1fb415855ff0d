"""A clock that stands still until it is told to go on."""

from datetime import datetime, timedelta

from tests.builders import NOW


class FixedClock:
    """Time for tests: `advance` moves it, and so does sleeping."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now
        self.slept: list[float] = []
        """Every wait, in seconds."""

    def now(self) -> datetime:
        """Return the time that was set."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.slept.append(seconds)
        self._now += timedelta(seconds=seconds)

    def advance(self, by: timedelta) -> datetime:
        """Let time pass; answers the new time."""
        self._now += by
        return self._now
