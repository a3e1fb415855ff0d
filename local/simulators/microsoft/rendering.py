"""Messages, folders and attachments as Graph gives them.

https://learn.microsoft.com/en-us/graph/api/resources/message
"""

import base64
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from local.simulators.microsoft import ids
from local.simulators.microsoft.content import Attachment, Person, html_of_text
from local.simulators.microsoft.folders import Folder
from local.simulators.microsoft.graph_call import GraphCall, Json
from local.simulators.microsoft.mailbox import Mailbox
from local.simulators.microsoft.stored_message import StoredMessage


@dataclass(frozen=True)
class View:
    """How a caller wants to see a mailbox."""

    mailbox: Mailbox
    immutable_ids: bool
    as_text: bool

    def message_id(self, message: StoredMessage) -> str:
        """Return the id this caller gets."""
        return message.id if self.immutable_ids else message.stay_id

    def attachment_id(self, message: StoredMessage, number: int) -> str:
        """Return the id this caller gets."""
        if self.immutable_ids:
            return ids.attachment_id(self.mailbox.key, message.number, number)
        return ids.stay_attachment_id(self.mailbox.key, message.stay, number)


def view_of(call: GraphCall) -> View:
    """Return how the caller wants to see the mailbox."""
    return View(call.mailbox, call.immutable_ids, call.wants_text)


def moment(milliseconds: int) -> str:
    """Return a time as Outlook has it: UTC in whole seconds."""
    when = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return when.isoformat().replace("+00:00", "Z")


def recipient(person: Person) -> Json:
    """Return a person as a Graph recipient."""
    return {"emailAddress": {"name": person.name, "address": person.address}}


def _recipients(people: Iterable[Person]) -> list[Json]:
    return [recipient(person) for person in people]


def _body(message: StoredMessage, view: View) -> Json:
    content = message.content
    if view.as_text:
        return {"contentType": "text", "content": content.plain_text}
    if content.body_type == "text" and message.written is None:
        return {"contentType": "html", "content": html_of_text(content.body)}
    return {"contentType": content.body_type, "content": content.body}


def _conversation_index(message: StoredMessage) -> str:
    start = b"\x01" + hashlib.sha256(message.conversation_id.encode()).digest()[:21]
    depth = message.number.to_bytes(5) if message.subject_key != message.content.subject else b""
    return base64.b64encode(start + depth).decode()


def _web_link(message: StoredMessage, view: View) -> str:
    item = quote(view.message_id(message), safe="")
    return f"https://outlook.office365.com/owa/?ItemID={item}&exvsurl=1&viewmodel=ReadMessageItem"


def _person(person: Person | None) -> Json | None:
    return recipient(person) if person else None


def _header_list(message: StoredMessage) -> list[Json]:
    return [{"name": name, "value": value} for name, value in message.content.headers]


_Property = Callable[[StoredMessage, View], Any]
_ALWAYS: Final[dict[str, _Property]] = {
    "id": lambda m, v: v.message_id(m),
    "createdDateTime": lambda m, _: moment(m.created_ms),
    "lastModifiedDateTime": lambda m, _: moment(m.modified_ms),
    "changeKey": lambda m, _: m.change_key,
    "categories": lambda m, _: list(m.categories),
    "receivedDateTime": lambda m, _: moment(m.received_ms),
    "sentDateTime": lambda m, _: moment(m.content.sent_ms or m.received_ms),
    "hasAttachments": lambda m, _: m.content.has_attachments,
    "internetMessageId": lambda m, _: m.internet_message_id or None,
    "subject": lambda m, _: m.content.subject,
    "bodyPreview": lambda m, _: m.content.preview,
    "importance": lambda m, _: m.importance,
    "parentFolderId": lambda m, _: m.folder_id,
    "conversationId": lambda m, _: m.conversation_id,
    "conversationIndex": lambda m, _: _conversation_index(m),
    "isDeliveryReceiptRequested": lambda m, _: False if m.is_draft else None,
    "isReadReceiptRequested": lambda _m, _v: False,
    "isRead": lambda m, _: m.is_read,
    "isDraft": lambda m, _: m.is_draft,
    "webLink": _web_link,
    "inferenceClassification": lambda m, _: m.inference_classification,
    "body": _body,
    "sender": lambda m, _: _person(m.content.sender or m.content.author),
    "from": lambda m, _: _person(m.content.author),
    "toRecipients": lambda m, _: _recipients(m.content.to),
    "ccRecipients": lambda m, _: _recipients(m.content.cc),
    "bccRecipients": lambda m, _: _recipients(m.content.bcc),
    "replyTo": lambda m, _: _recipients(m.content.reply_to),
    "flag": lambda m, _: dict(m.flag),
}
_WHEN_SELECTED: Final[dict[str, _Property]] = {
    "internetMessageHeaders": lambda m, _: None if m.is_draft else _header_list(m),
    "uniqueBody": _body,
}
MESSAGE_PROPERTIES: Final = frozenset(_ALWAYS) | frozenset(_WHEN_SELECTED)
_LEFT_OUT_WHEN_NULL: Final = frozenset({"sender", "from", "internetMessageHeaders"})


def render_message(
    message: StoredMessage, view: View, selected: Iterable[str] | None = None
) -> Json:
    """Return a message, whole or with some properties; the id and the etag are always there."""
    body: Json = {"@odata.etag": f'W/"{message.change_key}"'}
    names = list(_ALWAYS) if selected is None else ["id", *(n for n in selected if n != "id")]
    for name in names:
        value = (_ALWAYS.get(name) or _WHEN_SELECTED[name])(message, view)
        if value is not None or name not in _LEFT_OUT_WHEN_NULL:
            body[name] = value
    return body


FOLDER_PROPERTIES: Final = (
    "id",
    "displayName",
    "parentFolderId",
    "childFolderCount",
    "unreadItemCount",
    "totalItemCount",
    "sizeInBytes",
    "isHidden",
)


def render_folder(folder: Folder, view: View, selected: Iterable[str] | None = None) -> Json:
    """Return a folder; v1.0 does not say which well-known one it is."""
    body: Json = {
        "id": folder.id,
        "displayName": folder.name,
        "parentFolderId": folder.parent_id or folder.id,
        "childFolderCount": len([c for c in view.mailbox.children(folder) if not c.hidden]),
        "unreadItemCount": folder.unread,
        "totalItemCount": folder.total,
        "isHidden": folder.hidden,
    }
    if selected is None:
        return body
    wanted = {"id", *selected}
    if "sizeInBytes" in wanted:
        messages = view.mailbox.by_date(folder, newest_first=False)
        body["sizeInBytes"] = sum(len(message.mime()) for message in messages)
    return {name: value for name, value in body.items() if name in wanted}


FILE_CAST: Final = "microsoft.graph.fileAttachment/"
ATTACHMENT_PROPERTIES: Final = frozenset(
    {"id", "lastModifiedDateTime", "name", "contentType", "size", "isInline"}
)
FILE_PROPERTIES: Final = frozenset({"contentId", "contentLocation", "contentBytes"})


def render_attachment(
    message: StoredMessage,
    attachment: Attachment,
    view: View,
    selected: frozenset[str] | None = None,
) -> Json:
    """Return an attachment; properties of files alone are selected with a cast.

    https://learn.microsoft.com/en-us/graph/api/resources/fileattachment
    """
    is_file = attachment.kind == "file"
    body: Json = {
        "@odata.type": f"#microsoft.graph.{attachment.kind}Attachment",
        "@odata.mediaContentType": attachment.content_type,
        "id": view.attachment_id(message, attachment.number),
        "lastModifiedDateTime": moment(message.modified_ms),
        "name": attachment.name,
        "contentType": attachment.content_type if is_file else None,
        "size": len(attachment.content),
        "isInline": attachment.is_inline,
    }
    own: Json = {}
    if is_file:
        own = {"contentId": attachment.content_id, "contentLocation": None}
        if selected is None or f"{FILE_CAST}contentBytes" in selected:
            own["contentBytes"] = base64.b64encode(attachment.content).decode()
    if selected is None:
        return {**body, **own}
    kept = {n: value for n, value in body.items() if n in selected or n.startswith("@")}
    kept |= {n: value for n, value in own.items() if f"{FILE_CAST}{n}" in selected}
    return {**kept, "id": body["id"]}
