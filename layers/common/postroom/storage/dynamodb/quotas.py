"""How much of the providers' quotas is used: a row per mailbox, and one per provider and day.

A mailbox's row is replaced under the condition that nobody else has replaced it: whoever loses
reads again. Nobody reads it but whoever is about to call the provider, and it goes by itself when
nobody has done so for two days.

The day's row is the one that is incremented: a write that is repeated counts twice, and one that
is lost is missing. That may be so, because the ceiling is no exact number. It is written once for
many calls, lest all mailboxes meet in it (see `usecases/governor.py`).
"""

from datetime import date, timedelta

from postroom.domain.account import ProviderName
from postroom.domain.ids import AccountId
from postroom.domain.quota import Reservation, Usage
from postroom.ports import Clock
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import from_text, to_text, to_ttl
from postroom.storage.dynamodb.table import SHAPE_VERSION, ConditionFailed, Table

_LIFETIME = timedelta(days=2)
"""Longer than any window. A row that outlives it says nothing that is still of interest."""


class DynamoQuotaStore:
    """Usages in the table."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def usage(self, account_id: AccountId, limit: str = "") -> Usage:
        """Return what was used of a mailbox's quota, or of another limit."""
        row = self._table.get(keys.usage(account_id, limit))
        if row is None:
            return Usage()
        return Usage(
            reservations=tuple(
                Reservation(from_text(begun_at), cost) for begun_at, cost in row["reservations"]
            ),
            uncounted=row["uncounted"],
            revision=row["revision"],
        )

    def replace(
        self, account_id: AccountId, usage: Usage, *, expected: Usage, limit: str = ""
    ) -> bool:
        """Note another usage, unless somebody else has done so since `expected` was read."""
        row = {
            "reservations": [[to_text(each.begun_at), each.cost] for each in usage.reservations],
            "uncounted": usage.uncounted,
            "revision": usage.revision,
            "expires_at": to_ttl(self._clock.now() + _LIFETIME),
        }
        condition, values = "attribute_not_exists(#pk)", {}
        if expected.revision:
            condition, values = "#revision = :revision", {"revision": expected.revision}
        try:
            self._table.put(keys.usage(account_id, limit), row, condition, values)
        except ConditionFailed:
            return False
        return True

    def add_to_day(self, provider: ProviderName, day: date, cost: int) -> None:
        """Count what mailboxes of a provider used in a day."""
        self._table.update(
            keys.used_in_day(provider, day),
            "SET #v = :v, #cost = if_not_exists(#cost, :zero) + :cost, #expires_at = :expires_at",
            {
                "v": SHAPE_VERSION,
                "zero": 0,
                "cost": cost,
                "expires_at": to_ttl(self._clock.now() + _LIFETIME),
            },
        )

    def used_in_day(self, provider: ProviderName, day: date) -> int:
        """Return what all mailboxes of a provider used in a day."""
        row = self._table.get(keys.used_in_day(provider, day))
        return 0 if row is None else int(row["cost"])
