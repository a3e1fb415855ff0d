"""A message of Graph becomes a Message of ours. Total: no content makes it raise.

What cannot be read as its sender meant it is read as well as it can be, and a word in `defects`
says so; the raw form has everything.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from postroom.domain import ids
from postroom.domain.ids import (
    AccountId,
    FolderId,
    InternetMessageId,
    MessageId,
    ProviderMessageId,
    ProviderThreadId,
)
from postroom.domain.message import (
    Address,
    Attachment,
    FullMessage,
    Header,
    Message,
    MessageContent,
    MessageEdit,
)
from postroom.domain.sync import MessageRef
from postroom.providers.answers import text
from postroom.providers.decoding import clean, decode_words, message_ids
from postroom.providers.mail_content import (
    ADDRESS,
    BODY_MISSING,
    DATE_MISSING,
    EPOCH,
    HEADER_ENCODING,
    LINKED_FILE,
    filename,
    shown_inline,
)
from postroom.providers.microsoft.types import GraphAttachment, GraphMessage

STATE_PROPERTIES = (
    "id,conversationId,parentFolderId,lastModifiedDateTime,isRead,isDraft,flag,categories"
)
"""What says where a message lies and how it is flagged."""

MESSAGE_PROPERTIES = (
    f"{STATE_PROPERTIES},internetMessageId,subject,from,sender,toRecipients,ccRecipients,"
    "bccRecipients,replyTo,receivedDateTime,sentDateTime,createdDateTime,hasAttachments,"
    "bodyPreview,body,internetMessageHeaders"
)
"""All that is read of a message; without a `$select` Graph leaves the headers out."""

DESCRIPTION_PROPERTIES = (
    f"{STATE_PROPERTIES},internetMessageId,subject,from,toRecipients,receivedDateTime"
)
"""What describes a message whose content cannot be read."""

ATTACHMENT_PROPERTIES = "id,name,contentType,size,isInline,microsoft.graph.fileAttachment/contentId"
"""All of an attachment but its bytes; only files have a content id."""

_SNIPPET_LENGTH = 200
_ITEM = "#microsoft.graph.itemAttachment"
_LINK = "#microsoft.graph.referenceAttachment"
_MESSAGE_TYPE = "message/rfc822"


def map_message(
    raw: GraphMessage, account_id: AccountId, *, attachments: Sequence[GraphAttachment] = ()
) -> FullMessage:
    """Map a message with `MESSAGE_PROPERTIES`, and its attachments where it has any."""
    provider_id = ProviderMessageId(text(raw.get("id")))
    provider_thread_id = ProviderThreadId(text(raw.get("conversationId")))
    message_id = ids.message_id(account_id, provider_id)
    defects: set[str] = set()
    headers = _headers(raw, defects)
    markup, plain = _bodies(raw, defects)
    files = shown_inline(_attachments(attachments, message_id, defects), markup)
    message = Message(
        id=message_id,
        account_id=account_id,
        provider_id=provider_id,
        thread_id=ids.thread_id(account_id, provider_thread_id),
        provider_thread_id=provider_thread_id,
        version=version_of(raw),
        received_at=_received_at(raw, defects),
        subject=_line(raw.get("subject")),
        from_=_people([raw.get("from") or raw.get("sender")], defects),
        to=_people(raw.get("toRecipients"), defects),
        cc=_people(raw.get("ccRecipients"), defects),
        bcc=_people(raw.get("bccRecipients"), defects),
        reply_to=_people(raw.get("replyTo"), defects),
        snippet=_line(raw.get("bodyPreview"))[:_SNIPPET_LENGTH].strip(),
        folders=folders_of(raw, account_id),
        unread=raw.get("isRead") is False,
        starred=_is_flagged(raw) is True,
        is_draft=raw.get("isDraft") is True,
        categories=categories_of(raw) or (),
        attachments=files,
        # Graph tells no size of a message: what it is made of comes close.
        size_bytes=len((markup or plain).encode()) + sum(each.size_bytes for each in files),
        internet_message_id=_first_id(text(raw.get("internetMessageId"))),
        in_reply_to=_first_id(_field(headers, "in-reply-to")),
        references=message_ids(_field(headers, "references")),
        defects=tuple(sorted(defects)),
    )
    return FullMessage(
        message=message, content=MessageContent(html=markup, text=plain, headers=headers)
    )


def has_attachments(raw: GraphMessage) -> bool:
    """Whether attachments have to be listed: pictures inside the HTML alone are not counted."""
    return raw.get("hasAttachments") is True or "cid:" in _content(raw)


def map_edit(raw: GraphMessage, account_id: AccountId) -> MessageEdit:
    """Map the flags and categories of a message; what it does not tell stays as it is."""
    provider_id = ProviderMessageId(text(raw.get("id")))
    is_read = raw.get("isRead")
    return MessageEdit(
        message_id=ids.message_id(account_id, provider_id),
        provider_id=provider_id,
        provider_thread_id=ProviderThreadId(text(raw.get("conversationId"))),
        version=version_of(raw),
        unread=not is_read if isinstance(is_read, bool) else None,
        starred=_is_flagged(raw),
        categories=categories_of(raw),
    )


def ref_of(raw: Mapping[str, Any] | GraphMessage) -> MessageRef:
    """Refer to a message; its thread is empty where only its id is told."""
    return MessageRef(
        provider_id=ProviderMessageId(text(raw.get("id"))),
        provider_thread_id=ProviderThreadId(text(raw.get("conversationId"))),
    )


def version_of(raw: GraphMessage) -> int:
    """Return when it was last changed, in milliseconds since 1970; Graph has whole seconds."""
    moment = read_moment(raw.get("lastModifiedDateTime"))
    return int((moment - EPOCH).total_seconds() * 1000) if moment else 0


def folders_of(raw: GraphMessage, account_id: AccountId) -> tuple[FolderId, ...]:
    """Return the one folder that it lies in."""
    parent = text(raw.get("parentFolderId"))
    return (ids.folder_id(account_id, parent),) if parent else ()


def categories_of(raw: GraphMessage) -> tuple[str, ...] | None:
    """Return its categories, each once; None when they are not told."""
    listed = raw.get("categories")
    if not isinstance(listed, list):
        return None
    named = (clean(each).strip() for each in listed if isinstance(each, str))
    return tuple(dict.fromkeys(name for name in named if name))


# ── Content ──────────────────────────────────────────────────────────────────────────────────


def _bodies(raw: GraphMessage, defects: set[str]) -> tuple[str, str]:
    """Return HTML and text: Graph has one of them, the one that the mailbox shows."""
    body = raw.get("body")
    if not isinstance(body, dict):
        defects.add(BODY_MISSING)
        return "", ""
    content = clean(_content(raw)).replace("\r\n", "\n")
    if text(body.get("contentType")).lower() == "html":
        return content, ""
    return "", content


def _content(raw: GraphMessage) -> str:
    body = raw.get("body")
    return text(body.get("content")) if isinstance(body, dict) else ""


def _attachments(
    listed: Iterable[GraphAttachment], message_id: MessageId, defects: set[str]
) -> list[Attachment]:
    """Map files and attached items. A link to a file in the cloud has no bytes: it is left out."""
    found = []
    for each in listed:
        kind = text(each.get("@odata.type"))
        if kind == _LINK:
            defects.add(LINKED_FILE)
            continue
        part_id = text(each.get("id"))
        name = _line(each.get("name"))
        media_type = _line(each.get("contentType")).partition(";")[0].strip().lower()
        media_type = media_type or "application/octet-stream"
        if kind == _ITEM:
            media_type = _MESSAGE_TYPE
            name = f"{name}.eml" if name and not name.lower().endswith(".eml") else name
        size = each.get("size")
        found.append(
            Attachment(
                id=ids.attachment_id(message_id, part_id),
                part_id=part_id,
                filename=filename(name, media_type),
                content_type=media_type,
                size_bytes=size if isinstance(size, int) and size > 0 else 0,
                content_id=_line(each.get("contentId")).strip("<>").strip(),
                is_inline=each.get("isInline") is True,
            )
        )
    return found


# ── Header fields ────────────────────────────────────────────────────────────────────────────


def _headers(raw: GraphMessage, defects: set[str]) -> tuple[Header, ...]:
    listed = raw.get("internetMessageHeaders")
    headers = []
    for entry in listed if isinstance(listed, list) else ():
        if not isinstance(entry, dict):
            continue
        value, flawless = decode_words(text(entry.get("value")))
        if not flawless:
            defects.add(HEADER_ENCODING)
        headers.append(Header(name=clean(text(entry.get("name"))), value=value))
    return tuple(headers)


def _field(headers: Iterable[Header], name: str) -> str:
    return next((each.value for each in headers if each.name.lower() == name), "")


def _first_id(value: str) -> InternetMessageId:
    found = message_ids(value)
    return found[0] if found else InternetMessageId("")


def _people(listed: object, defects: set[str]) -> tuple[Address, ...]:
    people = []
    for recipient in listed if isinstance(listed, list) else ():
        known = recipient.get("emailAddress") if isinstance(recipient, dict) else None
        if not isinstance(known, dict):
            continue
        name, address = _line(known.get("name")), _line(known.get("address"))
        if "@" in address:
            # Who has no name is called by the address.
            is_named = name.casefold() != address.casefold()
            people.append(Address(email=address, name=name if is_named else ""))
        elif name or address:
            # Such as an Exchange name, "/O=EXCHANGELABS/OU=…", of somebody who has left.
            people.append(Address(email="", name=name or address))
            defects.add(ADDRESS)
    return tuple(people)


def _line(value: object) -> str:
    """Return a text of one line."""
    return " ".join(clean(text(value)).split())


# ── Times and flags ──────────────────────────────────────────────────────────────────────────


def _received_at(raw: GraphMessage, defects: set[str]) -> datetime:
    """Return Graph's own time of the message, by which it sorts."""
    moments = [
        read_moment(raw.get("receivedDateTime")),
        read_moment(raw.get("createdDateTime")),
        read_moment(raw.get("sentDateTime")),
        read_moment(raw.get("lastModifiedDateTime")),
    ]
    known = next((moment for moment in moments if moment), None)
    if known is None:
        defects.add(DATE_MISSING)
    return known or EPOCH


def read_moment(value: object) -> datetime | None:
    """Read a time; one without a zone is UTC, and "0001-01-01T00:00:00Z" is none."""
    try:
        moment = datetime.fromisoformat(text(value))
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment > EPOCH else None


def _is_flagged(raw: GraphMessage) -> bool | None:
    flag = raw.get("flag")
    status = text(flag.get("flagStatus")) if isinstance(flag, dict) else ""
    return status.lower() == "flagged" if status else None
