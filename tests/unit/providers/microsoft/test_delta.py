"""A page of a delta has a net effect, message by message."""

from typing import Any

import pytest

from postroom.providers.microsoft.delta import fold, read_delta
from postroom.providers.refusals import ServerFailed
from tests.unit.providers.microsoft.graph import whole

LINK = "https://graph.microsoft.com/v1.0/me/mailFolders('F')/messages/delta?$deltatoken=t"
SECOND = "2026-11-21T08:00:07Z"
READ = {"id": "M", "@odata.etag": "e", "isRead": True, "lastModifiedDateTime": SECOND}
GONE = {"id": "M", "@removed": {"reason": "deleted"}}


@pytest.mark.parametrize(
    ("entry", "part"),
    [
        (whole("M"), "whole"),
        (whole("M", importance="high", changeKey="k"), "whole"),
        (READ, "edits"),
        ({**READ, "flag": {}, "categories": [], "importance": "low", "changeKey": "k"}, "edits"),
        ({"id": "M", "isRead": True}, "partial"),  # at what time is not told
        ({"id": "M", "lastModifiedDateTime": SECOND}, "partial"),  # something changed: but what?
        ({**READ, "subject": "A draft was changed"}, "partial"),
        ({**READ, "parentFolderId": "F"}, "partial"),
        ({**READ, "body": {}}, "partial"),
        (GONE, "left"),
        ({"id": "M", "@removed": {"reason": "changed"}}, "left"),
    ],
)
def test_an_entry_is_taken_for_what_it_tells(entry: dict[str, Any], part: str) -> None:
    """What is not known to be harmless is fetched."""
    folded = fold([entry])
    told = {
        name: [each if isinstance(each, str) else each["id"] for each in getattr(folded, name)]
        for name in ("whole", "edits", "partial", "left")
    }
    assert told == {"whole": [], "edits": [], "partial": [], "left": [], part: ["M"]}


@pytest.mark.parametrize("reason", ["deleted", "changed"])
def test_leaving_a_folder_is_never_the_end_of_a_message(reason: str) -> None:
    """A third of a mailbox was deleted by whoever took `@removed` for the end of the message."""
    folded = fold([{"id": "M", "@removed": {"reason": reason}}])
    assert folded.left == ["M"]


@pytest.mark.parametrize(
    ("entries", "whole_ids", "left"),
    [
        ([whole("M"), GONE], [], ["M"]),
        ([GONE, whole("M")], ["M"], []),
        ([whole("M"), GONE, whole("M")], ["M"], []),
        ([whole("M"), whole("N"), whole("M")], ["N", "M"], []),
    ],
)
def test_the_last_word_about_a_message_wins(
    entries: list[dict[str, Any]], whole_ids: list[str], left: list[str]
) -> None:
    """The same message stands in a page twice now and then."""
    folded = fold(entries)
    assert ([each["id"] for each in folded.whole], folded.left) == (whole_ids, left)


def test_a_part_is_laid_over_what_the_page_told_before() -> None:
    """A message that came and was read at once came as a read one."""
    folded = fold([whole("M", isRead=False), READ])
    (message,) = folded.whole
    assert (message["isRead"], message["subject"]) == (True, "Lunch")
    folded = fold([READ, {"id": "M", "categories": ["Red"], "lastModifiedDateTime": SECOND}])
    (edit,) = folded.edits
    assert (edit["isRead"], edit["categories"]) == (True, ["Red"])


@pytest.mark.parametrize("link", ["@odata.nextLink", "@odata.deltaLink"])
def test_an_empty_page_is_a_page(link: str) -> None:
    """More may follow behind it."""
    page = read_delta({"value": [], link: LINK})
    assert (page.items, page.link, page.more) == ([], LINK, link == "@odata.nextLink")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"value": []},
        {"value": None, "@odata.deltaLink": LINK},
        {"value": ["M"], "@odata.deltaLink": LINK},
        {"value": [{"subject": "Whose?"}], "@odata.deltaLink": LINK},
        {"value": [], "@odata.deltaLink": 7},
    ],
)
def test_what_is_no_page_loses_nothing(answer: Any) -> None:
    """It is asked for again; the cursor stays where it is."""
    with pytest.raises(ServerFailed):
        read_delta(answer)
