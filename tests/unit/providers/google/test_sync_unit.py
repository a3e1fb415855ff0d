"""Gmail's one sync unit: which pages are asked for, and what becomes of lost marks."""

from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from postroom.domain.errors import Misconfigured, Retryable
from postroom.domain.sync import BackfillPage, Cursor, SyncUnitId, UnitPages
from postroom.providers.google.sync_unit import MAILBOX, MailboxUnit
from tests.unit.providers.google.gmail import ACCOUNT_ID, Gmail, refusal

EMPTY_PAGES = [
    httpx.Response(200, json={"nextPageToken": f"p{n}", "historyId": "20"}) for n in range(40)
]


def mailbox(gmail: Gmail) -> MailboxUnit:
    return MailboxUnit(gmail.client(), ACCOUNT_ID, gmail.clock)


def query(request: httpx.Request) -> dict[str, list[str]]:
    return parse_qs(request.url.query.decode())


def json_answer(**content: Any) -> httpx.Response:
    return httpx.Response(200, json=content)


def listed(unit: MailboxUnit, position: str | None) -> BackfillPage:
    """List from a position, which must be one."""
    assert position is not None
    return unit.backfill({MAILBOX: position}).pages[MAILBOX]


@pytest.mark.parametrize(
    "error",
    [
        {"errors": [{"reason": "accessNotConfigured"}], "status": "PERMISSION_DENIED"},
        {
            "errors": [{"reason": "forbidden"}],
            "status": "PERMISSION_DENIED",
            "details": [{"reason": "SERVICE_DISABLED", "domain": "googleapis.com"}],
        },
    ],
)
def test_an_api_that_is_not_enabled_is_the_operators_business(error: dict[str, Any]) -> None:
    """The probe of a new connection: its owner was told that there was no mailbox."""
    gmail = Gmail([httpx.Response(403, json={"error": error})])
    with pytest.raises(Misconfigured, match="not enabled"):
        mailbox(gmail).sync_units()
    assert len(gmail.requests) == 1


def test_an_expired_history_is_no_missing_message() -> None:
    """404 on history means that the mailbox has to be read anew."""
    answer = mailbox(Gmail([refusal(404, "notFound")])).changes({MAILBOX: Cursor("1")})
    assert answer == UnitPages(expired=frozenset({MAILBOX}))


def test_an_empty_page_with_more_behind_it_is_passed() -> None:
    """Gmail answers pages without records in the middle (lieer #24, #120); they end nothing."""
    # Given
    record = {"id": "9", "messagesAdded": [{"message": {"id": "a", "threadId": "t"}}]}
    gmail = Gmail(
        [
            json_answer(nextPageToken="p2", historyId="20"),
            json_answer(history=[record], nextPageToken="p3", historyId="20"),
        ]
    )
    # When
    page = mailbox(gmail).changes({MAILBOX: Cursor("5")}).pages[MAILBOX]
    # Then
    assert [query(r).get("pageToken") for r in gmail.requests] == [None, ["p2"]]
    assert [query(r)["startHistoryId"] for r in gmail.requests] == [["5"], ["5"]]
    assert (page.next_cursor, page.more, len(page.fetch)) == ("9", True, 1)


def test_twenty_empty_pages_are_passed() -> None:
    """The pages are followed as far as that, and nothing behind them is lost."""
    gmail = Gmail([*EMPTY_PAGES[:20], json_answer(historyId="99")])
    answer = mailbox(gmail).changes({MAILBOX: Cursor("5")})
    assert answer.pages[MAILBOX].next_cursor == "99"


def test_empty_pages_without_end_are_left_for_later() -> None:
    """A token that led to itself kept a worker asking until its function was killed."""
    gmail = Gmail([*EMPTY_PAGES])
    answer = mailbox(gmail).changes({MAILBOX: Cursor("5")})
    assert (answer.pages, type(answer.problem)) == ({}, Retryable)
    assert len(gmail.requests) == 21


def test_a_page_of_history_is_work_for_seconds() -> None:
    """A page of 500 new messages outlasted lease and function, and began anew for ever."""
    gmail = Gmail([json_answer(historyId="20")])
    mailbox(gmail).changes({MAILBOX: Cursor("5")})
    assert query(gmail.requests[0])["maxResults"] == ["100"]


def test_listing_goes_on_from_its_position() -> None:
    """Everything is listed, spam and trash too; the first page tells how much there is."""
    # Given
    pages = [
        json_answer(messages=[{"id": "a", "threadId": "t"}], nextPageToken="p2"),
        json_answer(messagesTotal=2, historyId="1"),
        json_answer(messages=[{"id": "b", "threadId": "t"}]),
    ]
    gmail = Gmail([*pages])
    box = mailbox(gmail)
    # When
    first = listed(box, "")
    second = listed(box, first.next_position)
    # Then
    assert (first.total_estimate, second.total_estimate) == (2, None)
    assert [ref.provider_id for ref in (*first.fetch, *second.fetch)] == ["a", "b"]
    assert second.next_position is None
    assert query(gmail.requests[2])["pageToken"] == ["p2"]
    assert query(gmail.requests[0])["includeSpamTrash"] == ["true"]


def test_a_lost_page_token_is_replaced_by_the_time_it_stood_at() -> None:
    """A backfill of days must not begin again because a token has ended."""
    # Given a position whose last message is gone, but not the one before it
    messages = [{"id": each, "threadId": "t"} for each in "abc"]
    gmail = Gmail(
        [
            json_answer(messages=messages, nextPageToken="p2"),
            json_answer(messagesTotal=9, historyId="1"),
            refusal(400, "invalidArgument"),
            refusal(404, "notFound"),
            json_answer(id="b", internalDate="1795248005999"),
            json_answer(messages=[{"id": "d", "threadId": "t"}], nextPageToken="p3"),
            json_answer(resultSizeEstimate=0),
        ]
    )
    box = mailbox(gmail)
    position = listed(box, "").next_position
    # When
    page = listed(box, position)
    listed(box, page.next_position)
    # Then listing goes on in the same second, and keeps to that window
    assert [ref.provider_id for ref in page.fetch] == ["d"]
    assert query(gmail.requests[5])["q"] == ["before:1795248006"]
    assert "pageToken" not in query(gmail.requests[5])
    assert query(gmail.requests[6])["q"] == ["before:1795248006"]
    assert query(gmail.requests[6])["pageToken"] == ["p3"]


def test_a_unit_that_is_not_gmails_is_gone() -> None:
    """What another version called its units is ended, and nothing is asked about it."""
    gmail = Gmail([])
    other = SyncUnitId("labels")
    assert mailbox(gmail).changes({other: Cursor("5")}) == UnitPages(gone=frozenset({other}))
    assert mailbox(gmail).backfill({other: ""}) == UnitPages(gone=frozenset({other}))


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"value": None},
        {"nextPageToken": "p2"},
        {"messages": [{}], "resultSizeEstimate": 1},
        [],
    ],
)
def test_an_answer_without_a_list_is_no_empty_mailbox(answer: Any) -> None:
    """A `{}` in place of a page ended the first reading; what it held was never seen."""
    page = mailbox(Gmail([httpx.Response(200, json=answer)])).backfill({MAILBOX: ""})
    assert page.pages == {}
    assert isinstance(page.problem, Retryable)


def test_an_empty_mailbox_is_read_at_once() -> None:
    """Gmail leaves `messages` out where there are none."""
    gmail = Gmail([json_answer(resultSizeEstimate=0), json_answer(messagesTotal=0, historyId="1")])
    page = mailbox(gmail).backfill({MAILBOX: ""}).pages[MAILBOX]
    assert (page.fetch, page.next_position) == ((), None)


@pytest.mark.parametrize("answer", [{}, {"history": []}, {"historyId": None}, []])
def test_an_answer_without_a_history_id_is_no_page_of_history(answer: Any) -> None:
    """The cursor stays where it is."""
    page = mailbox(Gmail([httpx.Response(200, json=answer)])).changes({MAILBOX: Cursor("5")})
    assert page.pages == {}
    assert isinstance(page.problem, Retryable)
