"""The table and the bucket as the template has them, made on whatever stands in for AWS."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from samtranslator.yaml_helper import yaml_parse

from postroom.storage.dynamodb.table import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

REGION = "us-east-1"
BUCKET = "mail"
TABLE = "mail"

_TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
_SCHEMA = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")


def client(service: Any, *, endpoint_url: str | None = None) -> Any:
    """Return a boto3 client with keys that open nothing."""
    return boto3.client(
        service,
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(
            max_pool_connections=32,
            signature_version="s3v4" if service == "s3" else None,
            proxies={},
        ),
    )


def create_table(dynamodb: "DynamoDBClient", name: str = TABLE) -> Table:
    """Make the template's table."""
    dynamodb.create_table(TableName=name, **_schema())
    return Table(dynamodb, name)


def create_bucket(s3: "S3Client") -> str:
    """Make a bucket; answers its name."""
    s3.create_bucket(Bucket=BUCKET)
    return BUCKET


@cache
def _schema() -> Any:
    properties = yaml_parse(_TEMPLATE.read_text())["Resources"]["Table"]["Properties"]
    return {part: properties[part] for part in _SCHEMA}
