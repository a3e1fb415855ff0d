"""The tree of folders."""

import pytest

from postroom.domain.errors import InvalidRequest
from postroom.domain.folder import folders_below
from postroom.domain.ids import FolderId
from tests.builders import make_folder

TREE = [
    make_folder(id=FolderId("work"), parent_id=FolderId("the root, which is no folder")),
    make_folder(id=FolderId("invoices"), parent_id=FolderId("work")),
    make_folder(id=FolderId("2026"), parent_id=FolderId("invoices")),
    make_folder(id=FolderId("private")),
]


@pytest.mark.parametrize(
    ("parent", "directly", "found"),
    [
        (None, False, ["work", "invoices", "2026", "private"]),
        (None, True, ["work", "private"]),
        ("work", False, ["invoices", "2026"]),
        ("work", True, ["invoices"]),
        ("2026", False, []),
        ("2026", True, []),
    ],
)
def test_folders_lie_below_others(parent: str | None, *, directly: bool, found: list[str]) -> None:
    """All of them, or those of the next level; at the top lies what lies in no folder."""
    below = folders_below(TREE, FolderId(parent) if parent else None, directly=directly)
    assert [folder.id for folder in below] == found


def test_a_parent_that_is_not_there_is_named() -> None:
    """Rather than an empty list, which would say that it is empty."""
    with pytest.raises(InvalidRequest) as refusal:
        folders_below(TREE, FolderId("nowhere"), directly=False)
    assert refusal.value.field == "parent_id"


def test_a_circle_ends() -> None:
    """A provider's list may be of two moments."""
    circle = [
        make_folder(id=FolderId("a"), parent_id=FolderId("b")),
        make_folder(id=FolderId("b"), parent_id=FolderId("a")),
    ]
    below = folders_below(circle, FolderId("a"), directly=False)
    assert [folder.id for folder in below] == ["b"]
