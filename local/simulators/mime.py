"""Reads and rewrites messages of any kind, malformed ones included; nothing here ever refuses one.

Parsing is the standard library's; this file turns what it may raise on broken input into the
plainest reading of the message: one text part.
"""

import email
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses

_UNREADABLE = (
    RecursionError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    HeaderParseError,
)
_FOLD = re.compile(r"\r?\n(?=[ \t])|[\r\n]+")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)
_MESSAGE_ID = re.compile(r"<[^<>\s]+>")
_SUBJECT_PREFIX = re.compile(
    r"^\s*((re|fwd?|aw|wg|sv|vs|antw|tr|rif|enc|res)\s*(\[\d+\])?\s*:\s*)+", re.I
)
_NOT_TEXT = re.compile(r"<(script|style|head|title)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.I | re.S)


@dataclass(frozen=True)
class Part:
    """One MIME part: either `parts` or `content` (transfer-decoded bytes)."""

    part_id: str
    mime_type: str
    filename: str
    headers: tuple[tuple[str, str], ...]
    """Unfolded, in order, not decoded."""
    content: bytes
    charset: str
    is_attachment: bool
    parts: tuple["Part", ...] = ()

    def walk(self) -> Iterator["Part"]:
        """Yield this part and all below it, in order."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def text(self) -> str:
        """Return the content as text, with replacement characters where it is not."""
        return decode_text(self.content, self.charset)


def decode_text(content: bytes, charset: str) -> str:
    """Decode by the declared charset, else as UTF-8, else as Windows-1252."""
    for candidate in (charset, "utf-8"):
        try:
            return content.decode(candidate)
        except (LookupError, ValueError):
            continue
    return content.decode("cp1252", "replace")


def parse(raw: bytes) -> Part:
    """Return the part tree of a message."""
    try:
        return _part_of(email.message_from_bytes(raw), "", "")
    except _UNREADABLE:
        headers, body = split_headers(raw)
        return Part("", "text/plain", "", tuple(headers), body, "utf-8", is_attachment=False)


def _part_of(message: Message, part_id: str, prefix: str) -> Part:
    mime_type = message.get_content_type()
    filename = _filename_of(message)
    parts: tuple[Part, ...] = ()
    content = b""
    if mime_type == "message/rfc822" and message.is_multipart():
        content = b"".join(inner.as_bytes() for inner in _children(message))
    elif message.is_multipart():
        parts = tuple(
            _part_of(child, f"{prefix}{index}", f"{prefix}{index}.")
            for index, child in enumerate(_children(message))
        )
    else:
        decoded = message.get_payload(decode=True)
        content = decoded if isinstance(decoded, bytes) else b""
    disposition = message.get_content_disposition()
    return Part(
        part_id=part_id,
        mime_type=mime_type,
        filename=filename,
        headers=tuple((name, _clean(value)) for name, value in message.raw_items()),
        content=content,
        charset=message.get_content_charset("utf-8") or "utf-8",
        is_attachment=message.get_content_maintype() != "multipart"
        and (bool(filename) or disposition == "attachment" or not mime_type.startswith("text/")),
        parts=parts,
    )


def _filename_of(message: Message) -> str:
    """Return the file name; the library answers one replacement character for each raw byte."""
    readable = Message()
    for name in ("Content-Disposition", "Content-Type"):
        values = [value for field, value in message.raw_items() if field.lower() == name.lower()]
        if values:
            readable[name] = _clean(values[0])
    return decode_words(readable.get_filename("") or "")


def _children(message: Message) -> list[Message]:
    payload = message.get_payload()
    return [c for c in payload if isinstance(c, Message)] if isinstance(payload, list) else []


def _clean(value: object) -> str:
    raw = str(value).encode("utf-8", "surrogateescape")
    return _FOLD.sub("", decode_text(raw, "utf-8")).strip()


def decode_words(value: str) -> str:
    """Decode RFC 2047 encoded words; what cannot be decoded stays as it is."""
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except _UNREADABLE:
        return value


def split_headers(raw: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """Return the unfolded header fields, and the body, without parsing MIME."""
    fields, body = _split(raw)
    headers = []
    for field in fields:
        match = _FIELD.match(field)
        if match:
            name, value = match.groups()
            headers.append((name.decode("ascii"), _clean(value.decode("utf-8", "surrogateescape"))))
    return headers, body


def _split(raw: bytes) -> tuple[list[bytes], bytes]:
    """Return header fields with their line ends, and what follows them."""
    fields: list[bytes] = []
    position = 0
    while position < len(raw):
        end = raw.find(b"\n", position)
        line = raw[position : end + 1] if end >= 0 else raw[position:]
        if not line.strip(b"\r\n"):
            return fields, raw[position + len(line) :]
        if line[:1] in b" \t" and fields:
            fields[-1] += line
        elif _FIELD.match(line):
            fields.append(line)
        else:
            return fields, raw[position:]
        position += len(line)
    return fields, b""


def rewrite_headers(
    raw: bytes, *, remove: Sequence[str] = (), put: Sequence[tuple[str, str]] = ()
) -> bytes:
    """Return the message without some fields and with others in front; the rest byte for byte."""
    fields, body = _split(raw)
    gone = {name.lower() for name in [*remove, *(name for name, _ in put)]}
    kept = [f for f in fields if _FIELD.match(f)[1].decode("ascii").lower() not in gone]  # type: ignore[index]
    if kept and not kept[-1].endswith(b"\n"):
        kept[-1] += b"\r\n"
    added = [f"{name}: {value}\r\n".encode() for name, value in put]
    return b"".join([*added, *kept, b"\r\n", body])


def first_header(headers: Sequence[tuple[str, str]], name: str) -> str:
    """Return the first value of a field, or an empty text."""
    wanted = name.lower()
    return next((value for field, value in headers if field.lower() == wanted), "")


def addresses(headers: Sequence[tuple[str, str]], *names: str) -> list[tuple[str, str]]:
    """Return (name, address in lower case) pairs of some address fields, in order."""
    wanted = {name.lower() for name in names}
    values = [value for field, value in headers if field.lower() in wanted]
    pairs = getaddresses(values)
    return [(decode_words(name), address.lower()) for name, address in pairs if "@" in address]


def message_ids(value: str) -> list[str]:
    """Return the `<…>` ids that a Message-ID, In-Reply-To or References field holds."""
    return _MESSAGE_ID.findall(value)


def subject_key(subject: str) -> str:
    """Return what two subjects of one conversation have in common."""
    return " ".join(_SUBJECT_PREFIX.sub("", decode_words(subject)).casefold().split())


def readable_text(message: Part) -> str:
    """Return the text a person would read: the plain part, else the HTML without its tags."""
    texts = [p for p in message.walk() if p.mime_type.startswith("text/") and not p.is_attachment]
    plain = next((p for p in texts if p.mime_type == "text/plain"), None)
    chosen = plain or next((p for p in texts if p.mime_type == "text/html"), None)
    if chosen is None:
        return ""
    text = chosen.text()
    if chosen.mime_type == "text/html":
        text = html.unescape(_NOT_TEXT.sub(" ", text))
    return " ".join(text.split())
