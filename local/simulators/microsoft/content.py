"""What a message says: read from MIME once, or written by a client into a draft."""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import getaddresses, parsedate_to_datetime
from typing import Literal

from local.simulators import mime

PREVIEW_CHARACTERS = 255
_LINE_ENDS = re.compile(r"(?i)<br\s*/?>|</(p|div|tr|li|h[1-6]|table|blockquote)\s*>")
_NOT_TEXT = re.compile(r"<(script|style|head|title)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.I | re.S)
_BLANK_LINES = re.compile(r"\n\s*\n\s*\n+")


@dataclass(frozen=True)
class Person:
    """A name and an address, as they were written."""

    name: str
    address: str


@dataclass
class Attachment:
    """A file, or a message inside a message (`kind` item); `number` is unique in its message."""

    number: int
    kind: Literal["file", "item"]
    name: str
    content_type: str
    content: bytes
    content_id: str | None = None
    is_inline: bool = False


@dataclass
class Content:
    """A message's fields."""

    subject: str = ""
    author: Person | None = None
    """The From field."""
    sender: Person | None = None
    to: list[Person] = field(default_factory=list)
    cc: list[Person] = field(default_factory=list)
    bcc: list[Person] = field(default_factory=list)
    reply_to: list[Person] = field(default_factory=list)
    body_type: Literal["html", "text"] = "html"
    body: str = ""
    text: str | None = None
    """The plain alternative of an HTML body, when the message brought one."""
    headers: list[tuple[str, str]] = field(default_factory=list)
    """All that came with the message; of a draft those that are not fields above."""
    attachments: list[Attachment] = field(default_factory=list)
    internet_message_id: str = ""
    sent_ms: int | None = None
    importance: str = "normal"

    @property
    def plain_text(self) -> str:
        """The body as plain text."""
        if self.body_type == "text":
            return self.body
        return self.text if self.text is not None else text_of_html(self.body)

    @property
    def preview(self) -> str:
        """The beginning of the text, in one line."""
        return " ".join(self.plain_text.split())[:PREVIEW_CHARACTERS]

    @property
    def has_attachments(self) -> bool:
        """Whether anything is attached that is not part of the page."""
        return any(not each.is_inline for each in self.attachments)

    def attach(self, attachment: Attachment) -> Attachment:
        """Add an attachment under the next free number."""
        taken = max((each.number for each in self.attachments), default=0)
        attachment.number = taken + 1
        self.attachments.append(attachment)
        return attachment


def text_of_html(markup: str) -> str:
    """Return a page as plain text, a line for each block."""
    lines = _LINE_ENDS.sub("\n", " ".join(markup.split()))
    text = html.unescape(_NOT_TEXT.sub("", lines))
    return _BLANK_LINES.sub("\n\n", "\n".join(line.strip() for line in text.split("\n"))).strip()


def html_of_text(text: str) -> str:
    """Return plain text as the page Exchange makes of it."""
    lines = html.escape(text, quote=False).replace("\r\n", "\n").replace("\n", "<br>\r\n")
    head = '<meta http-equiv="Content-Type" content="text/html; charset=utf-8">'
    return (
        f"<html><head>\r\n{head}\r\n<!-- converted from text --></head>\r\n<body>\r\n"
        f'<div class="PlainText">{lines}</div>\r\n</body>\r\n</html>\r\n'
    )


def read(raw: bytes) -> Content:
    """Return what a message says; anything can be read."""
    message = mime.parse(raw)
    headers = list(message.headers)
    content = Content(
        subject=mime.decode_words(mime.first_header(headers, "Subject")),
        to=people(headers, "To"),
        cc=people(headers, "Cc"),
        bcc=people(headers, "Bcc"),
        reply_to=people(headers, "Reply-To"),
        headers=headers,
        internet_message_id=mime.first_header(headers, "Message-ID"),
        sent_ms=_date_ms(headers),
        importance=_importance(headers),
    )
    content.author = next(iter(people(headers, "From")), None)
    content.sender = next(iter(people(headers, "Sender")), content.author)
    _read_parts(content, message)
    return content


def people(headers: Sequence[tuple[str, str]], name: str) -> list[Person]:
    """Return who an address field names, in order."""
    values = [value for field_name, value in headers if field_name.lower() == name.lower()]
    return [
        Person(mime.decode_words(shown) or address, address)
        for shown, address in getaddresses(values)
        if address or shown
    ]


def _read_parts(content: Content, message: mime.Part) -> None:
    """Fill in body and attachments: the first HTML part is the body, else the first plain one."""
    bodies: dict[str, str] = {}
    for part, alternative in _leaves(message, within_alternative=False):
        is_text = part.mime_type.startswith("text/") and not part.is_attachment
        if is_text and part.mime_type in {"text/html", "text/plain"} - bodies.keys():
            bodies[part.mime_type] = part.text()
        elif not (is_text and alternative):
            content.attach(_attachment(part, len(content.attachments) + 1))
    if "text/html" in bodies:
        content.body, content.text = bodies["text/html"], bodies.get("text/plain")
    else:
        content.body_type, content.body = "text", bodies.get("text/plain", "")


def _leaves(part: mime.Part, *, within_alternative: bool) -> Iterator[tuple[mime.Part, bool]]:
    if not part.mime_type.startswith("multipart/"):
        yield part, within_alternative
    inside = within_alternative or part.mime_type == "multipart/alternative"
    for child in part.parts:
        yield from _leaves(child, within_alternative=inside)


def _attachment(part: mime.Part, position: int) -> Attachment:
    content_id = mime.first_header(part.headers, "Content-ID").strip("<> ") or None
    disposition = mime.first_header(part.headers, "Content-Disposition").lower()
    name, is_item = part.filename, part.mime_type == "message/rfc822"
    if is_item and not name:
        inner, _ = mime.split_headers(part.content)
        name = mime.decode_words(mime.first_header(inner, "Subject"))
    return Attachment(
        number=0,
        kind="item" if is_item else "file",
        name=name or f"ATT{position:05}",
        content_type=part.mime_type,
        content=part.content,
        content_id=content_id,
        is_inline=content_id is not None and not disposition.startswith("attachment"),
    )


def _importance(headers: Sequence[tuple[str, str]]) -> str:
    stated = mime.first_header(headers, "Importance").strip().lower()
    priority = mime.first_header(headers, "X-Priority").strip()[:1]
    if stated in {"low", "normal", "high"}:
        return stated
    return {"1": "high", "2": "high", "4": "low", "5": "low"}.get(priority, "normal")


def _date_ms(headers: Sequence[tuple[str, str]]) -> int | None:
    try:
        return int(parsedate_to_datetime(mime.first_header(headers, "Date")).timestamp() * 1000)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
