"""Which attachments are shown inside of a mail: what is not must be offered to its reader."""

from typing import Any

import pytest

from postroom.domain.message import Attachment
from postroom.domain.shown_pictures import PICTURES_LIMIT_BYTES, shown_pictures
from tests.builders import make_attachment, make_message

MESSAGE = make_message()


def _picture(part_id: str = "1", **changes: Any) -> Attachment:
    usual: dict[str, Any] = {"content_id": "one", "is_inline": True, "content_type": "image/png"}
    return make_attachment(message=MESSAGE.id, part_id=part_id, **(usual | changes))


def _shown(*files: Attachment, named: tuple[str, ...] = ("one",)) -> list[str]:
    return [each.part_id for each in shown_pictures(make_message(attachments=files), named)]


def test_what_the_text_names_is_shown() -> None:
    """Whatever its disposition says; the letters of its type may be capitals."""
    assert _shown(_picture()) == ["1"]
    assert _shown(_picture(is_inline=False, content_type="Image/PNG")) == ["1"]


@pytest.mark.parametrize(
    "changes",
    [
        {"content_id": "other"},
        {"content_id": ""},
        {"content_type": "application/pdf"},
        {"content_type": "image/heic"},
        {"content_type": "image/svg+xml"},
        {"size_bytes": PICTURES_LIMIT_BYTES + 1},
    ],
)
def test_what_is_called_inline_but_not_shown_is_a_file(changes: dict[str, Any]) -> None:
    """Files that phones write inline were nowhere: neither in the text nor below it."""
    assert _shown(_picture(**changes)) == []


def test_pictures_are_shown_as_long_as_they_fit_together() -> None:
    """One that is too large does not keep a smaller one out."""
    most = PICTURES_LIMIT_BYTES - 10
    files = [
        _picture("1", size_bytes=most),
        _picture("2", content_id="two", size_bytes=11),
        _picture("3", content_id="three", size_bytes=10),
    ]
    assert _shown(*files, named=("one", "two", "three")) == ["1", "3"]


def test_of_two_with_one_name_the_first_is_shown() -> None:
    """The other one stays a file, for nobody would see it."""
    assert _shown(_picture("1"), _picture("2")) == ["1"]
