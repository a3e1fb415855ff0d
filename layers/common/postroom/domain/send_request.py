"""What somebody asks to send, before it is known whether and how it can be."""

import hashlib
import json
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime

from postroom.domain.ids import MessageId
from postroom.domain.message import Address, Header
from postroom.domain.outgoing import OutgoingAttachment
from postroom.domain.upload import UploadId
from postroom.domain.written_mime import WrittenMime


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedFile:
    """A file that was uploaded before, as a request names it."""

    upload_id: UploadId
    field: str
    """Where the request names it."""
    filename: str = ""
    """Another name than it was uploaded with."""
    content_id: str = ""
    is_inline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SendRequest:
    """What an author asks to send."""

    to: tuple[Address, ...]
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    from_: tuple[Address, ...] = ()
    subject: str = ""
    body: str = ""
    is_plaintext: bool = False
    attachments: tuple[OutgoingAttachment | UploadedFile, ...] = ()
    custom_headers: tuple[Header, ...] = ()
    reply_to_message_id: MessageId | None = None
    forwarded_message_id: MessageId | None = None
    metadata: tuple[tuple[str, str], ...] = ()
    """What the application notes about the message, by its keys, in their order."""
    send_at: datetime | None = None
    """When it is to leave; None: now."""
    written: WrittenMime | None = field(default=None, repr=False)
    """The message itself, if it came in MIME; the rest is what it says."""

    @classmethod
    def of_mime(cls, written: WrittenMime) -> "SendRequest":
        """Ask to send what came in MIME."""
        return cls(
            to=written.to,
            cc=written.cc,
            bcc=written.bcc,
            reply_to=written.reply_to,
            from_=(written.from_,),
            subject=written.subject,
            written=written,
        )

    def digest(self) -> str:
        """SHA-256 over all of it: tells whether a repeated key carries the same request.

        What stands as it would by itself is left out, so that a part that requests get later
        changes no digest of what was asked before.
        """
        said = json.dumps(_canonical(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(said.encode()).hexdigest()


def _canonical(value: object) -> object:
    """Return what JSON can say of a part: files by their SHA-256, whole messages likewise."""
    if isinstance(value, WrittenMime):
        return _canonical(value.content)  # the rest is read from it
    if is_dataclass(value):
        parts = [(part, getattr(value, part.name)) for part in fields(value)]
        return {part.name: _canonical(said) for part, said in parts if said != part.default}
    if isinstance(value, tuple):
        return [_canonical(each) for each in value]
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value
