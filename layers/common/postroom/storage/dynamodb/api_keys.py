"""API keys: a row that the key's hash leads to, and an entry in the list of all.

Both are written and deleted together by a transaction; the entry names the hash.
"""

from collections.abc import Sequence
from datetime import datetime

from postroom.domain.api_key import ApiKey
from postroom.domain.errors import NotFound
from postroom.domain.principal import Scope
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_text, to_text, to_ttl
from postroom.storage.dynamodb.keys import Key
from postroom.storage.dynamodb.table import (
    ConditionFailed,
    Table,
    delete_in_transaction,
    put_in_transaction,
)


class DynamoApiKeyStore:
    """API keys in the table, under the hashes of what they are."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, key: str, api_key: ApiKey) -> None:
        """Remember a key."""
        opened, entry = keys.api_key(key), keys.api_key_entry(api_key.id)
        self._table.transact(
            put_in_transaction(opened, _row(api_key)),
            put_in_transaction(entry, _row(api_key) | {"opened": opened.pk}),
        )

    def find(self, key: str, *, now: datetime) -> ApiKey:
        """Return what a key stands for. Raises NotFound."""
        return _living(self._table.get(keys.api_key(key)), now)

    def by_id(self, api_key_id: str, *, now: datetime) -> ApiKey:
        """Return a key that is known by its id. Raises NotFound."""
        return _living(self._table.get(keys.api_key_entry(api_key_id)), now)

    def all(self) -> Sequence[ApiKey]:
        """Return all keys, oldest first."""
        found = map(_api_key, self._table.query(keys.API_KEYS))
        return sorted(found, key=lambda each: (each.created_at, each.id))

    def revoke(self, api_key_id: str) -> None:
        """Let a key open nothing from now on. Raises NotFound."""
        entry = keys.api_key_entry(api_key_id)
        row = self._table.get(entry)
        if row is None:
            raise _not_found()
        try:
            self._table.transact(
                delete_in_transaction(Key(row["opened"], "KEY")),
                delete_in_transaction(entry, "attribute_exists(#pk)"),
            )
        except ConditionFailed:
            raise _not_found() from None


def _living(row: Row | None, now: datetime) -> ApiKey:
    api_key = None if row is None else _api_key(row)
    if api_key is None or (api_key.expires_at is not None and api_key.expires_at <= now):
        raise NotFound("the key is unknown, revoked or expired")
    return api_key


def _not_found() -> NotFound:
    return NotFound("There is no such API key.")


def _row(api_key: ApiKey) -> Row:
    ends: Row = {}
    if api_key.expires_at is not None:
        ends = {"ends_at": to_text(api_key.expires_at), "expires_at": to_ttl(api_key.expires_at)}
    return {
        "id": api_key.id,
        "name": api_key.name,
        "scopes": sorted(api_key.scopes),
        "created_at": to_text(api_key.created_at),
        **ends,
    }


def _api_key(row: Row) -> ApiKey:
    return ApiKey(
        id=row["id"],
        name=row["name"],
        scopes=frozenset(Scope(scope) for scope in row["scopes"]),
        created_at=from_text(row["created_at"]),
        expires_at=from_text(row["ends_at"]) if "ends_at" in row else None,
    )
