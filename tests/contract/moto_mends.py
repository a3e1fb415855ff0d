"""moto, so far as it keeps our stores from working as they do on AWS.

moto copies a whole table for each item of a transaction, to go back to when a condition fails, and
keeps every copy until it is reset: a module of function tests that opens a thousand accounts took
five minutes and a gigabyte. Only a transaction's own rows can have changed, so only they are kept.

A query walks over all partitions, and fails when another thread makes one meanwhile. Stores work
in parallel, which AWS does not mind; so it walks over a list of them.
"""

import copy
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

_in_moto = DynamoDBBackend.transact_write_items


def mend_moto() -> None:
    """Have it so in this process."""
    DynamoDBBackend.transact_write_items = _transact_write_items  # type: ignore[method-assign]
    Table.__deepcopy__ = _uncopied  # type: ignore[attr-defined]
    Table.all_items = _all_items  # type: ignore[method-assign]


def _transact_write_items(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    before = [
        (rows, sort_key, copy.deepcopy(rows.get(sort_key)))
        for rows, sort_key in (_place(self, item) for item in transact_items)
    ]
    try:
        _in_moto(self, transact_items)
    except Exception:
        for rows, sort_key, item in before:
            if item is None:
                rows.pop(sort_key, None)
            else:
                rows[sort_key] = item
        raise


def _place(
    backend: DynamoDBBackend, item: dict[str, Any]
) -> tuple[dict[DynamoType, Item], DynamoType]:
    """Return the partition that a part of a transaction writes to, and its place there."""
    (operation,) = item.values()
    table = backend.get_table(operation["TableName"])
    key = operation.get("Key") or operation["Item"]
    partition, sort_key = (
        DynamoType(key[name]) for name in (table.hash_key_attr, table.range_key_attr)
    )
    return table.items[partition], sort_key


def _uncopied(self: Table, _memo: dict[int, Any]) -> Table:
    return self


def _all_items(self: Table) -> list[Item]:
    return [item for partition in list(self.items.values()) for item in list(partition.values())]
