"""HTTP batches: up to a hundred calls in one multipart request, each with its own answer.

https://developers.google.com/workspace/gmail/api/guides/batch
"""

import email
from collections.abc import Callable
from email.message import Message

from werkzeug import Request, Response
from werkzeug.test import EnvironBuilder

from local.simulators.google.errors import invalid

MAX_CALLS = 100
BESIDE = "simulator.calls_beside"
"""Environ key: how many calls of the same batch run before this one."""
_BOUNDARY = "batch_simulator_answer"


def answer_batch(request: Request, answer: Callable[[Request], Response]) -> Response:
    """Answer each part, in order; raises a 400 GmailError for what is not a batch."""
    head = f"Content-Type: {request.headers.get('Content-Type', '')}\r\n\r\n".encode()
    batch = email.message_from_bytes(head + request.get_data())
    parts = (
        [part for part in batch.get_payload() if isinstance(part, Message)]
        if (batch.is_multipart())
        else []
    )
    if not parts:
        raise invalid("Failed to parse batch request, error: no inner requests found.")
    if len(parts) > MAX_CALLS:
        raise invalid(
            "The batch request exceeds the limit. Inner request count exceeds the limit. "
            f"Received: {len(parts)}, Limit: {MAX_CALLS}"
        )
    answers = b"".join(
        _part(part.get("Content-ID", ""), answer(_inner(part, request, index)))
        for index, part in enumerate(parts)
    )
    return Response(
        answers + f"--{_BOUNDARY}--\r\n".encode(),
        content_type=f"multipart/mixed; boundary={_BOUNDARY}",
    )


def _inner(part: Message, outer: Request, index: int) -> Request:
    content = part.get_payload(decode=True)
    if part.get_content_type() != "application/http" or not isinstance(content, bytes):
        raise invalid("Failed to parse batch request, error: parts must be application/http.")
    first_line, _, rest = content.lstrip().partition(b"\n")
    words = first_line.decode("latin-1").split()
    if len(words) < 2 or not words[1].startswith("/"):
        raise invalid("Failed to parse batch request, error: no request line in a part.")
    message = email.message_from_bytes(rest)
    body = message.get_payload(decode=False)
    headers = {name.lower(): str(value) for name, value in message.items()}
    headers.setdefault("authorization", outer.headers.get("Authorization", ""))
    path, _, query = words[1].partition("?")
    builder = EnvironBuilder(
        path=path,
        query_string=query,
        method=words[0],
        headers=[(n, v) for n, v in headers.items() if v and n != "content-length"],
        data=body.encode("utf-8", "surrogateescape") if isinstance(body, str) else b"",
    )
    environ = builder.get_environ()
    environ[BESIDE] = index
    return Request(environ)


def _part(content_id: str, response: Response) -> bytes:
    name = content_id.strip().removeprefix("<").removesuffix(">")
    head = [f"--{_BOUNDARY}", "Content-Type: application/http"]
    if name:
        head.append(f"Content-ID: <response-{name}>")
    head += ["", f"HTTP/1.1 {response.status}"]
    body = response.get_data()
    head += [f"{name}: {value}" for name, value in response.headers if name != "Content-Length"]
    head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode() + body + b"\r\n"
