"""Bodies and headers of messages: compressed JSON, small ones in the table, large ones in S3.

A row says where a content is, so that replacing a small one by a large one, or the other way
round, is one write. An S3 PUT costs as much as eight write units: below 2 KB the table is cheaper
within half a year, and quicker at once.
"""

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from postroom.domain.ids import AccountId, MessageId
from postroom.domain.message import Header, MessageContent
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row
from postroom.storage.dynamodb.table import Table
from postroom.storage.missing_objects import is_missing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

INLINE_LIMIT_BYTES = 2048
"""Compressed; above it a content is an object of its own."""

_WORKERS = 16
_DELETE_LIMIT = 1000
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html


class ContentNotDeleted(Exception):
    """S3 refused to delete some objects; the same call may be repeated."""


class S3ContentStore:
    """Contents in the table and in a bucket, under `bodies/<account>/<message>`."""

    def __init__(self, table: Table, client: "S3Client", bucket: str) -> None:
        self._table = table
        self._client = client
        self._bucket = bucket

    def put_many(self, account_id: AccountId, contents: Mapping[MessageId, MessageContent]) -> None:
        """Keep the contents of messages, in parallel."""
        packed = {each: _packed(content) for each, content in contents.items()}
        large = {each: data for each, data in packed.items() if len(data) > INLINE_LIMIT_BYTES}
        if large:
            with ThreadPoolExecutor(max_workers=min(_WORKERS, len(large))) as pool:
                list(pool.map(lambda each: self._upload(account_id, *each), large.items()))
        self._table.write_batch(
            {
                keys.content(account_id, each): {} if each in large else {"content": data}
                for each, data in packed.items()
            }
        )

    def get_many(
        self, account_id: AccountId, message_ids: Sequence[MessageId]
    ) -> dict[MessageId, MessageContent]:
        """Return those contents that exist, read in parallel."""
        rows = self._table.get_many(keys.content(account_id, each) for each in message_ids)
        if not rows:
            return {}
        with ThreadPoolExecutor(max_workers=min(_WORKERS, len(rows))) as pool:
            found = pool.map(lambda row: self._read(account_id, row), rows)
            return {message_id: content for message_id, content in found if content is not None}

    def delete(self, account_id: AccountId, message_ids: Sequence[MessageId]) -> None:
        """Forget contents; unknown ones are fine. Raises ContentNotDeleted."""
        for some in _chunks(list(dict.fromkeys(message_ids)), _DELETE_LIMIT):
            objects: list[ObjectIdentifierTypeDef] = [
                {"Key": _object_key(account_id, each)} for each in some
            ]
            response = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": objects, "Quiet": True}
            )
            if response.get("Errors"):
                raise ContentNotDeleted(f"{len(response['Errors'])} objects were not deleted")
        self._table.write_batch(deletes=[keys.content(account_id, each) for each in message_ids])

    def _upload(self, account_id: AccountId, message_id: MessageId, data: bytes) -> None:
        self._client.put_object(
            Bucket=self._bucket,
            Key=_object_key(account_id, message_id),
            Body=data,
            ContentType="application/json",
            ContentEncoding="gzip",
        )

    def _read(self, account_id: AccountId, row: Row) -> tuple[MessageId, MessageContent | None]:
        message_id = MessageId(row["pk"].rpartition("#")[2])
        if "content" in row:
            return message_id, _unpacked(row["content"])
        key = _object_key(account_id, message_id)
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if not is_missing(error, self._client, self._bucket, key):
                raise
            # It was deleted between the two reads: the object goes first.
            return message_id, None
        return message_id, _unpacked(answer["Body"].read())


def _object_key(account_id: AccountId, message_id: MessageId) -> str:
    return f"bodies/{account_id}/{message_id}"


def _packed(content: MessageContent) -> bytes:
    document = {
        "html": content.html,
        "text": content.text,
        "headers": [[header.name, header.value] for header in content.headers],
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    # Mail may hold half characters; they are kept as they came.
    return gzip.compress(text.encode(errors="surrogatepass"), mtime=0)


def _unpacked(data: bytes) -> MessageContent:
    document = json.loads(gzip.decompress(data).decode(errors="surrogatepass"))
    return MessageContent(
        html=document["html"],
        text=document["text"],
        headers=tuple(Header(name=name, value=value) for name, value in document["headers"]),
    )


def _chunks(items: Sequence[MessageId], size: int) -> Iterable[Sequence[MessageId]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
