"""What the push functions reach AWS with.

It reads the environment itself and not through `config`: pydantic behind that takes as long to load
as everything else that a push needs, and a provider that waits too long delivers less.
"""

import os
from functools import lru_cache

import boto3
from botocore.config import Config

from postroom.storage.dynamodb.table import Table
from postroom.storage.public_address import PublicAddress
from postroom.storage.queues import SqsWorkQueue

_AT_ONCE = Config(
    # Microsoft waits three seconds for an answer: rather fail, and have the push come again.
    connect_timeout=1,
    read_timeout=1,
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=16,
)


def setting(name: str) -> str:
    """Return a variable of the template. Raises KeyError at the function's start."""
    return os.environ[f"POSTROOM_{name}"]


@lru_cache
def table() -> Table:
    """Return the one table."""
    return Table(boto3.client("dynamodb", config=_AT_ONCE), setting("TABLE_NAME"))


@lru_cache
def work_queue() -> SqsWorkQueue:
    """Return the queues that call workers; pushes call the sync worker alone."""
    return SqsWorkQueue(
        boto3.client("sqs", config=_AT_ONCE),
        sync_queue_url=setting("SYNC_QUEUE_URL"),
        backfill_queue_url=setting("BACKFILL_QUEUE_URL"),
        send_queue_url=setting("SEND_QUEUE_URL"),
    )


@lru_cache
def public_url() -> str:
    """Return the deployment's own address, without a slash at its end."""
    given = setting("PUBLIC_URL").rstrip("/")
    return given or PublicAddress(boto3.client("ssm"), setting("PUBLIC_URL_PARAMETER")).read()
