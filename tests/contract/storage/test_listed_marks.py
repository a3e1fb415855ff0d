"""ListedMarks, in memory and in the table."""

import pytest

from postroom.domain.ids import MessageId
from postroom.ports import ListedMarks
from postroom.storage.dynamodb.listed_marks import DynamoListedMarks
from tests.builders import ACCOUNT_ID, OTHER_ACCOUNT_ID
from tests.fakes import FixedClock, InMemoryListedMarks

IDS = [MessageId(f"message-{number}") for number in range(100)]


@pytest.fixture(params=["memory", "dynamodb"])
def marks(request: pytest.FixtureRequest, clock: FixedClock) -> ListedMarks:
    if request.param == "memory":
        return InMemoryListedMarks()
    return DynamoListedMarks(request.getfixturevalue("table"), clock)


class TestListedMarks:
    """Which messages a reading of a unit has listed."""

    def test_what_was_listed_is_told_from_what_was_not(self, marks: ListedMarks) -> None:
        """Of a hundred messages, exactly those without a mark are answered, in their order."""
        marks.mark(ACCOUNT_ID, "first", IDS[::2])
        assert list(marks.unmarked(ACCOUNT_ID, "first", IDS)) == IDS[1::2]

    def test_marking_twice_is_marking_once(self, marks: ListedMarks) -> None:
        """A page that is listed again after a crash marks the same."""
        marks.mark(ACCOUNT_ID, "first", IDS[:3])
        marks.mark(ACCOUNT_ID, "first", IDS[:3])
        assert list(marks.unmarked(ACCOUNT_ID, "first", IDS[:4])) == IDS[3:4]

    def test_another_reading_begins_without_marks(self, marks: ListedMarks) -> None:
        """What an earlier reading saw says nothing about what is still there."""
        marks.mark(ACCOUNT_ID, "first", IDS)
        assert list(marks.unmarked(ACCOUNT_ID, "second", IDS)) == IDS
        assert list(marks.unmarked(OTHER_ACCOUNT_ID, "first", IDS)) == IDS
