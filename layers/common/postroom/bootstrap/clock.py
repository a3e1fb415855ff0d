"""The real time."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The port `Clock` over the machine's clock."""

    def now(self) -> datetime:
        """Return the time, aware and in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait for a moment."""
        time.sleep(seconds)


clock = SystemClock()
