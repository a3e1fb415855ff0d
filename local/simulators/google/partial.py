"""Partial answers: the `fields` parameter, as in `messages(id,payload/headers),nextPageToken`.

https://developers.google.com/workspace/gmail/api/guides/performance#partial
"""

import re
from typing import Any

from local.simulators.google.errors import invalid

_TOKEN = re.compile(r"[^,/()\s]+|[,/()]")
Mask = dict[str, "Mask"]


def parse_fields(text: str) -> Mask:
    """Return the tree of wanted names, where an empty tree means everything below.

    Raises a 400 GmailError.
    """
    tokens = _TOKEN.findall(text)
    mask, rest = _parse(tokens)
    if rest:
        raise invalid(f"Invalid field selection {text}")
    return mask


def _parse(tokens: list[str]) -> tuple[Mask, list[str]]:
    mask: Mask = {}
    while tokens and tokens[0] != ")":
        node = mask.setdefault(tokens[0], {})
        tokens = tokens[1:]
        while tokens[:1] == ["/"] and len(tokens) > 1:
            node = node.setdefault(tokens[1], {})
            tokens = tokens[2:]
        if tokens[:1] == ["("]:
            inner, tokens = _parse(tokens[1:])
            node.update(inner)
            tokens = tokens[1:]
        if tokens[:1] == [","]:
            tokens = tokens[1:]
        elif tokens and tokens[0] != ")":
            raise invalid(f"Invalid field selection {tokens[0]}")
    return mask, tokens


def select(value: Any, mask: Mask) -> Any:
    """Return only what the mask names."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [select(each, mask) for each in value]
    if isinstance(value, dict):
        return {name: select(value[name], below) for name, below in mask.items() if name in value}
    return value
