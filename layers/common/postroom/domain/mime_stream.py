"""A message in its MIME form that is never held as a whole.

    [ header fields, text, the first file's header ] [ the first file ] [ … ] [ the last boundary ]
      bytes                                            an upload, in base64: 78 bytes for each 57

Any piece of it can be made again, also by another process, as long as the message is the same.
"""

from base64 import b64encode
from binascii import b2a_base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256

from postroom.domain.message_limit import DECODED_LINE_BYTES, ENCODED_LINE_BYTES
from postroom.domain.mime import render
from postroom.domain.outgoing import OutgoingMessage
from postroom.domain.upload import Upload

ReadFile = Callable[[Upload, int, int], bytes]
"""Returns a piece of an uploaded file, by where it starts and its length."""

_LINE_END = b"\r\n"


@dataclass(frozen=True, slots=True)
class MimeStream:
    """The parts of a message one after the other: bytes, and uploads that stand in base64."""

    parts: tuple[bytes | Upload, ...]

    @property
    def size_bytes(self) -> int:
        """How long the message is."""
        return sum(map(_size, self.parts))

    def read(self, start: int, length: int, read_file: ReadFile) -> bytes:
        """Return a piece of the message; the last one may be shorter than was asked for."""
        return b"".join(self._pieces(start, start + length, read_file))

    def _pieces(self, start: int, end: int, read_file: ReadFile) -> Iterator[bytes]:
        began = 0
        for part in self.parts:
            size = _size(part)
            first, last = max(start - began, 0), min(end - began, size)
            if first < last and isinstance(part, bytes):
                yield part[first:last]
            elif first < last and isinstance(part, Upload):
                yield _encoded(part, first, last, read_file)
            began += size


def streamed(message: OutgoingMessage) -> MimeStream:
    """Return a message that carries uploads. Raises InvalidRequest as `render` does.

    It is rendered with something in the place of each upload that occurs nowhere else, and taken
    apart there.
    """
    attempt = 0
    while True:
        names = [_stand_in(message, attempt, n) for n in range(len(message.attachments))]
        files = tuple(
            each if each.upload is None else replace(each, content=name, upload=None)
            for each, name in zip(message.attachments, names, strict=True)
        )
        digest = sha256(message.message_id.encode()).hexdigest()[:32]
        rest = render(replace(message, attachments=files), include_bcc=True, boundary=f"=_{digest}")
        found = [
            (rest.find(_line(name)), _line(name), each.upload)
            for each, name in zip(message.attachments, names, strict=True)
            if each.upload is not None
        ]
        if all(rest.count(line) == 1 for _, line, _ in found):
            return MimeStream(tuple(_taken_apart(rest, sorted(found, key=lambda each: each[0]))))
        attempt += 1


def whole_size(message: OutgoingMessage, *, counts_mime: bool) -> int:
    """Return how large a message is: in MIME, or its body and files as they are."""
    if counts_mime:
        return streamed(message).size_bytes
    return len(message.body.encode()) + sum(each.size_bytes for each in message.attachments)


def _taken_apart(
    rest: bytes, stand_ins: list[tuple[int, bytes, Upload]]
) -> Iterator[bytes | Upload]:
    began = 0
    for place, line, upload in stand_ins:
        yield rest[began:place]
        yield upload
        began = place + len(line)
    yield rest[began:]


def _stand_in(message: OutgoingMessage, attempt: int, number: int) -> bytes:
    return sha256(f"{message.message_id}\0{attempt}\0{number}".encode()).digest()


def _line(content: bytes) -> bytes:
    return b64encode(content) + _LINE_END


def _size(part: bytes | Upload) -> int:
    if isinstance(part, bytes):
        return len(part)
    lines, left = divmod(part.size_bytes or 0, DECODED_LINE_BYTES)
    shorter = 4 * -(-left // 3) + len(_LINE_END) if left else 0
    return lines * ENCODED_LINE_BYTES + shorter


def _encoded(upload: Upload, first: int, last: int, read_file: ReadFile) -> bytes:
    """Return a piece of a file's base64: whole lines are made, and cut at both ends."""
    first_line, last_line = first // ENCODED_LINE_BYTES, -(-last // ENCODED_LINE_BYTES)
    start = first_line * DECODED_LINE_BYTES
    content = memoryview(read_file(upload, start, last_line * DECODED_LINE_BYTES - start))
    lines = b"".join(
        b2a_base64(content[at : at + DECODED_LINE_BYTES], newline=False) + _LINE_END
        for at in range(0, len(content), DECODED_LINE_BYTES)
    )
    began = first_line * ENCODED_LINE_BYTES
    return lines[first - began : last - began]
