"""A message as a row, always below the 400 KB that DynamoDB allows an item.

A mail may name ten thousand recipients or references. A row keeps of each list what fits, from its
beginning (of the references: the newest), and says so among the message's defects, as
`<part>_truncated`. Nothing is lost: the content has every header and the provider the raw form.
Folders are never cut, since a view must not lack a message.

    five lists of people  16 KB each   subject, Message-IDs  4 KB each    defects   4 KB
    attachments           96 KB        references           16 KB        snippet   4 KB
    categories            16 KB
    ──► 232 KB at most, and the rest for folders: more than any mailbox has
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from postroom.domain.ids import (
    AccountId,
    AttachmentId,
    FolderId,
    InternetMessageId,
    MessageId,
    ProviderDraftId,
    ProviderMessageId,
    ProviderThreadId,
    ThreadId,
)
from postroom.domain.message import Address, Attachment, Message
from postroom.storage.dynamodb.attributes import Row
from postroom.storage.dynamodb.keys import moment

_Part = TypeVar("_Part")

_PEOPLE_BYTES = 16_000
_ATTACHMENTS_BYTES = 96_000
_REFERENCES_BYTES = 16_000
_CATEGORIES_BYTES = 16_000
_DEFECTS_BYTES = 4_000
_TEXT_BYTES = 4_000
_OVERHEAD_BYTES = 24
"""Of one entry in a list, names of its attributes and lengths included, generously."""


def to_row(message: Message) -> Row:
    """Write a message's description, which is at most 232 KB and its folders."""
    kept = fitted(message)
    return {
        "id": kept.id,
        "account_id": kept.account_id,
        "provider_id": kept.provider_id,
        "thread_id": kept.thread_id,
        "provider_thread_id": kept.provider_thread_id,
        "received_at": moment(kept.received_at),
        "subject": kept.subject,
        "from": _people(kept.from_),
        "to": _people(kept.to),
        "cc": _people(kept.cc),
        "bcc": _people(kept.bcc),
        "reply_to": _people(kept.reply_to),
        "snippet": kept.snippet,
        "folders": list(kept.folders),
        "unread": kept.unread,
        "starred": kept.starred,
        "is_draft": kept.is_draft,
        "provider_draft_id": kept.provider_draft_id,
        "categories": list(kept.categories),
        "attachments": [
            {
                "id": each.id,
                "part_id": each.part_id,
                "filename": each.filename,
                "content_type": each.content_type,
                "size_bytes": each.size_bytes,
                "content_id": each.content_id,
                "is_inline": each.is_inline,
            }
            for each in kept.attachments
        ],
        "size_bytes": kept.size_bytes,
        "internet_message_id": kept.internet_message_id,
        "in_reply_to": kept.in_reply_to,
        "references": list(kept.references),
        "defects": list(kept.defects),
    }


def from_row(row: Row, version: int) -> Message:
    """Read a message's description."""
    return Message(
        id=MessageId(row["id"]),
        account_id=AccountId(row["account_id"]),
        provider_id=ProviderMessageId(row["provider_id"]),
        thread_id=ThreadId(row["thread_id"]),
        provider_thread_id=ProviderThreadId(row["provider_thread_id"]),
        version=version,
        received_at=datetime.fromisoformat(row["received_at"]).astimezone(UTC),
        subject=row["subject"],
        from_=_addresses(row["from"]),
        to=_addresses(row["to"]),
        cc=_addresses(row["cc"]),
        bcc=_addresses(row["bcc"]),
        reply_to=_addresses(row["reply_to"]),
        snippet=row["snippet"],
        folders=tuple(FolderId(each) for each in row["folders"]),
        unread=row["unread"],
        starred=row["starred"],
        is_draft=row["is_draft"],
        provider_draft_id=ProviderDraftId(row.get("provider_draft_id", "")),
        categories=tuple(row.get("categories", ())),
        attachments=tuple(
            Attachment(
                id=AttachmentId(each["id"]),
                part_id=each["part_id"],
                filename=each["filename"],
                content_type=each["content_type"],
                size_bytes=each["size_bytes"],
                content_id=each["content_id"],
                is_inline=each["is_inline"],
            )
            for each in row["attachments"]
        ),
        size_bytes=row["size_bytes"],
        internet_message_id=InternetMessageId(row["internet_message_id"]),
        in_reply_to=InternetMessageId(row["in_reply_to"]),
        references=tuple(InternetMessageId(each) for each in row["references"]),
        defects=tuple(row["defects"]),
    )


def fitted(message: Message) -> Message:
    """Return the message cut down to what a row keeps; most are not cut at all."""
    newest_first = _beginning(message.references[::-1], _size, _REFERENCES_BYTES)
    kept = replace(
        message,
        from_=_beginning(message.from_, _person_size, _PEOPLE_BYTES),
        to=_beginning(message.to, _person_size, _PEOPLE_BYTES),
        cc=_beginning(message.cc, _person_size, _PEOPLE_BYTES),
        bcc=_beginning(message.bcc, _person_size, _PEOPLE_BYTES),
        reply_to=_beginning(message.reply_to, _person_size, _PEOPLE_BYTES),
        attachments=_beginning(message.attachments, _attachment_size, _ATTACHMENTS_BYTES),
        references=newest_first[::-1],
        categories=_beginning(message.categories, _size, _CATEGORIES_BYTES),
        subject=_shortened(message.subject),
        snippet=_shortened(message.snippet),
        internet_message_id=InternetMessageId(_shortened(message.internet_message_id)),
        in_reply_to=InternetMessageId(_shortened(message.in_reply_to)),
    )
    cut = [
        f"{part.rstrip('_')}_truncated"
        for part in (
            "from_",
            "to",
            "cc",
            "bcc",
            "reply_to",
            "attachments",
            "references",
            "categories",
            "subject",
            "snippet",
            "internet_message_id",
            "in_reply_to",
        )
        if getattr(kept, part) != getattr(message, part)
    ]
    defects = (*(each for each in cut if each not in message.defects), *message.defects)
    return replace(kept, defects=_beginning(defects, _size, _DEFECTS_BYTES))


def _people(people: Iterable[Address]) -> list[list[str]]:
    return [[person.email, person.name] for person in people]


def _addresses(rows: Iterable[Sequence[str]]) -> tuple[Address, ...]:
    return tuple(Address(email=email, name=name) for email, name in rows)


def _beginning(
    parts: tuple[_Part, ...], size_of: Callable[[_Part], int], limit_bytes: int
) -> tuple[_Part, ...]:
    total_bytes = 0
    for index, part in enumerate(parts):
        total_bytes += size_of(part) + _OVERHEAD_BYTES
        if total_bytes > limit_bytes:
            return parts[:index]
    return parts


def _shortened(text: str) -> str:
    if len(text) * 4 <= _TEXT_BYTES:
        return text
    return text.encode(errors="replace")[:_TEXT_BYTES].decode(errors="ignore")


def _size(text: str) -> int:
    """The bytes of a text in UTF-8; a half character becomes U+FFFD, which has three."""
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def _person_size(person: Address) -> int:
    return _size(person.email) + _size(person.name)


def _attachment_size(attachment: Attachment) -> int:
    texts = (
        attachment.id,
        attachment.part_id,
        attachment.filename,
        attachment.content_type,
        attachment.content_id,
    )
    return sum(map(_size, texts)) + 100
