"""Where mail is kept, and what syncing and sending work with."""

from datetime import timedelta
from functools import lru_cache

from postroom.bootstrap import aws
from postroom.bootstrap.clock import clock
from postroom.bootstrap.providers import mailboxes
from postroom.config import settings
from postroom.providers.message_limits import MESSAGE_LIMITS
from postroom.providers.quotas import SENDING_LIMITS
from postroom.storage.content import S3ContentStore
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.audits import DynamoAuditStore
from postroom.storage.dynamodb.folders import DynamoFolderStore
from postroom.storage.dynamodb.listed_marks import DynamoListedMarks
from postroom.storage.dynamodb.messages import DynamoMessageStore
from postroom.storage.dynamodb.outbox import DynamoOutboxStore
from postroom.storage.dynamodb.pending_fetches import DynamoPendingFetchStore
from postroom.storage.dynamodb.quotas import DynamoQuotaStore
from postroom.storage.dynamodb.senders import DynamoSenderStore
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore
from postroom.storage.failures import STORE_FAILURES
from postroom.storage.outgoing import S3OutgoingStore
from postroom.storage.uploads import S3UploadStore
from postroom.usecases.send_message import SendTools
from postroom.usecases.sending_pace import SendingPace
from postroom.usecases.store_mail import MailStores
from postroom.usecases.sync_lanes import SyncTools


@lru_cache
def mail_stores() -> MailStores:
    """Return where mail is kept."""
    return MailStores(
        messages=DynamoMessageStore(aws.table(), clock),
        folders=DynamoFolderStore(aws.table()),
        contents=S3ContentStore(aws.table(), aws.bucket_client(), settings().bucket_name),
        pending=DynamoPendingFetchStore(aws.table()),
        listed=DynamoListedMarks(aws.table(), clock),
    )


@lru_cache
def upload_store() -> S3UploadStore:
    """Return where large files wait to be sent."""
    return S3UploadStore(aws.table(), aws.bucket_client(), settings().bucket_name, clock)


@lru_cache
def sync_tools() -> SyncTools:
    """Return what syncing works with."""
    return SyncTools(
        accounts=DynamoAccountStore(aws.table()),
        mailboxes=mailboxes(),
        sync_states=DynamoSyncStateStore(aws.table(), clock),
        stores=mail_stores(),
        folders=DynamoFolderStore(aws.table()),
        senders=DynamoSenderStore(aws.table()),
        audits=DynamoAuditStore(aws.table()),
        work=aws.work_queue(),
        clock=clock,
        poll_interval=timedelta(seconds=settings().poll_interval_seconds),
        silent_poll_interval=timedelta(seconds=settings().silent_poll_interval_seconds),
        public_url=aws.public_url,
    )


@lru_cache
def send_tools() -> SendTools:
    """Return what sending works with."""
    return SendTools(
        store_failures=STORE_FAILURES,
        mailboxes=mailboxes(),
        stores=mail_stores(),
        outbox=DynamoOutboxStore(aws.table(), clock),
        outgoing=S3OutgoingStore(aws.bucket_client(), settings().bucket_name),
        scheduler=aws.send_scheduler(),
        senders=DynamoSenderStore(aws.table()),
        pace=SendingPace(
            limits=SENDING_LIMITS, store=DynamoQuotaStore(aws.table(), clock), clock=clock
        ),
        uploads=upload_store(),
        limits=MESSAGE_LIMITS,
        sync_states=DynamoSyncStateStore(aws.table(), clock),
        secrets=aws.deployment_secrets(),
        work=aws.work_queue(),
        clock=clock,
        undo_window=timedelta(seconds=settings().undo_seconds),
    )
