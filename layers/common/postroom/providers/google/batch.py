"""Many calls in one request: multipart/mixed of application/http.

https://developers.google.com/workspace/gmail/api/guides/batch

Google answers the parts in any order it likes and names each by `Content-ID: <response-…>`. Parts
are matched by that name alone, never by their place.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from email import policy
from email.message import Message as Entity
from email.parser import BytesParser

LARGEST_BATCH = 25
"""Google takes 100, but answers most of them with 429: its wall is calls at the same time."""

_BOUNDARY = "postroom_batch"
CONTENT_TYPE = f"multipart/mixed; boundary={_BOUNDARY}"


@dataclass(frozen=True, slots=True)
class PartAnswer:
    """The answer to one of the calls."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def encode(paths: Mapping[str, str]) -> bytes:
    """Write GET calls as the body of a batch. Keys name them and match `[A-Za-z0-9_-]+`."""
    calls = [
        f"--{_BOUNDARY}\r\nContent-Type: application/http\r\nContent-ID: <{key}>\r\n\r\n"
        f"GET {path} HTTP/1.1\r\nAccept: application/json\r\n\r\n\r\n"
        for key, path in paths.items()
    ]
    return ("".join(calls) + f"--{_BOUNDARY}--\r\n").encode()


def decode(content_type: str, content: bytes) -> dict[str, PartAnswer]:
    """Read the answers by the key of their calls; unreadable parts are left out."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("ascii", "replace")
    whole = BytesParser(policy=policy.compat32).parsebytes(head + content)
    answers = {}
    for part in whole.get_payload() if whole.is_multipart() else ():
        if isinstance(part, Entity):
            key = str(part.get("Content-ID", "")).strip().strip("<>").removeprefix("response-")
            answer = _answer(part)
            if key and answer is not None:
                answers[key] = answer
    return answers


def _answer(part: Entity) -> PartAnswer | None:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return None
    status_line, _, rest = payload.lstrip(b"\r\n").partition(b"\n")
    protocol, _, status = status_line.decode("ascii", "replace").partition(" ")
    if not protocol.startswith("HTTP/") or not status[:3].isdigit():
        return None
    head, content = _split(rest)
    fields = BytesParser(policy=policy.compat32).parsebytes(head, headersonly=True)
    headers = {name.title(): str(value) for name, value in fields.items()}
    return PartAnswer(int(status[:3]), headers, content)


def _split(rest: bytes) -> tuple[bytes, bytes]:
    """Part header fields from content, whichever line ends they have."""
    if rest.startswith((b"\r\n", b"\n")):
        return b"", rest.lstrip(b"\r\n")
    for gap in (b"\r\n\r\n", b"\n\n"):
        head, found, content = rest.partition(gap)
        if found:
            return head, content
    return rest, b""
