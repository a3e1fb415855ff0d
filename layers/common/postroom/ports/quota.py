"""Where it is noted how much of a provider's quota is used, and who gives some of it out."""

from datetime import date
from typing import Protocol

from postroom.domain.account import ProviderName
from postroom.domain.ids import AccountId
from postroom.domain.quota import Usage


class Budget(Protocol):
    """What a mailbox may still be asked by whoever has opened it; safe between threads.

    Costs are in the provider's quota units.
    """

    def spend(self, cost: int) -> None:
        """Pay for a call, before it is made. Raises BudgetSpent."""

    def reserve(self, cost: int) -> None:
        """Have so much at hand before what had better not end half-way. Raises BudgetSpent."""


class QuotaStore(Protocol):
    """What every function notes of its calls, so that all of them together keep to the quota."""

    def usage(self, account_id: AccountId, limit: str = "") -> Usage:
        """Return what was used of a mailbox's quota; an empty usage when nothing is known.

        `limit` names another one than the quota of calls.
        """

    def replace(
        self, account_id: AccountId, usage: Usage, *, expected: Usage, limit: str = ""
    ) -> bool:
        """Note another usage; False, and nothing changed, when the noted one is not `expected`."""

    def add_to_day(self, provider: ProviderName, day: date, cost: int) -> None:
        """Count what mailboxes of a provider used in a day; a repeated call counts twice.

        Less than nothing takes back what was counted too much.
        """

    def used_in_day(self, provider: ProviderName, day: date) -> int:
        """Return what all mailboxes of a provider used in a day, as far as it was counted."""
