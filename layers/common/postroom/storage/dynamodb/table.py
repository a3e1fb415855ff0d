"""What all stores share: the one table, its conditional writes and its batches."""

import random
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from postroom.storage.dynamodb.attributes import (
    Row,
    from_item,
    to_attribute,
    to_item,
)
from postroom.storage.dynamodb.keys import Key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHAPE_VERSION = 1
"""Written into every row as `v`; grows when old rows have to be read differently."""

_BATCH_GET_LIMIT = 100
_BATCH_WRITE_LIMIT = 25
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html

_ATTEMPTS = 8
"""Of a batch that the table takes only in part, or a write that meets a transaction: 3 s in all."""


class ConditionFailed(Exception):
    """A write's condition did not hold. `existing` is the row that stands there, if any."""

    def __init__(self, existing: Row | None = None) -> None:
        super().__init__("the condition does not hold")
        self.existing = existing


class TableBusy(Exception):
    """The table did not take a batch, or a write that met a transaction, however often asked."""


class Table:
    """A DynamoDB table with the keys `pk` and `sk`; thread-safe, like the client it is given.

    Expressions name attributes as `#name` and values as `:name`; the names need no list, which
    spares knowing DynamoDB's 573 reserved words. Throttling and failures of AWS surface as
    botocore's errors, after botocore's own retries.
    """

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name

    def get(self, key: Key) -> Row | None:
        """Return a row as it is now, or None."""
        if not key.is_possible:
            return None
        response = self._client.get_item(
            TableName=self._name, Key=to_item(key._asdict()), ConsistentRead=True
        )
        return from_item(response["Item"]) if "Item" in response else None

    def get_many(self, keys: Iterable[Key]) -> list[Row]:
        """Return the rows that exist, as they are now, in any order."""
        wanted = [to_item(key._asdict()) for key in dict.fromkeys(keys) if key.is_possible]
        rows: list[Row] = []
        for start in range(0, len(wanted), _BATCH_GET_LIMIT):
            request: Any = {
                self._name: {
                    "Keys": wanted[start : start + _BATCH_GET_LIMIT],
                    "ConsistentRead": True,
                }
            }
            for pause in _pauses():
                response = self._client.batch_get_item(RequestItems=request)
                rows += [from_item(item) for item in response["Responses"].get(self._name, [])]
                request = response.get("UnprocessedKeys")
                if not request:
                    break
                pause()
        return rows

    def query(
        self,
        pk: str,
        condition: str = "",
        values: Mapping[str, Any] | None = None,
        *,
        filter_by: str = "",
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator[Row]:
        """Iterate over rows of a partition as they are now, in the order of `sk`.

        `condition` narrows `sk`. `limit` counts the rows that are answered.
        """
        request: dict[str, Any] = {
            "ConsistentRead": True,
            "ScanIndexForward": not newest_first,
            "KeyConditionExpression": "#pk = :pk" + (f" AND {condition}" if condition else ""),
        }
        if filter_by:
            request["FilterExpression"] = filter_by
        elif limit is not None:
            request["Limit"] = limit
        if not Key(pk, "-").is_possible:
            return iter(())
        return islice(self._pages(request, {"pk": pk, **(values or {})}), limit)

    def count(self, pk: str) -> int:
        """Count the rows of a partition, eventually consistent."""
        request: dict[str, Any] = {
            "TableName": self._name,
            "Select": "COUNT",
            **_expressions({"pk": pk}, KeyConditionExpression="#pk = :pk"),
        }
        if not Key(pk, "-").is_possible:
            return 0
        counted = 0
        while True:
            response = self._client.query(**request)
            counted += response["Count"]
            if "LastEvaluatedKey" not in response:
                return counted
            request["ExclusiveStartKey"] = response["LastEvaluatedKey"]

    def query_index(
        self, index: str, condition: str, values: Mapping[str, Any], *, limit: int
    ) -> list[Row]:
        """Return at most `limit` rows of an index in its order; it may lag behind the table."""
        request = {"IndexName": index, "KeyConditionExpression": condition, "Limit": limit}
        return list(islice(self._pages(request, values), limit))

    def put(
        self, key: Key, row: Row, condition: str = "", values: Mapping[str, Any] | None = None
    ) -> Row | None:
        """Put a row; answers the one it replaced. Raises ConditionFailed."""
        request = {
            "Item": _item(key, row),
            "ReturnValues": "ALL_OLD",
            **_expressions(values, ConditionExpression=condition),
        }
        return self._write(self._client.put_item, request)

    def update(
        self,
        key: Key,
        expression: str,
        values: Mapping[str, Any] | None = None,
        *,
        condition: str = "",
        answer: Literal["ALL_OLD", "ALL_NEW"] = "ALL_NEW",
    ) -> Row | None:
        """Change parts of a row, which is made if need be. Raises ConditionFailed."""
        if condition and not key.is_possible:
            raise ConditionFailed
        request = {
            "Key": to_item(key._asdict()),
            "ReturnValues": answer,
            **_expressions(values, UpdateExpression=expression, ConditionExpression=condition),
        }
        return self._write(self._client.update_item, request)

    def delete(
        self, key: Key, condition: str = "", values: Mapping[str, Any] | None = None
    ) -> Row | None:
        """Delete a row; answers it. Raises ConditionFailed."""
        if condition and not key.is_possible:
            raise ConditionFailed
        request = {
            "Key": to_item(key._asdict()),
            "ReturnValues": "ALL_OLD",
            **_expressions(values, ConditionExpression=condition),
        }
        return self._write(self._client.delete_item, request)

    def write_batch(
        self, puts: Mapping[Key, Row] | None = None, deletes: Iterable[Key] = ()
    ) -> None:
        """Put and delete rows without conditions, in any order. A key that is put is not deleted.

        Raises TableBusy when the table does not take them all.
        """
        puts = puts or {}
        requests: list[Any] = [
            {"PutRequest": {"Item": _item(key, row)}} for key, row in puts.items()
        ]
        requests += [
            {"DeleteRequest": {"Key": to_item(key._asdict())}}
            for key in dict.fromkeys(deletes)
            if key not in puts
        ]
        for start in range(0, len(requests), _BATCH_WRITE_LIMIT):
            unprocessed: Any = {self._name: requests[start : start + _BATCH_WRITE_LIMIT]}
            for pause in _pauses():
                response = self._client.batch_write_item(RequestItems=unprocessed)
                unprocessed = response.get("UnprocessedItems")
                if not unprocessed:
                    break
                pause()

    def transact(self, *writes: dict[str, Any]) -> None:
        """Do all of some writes or none. Raises ConditionFailed when a condition of one fails."""
        items: Any = [
            {kind: {"TableName": self._name, **request}}
            for write in writes
            for kind, request in write.items()
        ]
        for pause in _pauses():
            try:
                self._client.transact_write_items(TransactItems=items)
            except self._client.exceptions.TransactionCanceledException as error:
                reasons = {reason.get("Code") for reason in error.response["CancellationReasons"]}
                if "ConditionalCheckFailed" in reasons:
                    raise ConditionFailed from error
                if "TransactionConflict" not in reasons:
                    raise
                pause()
            else:
                return

    def _pages(self, request: dict[str, Any], values: Mapping[str, Any]) -> Iterator[Row]:
        request = {
            "TableName": self._name,
            **request,
            **_expressions(
                values,
                KeyConditionExpression=request["KeyConditionExpression"],
                FilterExpression=request.get("FilterExpression", ""),
            ),
        }
        while True:
            response = self._client.query(**request)
            yield from map(from_item, response["Items"])
            if "LastEvaluatedKey" not in response:
                return
            request["ExclusiveStartKey"] = response["LastEvaluatedKey"]

    def _write(self, call: Any, request: dict[str, Any]) -> Row | None:
        if "ConditionExpression" in request:
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        for pause in _pauses():
            try:
                response = call(TableName=self._name, **request)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code == "ConditionalCheckFailedException":
                    existing: Any = error.response.get("Item")
                    raise ConditionFailed(from_item(existing) if existing else None) from error
                if code != "TransactionConflictException":
                    raise
                pause()
            else:
                attributes = response.get("Attributes")
                return from_item(attributes) if attributes else None
        raise TableBusy("a row is being written by transactions")  # pragma: no cover


def put_in_transaction(
    key: Key, row: Row, condition: str = "", values: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a put for `Table.transact`."""
    expressions = _expressions(values, ConditionExpression=condition)
    return {"Put": {"Item": _item(key, row), **expressions}}


def delete_in_transaction(
    key: Key, condition: str = "", values: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a deletion for `Table.transact`."""
    expressions = _expressions(values, ConditionExpression=condition)
    return {"Delete": {"Key": to_item(key._asdict()), **expressions}}


def _item(key: Key, row: Row) -> dict[str, Any]:
    return to_item({**row, **key._asdict(), "v": SHAPE_VERSION})


def _expressions(values: Mapping[str, Any] | None, /, **expressions: str) -> dict[str, Any]:
    parts: dict[str, Any] = {name: text for name, text in expressions.items() if text}
    used = {name for text in parts.values() for name in re.findall(r"#(\w+)", text)}
    if used:
        parts["ExpressionAttributeNames"] = {f"#{name}": name for name in used}
    if values:
        parts["ExpressionAttributeValues"] = {
            f":{name}": to_attribute(value) for name, value in values.items()
        }
    return parts


class _Pause:
    """A wait that doubles, with jitter; the last one raises TableBusy instead."""

    def __init__(self, attempt: int) -> None:
        self._attempt = attempt

    def __call__(self) -> None:
        if self._attempt + 1 == _ATTEMPTS:
            raise TableBusy("the table did not take everything")
        time.sleep(random.uniform(0.5, 1) * 0.025 * 2**self._attempt)  # noqa: S311 - jitter


def _pauses() -> Sequence[_Pause]:
    return [_Pause(attempt) for attempt in range(_ATTEMPTS)]
