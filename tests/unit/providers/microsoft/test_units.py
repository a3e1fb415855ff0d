"""Sync units are read side by side, page by page, and no trouble of one costs another anything."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from postroom.domain.errors import MailboxUnavailable, ReauthRequired
from postroom.domain.ids import folder_id
from postroom.domain.sync import ChangePage, Cursor, SyncUnitId, UnitPages
from postroom.providers.http_calls import LARGEST_ANSWER_BYTES
from postroom.providers.microsoft.client import LONGEST_TEXT_BYTES
from postroom.providers.microsoft.folders import FOLDERS
from postroom.providers.microsoft.mailbox import GraphMailbox
from tests.builders import ACCOUNT_ID
from tests.unit.providers.microsoft.graph import Graph, called, parts, refusal, whole
from tests.unit.providers.scripted import Answer

F = SyncUnitId("F")
DELTA = "https://graph.microsoft.com/v1.0/me/mailFolders('F')/messages/delta"
NEXT, LAST = f"{DELTA}?$skiptoken=a%2Fb", f"{DELTA}?$deltatoken=c"


def page(*items: dict[str, Any], more: bool = False) -> httpx.Response:
    """A page of a delta."""
    link = {"@odata.nextLink": NEXT} if more else {"@odata.deltaLink": LAST}
    return httpx.Response(200, json={"value": list(items), **link})


def opened(*answers: Answer) -> tuple[Graph, GraphMailbox]:
    graph = Graph(list(answers))
    return graph, GraphMailbox(graph.client(), ACCOUNT_ID)


def page_sizes(graph: Graph) -> list[str]:
    return [
        request.headers["Prefer"].partition("odata.maxpagesize=")[2] for request in graph.requests
    ]


def test_a_folder_is_read_newest_first_bodies_and_all() -> None:
    """One call brings fifty whole messages; `$top` would end the reading there."""
    # Given
    graph, mailbox = opened(
        page(whole("M"), more=True), httpx.Response(200, json={"totalItemCount": 70})
    )
    # When
    answer = mailbox.backfill({F: ""}).pages[F]
    # Then
    assert [full.message.provider_id for full in answer.fetched.messages] == ["M"]
    assert (answer.next_position, answer.cursor, answer.total_estimate) == (NEXT, None, 70)
    first, size = graph.requests
    asked = parse_qs(first.url.query.decode())
    assert first.url.path == "/v1.0/me/mailFolders/F/messages/delta"
    assert asked["$orderby"] == ["receivedDateTime desc"]
    assert {"body", "internetMessageHeaders"} <= set(asked["$select"][0].split(","))
    assert "$top" not in asked
    assert first.headers["Prefer"] == 'IdType="ImmutableId", odata.maxpagesize=50'
    assert size.url.path == "/v1.0/me/mailFolders/F"


def test_a_reading_ends_with_the_cursor_of_its_changes() -> None:
    """A round's last link tells the changes since its first page."""
    # Given
    graph, mailbox = opened(page())
    # When
    answer = mailbox.backfill({F: NEXT}).pages[F]
    # Then
    assert (answer.next_position, answer.cursor, answer.total_estimate) == (None, LAST, None)
    assert str(graph.requests[0].url) == NEXT
    assert page_sizes(graph) == ["50"]


def test_changes_go_on_from_their_link() -> None:
    """An empty page with more behind it is a page like any other."""
    # Given
    graph, mailbox = opened(page(more=True), page(whole("M")))
    # When
    first = mailbox.changes({F: Cursor(LAST)}).pages[F]
    second = mailbox.changes({F: first.next_cursor}).pages[F]
    # Then
    assert first.is_empty
    assert (first.next_cursor, first.more) == (NEXT, True)
    assert (second.next_cursor, second.more) == (LAST, False)
    assert [str(request.url) for request in graph.requests] == [LAST, NEXT]


def test_what_only_moved_or_was_flagged_is_not_fetched() -> None:
    """The commonest changes cost nothing beyond their page."""
    # Given
    read = {"id": "R", "isRead": True, "lastModifiedDateTime": "2026-11-21T08:00:07Z"}
    graph, mailbox = opened(page(read, {"id": "G", "@removed": {"reason": "deleted"}}))
    # When
    answer = mailbox.changes({F: Cursor(LAST)}).pages[F]
    # Then
    assert [(edit.provider_id, edit.unread) for edit in answer.edits] == [("R", False)]
    assert answer.left == (("G", folder_id(ACCOUNT_ID, "F")),)
    assert answer.removed == ()
    assert len(graph.requests) == 1


def test_what_an_edit_cannot_tell_is_fetched_with_its_page() -> None:
    """A draft's new text comes as `subject` alone, and the stored draft must not keep the rest."""
    # Given
    graph, mailbox = opened(
        page({"id": "M", "subject": "New"}, {"id": "gone", "subject": "New"}),
        parts((0, 200, whole("M", subject="New")), (1, 404, {"error": {}})),
        httpx.Response(200, json={"value": [{"id": "F"}], "@odata.deltaLink": LAST}),
    )
    # When
    fetched = mailbox.changes({F: Cursor(LAST)}).pages[F].fetched
    # Then
    assert [full.message.subject for full in fetched.messages] == ["New"]
    assert [ref.provider_id for ref in fetched.missing] == ["gone"]
    assert called(graph.requests[1])[0].startswith("/me/messages/M?$select=")


def test_a_message_never_comes_without_its_attachments() -> None:
    """A delta does not list them; a message whose list failed is tried again as a whole."""
    # Given
    file = {"@odata.type": "#microsoft.graph.fileAttachment", "id": "A", "name": "a.pdf"}
    failing = {"error": {"code": "ErrorInternalServerError"}}
    graph, mailbox = opened(
        page(*(whole(each, hasAttachments=True) for each in ("good", "bad", "gone")), whole("M")),
        parts((0, 200, {"value": [file]}), (1, 500, failing), (2, 404, {"error": {}})),
    )
    # When
    fetched = mailbox.changes({F: Cursor(LAST)}).pages[F].fetched
    # Then
    assert {
        full.message.provider_id: len(full.message.attachments) for full in fetched.messages
    } == {"good": 1, "M": 0}
    assert [failure.ref.provider_id for failure in fetched.failed] == ["bad"]
    assert [ref.provider_id for ref in fetched.missing] == ["gone"]
    assert called(graph.requests[1])[0].startswith("/me/messages/good/attachments?$select=")


def test_a_long_list_of_attachments_is_followed() -> None:
    """The eleventh attachment was missing where Graph made pages of ten."""
    # Given
    files = [{"id": f"A{n}", "name": f"{n}.pdf"} for n in range(3)]
    link = "https://graph.microsoft.com/v1.0/me/messages/M/attachments?$skip=2"
    _, mailbox = opened(
        page(whole("M", hasAttachments=True)),
        parts((0, 200, {"value": files[:2], "@odata.nextLink": link})),
        httpx.Response(200, json={"value": files[2:]}),
    )
    # When
    (full,) = mailbox.changes({F: Cursor(LAST)}).pages[F].fetched.messages
    # Then
    assert [each.filename for each in full.message.attachments] == ["0.pdf", "1.pdf", "2.pdf"]


@pytest.mark.parametrize("slow", [refusal(504, "UnknownError"), httpx.ReadTimeout("slow")])
def test_a_page_that_takes_too_long_is_asked_for_in_a_smaller_size(slow: Answer) -> None:
    """Large mail timed out again in every worker anew; the size is part of the cursor now."""
    # Given
    graph, mailbox = opened(slow, slow, page(more=True), page(more=True), page())
    cursor, pages = Cursor(LAST), []
    # When
    for _ in range(5):
        pages.append(mailbox.changes({F: cursor}).pages[F])
        cursor = pages[-1].next_cursor
    # Then
    assert page_sizes(graph) == ["50", "25", "12", "24", "48"]
    assert all(each.is_empty for each in pages)
    assert [each.more for each in pages] == [True, True, True, True, False]
    assert cursor == LAST  # and changes begin with full pages again


def test_the_first_page_of_a_folder_may_be_too_large_as_well() -> None:
    """The position remembers the smaller size before there is any link."""
    # Given
    graph, mailbox = opened(
        refusal(504), page(whole("M")), httpx.Response(200, json={"totalItemCount": 1})
    )
    # When
    first = mailbox.backfill({F: ""}).pages[F]
    assert first.next_position
    second = mailbox.backfill({F: first.next_position}).pages[F]
    # Then
    assert first.is_empty
    assert (second.next_position, second.cursor, second.total_estimate) == (None, LAST, 1)
    assert page_sizes(graph)[:2] == ["50", "25"]


@pytest.mark.parametrize("place", [f"1 {LAST}", "1 "])
def test_a_message_that_is_too_large_is_passed_and_fails_alone(place: str) -> None:
    """A body of 40 MB stopped its whole account: no page that held it could be read."""
    # Given
    body = {"contentType": "html", "content": "x" * LARGEST_ANSWER_BYTES}
    large = whole("M", body=body)
    graph, mailbox = opened(*[page(large, more=True)] * 2, parts((0, 200, large)))
    # When
    answer = mailbox.changes({F: Cursor(place)}).pages[F]
    # Then
    (failure,) = answer.fetched.failed
    assert (failure.ref.provider_id, failure.unreadable) == ("M", True)
    assert answer.next_cursor == f"2 {NEXT}"
    first, again, alone = graph.requests
    assert first.url == again.url
    assert called(alone)[0].startswith("/me/messages/M?$select=")


def test_a_page_of_many_large_texts_is_a_problem() -> None:
    """It cannot be held even without the longest ones; nobody asks for ever."""
    headers = [{"name": "X", "value": "x" * LONGEST_TEXT_BYTES}] * 41
    _, mailbox = opened(*[page(whole("M", internetMessageHeaders=headers))] * 2)
    answer = mailbox.changes({F: Cursor(f"1 {LAST}")})
    assert answer.pages == {}
    assert answer.problem


def test_the_smallest_page_that_takes_too_long_is_a_problem() -> None:
    """Nobody asks for ever."""
    _, mailbox = opened(refusal(504))
    answer = mailbox.changes({F: Cursor(f"1 {LAST}")})
    assert answer.pages == {}
    assert answer.problem


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (refusal(410, "SyncStateNotFound"), "expired"),
        (refusal(400, "SyncStateInvalid"), "expired"),
        (refusal(410, "resyncRequired", {"Location": DELTA}), "expired"),
        (refusal(404, "ErrorItemNotFound"), "gone"),
    ],
)
def test_the_end_of_a_unit_or_cursor_is_told(answer: Answer, part: str) -> None:
    """That folder alone is read again, or is no part of the mailbox any more."""
    _, mailbox = opened(answer)
    told = mailbox.changes({F: Cursor(LAST)})
    assert {name: getattr(told, name) for name in ("expired", "gone")} == {
        "expired": frozenset(),
        "gone": frozenset(),
        part: {F},
    }
    assert told.problem is None


def test_a_link_that_leads_away_is_not_called() -> None:
    """The access token would go with it."""
    graph, mailbox = opened()
    answer = mailbox.changes({F: Cursor("https://graph.microsoft.com.evil.example/v1.0/x")})
    assert answer.problem
    assert graph.requests == []


def some_folders(outcomes: dict[str, httpx.Response]) -> tuple[Graph, UnitPages[ChangePage]]:
    """Ask for the changes of four folders, a to d; answers what came of it."""
    graph, mailbox = opened(
        *[lambda request: outcomes[request.url.params["$deltatoken"]]] * len(outcomes)
    )
    cursors = {SyncUnitId(n): Cursor(f"{DELTA}?$deltatoken={n}") for n in "abcd"}
    return graph, mailbox.changes(cursors)


def test_the_trouble_of_one_folder_costs_the_others_nothing() -> None:
    """Each has its own outcome; a mailbox has four places, for two lanes of two calls each."""
    busy = refusal(429, "ApplicationThrottled", {"Retry-After": "9"})
    graph, answer = some_folders({"a": busy, "b": page(whole("M"))})
    assert set(answer.pages) == {"b"}
    assert answer.problem
    assert answer.problem.retry_after == timedelta(seconds=9)
    assert len(graph.requests) == 2


def test_of_several_waits_the_longest_is_told() -> None:
    """Whoever comes back earlier is refused again, and that counts too."""
    busy = [refusal(429, "ApplicationThrottled", {"Retry-After": wait}) for wait in ("7", "9")]
    for first, second in (busy, busy[::-1]):
        _, answer = some_folders({"a": first, "b": second})
        assert answer.problem
        assert answer.problem.retry_after == timedelta(seconds=9)


@pytest.mark.parametrize("refused", [refusal(400), refusal(403, "ErrorAccessDenied")])
def test_a_folder_that_is_refused_is_its_own_trouble(refused: httpx.Response) -> None:
    """A 400 for one folder, or a rule against it, took the whole account out of service."""
    graph, answer = some_folders({"a": refused, "b": page(whole("M"))})
    assert set(answer.pages) == {"b"}
    assert set(answer.failed) == {"a"}
    assert answer.problem
    assert answer.problem.retry_after is None
    assert len(graph.requests) == 2


@pytest.mark.parametrize(
    ("inbox", "is_closed"),
    [(httpx.Response(200, json={"id": "I"}), False), (refusal(403, "ErrorAccessDenied"), True)],
)
def test_where_no_folder_is_shown_the_inbox_tells_whether_the_mailbox_is_closed(
    inbox: httpx.Response,
    is_closed: bool,  # noqa: FBT001
) -> None:
    """A 403 for a folder looks like one for a mailbox; two closed folders are no closed mailbox."""
    denied = refusal(403, "ErrorAccessDenied")
    graph, mailbox = opened(denied, denied, inbox)
    cursors = {SyncUnitId(name): Cursor(f"{DELTA}?$deltatoken={name}") for name in "ab"}
    if is_closed:
        with pytest.raises(MailboxUnavailable):
            mailbox.changes(cursors)
    else:
        assert set(mailbox.changes(cursors).failed) == {"a", "b"}
    assert graph.requests[2].url.path == "/v1.0/me/mailFolders/inbox"


def test_an_ended_consent_is_no_matter_of_a_folder() -> None:
    """It is raised, whatever the other folders bring."""

    def answered(request: httpx.Request) -> httpx.Response:
        is_a = request.url.params["$deltatoken"] == "a"
        return page(whole("M")) if is_a else refusal(403, "Authorization_RequestDenied")

    _, mailbox = opened(*[answered] * 2)
    with pytest.raises(ReauthRequired):
        mailbox.changes({SyncUnitId(n): Cursor(f"{DELTA}?$deltatoken={n}") for n in "ab"})


@pytest.mark.parametrize(
    ("items", "changed"), [([], False), ([{"id": "F", "displayName": "Renamed"}], True)]
)
def test_the_folders_are_a_unit_too(items: list[dict[str, Any]], changed: bool) -> None:  # noqa: FBT001
    """Its changes say that there are some, and no more."""
    graph, mailbox = opened(page(*items))
    answer = mailbox.changes({FOLDERS: Cursor(LAST)}).pages[FOLDERS]
    assert answer.folders_changed is changed
    assert (answer.is_empty, answer.next_cursor, answer.more) == (True, LAST, False)
    assert page_sizes(graph) == ["200"]
