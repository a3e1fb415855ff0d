"""A Gmail message becomes a Message of ours. Total: no content makes it raise.

What cannot be read as its sender meant it is read as well as it can be, and a word in `defects`
says so; the raw form has everything.
"""

import html
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from postroom.domain import ids
from postroom.domain.ids import AccountId, FolderId, InternetMessageId
from postroom.domain.message import (
    Address,
    Attachment,
    FullMessage,
    Header,
    Message,
    MessageContent,
)
from postroom.domain.mime import html_to_text, text_to_html
from postroom.providers.decoding import (
    clean,
    decode_text,
    decode_words,
    from_base64url,
    message_ids,
    parameter,
    parse_addresses,
    parse_date,
)
from postroom.providers.google.types import GmailMessage, Part
from postroom.providers.mail_content import (
    ADDRESS,
    BODY_MISSING,
    CHARSET,
    DATE_MISSING,
    EPOCH,
    HEADER_ENCODING,
    STRUCTURE,
    filename,
    shown_inline,
)

UNREAD = FolderId("UNREAD")
STARRED = FolderId("STARRED")
DRAFT = FolderId("DRAFT")
TRASH = FolderId("TRASH")

_DEEPEST = 50
ROOT_PART = "0"
"""Our name for the root, which Gmail leaves nameless; a root with content has no other parts."""


@dataclass
class _Reading:
    """What is found while the MIME tree is walked."""

    detached: Mapping[str, bytes]
    message_id: ids.MessageId
    attachments: list[Attachment] = field(default_factory=list)
    defects: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Piece:
    """A stretch of the body: the same words as text, as HTML, or as both."""

    text: str | None = None
    html: str | None = None


def map_message(
    raw: GmailMessage,
    account_id: AccountId,
    *,
    detached: Mapping[str, bytes] | None = None,
) -> FullMessage:
    """Map a message of format `full` (or `metadata`, which has no body).

    `detached` holds the bytes of those text parts that `detached_texts` names, by part id.
    """
    provider_id = ids.ProviderMessageId(raw.get("id", ""))
    provider_thread_id = ids.ProviderThreadId(raw.get("threadId", ""))
    message_id = ids.message_id(account_id, provider_id)
    payload: Part = raw.get("payload") or {}
    reading = _Reading(detached=detached or {}, message_id=message_id)
    headers = _headers(payload, reading)
    pieces = _body(payload, reading, depth=0) if payload else []
    markup = _joined_html(pieces)
    labels = tuple(FolderId(label) for label in raw.get("labelIds") or ())
    sent_at = parse_date(_first(payload, "date"))
    if sent_at is None:
        reading.defects.add(DATE_MISSING)
    message = Message(
        id=message_id,
        account_id=account_id,
        provider_id=provider_id,
        thread_id=ids.thread_id(account_id, provider_thread_id),
        provider_thread_id=provider_thread_id,
        version=_number(raw.get("historyId")),
        received_at=_received_at(raw, sent_at),
        subject=decode_words(_first(payload, "subject"))[0],
        from_=_people(payload, "from", reading),
        to=_people(payload, "to", reading),
        cc=_people(payload, "cc", reading),
        bcc=_people(payload, "bcc", reading),
        reply_to=_people(payload, "reply-to", reading),
        snippet=clean(html.unescape(raw.get("snippet") or "")).strip(),
        folders=labels,
        unread=UNREAD in labels,
        starred=STARRED in labels,
        is_draft=DRAFT in labels,
        attachments=shown_inline(reading.attachments, markup),
        size_bytes=_number(raw.get("sizeEstimate")),
        internet_message_id=_message_id(_first(payload, "message-id")),
        in_reply_to=_message_id(_first(payload, "in-reply-to")),
        references=message_ids(_first(payload, "references")),
        defects=tuple(sorted(reading.defects)),
    )
    content = MessageContent(html=markup, text=_joined_text(pieces), headers=headers)
    return FullMessage(message=message, content=content)


def told_flag(
    label: FolderId, *, added: Collection[FolderId], removed: Collection[FolderId]
) -> bool | None:
    """Return what a change of labels makes of a flag; None when it leaves it as it is."""
    if label in added:
        return True
    return False if label in removed else None


def detached_texts(raw: GmailMessage) -> dict[str, str]:
    """Return the attachment ids of bodies that Gmail left out for their size, by part id."""
    payload: Part = raw.get("payload") or {}
    return {
        part_id(part): part["body"]["attachmentId"]
        for part in walk(payload)
        if _is_body(part) and "data" not in part.get("body", {}) and attachment_token(part)
    }


def walk(part: Part, depth: int = 0) -> Iterator[Part]:
    """Yield a part and all below it, but nothing from inside an attached message."""
    yield part
    if depth < _DEEPEST and _is_container(part):
        for child in part.get("parts") or ():
            yield from walk(child, depth + 1)


def part_id(part: Part) -> str:
    """Return the part's lasting name within its message."""
    return part.get("partId") or ROOT_PART


def attachment_token(part: Part) -> str:
    """Return Gmail's attachment id, which changes from call to call; empty when there is none."""
    return (part.get("body") or {}).get("attachmentId") or ""


# ── Bodies and attachments ───────────────────────────────────────────────────────────────────


def _body(part: Part, reading: _Reading, *, depth: int) -> list[_Piece]:
    """Return the pieces of the body below a part; attachments are noted on the way."""
    if depth > _DEEPEST:
        reading.defects.add(STRUCTURE)
        return []
    if _is_container(part):
        children = part.get("parts") or ()
        below = [_body(child, reading, depth=depth + 1) for child in children]
        if _media_type(part) == "multipart/alternative":
            return _alternative(below)
        return [piece for pieces in below for piece in pieces]
    if not _is_body(part):
        reading.attachments.append(_attachment(part, reading))
        return []
    text = _text(part, reading)
    return [_Piece(html=text) if _media_type(part) == "text/html" else _Piece(text=text)]


def _alternative(versions: list[list[_Piece]]) -> list[_Piece]:
    """Make one piece of several versions of the same; the richest comes last (RFC 2046, 5.1.4)."""
    text = [pieces for pieces in versions if any(piece.text is not None for piece in pieces)]
    rich = [pieces for pieces in versions if any(piece.html is not None for piece in pieces)]
    if not text and not rich:
        return []
    return [
        _Piece(
            text=_joined_text(text[0]) if text else None,
            html=_joined_html(rich[-1]) if rich else None,
        )
    ]


def _joined_html(pieces: list[_Piece]) -> str:
    """Join the HTML; text between it is shown too, but text alone makes no HTML."""
    if all(piece.html is None for piece in pieces):
        return ""
    return "\n".join(
        piece.html if piece.html is not None else text_to_html(piece.text or "")
        for piece in pieces
        if piece.html or piece.text
    )


def _joined_text(pieces: list[_Piece]) -> str:
    """Join the text; HTML between it is shown too, but HTML alone makes no text."""
    if all(piece.text is None for piece in pieces):
        return ""
    return "\n".join(
        piece.text if piece.text is not None else html_to_text(piece.html or "")
        for piece in pieces
        if piece.text or piece.html
    )


def _is_container(part: Part) -> bool:
    # A part without a type but with parts is one too; an attached message is not.
    media_type = _media_type(part)
    return media_type.startswith("multipart/") or (not media_type and bool(part.get("parts")))


def _is_body(part: Part) -> bool:
    """Whether a part is to be read rather than to be listed as an attachment."""
    if _media_type(part) not in {"", "text/plain", "text/html"} or _is_container(part):
        return False
    disposition = _first(part, "content-disposition").strip().lower()
    if disposition.startswith("attachment"):
        return False
    return not part.get("partId") or not _named(part)[0]


def _text(part: Part, reading: _Reading) -> str:
    data = (part.get("body") or {}).get("data")
    content = from_base64url(data) if data else reading.detached.get(part_id(part))
    if content is None:
        if attachment_token(part) or _number((part.get("body") or {}).get("size")):
            reading.defects.add(BODY_MISSING)
        return ""
    charset = parameter(_first(part, "content-type"), "charset")
    text, flawless = decode_text(content, charset)
    if not flawless:
        reading.defects.add(CHARSET)
    return text.replace("\r\n", "\n")


def _attachment(part: Part, reading: _Reading) -> Attachment:
    media_type = _media_type(part) or "application/octet-stream"
    name, flawless = _named(part)
    if not flawless:
        reading.defects.add(HEADER_ENCODING)
    return Attachment(
        id=ids.attachment_id(reading.message_id, part_id(part)),
        part_id=part_id(part),
        filename=filename(name, media_type),
        content_type=media_type,
        size_bytes=_number((part.get("body") or {}).get("size")),
        content_id=_content_id(part),
        is_inline=_first(part, "content-disposition").strip().lower().startswith("inline"),
    )


def _named(part: Part) -> tuple[str, bool]:
    """Return the file name, as Gmail read it or from the fields themselves."""
    name, flawless = decode_words(part.get("filename") or "")
    name = (
        name
        or parameter(_first(part, "content-disposition"), "filename")
        or parameter(_first(part, "content-type"), "name")
    )
    return name, flawless and "\ufffd" not in name


def _content_id(part: Part) -> str:
    value = _first(part, "content-id") or _first(part, "x-attachment-id")
    return clean(value).strip().strip("<>").strip()


def _media_type(part: Part) -> str:
    return clean(part.get("mimeType") or "").strip().lower()


# ── Header fields ────────────────────────────────────────────────────────────────────────────


def _headers(payload: Part, reading: _Reading) -> tuple[Header, ...]:
    headers = []
    for entry in payload.get("headers") or ():
        value, flawless = decode_words(entry.get("value") or "")
        if not flawless:
            reading.defects.add(HEADER_ENCODING)
        headers.append(Header(name=clean(entry.get("name") or ""), value=value))
    return tuple(headers)


def _first(part: Part, name: str) -> str:
    for entry in part.get("headers") or ():
        if (entry.get("name") or "").lower() == name:
            return entry.get("value") or ""
    return ""


def _people(payload: Part, name: str, reading: _Reading) -> tuple[Address, ...]:
    value = ", ".join(
        entry.get("value") or ""
        for entry in payload.get("headers") or ()
        if (entry.get("name") or "").lower() == name
    )
    people, flawless = parse_addresses(value)
    if not flawless:
        reading.defects.add(ADDRESS)
    return people


def _message_id(value: str) -> InternetMessageId:
    found = message_ids(value)
    return found[0] if found else InternetMessageId("")


def _received_at(raw: GmailMessage, sent_at: datetime | None) -> datetime:
    """Return Gmail's own time of the message, by which it sorts, rather than the sender's."""
    milliseconds = _number(raw.get("internalDate"))
    if not raw.get("internalDate"):
        return sent_at or EPOCH
    try:
        return EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return EPOCH


def _number(value: object) -> int:
    """Read one of Gmail's numbers; 64-bit ones are strings."""
    try:
        return int(value) if isinstance(value, int | str) else 0
    except ValueError:
        return 0
