"""What is too long is left out of an answer on its way, and nothing else is changed."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from postroom.providers.microsoft.shortening import without_long_texts

LONGEST_BYTES = 12

TEXTS = st.text(max_size=20) | st.text('"\\/nu\r\n', max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inside: st.lists(inside) | st.dictionaries(TEXTS, inside),
    max_leaves=12,
)


def shortened(content: bytes, cuts: list[int]) -> Any:
    """Shorten an answer that comes in pieces of these sizes; answers its JSON."""
    chunks = []
    for size in cuts:
        chunks.append(content[:size])
        content = content[size:]
    return json.loads(b"".join(without_long_texts([*chunks, content], longest_bytes=LONGEST_BYTES)))


def expected(value: Any, *, ascii_only: bool) -> Any:
    """Empty what is too long as it stands in JSON."""
    if isinstance(value, str):
        written = json.dumps(value, ensure_ascii=ascii_only).encode()
        return "" if len(written) - 2 > LONGEST_BYTES else value
    if isinstance(value, list):
        return [expected(each, ascii_only=ascii_only) for each in value]
    if isinstance(value, dict):
        return {
            expected(name, ascii_only=ascii_only): expected(each, ascii_only=ascii_only)
            for name, each in value.items()
        }
    return value


@given(value=JSON, cuts=st.lists(st.integers(0, 9)), ascii_only=st.booleans())
def test_only_long_texts_are_emptied(
    value: Any,
    cuts: list[int],
    ascii_only: bool,  # noqa: FBT001
) -> None:
    """Whatever stands in them, however it is written, wherever the answer is cut on its way."""
    content = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert shortened(content, cuts) == expected(value, ascii_only=ascii_only)


def test_what_is_cut_off_stays_cut_off() -> None:
    """An answer that ends inside of a text is not made whole."""
    kept = b"".join(without_long_texts([b'{"a": "b'], longest_bytes=LONGEST_BYTES))
    assert not kept.endswith(b'"b"')
