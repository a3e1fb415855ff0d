"""An outgoing message in Graph's words: https://learn.microsoft.com/en-us/graph/api/resources/message."""

from base64 import b64encode
from dataclasses import replace
from typing import Any

from postroom.domain.errors import InvalidRequest, Rejected
from postroom.domain.message import Address
from postroom.domain.mime import media_type_of, render
from postroom.domain.outgoing import OutgoingAttachment, OutgoingMessage
from postroom.domain.sender import with_ascii_domain
from postroom.providers.message_limits import OUTLOOK

LARGEST_POSTED_BYTES = 3_000_000
"""Of an attachment: in base64 it still fits into the 4 MB that a request may have. Larger ones need
an upload session: https://learn.microsoft.com/en-us/graph/outlook-large-attachments"""


def check(message: OutgoingMessage) -> None:
    """Refuse what Outlook would refuse only after a draft has been made of it, or would change.

    Raises InvalidRequest naming the part, Rejected for what is too large.
    """
    if message.mime:
        return  # read and measured when it came
    for header in message.custom_headers:
        if not header.name.lower().startswith("x-"):
            raise InvalidRequest(
                "An Outlook mailbox sends only headers whose names begin with X-.",
                field="custom_headers",
            )
    # What has no MIME form is refused in the same words as everywhere.
    files = tuple(replace(each, content=b"") for each in message.attachments)
    render(replace(message, attachments=files), include_bcc=True)
    size = len(message.body.encode()) + sum(each.size_bytes for each in message.attachments)
    if size > OUTLOOK.message_bytes:
        raise Rejected(f"The message has {size:,} bytes. {OUTLOOK.sentence()}")


def draft_of(message: OutgoingMessage) -> dict[str, Any]:
    """Return all of a message but its attachments and custom headers.

    A sender is named only where it is an alias. The account's own address is what Outlook puts in
    by itself, in its own spelling; the one that we know is a sign-in name where a mailbox tells no
    other, and to send from that would be refused.
    """
    return {
        "internetMessageId": message.message_id,
        "subject": message.subject,
        "body": {
            "contentType": "text" if message.is_plaintext else "html",
            "content": message.body,
        },
        **({"from": author(message.from_)} if message.from_alias else {}),
        "toRecipients": [recipient(each) for each in message.to],
        "ccRecipients": [recipient(each) for each in message.cc],
        "bccRecipients": [recipient(each) for each in message.bcc],
        "replyTo": [recipient(each) for each in message.reply_to],
    }


def custom_headers_of(message: OutgoingMessage) -> dict[str, Any]:
    """Return the custom headers, which can be set only when a draft is made; {} without any."""
    headers = [{"name": each.name, "value": each.value} for each in message.custom_headers]
    return {"internetMessageHeaders": headers} if headers else {}


def references_of(message: OutgoingMessage) -> dict[str, Any]:
    """Return what a draft answers, for one that Outlook does not make as an answer; {} without.

    In JSON a header's name has to begin with X-; these two are properties of the message, too:
    PidTagInReplyToId and PidTagInternetReferences.
    https://learn.microsoft.com/en-us/office/client-developer/outlook/mapi/pidtaginreplytoid-canonical-property
    """
    answered = message.answered
    if answered is None or not answered.internet_message_id:
        return {}
    properties = {
        "String 0x1042": answered.internet_message_id,
        "String 0x1039": " ".join(answered.references or (answered.internet_message_id,)),
    }
    listed = [{"id": each, "value": value} for each, value in properties.items()]
    return {"singleValueExtendedProperties": listed}


def attachment_of(attachment: OutgoingAttachment, *, is_plaintext: bool) -> dict[str, Any]:
    """Return an attachment with its bytes."""
    return {
        "@odata.type": "#microsoft.graph.fileAttachment",
        **_description(attachment, is_plaintext=is_plaintext),
        "contentBytes": b64encode(attachment.content).decode(),
    }


def upload_of(attachment: OutgoingAttachment, *, is_plaintext: bool) -> dict[str, Any]:
    """Return what an upload session has to know of an attachment."""
    return {
        "AttachmentItem": {
            "attachmentType": "file",
            **_description(attachment, is_plaintext=is_plaintext),
            "size": attachment.size_bytes,
        }
    }


def _description(attachment: OutgoingAttachment, *, is_plaintext: bool) -> dict[str, Any]:
    media_type, parameters = media_type_of(attachment)
    content_id = attachment.content_id.strip("<>")
    is_inline = attachment.is_inline and bool(content_id) and not is_plaintext
    return {
        "name": attachment.filename,
        "contentType": "; ".join([media_type, *(f"{k}={v}" for k, v in parameters.items())]),
        "isInline": is_inline,
        **({"contentId": content_id} if content_id else {}),
    }


def recipient(person: Address) -> dict[str, Any]:
    """Return somebody to write to: mail goes where the DNS knows the domain."""
    return author(replace(person, email=with_ascii_domain(person.email)))


def author(person: Address) -> dict[str, Any]:
    """Return whom a message is from, the address as Exchange lists it."""
    named = {"name": person.name} if person.name else {}
    return {"emailAddress": {"address": person.email, **named}}
