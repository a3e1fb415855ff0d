"""One account, one bounded step."""

from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import aws, mail_stores
from postroom.bootstrap.clock import clock
from postroom.bootstrap.providers import token_vault
from postroom.config import settings
from postroom.ports import (
    DownloadStore,
    DraftCreationStore,
    OutboxStore,
    OutgoingStore,
    SendScheduler,
    TokenVault,
    UploadStore,
)
from postroom.storage.downloads import S3DownloadStore
from postroom.storage.dynamodb.draft_creations import DynamoDraftCreationStore
from postroom.storage.dynamodb.outbox import DynamoOutboxStore
from postroom.storage.outgoing import S3OutgoingStore
from postroom.usecases.sync_lanes import SyncTools


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    tools: SyncTools
    vault: TokenVault
    outbox: OutboxStore
    outgoing: OutgoingStore
    scheduler: SendScheduler
    creations: DraftCreationStore
    downloads: DownloadStore
    uploads: UploadStore


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(
        tools=mail_stores.sync_tools(),
        vault=token_vault(),
        outbox=DynamoOutboxStore(aws.table(), clock),
        outgoing=S3OutgoingStore(aws.bucket_client(), settings().bucket_name),
        scheduler=aws.send_scheduler(),
        creations=DynamoDraftCreationStore(aws.table(), clock),
        downloads=S3DownloadStore(aws.bucket_client(), settings().bucket_name),
        uploads=mail_stores.upload_store(),
    )
