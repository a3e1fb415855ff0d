"""Writes a change into the MIME form of a draft, and leaves everything else as it stands.

Gmail takes drafts whole, so that what a change does not name has to be sent along again: the files,
what the draft answers, header fields of other clients, its Message-ID.

    header fields   those that are named are written anew, the others stay but for their line ends
    content         stays byte for byte, unless a body or files are given: then it is made anew of
                    what was given and of what can be read of the rest
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from email.message import Message as Entity
from email.parser import BytesParser
from email.policy import compat32
from itertools import chain

from postroom.domain.draft import DraftChange
from postroom.domain.ids import InternetMessageId
from postroom.domain.message import Address
from postroom.domain.mime import may_be_custom, render
from postroom.domain.outgoing import OutgoingAttachment, OutgoingMessage
from postroom.providers.decoding import decode_text, decode_words

_Field = tuple[str, bytes]
"""A header field: its name in lower case, and the whole of it with its line ends."""

_NOBODY = Address(email="nobody@invalid.invalid")
_NO_ID = InternetMessageId("<none@invalid.invalid>")
"""Stand in where something is rendered of which these fields are not taken."""

_FIELD_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")
_NAMES = {
    "to": "to",
    "cc": "cc",
    "bcc": "bcc",
    "reply_to": "reply-to",
    "from_": "from",
    "subject": "subject",
    "internet_message_id": "message-id",
}
"""The field that each part of a change is written into."""


def changed(raw: bytes, change: DraftChange, *, now: datetime) -> bytes:
    """Return a draft with a change in it. Raises InvalidRequest for what has no MIME form."""
    old_fields, old_content = _split(raw)
    makes_content = change.body is not None or change.attachments is not None
    body, files = _content_of(raw, change) if makes_content else (("", False), ())
    new_fields, new_content = _split(
        render(
            OutgoingMessage(
                message_id=change.internet_message_id or _NO_ID,
                date=now,
                from_=change.from_ or _NOBODY,
                to=change.to or (),
                cc=change.cc or (),
                bcc=change.bcc or (),
                reply_to=change.reply_to or (),
                subject=change.subject or "",
                body=body[0],
                is_plaintext=body[1],
                attachments=files,
                custom_headers=change.custom_headers or (),
            ),
            include_bcc=True,
        )
    )
    named = {field for part, field in _NAMES.items() if getattr(change, part) is not None}

    def is_new(name: str) -> bool:
        if name == "date" or name in named:
            return True
        if name == "mime-version" or name.startswith("content-"):
            return makes_content
        return change.custom_headers is not None and may_be_custom(name)

    kept = [field for name, field in old_fields if not is_new(name)]
    written = [field for name, field in new_fields if is_new(name)]
    content = new_content if makes_content else old_content
    head = b"".join([*kept, *written]).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return head + b"\r\n" + content


# ── The form ─────────────────────────────────────────────────────────────────────────────────


def _split(raw: bytes) -> tuple[list[_Field], bytes]:
    """Return the header fields and what follows them."""
    fields: list[_Field] = []
    position = 0
    while position < len(raw):
        end = raw.find(b"\n", position)
        line = raw[position : end + 1] if end >= 0 else raw[position:] + b"\r\n"
        name = _FIELD_NAME.match(line)
        if name is not None:
            fields.append((name[1].decode().lower(), line))
        elif fields and line[:1] in b" \t" and line.strip():
            fields[-1] = (fields[-1][0], fields[-1][1] + line)
        else:
            begin = position if line.strip() else position + len(line)
            return fields, raw[begin:]
        position += len(line)
    return fields, b""


def _content_of(
    raw: bytes, change: DraftChange
) -> tuple[tuple[str, bool], tuple[OutgoingAttachment, ...]]:
    """Return the body, whether it is plain text, and the files, as they are after the change."""
    texts, files = _read(BytesParser(policy=compat32).parsebytes(raw))
    if change.body is not None:
        body = (change.body, change.is_plaintext)
    elif "text/html" in texts:
        body = (texts["text/html"], False)
    else:
        body = (texts.get("text/plain", ""), True)
    return body, tuple(files) if change.attachments is None else change.attachments


def _read(entity: Entity) -> tuple[dict[str, str], list[OutgoingAttachment]]:
    """Return the first text of each kind that is no file, and everything else as files."""
    texts: dict[str, str] = {}
    files: list[OutgoingAttachment] = []
    for part in _leaves(entity):
        kind = part.get_content_type()
        is_file = part.get_content_disposition() == "attachment" or bool(part.get_filename())
        if kind in {"text/plain", "text/html"} and kind not in texts and not is_file:
            charset = part.get_content_charset("utf-8") or "utf-8"
            texts[kind] = decode_text(_bytes_of(part), charset)[0].replace("\r\n", "\n")
        else:
            files.append(_file(part))
    return texts, files


def _leaves(entity: Entity) -> Iterator[Entity]:
    """Yield the parts that hold something; an attached message is one of them."""
    if entity.get_content_maintype() == "multipart" and entity.is_multipart():
        yield from chain.from_iterable(_leaves(child) for child in _children(entity))
    else:
        yield entity


def _file(part: Entity) -> OutgoingAttachment:
    kind = part.get_content_type()
    fallback = "message.eml" if kind == "message/rfc822" else "attachment"
    content_id = str(part.get("Content-ID") or "").strip().strip("<>")
    return OutgoingAttachment(
        filename=decode_words(part.get_filename() or "")[0] or fallback,
        content_type=kind,
        content=_bytes_of(part),
        content_id=content_id,
        is_inline=bool(content_id) and part.get_content_disposition() != "attachment",
    )


def _bytes_of(part: Entity) -> bytes:
    if part.is_multipart():
        return b"".join(child.as_bytes() for child in _children(part))
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _children(entity: Entity) -> Iterable[Entity]:
    payload = entity.get_payload()
    return (
        [each for each in payload if isinstance(each, Entity)] if isinstance(payload, list) else []
    )
