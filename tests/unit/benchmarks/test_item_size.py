"""Sizes of items, from which request units follow."""

from typing import Any

import pytest

from benchmarks.request_units import item_size, write_units
from postroom.storage.dynamodb.attributes import to_item


@pytest.mark.parametrize(
    ("row", "size_bytes"),
    [
        ({"ab": "text"}, 2 + 4),
        ({"é": "日本"}, 2 + 6),
        ({"n": 0}, 1 + 1),
        ({"n": 12}, 1 + 2),
        ({"n": 12300}, 1 + 3),
        ({"n": -123}, 1 + 3),
        ({"b": b"\0\1\2"}, 1 + 3),
        ({"t": True, "f": False, "z": None}, 3 * (1 + 1)),
        ({"l": []}, 1 + 3),
        ({"l": ["one", ["a", "b"]]}, 1 + 3 + (3 + 1) + (3 + 1 + 1 + 1 + 1 + 1)),
        ({"m": {"name": "text"}}, 1 + 3 + 4 + 4 + 1),
        ({"s": frozenset({"ab", "cde"})}, 1 + 2 + 3),
    ],
)
def test_items_have_the_size_that_the_documentation_says(
    row: dict[str, Any], size_bytes: int
) -> None:
    """Names and values in UTF-8; half a byte per digit; 3 bytes per container, 1 per element."""
    assert item_size(to_item(row)) == size_bytes


def test_a_write_costs_whole_kilobytes_of_the_larger_item() -> None:
    """A byte more than a kilobyte is a second unit; nothing at all is one, too."""
    kilobyte = to_item({"text": "x" * (1024 - len("text"))})
    more = to_item({"text": "x" * (1025 - len("text"))})
    assert write_units(kilobyte, {}) == 1
    assert write_units(kilobyte, more) == write_units(more, kilobyte) == 2
    assert write_units({}, {}) == 1
