"""What applications note about a message or a draft, and how they find it again.

The limits are ours (the contract names none), so that a message and its metadata are one row.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

PAIRS_LIMIT = 50
KEY_LENGTH_LIMIT = 40
VALUE_LENGTH_LIMIT = 500

FILTERABLE_KEYS = ("key1", "key2", "key3", "key4", "key5")
"""The contract's; others are kept and shown, but not looked for."""

_PAIR = rf"key[1-5]:[\s\S]{{0,{VALUE_LENGTH_LIMIT}}}"


def _checked(value: Any) -> Any:
    """Refuse impossible metadata in words; what a caller called a key is not repeated to them."""
    if not isinstance(value, Mapping):
        raise ValueError("Send an object of texts")  # noqa: TRY004 - pydantic asks for it
    if len(value) > PAIRS_LIMIT:
        raise ValueError(f"Send at most {PAIRS_LIMIT} pairs")
    if not all(0 < len(key) <= KEY_LENGTH_LIMIT and key.isprintable() for key in value):
        raise ValueError(f"A key has 1 to {KEY_LENGTH_LIMIT} characters, all of them printable")
    if not all(
        isinstance(each, str) and len(each) <= VALUE_LENGTH_LIMIT for each in value.values()
    ):
        raise ValueError(f"A value is a text of at most {VALUE_LENGTH_LIMIT} characters")
    if any("\0" in each for each in value.values()):
        raise ValueError("A value cannot hold NUL")
    return value


def _whole(pieces: Any) -> Any:
    """Put values together again that have commas: a piece that begins no pair goes on with one."""
    if not isinstance(pieces, list):
        return pieces
    pairs: list[Any] = []
    for piece in pieces:
        if pairs and isinstance(piece, str) and not re.match(r"key[0-9]+:", piece):
            pairs[-1] = f"{pairs[-1]},{piece}"
        else:
            pairs.append(piece)
    return pairs


def _pairs(values: list[str]) -> list[str]:
    for pair in values:
        key, colon, value = pair.partition(":")
        if key not in FILTERABLE_KEYS or not colon:
            raise ValueError("Give pairs like key1:value; key1 to key5 can be looked for")
        if len(value) > VALUE_LENGTH_LIMIT:
            raise ValueError(f"A value is a text of at most {VALUE_LENGTH_LIMIT} characters")
    keys = [pair.partition(":")[0] for pair in values]
    if len(set(keys)) < len(keys):
        raise ValueError("Name each key once")
    return values


Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(min_length=1, max_length=KEY_LENGTH_LIMIT)],
        Annotated[str, StringConstraints(max_length=VALUE_LENGTH_LIMIT)],
    ],
    Field(max_length=PAIRS_LIMIT),
    BeforeValidator(_checked),
]
"""Texts by their keys. Given, they take the place of all that was there; none takes them away."""

MetadataPairs = Annotated[
    list[Annotated[str, Field(json_schema_extra={"pattern": f"^{_PAIR}$"})]],
    Field(max_length=len(FILTERABLE_KEYS)),
    BeforeValidator(_whole),
    AfterValidator(_pairs),
]
"""`key1:value`, repeated (as one SDK does) or joined by commas (as the other does).

A value may have commas, unless `key2:` or another key follows one.
"""


def metadata_filter(pairs: list[str]) -> frozenset[tuple[str, str]]:
    """Return the pairs that a match has all of."""
    split = (pair.partition(":") for pair in pairs)
    return frozenset((key, value) for key, _, value in split)
