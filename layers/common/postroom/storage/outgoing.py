r"""What is to be sent, in the bucket until it has been: one object, files behind the rest.

    <JSON of the message, in one line>\n<the first file's bytes><the second file's bytes>…<MIME>

The JSON tells each file's size, so that files travel as they are. Of one that was uploaded before
only the upload is named. The MIME is that of a message whose author wrote it so.
"""

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from postroom.domain.errors import NotFound
from postroom.domain.ids import (
    AccountId,
    InternetMessageId,
    OutboxId,
    ProviderMessageId,
    ProviderThreadId,
)
from postroom.domain.message import Address, Header
from postroom.domain.outgoing import (
    Answered,
    AnswerKind,
    OutgoingAttachment,
    OutgoingMessage,
)
from postroom.domain.upload import Upload
from postroom.storage.missing_objects import is_missing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef


class OutgoingNotErased(Exception):
    """The bucket kept some objects; erasing again may succeed."""


class S3OutgoingStore:
    """Messages to be sent in a bucket, under `outgoing/<account>/<name>`."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, account_id: AccountId, name: str, message: OutgoingMessage) -> None:
        """Keep what is to be sent under a new name."""
        self._client.put_object(
            Bucket=self._bucket, Key=_prefix(account_id) + name, Body=_packed(message)
        )

    def get(self, account_id: AccountId, name: str) -> OutgoingMessage:
        """Return what is to be sent. Raises NotFound."""
        key = _prefix(account_id) + name
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if is_missing(error, self._client, self._bucket, key):
                raise NotFound("what was to be sent is not kept any more") from None
            raise
        return _unpacked(answer["Body"].read())

    def delete(self, account_id: AccountId, name: str) -> None:
        """Forget it; what is not there is fine."""
        self._client.delete_object(Bucket=self._bucket, Key=_prefix(account_id) + name)

    def sweep(self, account_id: AccountId, outbox_id: OutboxId, *, put_before: datetime) -> None:
        """Forget what was kept for a send before this time. Raises OutgoingNotErased."""
        self._delete_all(f"{_prefix(account_id)}{outbox_id}.", put_before)

    def erase(self, account_id: AccountId) -> None:
        """Forget all that an account was about to send. Raises OutgoingNotErased."""
        self._delete_all(_prefix(account_id), None)

    def _delete_all(self, prefix: str, put_before: datetime | None) -> None:
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
            kept: list[ObjectIdentifierTypeDef] = [
                {"Key": each["Key"]}
                for each in page.get("Contents", [])
                if put_before is None or each["LastModified"] < put_before
            ]
            if not kept:
                continue
            answer = self._client.delete_objects(
                Bucket=self._bucket, Delete={"Objects": kept, "Quiet": True}
            )
            if answer.get("Errors"):
                raise OutgoingNotErased(f"{len(answer['Errors'])} objects were not deleted")


_SHAPE = 1
"""Of the document. A send may wait for a year, and a later version reads it then: what was added to
the document since is missing, and means what it means by itself."""


def _prefix(account_id: AccountId) -> str:
    return f"outgoing/{account_id}/"


def _packed(message: OutgoingMessage) -> bytes:
    document = {
        "shape": _SHAPE,
        "message_id": message.message_id,
        "date": message.date.isoformat(),
        "from": _pair(message.from_),
        "from_alias": message.from_alias,
        "to": [_pair(each) for each in message.to],
        "cc": [_pair(each) for each in message.cc],
        "bcc": [_pair(each) for each in message.bcc],
        "reply_to": [_pair(each) for each in message.reply_to],
        "subject": message.subject,
        "body": message.body,
        "is_plaintext": message.is_plaintext,
        "custom_headers": [[each.name, each.value] for each in message.custom_headers],
        "answered": None if message.answered is None else _reference(message.answered),
        "files": [
            {
                "filename": each.filename,
                "content_type": each.content_type,
                "content_id": each.content_id,
                "is_inline": each.is_inline,
                "upload": None if each.upload is None else _upload_document(each.upload),
                "kept_bytes": len(each.content),
            }
            for each in message.attachments
        ],
    }
    # ASCII: half characters, which mail may hold, come back as they were.
    line = json.dumps(document, separators=(",", ":")).encode()
    return b"".join((line, b"\n", *(each.content for each in message.attachments), message.mime))


def _unpacked(data: bytes) -> OutgoingMessage:
    line, _, files = data.partition(b"\n")
    document: dict[str, Any] = json.loads(line)
    attachments, start = [], 0
    for file in document.get("files", ()):
        end = start + file["kept_bytes"]
        upload = file.get("upload")
        attachments.append(
            OutgoingAttachment(
                filename=file["filename"],
                content_type=file["content_type"],
                content_id=file.get("content_id", ""),
                is_inline=file.get("is_inline", False),
                content=files[start:end],
                upload=None if upload is None else _upload(upload),
            )
        )
        start = end
    answered = document.get("answered")
    return OutgoingMessage(
        message_id=InternetMessageId(document["message_id"]),
        date=datetime.fromisoformat(document["date"]),
        from_=_address(document["from"]),
        from_alias=document.get("from_alias", False),
        to=tuple(_address(each) for each in document.get("to", ())),
        cc=tuple(_address(each) for each in document.get("cc", ())),
        bcc=tuple(_address(each) for each in document.get("bcc", ())),
        reply_to=tuple(_address(each) for each in document.get("reply_to", ())),
        subject=document.get("subject", ""),
        body=document.get("body", ""),
        is_plaintext=document.get("is_plaintext", False),
        attachments=tuple(attachments),
        custom_headers=tuple(
            Header(name=name, value=value) for name, value in document.get("custom_headers", ())
        ),
        answered=None if answered is None else _answered(answered),
        mime=files[start:],
    )


def _upload_document(upload: Upload) -> dict[str, Any]:
    return {**asdict(upload), "expires_at": upload.expires_at.isoformat()}


def _upload(document: dict[str, Any]) -> Upload:
    return Upload(**{**document, "expires_at": datetime.fromisoformat(document["expires_at"])})


def _pair(person: Address) -> list[str]:
    return [person.email, person.name]


def _address(pair: list[str]) -> Address:
    return Address(email=pair[0], name=pair[1])


def _reference(answered: Answered) -> dict[str, Any]:
    return {
        "kind": answered.kind.value,
        "provider_id": answered.provider_id,
        "provider_thread_id": answered.provider_thread_id,
        "internet_message_id": answered.internet_message_id,
        "references": list(answered.references),
    }


def _answered(document: dict[str, Any]) -> Answered:
    return Answered(
        kind=AnswerKind(document["kind"]),
        provider_id=ProviderMessageId(document["provider_id"]),
        provider_thread_id=ProviderThreadId(document["provider_thread_id"]),
        internet_message_id=InternetMessageId(document["internet_message_id"]),
        references=tuple(InternetMessageId(each) for each in document["references"]),
    )
