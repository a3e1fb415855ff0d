"""A message as the Gmail API takes it: in JSON, or, when it is large, as an upload.

https://developers.google.com/workspace/gmail/api/guides/uploads
"""

import base64
import json

from postroom.domain import ids

_LARGEST_IN_JSON_BYTES = 3_500_000
"""In base64 it still fits into the 5 MB of a JSON call; larger ones are uploaded."""


def packed(content: bytes, thread_id: str | None, *, within: str = "") -> tuple[bytes, str, bool]:
    """Return a call's body, its Content-Type, and whether it goes to the address for uploads.

    `within` names where in the resource the message stands, when that is not the message itself.
    """
    fields = {"threadId": thread_id} if thread_id else {}
    if len(content) <= _LARGEST_IN_JSON_BYTES:
        fields["raw"] = base64.urlsafe_b64encode(content).decode()
        return _json(fields, within), "application/json", False
    boundary = f"postroom_{ids.new_token()}"
    head = (
        f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode()
        + _json(fields, within)
        + f"\r\n--{boundary}\r\nContent-Type: message/rfc822\r\n\r\n".encode()
    )
    body = head + content + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/related; boundary={boundary}", True


def _json(fields: dict[str, str], within: str) -> bytes:
    return json.dumps({within: fields} if within else fields).encode()
