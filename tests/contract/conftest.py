"""An AWS of its own for every test: moto, inside this process."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from postroom.storage.dynamodb.table import Table
from tests.contract import aws
from tests.fakes import FixedClock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def clock() -> FixedClock:
    """The time of a test, and of the stores it tests."""
    return FixedClock()


@pytest.fixture
def moto() -> Iterator[None]:
    """Calls of boto3 are answered by moto."""
    with mock_aws():
        yield


@pytest.fixture
def dynamodb(moto: None) -> "DynamoDBClient":
    """A client of an empty DynamoDB."""
    client: DynamoDBClient = aws.client("dynamodb")
    return client


@pytest.fixture
def table(dynamodb: "DynamoDBClient") -> Table:
    """The template's table, empty."""
    return aws.create_table(dynamodb)
