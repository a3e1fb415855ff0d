"""docs/recovery.md names a test for everything that it promises, and every name is a test."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "recovery.md"

_NAME = re.compile(r"`([^`]+\.py)::([^`]+)`")


def _rows() -> Iterator[list[str]]:
    for line in PAGE.read_text().splitlines():
        if line.startswith("| ") and not line.startswith("| what "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


ROWS = list(_rows())


@cache
def _tests_of(file: str) -> frozenset[str]:
    """Return the names of a file's tests, whichever class they stand in."""
    tree = ast.parse((TESTS / file).read_text())
    functions = (each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef))
    return frozenset(name for name in functions if name.startswith("test_"))


def test_there_are_rows() -> None:
    """A page that is not read as tables would promise nothing."""
    assert len(ROWS) > 70
    assert {len(row) for row in ROWS} == {3}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_promise_has_tests(row: list[str]) -> None:
    """A test that was renamed or removed takes its promise with it, or finds another place."""
    event, promise, proof = row
    named = _NAME.findall(proof)
    assert event
    assert promise
    assert named
    assert _NAME.sub("", proof).strip() == ""
    missing = [f"{file}::{name}" for file, name in named if name not in _tests_of(file)]
    assert missing == []


def test_nothing_is_promised_twice() -> None:
    """A reader finds an event in one place of each table."""
    events = [row[0] for row in ROWS]
    assert len(set(events)) == len(events)
