"""What is used of the providers' quotas, in memory."""

import threading
from collections import Counter
from datetime import date

from postroom.domain.account import ProviderName
from postroom.domain.ids import AccountId
from postroom.domain.quota import Usage


class InMemoryQuotaStore:
    """Usages by account, and counts by provider and day."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._usages: dict[tuple[AccountId, str], Usage] = {}
        self._days: Counter[tuple[ProviderName, date]] = Counter()
        self.writes = 0
        """How often anything was noted."""

    def usage(self, account_id: AccountId, limit: str = "") -> Usage:
        """Return a usage."""
        return self._usages.get((account_id, limit), Usage())

    def replace(
        self, account_id: AccountId, usage: Usage, *, expected: Usage, limit: str = ""
    ) -> bool:
        """Note a usage in place of the expected one."""
        with self._lock:
            self.writes += 1
            if self.usage(account_id, limit).revision != expected.revision:
                return False
            self._usages[account_id, limit] = usage
            return True

    def add_to_day(self, provider: ProviderName, day: date, cost: int) -> None:
        """Count a cost."""
        with self._lock:
            self.writes += 1
            self._days[provider, day] += cost

    def used_in_day(self, provider: ProviderName, day: date) -> int:
        """Return a count."""
        return self._days[provider, day]
