"""Where mail is kept, and what syncing and sending work with."""

from datetime import timedelta
from functools import lru_cache

from postroom.bootstrap import aws
from postroom.bootstrap.clock import clock
from postroom.bootstrap.providers import mailboxes
from postroom.config import settings
from postroom.storage.content import S3ContentStore
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.folders import DynamoFolderStore
from postroom.storage.dynamodb.listed_marks import DynamoListedMarks
from postroom.storage.dynamodb.messages import DynamoMessageStore
from postroom.storage.dynamodb.outbox import DynamoOutboxStore
from postroom.storage.dynamodb.pending_fetches import DynamoPendingFetchStore
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore
from postroom.usecases.send_message import SendTools
from postroom.usecases.store_mail import MailStores
from postroom.usecases.sync_account import SyncTools


@lru_cache
def mail_stores() -> MailStores:
    """Return where mail is kept."""
    return MailStores(
        messages=DynamoMessageStore(aws.table(), clock),
        contents=S3ContentStore(aws.table(), aws.bucket_client(), settings().bucket_name),
        pending=DynamoPendingFetchStore(aws.table()),
        listed=DynamoListedMarks(aws.table(), clock),
    )


@lru_cache
def sync_tools() -> SyncTools:
    """Return what syncing works with."""
    return SyncTools(
        accounts=DynamoAccountStore(aws.table()),
        mailboxes=mailboxes(),
        sync_states=DynamoSyncStateStore(aws.table(), clock),
        stores=mail_stores(),
        folders=DynamoFolderStore(aws.table()),
        work=aws.work_queue(),
        clock=clock,
        poll_interval=timedelta(seconds=settings().poll_interval_seconds),
    )


@lru_cache
def send_tools() -> SendTools:
    """Return what sending works with."""
    return SendTools(
        mailboxes=mailboxes(),
        stores=mail_stores(),
        outbox=DynamoOutboxStore(aws.table(), clock),
        sync_states=DynamoSyncStateStore(aws.table(), clock),
        secrets=aws.deployment_secrets(),
        work=aws.work_queue(),
        clock=clock,
    )
