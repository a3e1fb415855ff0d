"""Taking in a file that is too large for a request: offered an address, put there, completed."""

from dataclasses import replace

from postroom.domain.account import Account
from postroom.domain.errors import InvalidRequest, TooLarge
from postroom.domain.ids import new_token
from postroom.domain.message_limit import MessageLimit
from postroom.domain.upload import UPLOAD_LIFETIME, Upload, UploadId, UploadOffer
from postroom.observability import count
from postroom.ports import Clock, UploadStore


def offer_upload(
    *,
    account: Account,
    filename: str,
    content_type: str,
    size_bytes: int | None,
    limit: MessageLimit,
    uploads: UploadStore,
    clock: Clock,
) -> UploadOffer:
    """Offer an address for a file. Raises TooLarge for one that no message could carry."""
    if size_bytes is not None:
        _check_size(size_bytes, limit)
    upload = Upload(
        id=UploadId(new_token()),
        account_id=account.id,
        filename=filename,
        content_type=content_type,
        size_bytes=size_bytes,
        expires_at=clock.now() + UPLOAD_LIFETIME,
    )
    address = uploads.offer(upload)
    count("UploadsOffered")
    return UploadOffer(upload=upload, address=address, limit_bytes=limit.file_bytes)


def complete_upload(
    *, account: Account, upload_id: str, limit: MessageLimit, uploads: UploadStore
) -> Upload:
    """Look at what has been put to an upload's address, and let messages carry it.

    Doing it again is fine. Raises NotFound, InvalidRequest when the file is not there or is not
    the announced one, TooLarge.
    """
    upload = uploads.get(account.id, UploadId(upload_id))
    if upload.is_ready:
        return upload
    arrived = uploads.arrived(upload)
    if arrived is None:
        raise InvalidRequest(
            "No file has arrived yet; PUT it to the url of this upload first.",
            field="attachment_id",
        )
    if arrived.size_bytes == 0:
        raise InvalidRequest("The file that arrived is empty; PUT it again.", field="attachment_id")
    if upload.size_bytes not in (None, arrived.size_bytes):
        raise InvalidRequest(
            f"The file that arrived has {arrived.size_bytes:,} bytes instead of the "
            f"{upload.size_bytes:,} that were announced; PUT it again.",
            field="attachment_id",
        )
    try:
        _check_size(arrived.size_bytes, limit)
    except TooLarge:
        uploads.discard(upload)
        raise
    ready = replace(upload, size_bytes=arrived.size_bytes, revision=arrived.revision)
    uploads.complete(ready)
    count("UploadsCompleted")
    return ready


def _check_size(size_bytes: int, limit: MessageLimit) -> None:
    if size_bytes > limit.file_bytes:
        raise TooLarge(f"A file of {size_bytes:,} bytes cannot be sent. {limit.sentence()}")
