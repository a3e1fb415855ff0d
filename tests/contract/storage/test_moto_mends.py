"""What the stores are tested on: transactions in moto, which we have made cheaper."""

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table as MotoTable

from postroom.storage.dynamodb.table import Table
from tests.contract import aws

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def key(name: str) -> dict[str, Any]:
    """The key of a row."""
    return {"pk": {"S": name}, "sk": {"S": "ROW"}}


def put(name: str, value: str, *, only_if_new: bool = False) -> Any:
    """A part of a transaction."""
    row = {"TableName": aws.TABLE, "Item": {**key(name), "value": {"S": value}}}
    return {
        "Put": row | ({"ConditionExpression": "attribute_not_exists(pk)"} if only_if_new else {})
    }


def update(name: str, value: str) -> Any:
    """A part that changes a row in its place."""
    return {
        "Update": {
            "TableName": aws.TABLE,
            "Key": key(name),
            "UpdateExpression": "SET #value = :value",
            "ExpressionAttributeNames": {"#value": "value"},
            "ExpressionAttributeValues": {":value": {"S": value}},
        }
    }


def rows(dynamodb: "DynamoDBClient") -> dict[str, str]:
    """Everything in the table."""
    found = dynamodb.scan(TableName=aws.TABLE)["Items"]
    return {row["pk"]["S"]: row["value"]["S"] for row in found}


def kept(model: Any) -> int:
    """How many of its objects moto keeps until it is reset."""
    return len(model.instances_tracked)


@pytest.fixture
def filled(dynamodb: "DynamoDBClient", table: Table) -> "DynamoDBClient":
    """A table with three rows."""
    for name in ("a", "b", "c"):
        dynamodb.put_item(TableName=aws.TABLE, Item={**key(name), "value": {"S": "old"}})
    return dynamodb


def test_a_transaction_that_fails_changes_nothing(filled: "DynamoDBClient") -> None:
    """Puts, updates and deletions beside the part whose condition fails are taken back."""
    delete = {"Delete": {"TableName": aws.TABLE, "Key": key("c")}}
    refused = put("z", "new", only_if_new=True)
    filled.put_item(TableName=aws.TABLE, Item={**key("z"), "value": {"S": "old"}})
    parts = [put("a", "new"), update("b", "new"), delete, put("d", "new"), update("e", "new")]

    with pytest.raises(ClientError, match="TransactionCanceledException"):
        filled.transact_write_items(TransactItems=[*parts, refused])

    assert rows(filled) == dict.fromkeys("abcz", "old")
    filled.transact_write_items(TransactItems=parts)
    assert rows(filled) == {**dict.fromkeys("abde", "new"), "z": "old"}


def test_a_transaction_copies_what_it_touches(filled: "DynamoDBClient") -> None:
    """Copies of the whole table for each of its parts took minutes, and stayed in the memory."""
    for number in range(50):
        row = {**key(f"other-{number}"), "value": {"S": "old"}}
        filled.put_item(TableName=aws.TABLE, Item=row)
    tables, items = kept(MotoTable), kept(Item)

    filled.transact_write_items(TransactItems=[put("a", "new"), update("b", "new")])

    assert kept(MotoTable) == tables
    assert kept(Item) < items + 10
