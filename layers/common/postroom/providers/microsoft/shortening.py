"""Leaves the longest texts out of a JSON answer while it comes, for one that nobody could hold."""

import re
from collections.abc import Iterable, Iterator

_PIECES = re.compile(rb'["\\]|[^"\\]+')


def without_long_texts(chunks: Iterable[bytes], *, longest_bytes: int) -> Iterator[bytes]:
    """Pass JSON on, with each string emptied that is longer than so many bytes as it stands."""
    text = bytearray()
    inside = escaped = False
    for chunk in chunks:
        passed = bytearray()
        for piece in _PIECES.findall(chunk):
            if not inside:
                passed += piece
                inside = piece == b'"'
            elif piece == b'"' and not escaped:
                passed += (text if len(text) <= longest_bytes else b"") + piece
                text.clear()
                inside = False
            else:
                if len(text) <= longest_bytes:
                    text += piece
                escaped = piece == b"\\" and not escaped
        yield bytes(passed)
