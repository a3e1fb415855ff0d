"""Makes the RFC 5322 message of a draft."""

import email
from datetime import datetime
from email.header import Header
from email.message import EmailMessage, Message, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime, formataddr

from local.simulators import mime
from local.simulators.microsoft.content import Attachment, Content, Person

_WIRE = SMTP.clone(max_line_length=998)
"""Long ids in References must not be folded inside, which the library does at 78 characters."""
_FIELDS = frozenset(
    {"from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id"}
    | {"importance", "x-priority", "mime-version", "content-type", "content-transfer-encoding"}
    | {"content-disposition", "content-language"}
)
"""Headers that are written from the fields of a Content or from its parts."""


def compose(content: Content, date: datetime) -> bytes:
    """Return the message with all its fields, Bcc included; `date` is aware."""
    message = EmailMessage(policy=_WIRE)
    _write_body(message, content)
    for attachment in content.attachments:
        if not (attachment.is_inline and content.body_type == "html"):
            _attach(message, attachment)
    return mime.rewrite_headers(message.as_bytes(), put=_fields(content, date))


def address_field(people: list[Person]) -> str:
    """Return people as an address field has them, in ASCII."""
    shown = [
        formataddr((_line("" if p.name == p.address else p.name), _line(p.address)))
        for p in people
        if p.address.isascii()
    ]
    return ",\r\n ".join(shown)


def word(text: str) -> str:
    """Return unstructured text as a header has it, in ASCII and one line."""
    line = _line(text)
    return line if line.isascii() else Header(line, "utf-8").encode(linesep="\r\n")


def _fields(content: Content, date: datetime) -> list[tuple[str, str]]:
    fields = [("From", address_field([content.author]))] if content.author else []
    if content.sender and content.author and content.sender.address != content.author.address:
        fields.append(("Sender", address_field([content.sender])))
    for name, people in (
        ("To", content.to),
        ("Cc", content.cc),
        ("Bcc", content.bcc),
        ("Reply-To", content.reply_to),
    ):
        if people:
            fields.append((name, address_field(people)))
    fields.append(("Subject", word(content.subject)))
    fields.append(("Date", format_datetime(date)))
    if content.internet_message_id:
        fields.append(("Message-ID", _line(content.internet_message_id)))
    if content.importance != "normal":
        fields.append(("Importance", content.importance))
    for name, value in content.headers:
        if name.lower() not in _FIELDS:
            ids = name.lower() in {"references", "in-reply-to"}
            fields.append((name, "\r\n ".join(value.split()) if ids else word(value)))
    return fields


def _write_body(message: EmailMessage, content: Content) -> None:
    message.set_content(_sound(content.plain_text), cte="base64")
    if content.body_type == "text":
        return
    inline = [each for each in content.attachments if each.is_inline]
    message.add_alternative(_sound(content.body), subtype="html", cte="base64")
    page = message.get_payload(1)
    for picture in inline:
        if isinstance(page, MIMEPart):
            page.add_related(
                picture.content,
                *_types(picture.content_type),
                filename=_line(picture.name),
                cid=f"<{_line(picture.content_id or picture.name)}>",
                disposition="inline",
            )


def _attach(message: EmailMessage, attachment: Attachment) -> None:
    if attachment.kind == "item":
        inner: Message = email.message_from_bytes(attachment.content)
        part = EmailMessage(policy=_WIRE)
        part["Content-Type"] = "message/rfc822"
        part.add_header("Content-Disposition", "attachment", filename=_line(attachment.name))
        part.set_payload([inner])
        if message.get_content_type() != "multipart/mixed":
            message.make_mixed()
        message.attach(part)
        return
    cid = f"<{_line(attachment.content_id)}>" if attachment.content_id else None
    message.add_attachment(
        attachment.content,
        *_types(attachment.content_type),
        filename=_line(attachment.name),
        cid=cid,
    )


def _types(content_type: str) -> tuple[str, str]:
    main, _, sub = content_type.partition(";")[0].strip().partition("/")
    sound = (
        main.isalnum() and sub and all(c.isascii() and (c.isalnum() or c in "-+._") for c in sub)
    )
    if not sound or main in {"multipart", "message"}:
        return "application", "octet-stream"
    return main, sub


def _line(text: str) -> str:
    return " ".join(text.split())


def _sound(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
