"""What is too large for an answer, kept for a day where a client can fetch it itself."""

from secrets import token_urlsafe
from typing import TYPE_CHECKING
from urllib.parse import quote

from postroom.domain.ids import AccountId

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

_ADDRESS_LIFETIME_SECONDS = 300


class DownloadNotDeleted(Exception):
    """The bucket kept some objects; erasing again may succeed."""


class S3DownloadStore:
    """Downloads in a bucket, under `downloads/<account>/<random>`; its lifecycle removes them.

    The client has to sign with `s3v4`: the default signs an address with a method that S3 retires.
    """

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def offer(self, account_id: AccountId, *, filename: str, content: bytes) -> str:
        """Keep a file for a day and return an address that serves it for five minutes.

        It is served as a download under a type that no browser runs: a page sent as an attachment
        must not come to life at the bucket's address.
        """
        key = _prefix(account_id) + token_urlsafe(24)
        self._client.put_object(Bucket=self._bucket, Key=key, Body=content)
        encoded = quote(filename.encode(errors="replace"), safe="")
        return self._client.generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": key,
                "ResponseContentType": "application/octet-stream",
                "ResponseContentDisposition": f"attachment; filename*=UTF-8''{encoded}",
            },
            ExpiresIn=_ADDRESS_LIFETIME_SECONDS,
        )

    def erase(self, account_id: AccountId) -> None:
        """Delete all that is kept for an account. Raises DownloadNotDeleted."""
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=_prefix(account_id)):
            kept: list[ObjectIdentifierTypeDef] = [
                {"Key": each["Key"]} for each in page.get("Contents", [])
            ]
            if not kept:
                continue
            answer = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": kept, "Quiet": True}
            )
            if answer.get("Errors"):
                raise DownloadNotDeleted(f"{len(answer['Errors'])} objects were not deleted")


def _prefix(account_id: AccountId) -> str:
    return f"downloads/{account_id}/"
