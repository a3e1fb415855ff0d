"""A message to send, as JSON or as the `message` part of a form."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from postroom.domain.errors import InvalidRequest, TooLarge
from postroom.domain.ids import MessageId
from postroom.domain.message import Address, Header
from postroom.domain.mime import may_be_attached, may_be_custom
from postroom.domain.outgoing import OutgoingAttachment
from postroom.web.bodies import validated
from postroom.web.multipart import Part
from postroom.web.schemas.fields import Input, Line
from postroom.web.schemas.messages import Fields
from postroom.web.schemas.people import PersonIn

RECIPIENTS_LIMIT = 500
"""The strictest provider's limit: https://support.google.com/a/answer/166852"""

SEND_BYTES_LIMIT = 4_000_000
"""Bodies and files together: API Gateway and Lambda carry 6 MB, base64 adds a third."""

IDEMPOTENCY_KEY_LENGTH = 256

_LATER = ("send_at", "use_draft", "tracking_options", "metadata", "template", "signature_id")
"""Parts of the contract that are not served: refused, since ignoring them would lose something."""


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
ContentId = Annotated[Line, AfterValidator(_content_id)]
Filename = Annotated[Line, StringConstraints(max_length=255)]
People = Annotated[list[PersonIn], Field(max_length=RECIPIENTS_LIMIT)]


class HeaderIn(Input):
    """A header field of the caller's own."""

    name: HeaderName
    value: Line


class AttachmentIn(Input):
    """A file in the JSON; its size is counted here, whatever the caller says."""

    filename: Filename | None = None
    content_type: ContentType | None = None
    content: str
    content_id: ContentId | None = None
    content_disposition: Line | None = None
    is_inline: bool | None = None

    def to_domain(self, *, index: int) -> OutgoingAttachment:
        """Return the file. Raises InvalidRequest when its content is not base64."""
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


class SendBody(Input):
    """What an author asks to send."""

    to: People = Field(default_factory=list)
    cc: People | None = None
    bcc: People | None = None
    reply_to: People | None = None
    from_: People | None = Field(default=None, alias="from")
    subject: Line | None = None
    body: str | None = None
    is_plaintext: bool | None = None
    attachments: Annotated[list[AttachmentIn], Field(max_length=100)] | None = None
    custom_headers: Annotated[list[HeaderIn], Field(max_length=50)] | None = None
    reply_to_message_id: Annotated[str, StringConstraints(max_length=256)] | None = None
    send_at: Any = None
    use_draft: Any = None
    tracking_options: Any = None
    metadata: Any = None
    template: Any = None
    signature_id: Any = None

    @model_validator(mode="after")
    def _check(self) -> "SendBody":
        for name in _LATER:
            if _is_meant(getattr(self, name)):
                raise InvalidRequest("This is not supported yet; leave it out.", field=name)
        recipients = len(self.to) + len(self.cc or ()) + len(self.bcc or ())
        if recipients == 0:
            raise InvalidRequest("Name at least one recipient.", field="to")
        if recipients > RECIPIENTS_LIMIT:
            raise InvalidRequest(
                f"A message has at most {RECIPIENTS_LIMIT} recipients, cc and bcc included.",
                field="to",
            )
        return self

    def files(self, parts: Sequence[Part] = ()) -> tuple[OutgoingAttachment, ...]:
        """Return all files, those of the form last. Raises TooLarge, InvalidRequest."""
        inside = [each.to_domain(index=index) for index, each in enumerate(self.attachments or ())]
        files = (*inside, *(_file(part) for part in parts))
        size_bytes = sum(len(file.content) for file in files) + len((self.body or "").encode())
        if size_bytes > SEND_BYTES_LIMIT:
            raise TooLarge(
                f"A message may carry {SEND_BYTES_LIMIT:,} bytes of body and attachments; "
                f"this one has {size_bytes:,}."
            )
        return files

    def headers(self) -> tuple[Header, ...]:
        """Return the caller's own header fields."""
        given = self.custom_headers or ()
        return tuple(Header(name=header.name, value=header.value) for header in given)

    def answered(self) -> MessageId | None:
        """Return the id of the message that this one replies to."""
        return MessageId(self.reply_to_message_id) if self.reply_to_message_id else None


class SendQuery(Input):
    """How the message comes, and how it is shown in the answer."""

    type: str | None = None
    fields: Fields = "standard"

    @model_validator(mode="after")
    def _refuse_mime(self) -> "SendQuery":
        if self.type not in (None, "", "json"):
            raise InvalidRequest("Messages in MIME form cannot be sent yet.", field="type")
        return self


def addresses(given: Sequence[PersonIn] | None) -> tuple[Address, ...]:
    """Return people as the domain has them."""
    return tuple(person.to_domain() for person in given or ())


def idempotency_key(header: str) -> str:
    """Check the Idempotency-Key header; an empty one is none. Raises InvalidRequest."""
    key = header.strip()
    if len(key) > IDEMPOTENCY_KEY_LENGTH or not (key.isascii() and (key.isprintable() or not key)):
        raise InvalidRequest(
            f"Use at most {IDEMPOTENCY_KEY_LENGTH} printable ASCII characters.",
            field="Idempotency-Key",
        )
    return key


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


def _is_meant(value: Any) -> bool:
    """Whether a value asks for something: `{"opens": false}` does not."""
    if isinstance(value, Mapping):
        return any(_is_meant(each) for each in value.values())
    return bool(value)
