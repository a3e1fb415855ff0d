"""Counts what the requests to a DynamoDB table would be billed, whoever stands in for DynamoDB.

Stand-ins answer capacity of their own invention, so it is computed: from the items that stand in
the table before and after each write, and from those that each read had to look at.

    write   per item: whole KB of the larger of before and after, at least 1; a failed condition
            costs as much, a transaction twice. An index of keys: 1 per entry taken away or added.
    read    whole 4 KB of each item that is named, of all items together in a query; at least 1;
            half of it where the read is eventually consistent.

Sizes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
Units: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
Indexes: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_Item = Mapping[str, Mapping[str, Any]]

_WRITE_UNIT_BYTES = 1024
_READ_UNIT_BYTES = 4096
_CONTAINER_BYTES = 3
_ELEMENT_BYTES = 1


@dataclass
class RequestUnits:
    """What was consumed, by kind of row: what stands before the first `#` of its partition key."""

    writes: Counter[str] = field(default_factory=Counter)
    """Write request units; those of indexes under the index's name."""
    reads: dict[str, float] = field(default_factory=dict)
    """Read request units."""
    read_bytes: int = 0
    """Looked at by reads, whether answered or not."""

    def add_read(self, kind: str, sizes_bytes: Iterable[int], *, consistent: bool) -> None:
        """Add what one request read at once."""
        total_bytes = sum(sizes_bytes)
        units = max(1, -(-total_bytes // _READ_UNIT_BYTES)) * (1 if consistent else 0.5)
        self.reads[kind] = self.reads.get(kind, 0) + units
        self.read_bytes += total_bytes


def item_size(item: _Item) -> int:
    """Return the size of an item in bytes, as DynamoDB counts it for capacity."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def write_units(*items: _Item | None) -> int:
    """Return the units of a write whose item looked so before and after."""
    largest_bytes = max((item_size(item) for item in items if item), default=0)
    return max(1, -(-largest_bytes // _WRITE_UNIT_BYTES))


def _value_size(value: Mapping[str, Any]) -> int:
    [(kind, content)] = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "B":
            return len(content)
        case "N":
            digits = content.lstrip("-").replace(".", "").strip("0")
            return (len(digits) + 1) // 2 + 1
        case "NULL" | "BOOL":
            return 1
        case "SS":
            return sum(len(each.encode()) for each in content)
        case "L":
            nested = sum(_value_size(each) + _ELEMENT_BYTES for each in content)
            return _CONTAINER_BYTES + nested
        case "M":
            return _CONTAINER_BYTES + item_size(content) + _ELEMENT_BYTES * len(content)
    raise ValueError(f"the size of type {kind} is not known")


class MeteredDynamoDB:
    """A DynamoDB client that counts in `consumed`; for the calls that `Table` makes, of one table.

    Calls run one after the other, so that nothing changes between a look before and one after.
    """

    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self.consumed = RequestUnits()
        self.exceptions = client.exceptions
        self._client: Any = client
        self._table_name = table_name
        self._lock = Lock()
        table = client.describe_table(TableName=table_name)["Table"]
        self._indexes: dict[str, list[str]] = {}
        for index in table.get("GlobalSecondaryIndexes", []):
            if index["Projection"]["ProjectionType"] != "KEYS_ONLY":
                raise ValueError("only indexes of keys are counted")
            keys = [*table["KeySchema"], *index["KeySchema"]]
            self._indexes[index["IndexName"]] = [key["AttributeName"] for key in keys]

    # ── Reads ────────────────────────────────────────────────────────────────────────────────

    def get_item(self, **request: Any) -> Any:
        """Read an item."""
        with self._lock:
            answer = self._client.get_item(**request)
        self._count_named([request["Key"]], [answer.get("Item", {})], request)
        return answer

    def batch_get_item(self, **request: Any) -> Any:
        """Read items."""
        wanted = request["RequestItems"][self._table_name]
        with self._lock:
            answer = self._client.batch_get_item(**request)
        self._count_named(wanted["Keys"], answer["Responses"].get(self._table_name, []), wanted)
        return answer

    def query(self, **request: Any) -> Any:
        """Read a page of a partition or of an index."""
        with self._lock:
            answer = self._client.query(**request)
            evaluated = answer.get("Items", [])
            if request.get("Select") == "COUNT":  # looks at as much as if it answered the items
                evaluated = self._client.query(**request | {"Select": "ALL_ATTRIBUTES"})["Items"]
            elif answer["ScannedCount"] != answer["Count"]:
                evaluated = self._client.query(**_without_filter(request))["Items"]
        index = request.get("IndexName", "")
        kind = index or _kind(request["ExpressionAttributeValues"][":pk"]["S"])
        sizes = [item_size(self._entry(index, item) if index else item) for item in evaluated]
        with self._lock:
            self.consumed.add_read(kind, sizes, consistent=bool(request.get("ConsistentRead")))
        return answer

    # ── Writes ───────────────────────────────────────────────────────────────────────────────

    def put_item(self, **request: Any) -> Any:
        """Put an item."""
        return self._write(self._client.put_item, request, [request])

    def update_item(self, **request: Any) -> Any:
        """Change an item."""
        return self._write(self._client.update_item, request, [request])

    def delete_item(self, **request: Any) -> Any:
        """Delete an item."""
        return self._write(self._client.delete_item, request, [request])

    def batch_write_item(self, **request: Any) -> Any:
        """Put and delete items."""
        writes = [
            write for each in request["RequestItems"][self._table_name] for write in each.values()
        ]
        return self._write(self._client.batch_write_item, request, writes)

    def transact_write_items(self, **request: Any) -> Any:
        """Do all of some writes or none."""
        writes = [write for each in request["TransactItems"] for write in each.values()]
        return self._write(self._client.transact_write_items, request, writes, times=2)

    def _write(
        self,
        call: Callable[..., Any],
        request: Mapping[str, Any],
        writes: Sequence[Mapping[str, Any]],
        times: int = 1,
    ) -> Any:
        keys = [_key(write) for write in writes]
        with self._lock:
            before = self._standing(keys)
            try:
                answer = call(**request)
            except ClientError:
                # What would stand there now is known of puts only; else the old item has to do.
                attempted = [write.get("Item", {}) for write in writes]
                self._count_writes(keys, before, attempted, times)
                raise
            after = self._standing(keys)
            self._count_writes(keys, before, after, times)
            self._count_index_writes(before, after)
        return answer

    def _count_writes(
        self,
        keys: Sequence[_Item],
        before: Sequence[_Item],
        after: Sequence[_Item],
        times: int,
    ) -> None:
        for key, old, new in zip(keys, before, after, strict=True):
            self.consumed.writes[_kind(key["pk"]["S"])] += write_units(old, new) * times

    def _count_index_writes(self, before: Sequence[_Item], after: Sequence[_Item]) -> None:
        for index in self._indexes:
            for old, new in zip(before, after, strict=True):
                entries = self._entry(index, old), self._entry(index, new)
                if entries[0] != entries[1]:
                    self.consumed.writes[index] += sum(
                        write_units(each) for each in entries if each
                    )

    def _count_named(
        self, keys: Sequence[_Item], items: Sequence[_Item], request: Mapping[str, Any]
    ) -> None:
        """Count items that were asked for by key; a missing one costs as much as a small one."""
        consistent = bool(request.get("ConsistentRead"))
        sizes = {_identity(item): item_size(item) for item in items if item}
        with self._lock:
            for key in keys:
                kind, size_bytes = _kind(key["pk"]["S"]), sizes.get(_identity(key), 0)
                self.consumed.add_read(kind, [size_bytes], consistent=consistent)

    def _entry(self, index: str, item: _Item) -> _Item:
        names = self._indexes[index]
        return {name: item[name] for name in names} if all(map(item.__contains__, names)) else {}

    def _standing(self, keys: Sequence[_Item]) -> list[_Item]:
        """Return the items of up to a hundred keys, empty where there is none."""
        answer = self._client.batch_get_item(
            RequestItems={self._table_name: {"Keys": keys, "ConsistentRead": True}}
        )
        found = {_identity(item): item for item in answer["Responses"][self._table_name]}
        return [found.get(_identity(key), {}) for key in keys]


def _key(write: Mapping[str, Any]) -> _Item:
    key: _Item = write.get("Key") or write["Item"]
    return {name: key[name] for name in ("pk", "sk")}


def _identity(item: _Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _kind(pk: str) -> str:
    return pk.partition("#")[0]


def _without_filter(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the query that answers all that the filtered one looks at."""
    used = re.findall(r"[#:]\w+", request["KeyConditionExpression"])
    kept = {name: value for name, value in request.items() if name != "FilterExpression"}
    for part in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        kept[part] = {name: value for name, value in request[part].items() if name in used}
    return kept
