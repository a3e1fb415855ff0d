"""Large files that were put to presigned addresses: objects of the bucket, described by rows.

The row knows what was announced; the object's ETag tells one content from another, and each piece
is read under the condition that it is still the same one.
"""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from postroom.domain.errors import NotFound
from postroom.domain.ids import AccountId
from postroom.domain.upload import (
    UPLOAD_ADDRESS_LIFETIME,
    ArrivedFile,
    Upload,
    UploadAddress,
    UploadId,
)
from postroom.ports import Clock
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_text, to_text, to_ttl
from postroom.storage.dynamodb.table import ConditionFailed, Table
from postroom.storage.missing_objects import is_missing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

_ANOTHER = {"412", "PreconditionFailed"}


class UploadNotDeleted(Exception):
    """The bucket kept some objects; erasing again may succeed."""


class S3UploadStore:
    """Files in a bucket, under `uploads/<account>/<random>`; its lifecycle removes them.

    The client has to sign with `s3v4`: only that can sign a length and a type along.
    """

    def __init__(self, table: Table, client: "S3Client", bucket: str, clock: Clock) -> None:
        self._table = table
        self._client = client
        self._bucket = bucket
        self._clock = clock

    def offer(self, upload: Upload) -> UploadAddress:
        """Remember an upload; answers where its file is put within UPLOAD_ADDRESS_LIFETIME."""
        params: dict[str, Any] = {**self._place(upload), "ContentType": upload.content_type}
        headers = {"Content-Type": upload.content_type}
        if upload.size_bytes is not None:
            params["ContentLength"] = upload.size_bytes
            headers["Content-Length"] = str(upload.size_bytes)
        expires_at = self._clock.now() + UPLOAD_ADDRESS_LIFETIME
        url = self._client.generate_presigned_url(
            "put_object",
            Params=params,
            ExpiresIn=int(UPLOAD_ADDRESS_LIFETIME.total_seconds()),
        )
        self._table.put(keys.upload(upload.account_id, upload.id), _row(upload))
        return UploadAddress(url=url, headers=headers, expires_at=expires_at)

    def get(self, account_id: AccountId, upload_id: UploadId) -> Upload:
        """Return an upload of an account. Raises NotFound, also for one that has expired."""
        row = self._table.get(keys.upload(account_id, upload_id))
        if row is None or from_text(row["ends_at"]) <= self._clock.now():
            raise NotFound("There is no such upload, or it has expired.")
        return _upload(row)

    def arrived(self, upload: Upload) -> ArrivedFile | None:
        """Tell what has been put to the address by now."""
        place = self._place(upload)
        try:
            found = self._client.head_object(**place)
        except ClientError as error:
            if is_missing(error, self._client, place["Bucket"], place["Key"]):
                return None
            raise
        return ArrivedFile(size_bytes=found["ContentLength"], revision=found["ETag"])

    def complete(self, upload: Upload) -> None:
        """Remember an upload as it is now; one that is gone stays away."""
        key = keys.upload(upload.account_id, upload.id)
        try:
            self._table.put(key, _row(upload), "attribute_exists(#pk)")
        except ConditionFailed:
            return

    def read(self, upload: Upload, *, start: int, length: int) -> bytes:
        """Return a piece of the file. Raises NotFound when the file is gone, or is another one."""
        place = self._place(upload)
        try:
            answer = self._client.get_object(
                **place,
                Range=f"bytes={start}-{start + length - 1}",
                IfMatch=upload.revision,
            )
        except ClientError as error:
            is_another = error.response["Error"]["Code"] in _ANOTHER
            if is_another or is_missing(error, self._client, place["Bucket"], place["Key"]):
                raise NotFound("The uploaded file is gone, or was replaced.") from error
            raise
        return answer["Body"].read()

    def discard(self, upload: Upload) -> None:
        """Forget an upload and its file."""
        self._client.delete_object(**self._place(upload))
        self._table.delete(keys.upload(upload.account_id, upload.id))

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's uploads and files. Raises UploadNotDeleted."""
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=f"uploads/{account_id}/"):
            kept: list[ObjectIdentifierTypeDef] = [
                {"Key": each["Key"]} for each in page.get("Contents", [])
            ]
            if not kept:
                continue
            answer = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": kept, "Quiet": True}
            )
            if answer.get("Errors"):
                raise UploadNotDeleted(f"{len(answer['Errors'])} objects were not deleted")
        rows = self._table.query(keys.uploads(account_id))
        self._table.write_batch(deletes=[keys.Key(row["pk"], row["sk"]) for row in rows])

    def _place(self, upload: Upload) -> Any:
        return {"Bucket": self._bucket, "Key": f"uploads/{upload.account_id}/{upload.id}"}


def _row(upload: Upload) -> Row:
    return {
        "id": upload.id,
        "account_id": upload.account_id,
        "filename": upload.filename,
        "content_type": upload.content_type,
        "size_bytes": upload.size_bytes,
        "revision": upload.revision,
        "ends_at": to_text(upload.expires_at),
        "expires_at": to_ttl(upload.expires_at),
    }


def _upload(row: Row) -> Upload:
    return Upload(
        id=UploadId(row["id"]),
        account_id=AccountId(row["account_id"]),
        filename=row["filename"],
        content_type=row["content_type"],
        size_bytes=row["size_bytes"],
        revision=row["revision"],
        expires_at=from_text(row["ends_at"]),
    )
