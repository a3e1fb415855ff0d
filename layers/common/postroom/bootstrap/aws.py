"""What every function reaches AWS with; made once per process, when first asked for."""

from functools import lru_cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from postroom.bootstrap.clock import clock
from postroom.config import settings
from postroom.storage.dynamodb.table import Table
from postroom.storage.event_queue import SqsDeliveryQueue
from postroom.storage.public_address import PublicAddress
from postroom.storage.queues import SqsWorkQueue
from postroom.storage.secrets import SecretsManagerDeploymentSecrets
from postroom.storage.send_schedules import EventBridgeSendScheduler

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

_MANY_AT_ONCE = Config(max_pool_connections=32, retries={"mode": "standard", "max_attempts": 4})
"""Sixteen threads write messages while others read bodies; the default pool holds ten."""


@lru_cache
def table() -> Table:
    """Return the one table."""
    return Table(boto3.client("dynamodb", config=_MANY_AT_ONCE), settings().table_name)


@lru_cache
def bucket_client() -> "S3Client":
    """Return a client that signs addresses with SigV4; the default would use version 2.

    They name the bucket's own region: the default's name no region, S3 redirects those of new
    buckets, and a browser that asks for permission first (CORS) follows no redirect.
    """
    signing = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    return boto3.client("s3", config=_MANY_AT_ONCE.merge(signing))


@lru_cache
def upload_address() -> str:
    """Return where presigned uploads go, as far as all of them begin alike."""
    signed = bucket_client().generate_presigned_url(
        "put_object", Params={"Bucket": settings().bucket_name, "Key": "uploads/"}
    )
    return signed.partition("?")[0]


@lru_cache
def secrets_client() -> "SecretsManagerClient":
    """Return the client of Secrets Manager."""
    return boto3.client("secretsmanager")


@lru_cache
def deployment_secrets() -> SecretsManagerDeploymentSecrets:
    """Return the secrets that were made with the deployment."""
    return SecretsManagerDeploymentSecrets(
        secrets_client(),
        clock,
        admin_key_secret=settings().admin_key_secret,
        signing_key_secret=settings().signing_key_secret,
    )


@lru_cache
def work_queue() -> SqsWorkQueue:
    """Return the queues that call workers."""
    return SqsWorkQueue(
        boto3.client("sqs"),
        sync_queue_url=settings().sync_queue_url,
        backfill_queue_url=settings().backfill_queue_url,
        send_queue_url=settings().send_queue_url,
    )


@lru_cache
def delivery_queue() -> SqsDeliveryQueue:
    """Return the queue of those who deliver events."""
    return SqsDeliveryQueue(boto3.client("sqs"), settings().event_queue_url)


@lru_cache
def send_scheduler() -> EventBridgeSendScheduler:
    """Return what calls the worker of sends at a time far away."""
    return EventBridgeSendScheduler(
        boto3.client("scheduler"),
        group=settings().send_schedule_group,
        role_arn=settings().send_schedule_role_arn,
        queue_arn=settings().send_queue_arn,
        dead_letter_queue_arn=settings().send_dead_letter_queue_arn,
    )


@lru_cache
def public_url() -> str:
    """Return the deployment's own address, without a slash at its end."""
    if settings().public_url:
        return settings().public_url.rstrip("/")
    return PublicAddress(boto3.client("ssm"), settings().public_url_parameter).read()


def callback_url() -> str:
    """Return the address that providers send people back to."""
    return f"{public_url()}/v3/connect/callback"


def cookies_are_secure() -> bool:
    """Whether cookies may be Secure: only the local stack speaks plain http."""
    return public_url().startswith("https://")
