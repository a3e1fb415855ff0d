"""The table and the bucket as the template has them, made on whatever stands in for AWS."""

from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from samtranslator.yaml_helper import yaml_parse

from postroom.storage.dynamodb.table import Table
from tests.contract.moto_mends import mend_moto

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

REGION = "us-east-1"
BUCKET = "mail"
TABLE = "mail"

_TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
_SCHEMA = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")

mend_moto()


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


def forbid_reads(s3: "S3Client") -> None:
    """Answer reads of objects as S3 does where the whole bucket may not be listed: 403 for all.

    The stand-ins for AWS know no permissions.
    """

    def refuse(request: AWSRequest, **_: Any) -> AWSResponse:
        body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        return AWSResponse(request.url or "", 403, HTTPHeaders(), _Body(body))

    events: Any = s3.meta.events
    events.register_first("before-send.s3.GetObject", refuse)


class _Body(BytesIO):
    """An answer's body as botocore reads it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        """Yield all that is left."""
        yield self.read()
