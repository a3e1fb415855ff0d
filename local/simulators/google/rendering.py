"""Messages and threads as the Gmail API gives them.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages#Message
"""

import base64
import html
import secrets
from typing import Any, Literal

from local.simulators import mime
from local.simulators.google.errors import invalid
from local.simulators.google.mailbox import StoredMessage

Format = Literal["full", "metadata", "minimal", "raw"]
SNIPPET_CHARACTERS = 200


def base64url(content: bytes) -> str:
    """Encode as Gmail does: the URL-safe alphabet, padded."""
    return base64.urlsafe_b64encode(content).decode()


def from_base64url(text: str) -> bytes:
    """Decode either alphabet, padded or not; raises ValueError."""
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)


def render_message(
    message: StoredMessage,
    form: Format,
    *,
    metadata_headers: list[str] | None = None,
    decoded: bool = False,
) -> dict[str, Any]:
    """Return a message in one of the four formats; empty lists are left out, as Gmail does."""
    parts = mime.parse(message.raw)
    body: dict[str, Any] = {"id": message.id, "threadId": message.thread_id}
    if message.label_ids:
        body["labelIds"] = sorted(message.label_ids)
    body["snippet"] = snippet(parts)
    body["sizeEstimate"] = len(message.raw)
    body["historyId"] = str(message.history_id)
    body["internalDate"] = str(message.internal_date_ms)
    if form == "raw":
        body["raw"] = base64url(message.raw)
    elif form == "full":
        body["payload"] = _payload(parts, message.id, decoded=decoded)
    elif form == "metadata":
        headers = _headers(parts, decoded=decoded)
        if metadata_headers:
            wanted = {name.lower() for name in metadata_headers}
            headers = [header for header in headers if header["name"].lower() in wanted]
        body["payload"] = {"mimeType": parts.mime_type, "headers": headers}
    return body


def snippet(parts: mime.Part) -> str:
    """Return the beginning of the readable text, escaped for HTML."""
    text = mime.readable_text(parts)
    if len(text) > SNIPPET_CHARACTERS:
        text = text[:SNIPPET_CHARACTERS].rsplit(" ", 1)[0]
    return html.escape(text).replace("&#x27;", "&#39;")


def attachment(message: StoredMessage, attachment_id: str) -> dict[str, Any]:
    """Return an attachment's bytes; raises a 400 GmailError for an id that is none."""
    try:
        _, message_id, part_id = from_base64url(attachment_id).decode().split(":")
    except ValueError:
        raise invalid("Invalid attachment token") from None
    for part in mime.parse(message.raw).walk():
        if message_id == message.id and part.part_id == part_id:
            return {"size": len(part.content), "data": base64url(part.content)}
    raise invalid("Invalid attachment token")


def _payload(part: mime.Part, message_id: str, *, decoded: bool) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "partId": part.part_id,
        "mimeType": part.mime_type,
        "filename": part.filename,
        "headers": _headers(part, decoded=decoded),
    }
    if part.is_attachment:
        # Gmail's attachment ids differ on every fetch; all of them keep working.
        token = f"{secrets.token_hex(12)}:{message_id}:{part.part_id}"
        payload["body"] = {
            "attachmentId": base64.urlsafe_b64encode(token.encode()).decode().rstrip("="),
            "size": len(part.content),
        }
    elif part.mime_type.startswith("multipart/"):
        payload["body"] = {"size": 0}
    else:
        content = part.text().encode() if decoded else part.content
        payload["body"] = {"size": len(content)}
        if content:
            payload["body"]["data"] = base64url(content)
    if part.parts:
        payload["parts"] = [_payload(each, message_id, decoded=decoded) for each in part.parts]
    return payload


def _headers(part: mime.Part, *, decoded: bool) -> list[dict[str, str]]:
    return [
        {"name": name, "value": mime.decode_words(value) if decoded else value}
        for name, value in part.headers
    ]
