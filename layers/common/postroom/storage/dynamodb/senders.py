"""The addresses that accounts may send from: a row per account, written when they change."""

from collections.abc import Sequence

from postroom.domain.ids import AccountId
from postroom.domain.sender import Sender
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.table import Table

_ROW_LIMIT_BYTES = 300_000
"""Of 400 KB that a row may have; signatures beyond it are left out, with a picture in each."""


class DynamoSenderStore:
    """Senders in the table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def all(self, account_id: AccountId) -> Sequence[Sender]:
        """Return an account's senders."""
        row = self._table.get(keys.senders(account_id))
        if row is None:
            return []
        return [
            Sender(email=email, name=name, signature=signature, is_default=is_default)
            for email, name, signature, is_default in row["senders"]
        ]

    def replace(self, account_id: AccountId, senders: Sequence[Sender]) -> None:
        """Keep what the provider tells now."""
        if list(self.all(account_id)) == list(senders):
            return
        left, listed = _ROW_LIMIT_BYTES, []
        for each in senders:
            size = len(each.signature.encode(errors="replace"))
            signature = each.signature if size <= left else ""
            left -= size if signature else 0
            listed.append([each.email, each.name, signature, each.is_default])
        self._table.put(keys.senders(account_id), {"senders": listed})

    def erase(self, account_id: AccountId) -> None:
        """Forget an account's senders."""
        self._table.delete(keys.senders(account_id))
