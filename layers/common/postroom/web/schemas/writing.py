"""What an author writes: what messages to send and drafts have alike, and their files."""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from postroom.domain.errors import InvalidRequest, TooLarge
from postroom.domain.ids import MessageId
from postroom.domain.message import Address, Header
from postroom.domain.mime import LONGEST_CONTENT_ID, may_be_attached, may_be_custom
from postroom.domain.outgoing import OutgoingAttachment
from postroom.domain.send_request import SendRequest, UploadedFile
from postroom.domain.upload import UploadId
from postroom.web.bodies import validated
from postroom.web.multipart import Part
from postroom.web.schemas.fields import Body, Flag, Input, Line, Unserved
from postroom.web.schemas.metadata import Metadata
from postroom.web.schemas.people import PersonIn

RECIPIENTS_LIMIT = 500
"""The strictest provider's limit: https://support.google.com/a/answer/166852"""

FILES_LIMIT = 100
"""Those of a form and those in the JSON together."""

SEND_BYTES_LIMIT = 4_000_000
"""Bodies and files together: API Gateway and Lambda carry 6 MB, base64 adds a third."""


TRACKING = Unserved("Nobody is told whether mail was opened, or its links were: leave it out")
TEMPLATE = Unserved("There are no templates: write the subject and the body themselves")
SIGNATURE = Unserved(
    "Signatures are the mailbox's own: GET /v3/grants/{id} shows them in `senders`, to be put into "
    "the body"
)


def _header_name(text: str) -> str:
    if not may_be_custom(text):
        raise ValueError("This is no header name, or a header that is written for you")
    return text


def _content_type(text: str) -> str:
    if text and not may_be_attached(text):
        raise ValueError("Send the type of one file, like 'image/png'")
    return text


def _content_id(text: str) -> str:
    if not re.fullmatch(r"[!-;=?-~]*", text.strip("<>")):
        raise ValueError("A content id has neither spaces nor angle brackets inside")
    return text.strip("<>")


HeaderName = Annotated[str, StringConstraints(max_length=76), AfterValidator(_header_name)]
ContentType = Annotated[Line, StringConstraints(max_length=255), AfterValidator(_content_type)]
ContentId = Annotated[
    Line, StringConstraints(max_length=LONGEST_CONTENT_ID), AfterValidator(_content_id)
]
Filename = Annotated[Line, StringConstraints(max_length=255)]
People = Annotated[list[PersonIn], Field(max_length=RECIPIENTS_LIMIT)]


class HeaderIn(Body):
    """A header field of the caller's own."""

    name: HeaderName
    value: Line


class AttachmentIn(Body):
    """A file in the JSON, or one that was uploaded before (attachment-uploads).

    Its size is counted here, whatever the caller says.
    """

    id: Annotated[str, StringConstraints(max_length=256)] | None = None
    """Of an upload; where there is content, it says nothing."""
    filename: Filename | None = None
    content_type: ContentType | None = None
    content: str | None = None
    content_id: ContentId | None = None
    content_disposition: Line | None = None
    is_inline: Flag | None = None
    size: Any = None
    grant_id: Any = None
    """Neither says anything here: SDKs tell the one, and what a message lists has the other."""

    def to_domain(self, *, index: int) -> OutgoingAttachment:
        """Return the file. Raises InvalidRequest when its content is not base64, or not there."""
        if self.content is None:
            raise InvalidRequest(
                "This is required, in base64; only messages that are sent at once may name an "
                "upload by its id instead.",
                field=f"attachments.{index}.content",
            )
        try:
            content = base64.b64decode("".join(self.content.split()), validate=True)
        except (binascii.Error, ValueError):
            raise InvalidRequest(
                "This is not base64.", field=f"attachments.{index}.content"
            ) from None
        return OutgoingAttachment(
            filename=self.filename or "attachment",
            content_type=self.content_type or "application/octet-stream",
            content=content,
            content_id=self.content_id or "",
            is_inline=self._is_inline(),
        )

    def to_sent(self, *, index: int) -> OutgoingAttachment | UploadedFile:
        """Return the file of a message to send. Raises as `to_domain`."""
        if self.content is not None or not self.id:
            return self.to_domain(index=index)
        return UploadedFile(
            upload_id=UploadId(self.id),
            field=f"attachments.{index}.id",
            filename=self.filename or "",
            content_id=self.content_id or "",
            is_inline=self._is_inline(),
        )

    def _is_inline(self) -> bool:
        if self.is_inline is not None:
            return self.is_inline
        if self.content_disposition:
            return self.content_disposition.lower().startswith("inline")
        return bool(self.content_id)


class FormFile(Input):
    """A file of a form, checked like one in the JSON."""

    filename: Filename
    content_type: ContentType
    content_id: ContentId


class WritingIn(Body):
    """What an author writes. What is left out, or null, is not said."""

    to: People | None = None
    cc: People | None = None
    bcc: People | None = None
    reply_to: People | None = None
    from_: People | None = Field(default=None, alias="from")
    """One official SDK writes `from_` in drafts, which is taken for the same."""
    subject: Line | None = None
    body: str | None = None
    is_plaintext: Flag | None = None
    """Whether the body that comes with it is plain text."""
    attachments: Annotated[list[AttachmentIn], Field(max_length=FILES_LIMIT)] | None = None
    custom_headers: Annotated[list[HeaderIn], Field(max_length=50)] | None = None
    reply_to_message_id: Annotated[str, StringConstraints(max_length=256)] | None = None
    forward_message_id: Annotated[str, StringConstraints(max_length=256)] | None = None
    starred: Flag | None = None
    metadata: Metadata | None = None
    tracking_options: Annotated[Any, TRACKING] = None
    template: Annotated[Any, TEMPLATE] = None
    signature_id: Annotated[Any, SIGNATURE] = None

    @model_validator(mode="after")
    def _check_what_belongs_together(self) -> "WritingIn":
        if self.reply_to_message_id and self.forward_message_id:
            raise InvalidRequest(
                "A message replies to one or forwards one, not both.", field="forward_message_id"
            )
        if self.recipients() > RECIPIENTS_LIMIT:
            raise InvalidRequest(
                f"A message has at most {RECIPIENTS_LIMIT} recipients, cc and bcc included.",
                field="to",
            )
        return self

    def recipients(self) -> int:
        """Return how many people it is written to."""
        return sum(len(people or ()) for people in (self.to, self.cc, self.bcc))

    def headers(self) -> tuple[Header, ...] | None:
        """Return the caller's own header fields."""
        if self.custom_headers is None:
            return None
        return tuple(Header(name=each.name, value=each.value) for each in self.custom_headers)

    def to_request(self, files: tuple[OutgoingAttachment | UploadedFile, ...]) -> SendRequest:
        """Return what is written, with its files, but for what is said about it."""
        return SendRequest(
            to=addresses(self.to),
            cc=addresses(self.cc),
            bcc=addresses(self.bcc),
            reply_to=addresses(self.reply_to),
            from_=addresses(self.from_),
            subject=self.subject or "",
            body=self.body or "",
            is_plaintext=bool(self.is_plaintext),
            attachments=files,
            custom_headers=self.headers() or (),
            reply_to_message_id=_message_id(self.reply_to_message_id),
            forwarded_message_id=_message_id(self.forward_message_id),
        )


def files_of(
    attachments: Sequence[AttachmentIn] | None, parts: Sequence[Part], *, body: str | None
) -> tuple[OutgoingAttachment, ...]:
    """Return all files of a draft, those of the form last. Raises TooLarge, InvalidRequest."""
    _check_number(attachments, parts)
    inside = [each.to_domain(index=index) for index, each in enumerate(attachments or ())]
    files = (*inside, *(_file(part) for part in parts))
    _check_size(files, body=body or "")
    return files


def sent_files_of(
    attachments: Sequence[AttachmentIn] | None, parts: Sequence[Part], *, body: str | None
) -> tuple[OutgoingAttachment | UploadedFile, ...]:
    """Return all files of a message to send, which may be uploads too. Raises as `files_of`."""
    _check_number(attachments, parts)
    named = [each.to_sent(index=index) for index, each in enumerate(attachments or ())]
    files = (*named, *(_file(part) for part in parts))
    carried = [each for each in files if isinstance(each, OutgoingAttachment)]
    _check_size(carried, body=body or "")
    return files


def addresses(given: Sequence[PersonIn] | None) -> tuple[Address, ...]:
    """Return people as the domain has them."""
    return tuple(person.to_domain() for person in given or ())


def _message_id(given: str | None) -> MessageId | None:
    return MessageId(given) if given else None


def _check_number(attachments: Sequence[AttachmentIn] | None, parts: Sequence[Part]) -> None:
    if len(attachments or ()) + len(parts) > FILES_LIMIT:
        raise InvalidRequest(
            f"Send at most {FILES_LIMIT} of these, the files of a form included.",
            field="attachments",
        )


def _check_size(files: Sequence[OutgoingAttachment], *, body: str) -> None:
    size_bytes = sum(len(file.content) for file in files) + len(body.encode())
    if size_bytes > SEND_BYTES_LIMIT:
        raise TooLarge(
            f"A request may carry {SEND_BYTES_LIMIT:,} bytes of body and attachments; this one has "
            f"{size_bytes:,}. Upload large files by attachment-uploads, and send their ids."
        )


def _file(part: Part) -> OutgoingAttachment:
    checked = validated(
        FormFile,
        {
            "filename": part.filename or "attachment",
            "content_type": part.content_type or "application/octet-stream",
            "content_id": part.content_id,
        },
        within=part.name[:40],
    )
    return OutgoingAttachment(
        filename=checked.filename,
        content_type=checked.content_type,
        content=part.content,
        content_id=checked.content_id,
        is_inline=bool(checked.content_id),
    )
