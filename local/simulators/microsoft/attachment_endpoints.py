"""`messages/{id}/attachments`, and the upload sessions of large files.

    createUploadSession ─▶ PUT bytes 0-… ─▶ PUT … ─▶ PUT the last ─▶ 201: attached
                                └─ GET: what is missing   DELETE: given up

https://learn.microsoft.com/en-us/graph/outlook-large-attachments
"""

import json
import re
import secrets
from dataclasses import dataclass, field, replace
from typing import Final

from werkzeug import Request, Response

from local.simulators.microsoft import drafts, ids
from local.simulators.microsoft.content import Attachment
from local.simulators.microsoft.errors import GraphError, invalid, not_found
from local.simulators.microsoft.graph_call import GraphCall, Json, created, parameter
from local.simulators.microsoft.mailbox import Mailbox
from local.simulators.microsoft.message_endpoints import message_of
from local.simulators.microsoft.odata import no_property
from local.simulators.microsoft.rendering import (
    ATTACHMENT_PROPERTIES,
    FILE_CAST,
    FILE_PROPERTIES,
    moment,
    render_attachment,
    view_of,
)
from local.simulators.microsoft.stored_message import StoredMessage

MOST_SESSION_BYTES: Final = 150 * 1024 * 1024
MOST_CHUNK_BYTES: Final = 4 * 1024 * 1024
SESSION_MS: Final = 7 * 24 * 3600 * 1000
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass
class AttachmentSession:
    """A large file on its way into a draft."""

    key: str
    """Lets in who has the address; there is no token."""
    message_id: str
    attachment: Attachment
    size: int
    expires_ms: int
    received: bytearray = field(default_factory=bytearray)

    def missing(self) -> Json:
        """Return what the client is told between two parts."""
        ranges = [str(len(self.received))] if len(self.received) < self.size else []
        return {"expirationDateTime": moment(self.expires_ms), "nextExpectedRanges": ranges}


def list_attachments(call: GraphCall) -> Json:
    """`GET …/attachments`: with their bytes, unless `$select` leaves them out."""
    message = message_of(call)
    selected = _selected(call)
    files = message.content.attachments
    return {
        "@odata.context": call.context("messages('…')/attachments"),
        "value": [render_attachment(message, each, view_of(call), selected) for each in files],
    }


def get_attachment(call: GraphCall) -> Json:
    """`GET …/attachments/{id}`."""
    message = message_of(call)
    return render_attachment(message, _attachment(call, message), view_of(call), _selected(call))


def get_attachment_content(call: GraphCall) -> Response:
    """`GET …/attachments/{id}/$value`: the bytes; of an attached message its MIME."""
    attachment = _attachment(call, message_of(call))
    return Response(attachment.content, content_type=attachment.content_type)


def add_attachment(call: GraphCall) -> Response:
    """`POST …/attachments`: files of up to 3 MB."""
    message = message_of(call)
    attachment = _attached(message, drafts.attachment_of(call.json()))
    call.mailbox.changed(message, call.now_ms)
    return created(render_attachment(message, attachment, view_of(call)))


def delete_attachment(call: GraphCall) -> None:
    """`DELETE …/attachments/{id}`."""
    message = message_of(call)
    number = _attachment(call, message).number
    kept = [each for each in message.content.attachments if each.number != number]
    message.rewrite(replace(message.content, attachments=kept))
    call.mailbox.changed(message, call.now_ms)


def create_upload_session(call: GraphCall) -> Response:
    """`POST …/attachments/createUploadSession`: an address that takes the file in parts."""
    message = message_of(call)
    item = parameter(call.json(), "attachmentItem")
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise invalid("AttachmentItem with attachmentType, name and size is needed.")
    size = item.get("size")
    if not isinstance(size, int) or size <= 0 or str(item.get("attachmentType")).lower() != "file":
        raise invalid("AttachmentItem with attachmentType file and a size is needed.")
    if size > MOST_SESSION_BYTES:
        raise GraphError(
            413, "ErrorMessageSizeExceeded", "The message exceeds the maximum supported size."
        )
    attachment = Attachment(
        number=0,
        kind="file",
        name=item["name"],
        content_type=str(item.get("contentType") or "application/octet-stream"),
        content=b"",
        content_id=str(item["contentId"]) if item.get("contentId") else None,
        is_inline=item.get("isInline") is True,
    )
    expires_ms = call.now_ms + SESSION_MS
    session_id, key = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    session = AttachmentSession(key, message.id, attachment, size, expires_ms)
    call.mailbox.attachment_sessions[session_id] = session
    host = call.request.host_url
    url = f"{host}api/v2.0/AttachmentSessions('{session_id}')?authtoken={key}"
    return created({"uploadUrl": url, **session.missing(), "nextExpectedRanges": ["0-"]})


def continue_session(request: Request, mailbox: Mailbox, session_id: str, now_ms: int) -> Response:
    """Answer a call of an upload session's own address; raises GraphErrors.

    The address is all the proof there is: a token is refused, as it may have been sent by mistake.
    """
    session = mailbox.attachment_sessions[session_id]
    if "Authorization" in request.headers:
        raise GraphError(401, "InvalidAudience", "The access token has the wrong audience.")
    if not secrets.compare_digest(request.args.get("authtoken", "").encode(), session.key.encode()):
        raise GraphError(401, "InvalidAuthenticationToken", "The authtoken is wrong.")
    message = mailbox.messages.get(session.message_id)
    if message is None or session.expires_ms <= now_ms:
        del mailbox.attachment_sessions[session_id]
        raise not_found()
    if request.method == "DELETE":
        del mailbox.attachment_sessions[session_id]
        return Response(status=204)
    if request.method == "PUT":
        _receive(request, session)
        if len(session.received) == session.size:
            del mailbox.attachment_sessions[session_id]
            return _attach(request, mailbox, message, session, now_ms)
    return Response(json.dumps(session.missing()), mimetype="application/json")


def _receive(request: Request, session: AttachmentSession) -> None:
    content = request.get_data()
    match = _RANGE.fullmatch(request.headers.get("Content-Range", ""))
    if match is None:
        raise invalid("The Content-Range header is missing or malformed.")
    first, last, total = (int(number) for number in match.groups())
    if last - first + 1 != len(content) or total != session.size or last >= total:
        raise invalid("The Content-Range header and the content disagree.")
    if len(content) > MOST_CHUNK_BYTES:
        raise GraphError(413, "ErrorMessageSizeExceeded", "A part may have 4 MB at most.")
    if first != len(session.received):
        raise GraphError(
            416, "ErrorInvalidRange", f"The upload continues at {len(session.received)}."
        )
    session.received += content


def _attach(
    request: Request,
    mailbox: Mailbox,
    message: StoredMessage,
    session: AttachmentSession,
    now_ms: int,
) -> Response:
    session.attachment.content = bytes(session.received)
    attachment = _attached(message, session.attachment)
    mailbox.changed(message, now_ms)
    response = Response(status=201)
    attachment_id = ids.attachment_id(mailbox.key, message.number, attachment.number)
    response.headers["Location"] = (
        f"{request.host_url}api/v2.0/Users('{mailbox.user_id}')/Messages('{message.id}')"
        f"/Attachments('{attachment_id}')"
    )
    return response


def _attached(message: StoredMessage, attachment: Attachment) -> Attachment:
    content = replace(message.content, attachments=list(message.content.attachments))
    content.attach(attachment)
    message.rewrite(content)
    return attachment


def _attachment(call: GraphCall, message: StoredMessage) -> Attachment:
    """Return the attachment of the address, by either of its ids; raises a 404 GraphError."""
    wanted = call.path["attachment"]
    key = call.mailbox.key
    for each in message.content.attachments:
        if wanted in {
            ids.attachment_id(key, message.number, each.number),
            ids.stay_attachment_id(key, message.stay, each.number),
        }:
            return each
    raise GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def _selected(call: GraphCall) -> frozenset[str] | None:
    """Return what `$select` names; what only files have needs a cast, or is a 400 GraphError."""
    text = call.argument("$select")
    if not text:
        return None
    names = frozenset(part.strip() for part in text.split(","))
    for name in names - ATTACHMENT_PROPERTIES:
        if name.removeprefix(FILE_CAST) not in FILE_PROPERTIES or not name.startswith(FILE_CAST):
            raise no_property(name, "attachment")
    return names
