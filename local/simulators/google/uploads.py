"""Media uploads: `uploadType` media, multipart and resumable.

https://developers.google.com/workspace/gmail/api/guides/uploads
"""

import email
import json
import re
import secrets
from dataclasses import dataclass, field

from werkzeug import Request, Response

from local.simulators.google.errors import GmailError, invalid
from local.simulators.google.gmail_call import Json

_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")
PIECE_UNIT_BYTES = 256 * 1024
"""All pieces but the last are a multiple of it."""


@dataclass
class _Session:
    path: str
    metadata: Json
    size: str
    """As it was announced, if it was."""
    received: bytearray = field(default_factory=bytearray)


class Uploads:
    """Resumable uploads, unfinished and done, and the reading of all three kinds."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}
        self._done: dict[str, Json | None] = {}
        """What was answered in the end: whoever did not hear it may ask."""

    def receive(self, request: Request, most_bytes: int) -> tuple[Json, bytes] | Response:
        """Return metadata and message, or the answer to a step of a resumable upload.

        Raises a 400, 404 or 413 GmailError.
        """
        kind = request.args.get("uploadType", "")
        if request.args.get("upload_id"):
            return self._continue(request)
        if kind == "resumable":
            return self._begin(request, most_bytes)
        if kind == "multipart":
            return _multipart(request)
        if kind == "media":
            return {}, request.get_data()
        raise invalid("Upload type is missing or unknown")

    def finished(self, request: Request, answer: Json | None) -> None:
        """Remember what a resumable upload has led to."""
        if request.args.get("upload_id"):
            self._done[request.args["upload_id"]] = answer

    def _begin(self, request: Request, most_bytes: int) -> Response:
        upload_id = secrets.token_urlsafe(24)
        size = request.headers.get("X-Upload-Content-Length", "")
        if size and not size.isdecimal():
            raise invalid("Failed to parse X-Upload-Content-Length header.")
        if size and int(size) > most_bytes:
            raise GmailError(413, "Request Entity Too Large", "uploadTooLarge")
        metadata = _metadata(request.get_data())
        self._sessions[upload_id] = _Session(request.path, metadata, size)
        response = Response(status=200)
        response.headers["X-GUploader-UploadID"] = upload_id
        response.headers["Location"] = (
            f"{request.base_url}?uploadType=resumable&upload_id={upload_id}"
        )
        return response

    def _continue(self, request: Request) -> tuple[Json, bytes] | Response:
        upload_id = request.args["upload_id"]
        if upload_id in self._done:
            return Response(json.dumps(self._done[upload_id]), mimetype="application/json")
        session = self._sessions.get(upload_id)
        if session is None or session.path != request.path:
            raise GmailError(404, "Upload session not found", "notFound")
        total = self._take(session, request)
        if total == "*" or len(session.received) < int(total):
            response = Response(status=308)
            if session.received:
                response.headers["Range"] = f"bytes=0-{len(session.received) - 1}"
            return response
        del self._sessions[upload_id]
        return session.metadata, bytes(session.received)

    def _take(self, session: _Session, request: Request) -> str:
        """Take a piece, without what has come before, or none; answers the size that is said."""
        content = request.get_data()
        match = _RANGE.fullmatch(request.headers.get("Content-Range", f"bytes */{len(content)}"))
        if match is None:
            raise invalid("Failed to parse Content-Range header.")
        first, last, total = match.groups()
        if total != "*" and session.size and total != session.size:
            raise invalid("Invalid request.  The size is not the one that was announced.")
        if first is None:
            session.received += content
            return total
        start, end = int(first), int(last) + 1
        if start > len(session.received):
            raise invalid("Invalid request.  The upload does not continue where it stopped.")
        if end - start != len(content):
            raise invalid("Invalid request.  Content-Range and body disagree.")
        is_last = total != "*" and end == int(total)
        if not is_last and len(content) % PIECE_UNIT_BYTES:
            raise invalid("Invalid request.  A piece has to be a multiple of 256 KiB.")
        session.received += content[len(session.received) - start :]
        return total


def _multipart(request: Request) -> tuple[Json, bytes]:
    """Split `multipart/related` into JSON metadata and the message.

    By hand, not by a MIME parser, so that the message arrives byte for byte.
    """
    header = email.message_from_string(f"Content-Type: {request.headers.get('Content-Type', '')}")
    boundary = header.get_boundary()
    if header.get_content_maintype() != "multipart" or not boundary:
        raise invalid("Multipart upload needs multipart/related with a boundary")
    pieces = re.split(
        rb"(?:^|\r?\n)--" + re.escape(boundary.encode()) + rb"(?:--)?[ \t]*(?:\r?\n|$)",
        request.get_data(),
    )
    parts = [piece for piece in pieces if piece.strip()]
    if len(parts) != 2:
        raise invalid("Multipart upload needs two parts: metadata and message")
    bodies = [re.split(rb"\r?\n\r?\n", part, maxsplit=1)[-1] for part in parts]
    return _metadata(bodies[0]), bodies[1]


def _metadata(content: bytes) -> Json:
    if not content.strip():
        return {}
    try:
        metadata = json.loads(content)
    except ValueError:
        metadata = None
    if not isinstance(metadata, dict):
        raise GmailError(400, "Parse Error", "parseError")
    return metadata
