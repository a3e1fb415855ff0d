"""What clients write into drafts, in Graph's JSON or as MIME.

https://learn.microsoft.com/en-us/graph/api/user-post-messages
"""

import base64
import secrets
from typing import Any, Final

from local.simulators.microsoft.content import Attachment, Content, Person
from local.simulators.microsoft.errors import GraphError, invalid
from local.simulators.microsoft.graph_call import Json
from local.simulators.microsoft.odata import no_property
from local.simulators.microsoft.rendering import MESSAGE_PROPERTIES

MOST_ATTACHMENT_BYTES: Final = 3 * 1024 * 1024
"""Larger files need an upload session.
https://learn.microsoft.com/en-us/graph/outlook-large-attachments"""
_LISTS_OF_PEOPLE: Final = {
    "toRecipients": "to",
    "ccRecipients": "cc",
    "bccRecipients": "bcc",
    "replyTo": "reply_to",
}
_PERSONS: Final = {"from": "author", "sender": "sender"}
_EXTENDED: Final = frozenset({"singleValueExtendedProperties"})
_HEADER_OF_PROPERTY: Final = {"string 0x1042": "In-Reply-To", "string 0x1039": "References"}
"""PidTagInReplyToId and PidTagInternetReferences: what Exchange writes into the mail as headers."""
_NOT_WRITABLE: Final = frozenset(
    {"id", "createdDateTime", "lastModifiedDateTime", "changeKey", "hasAttachments", "bodyPreview"}
    | {"parentFolderId", "conversationId", "conversationIndex", "isDraft", "webLink", "uniqueBody"}
)


def new_internet_message_id() -> str:
    """Return a Message-ID as Exchange Online makes them."""
    unique = secrets.token_hex(16).upper()
    return f"<{unique}@AM0PR05MB4567.eurprd05.prod.outlook.com>"


def write(content: Content, body: Json) -> None:
    """Put a message resource's properties into a draft; raises a 400 GraphError.

    Flags and attachments are not this function's.
    """
    _check_names(body)
    for name, field in _LISTS_OF_PEOPLE.items():
        if name in body:
            setattr(content, field, people_of(body[name]))
    for name, field in _PERSONS.items():
        if name in body:
            setattr(content, field, None if body[name] is None else _person(body[name]))
    if "subject" in body:
        content.subject = " ".join(str(body["subject"] or "").splitlines())
    if "body" in body:
        write_body(content, body["body"])
    if body.get("internetMessageId"):
        content.internet_message_id = str(body["internetMessageId"]).strip()
    if "internetMessageHeaders" in body:
        _write_headers(content, body["internetMessageHeaders"])
    if "singleValueExtendedProperties" in body:
        _write_extended(content, body["singleValueExtendedProperties"])


def _check_names(body: Json) -> None:
    for name in body:
        if name not in MESSAGE_PROPERTIES | _EXTENDED and not name.startswith("@"):
            raise no_property(name, "message")
    for name in sorted(_NOT_WRITABLE & body.keys()):
        raise GraphError(400, "ErrorInvalidPropertySet", f"The property {name} is read-only.")


def write_body(content: Content, value: Any) -> None:
    """Put an itemBody resource into a draft; raises a 400 GraphError."""
    if not isinstance(value, dict):
        raise invalid("body must be an itemBody.")
    kind = str(value.get("contentType") or "text").lower()
    if kind not in {"html", "text"}:
        raise invalid(f"Cannot convert the literal '{kind}' to the expected type of 'body'.")
    content.body_type = "html" if kind == "html" else "text"
    content.body, content.text = str(value.get("content") or ""), None


def attachment_of(value: Any, most_bytes: int = MOST_ATTACHMENT_BYTES) -> Attachment:
    """Return the attachment of a fileAttachment resource, not numbered yet.

    Raises a 400 or 413 GraphError.
    """
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise invalid("An attachment needs a name.")
    kind = str(value.get("@odata.type") or "")
    if kind.lower() not in {"#microsoft.graph.fileattachment", "microsoft.graph.fileattachment"}:
        raise invalid("The @odata.type of an attachment must be #microsoft.graph.fileAttachment.")
    try:
        content = base64.b64decode(str(value.get("contentBytes") or ""), validate=True)
    except ValueError:
        raise invalid("Cannot convert contentBytes to 'Edm.Binary'.") from None
    if len(content) > most_bytes:
        raise GraphError(
            413, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size."
        )
    return Attachment(
        number=0,
        kind="file",
        name=value["name"],
        content_type=str(value.get("contentType") or "application/octet-stream"),
        content=content,
        content_id=str(value["contentId"]) if value.get("contentId") else None,
        is_inline=value.get("isInline") is True,
    )


def mime_of(content: bytes) -> bytes:
    """Return the message of a MIME body, which is base64; raises a 400 GraphError."""
    try:
        raw = base64.b64decode(b"".join(content.split()), validate=True)
    except ValueError:
        raw = b""
    if not raw:
        raise GraphError(400, "ErrorMimeContentInvalidBase64String", "Invalid base64 MIME content.")
    return raw


def people_of(recipients: Any) -> list[Person]:
    """Return the people of a list of Graph recipients; raises a 400 GraphError."""
    if not isinstance(recipients or [], list):
        raise invalid("Recipients must be a list.")
    return [_person(each) for each in recipients or []]


def _person(value: Any) -> Person:
    address = value.get("emailAddress") if isinstance(value, dict) else None
    if not isinstance(address, dict):
        raise invalid("A recipient needs an emailAddress.")
    text = str(address.get("address") or "").strip()
    return Person(str(address.get("name") or text), text)


def _write_extended(content: Content, value: Any) -> None:
    """Put the properties that are headers; of the others a mail shows nothing."""
    if not isinstance(value, list):
        raise invalid("singleValueExtendedProperties must be a list of ids and values.")
    for each in value:
        if not isinstance(each, dict) or not isinstance(each.get("value"), str):
            raise invalid("An extended property has an id and a value.")
        name = _HEADER_OF_PROPERTY.get(str(each.get("id")).lower())
        if name is not None:
            kept = [(n, v) for n, v in content.headers if n.lower() != name.lower()]
            content.headers = [*kept, (name, each["value"])]


def _write_headers(content: Content, value: Any) -> None:
    """Replace the custom headers; others cannot be set in JSON."""
    if not isinstance(value, list):
        raise invalid("internetMessageHeaders must be a list of names and values.")
    headers = []
    for each in value:
        name = each.get("name") if isinstance(each, dict) else None
        text = each.get("value") if isinstance(each, dict) else None
        if not isinstance(name, str) or not isinstance(text, str):
            raise invalid("internetMessageHeaders must be a list of names and values.")
        if not name.lower().startswith("x-"):
            raise GraphError(
                400,
                "InvalidInternetMessageHeader",
                f"The internet message header name '{name}' should start with 'x-' or 'X-'.",
            )
        headers.append((name, text))
    kept = [(n, v) for n, v in content.headers if not n.lower().startswith("x-")]
    content.headers = kept + headers
