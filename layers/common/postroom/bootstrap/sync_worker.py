"""One account, one bounded step."""

from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import aws, mail_stores
from postroom.bootstrap.clock import clock
from postroom.bootstrap.providers import token_vault
from postroom.config import settings
from postroom.ports import DownloadStore, OutboxStore, TokenVault
from postroom.storage.downloads import S3DownloadStore
from postroom.storage.dynamodb.outbox import DynamoOutboxStore
from postroom.usecases.sync_account import SyncTools


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    tools: SyncTools
    vault: TokenVault
    outbox: OutboxStore
    downloads: DownloadStore


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(
        tools=mail_stores.sync_tools(),
        vault=token_vault(),
        outbox=DynamoOutboxStore(aws.table(), clock),
        downloads=S3DownloadStore(aws.bucket_client(), settings().bucket_name),
    )
