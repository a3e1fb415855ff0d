"""Page tokens."""

from secrets import token_urlsafe

import pytest

from postroom.domain.errors import InvalidRequest
from postroom.domain.ids import FolderId
from postroom.domain.message import MessageFilter, Position, SearchPosition
from postroom.domain.thread import ThreadSearchPlace
from postroom.web.paging import (
    folders_list,
    message_cursor,
    message_position,
    messages_list,
    offset_cursor,
    page_offset,
    search_cursor,
    search_position,
    thread_search_cursor,
    thread_search_place,
)
from tests.builders import ACCOUNT_ID, NOW, OTHER_ACCOUNT_ID, make_message

KEY = b"k" * 32
INBOX = MessageFilter(folder=FolderId("INBOX"), any_email=frozenset({"a@x.io", "b@x.io", "c@x.io"}))


def _position() -> Position:
    return Position(received_at=NOW.replace(microsecond=123_456), message_id=make_message().id)


def test_a_token_leads_back_to_its_place() -> None:
    """What was sealed is read again, to the microsecond, and fits into an address."""
    of_list = messages_list(ACCOUNT_ID, INBOX)
    token = message_cursor(_position(), of_list=of_list, key=KEY)
    assert token.replace("-", "").replace("_", "").isalnum()
    assert message_position(token, of_list=of_list, key=KEY) == _position()
    assert message_position(None, of_list=of_list, key=KEY) is None


def test_the_same_filter_is_the_same_list_in_every_process() -> None:
    """Sets have no order of their own: the list's name must not depend on it."""
    other_order = MessageFilter(
        folder=FolderId("INBOX"), any_email=frozenset(sorted(INBOX.any_email, reverse=True))
    )
    assert messages_list(ACCOUNT_ID, INBOX) == messages_list(ACCOUNT_ID, other_order)
    assert '["a@x.io", "b@x.io", "c@x.io"]' in messages_list(ACCOUNT_ID, INBOX)


def test_a_token_is_good_for_its_list_alone() -> None:
    """Another account, another filter, another kind of list or another key: 400."""
    token = message_cursor(_position(), of_list=messages_list(ACCOUNT_ID, INBOX), key=KEY)
    for of_list, key in (
        (messages_list(OTHER_ACCOUNT_ID, INBOX), KEY),
        (messages_list(ACCOUNT_ID, MessageFilter(received_after=NOW)), KEY),
        (folders_list(ACCOUNT_ID, None, directly=False), KEY),
        (messages_list(ACCOUNT_ID, INBOX), b"other" * 8),
    ):
        with pytest.raises(InvalidRequest, match="page_token"):
            message_position(token, of_list=of_list, key=key)


@pytest.mark.parametrize("token", ["forged", "", "%%%", "ä", "A" * 40, "=", "AAAA" * 300])
def test_what_is_no_token_is_refused(token: str) -> None:
    """Junk is 400 naming page_token, whatever it looks like."""
    with pytest.raises(InvalidRequest, match="page_token"):
        message_position(token, of_list=messages_list(ACCOUNT_ID, INBOX), key=KEY)


def test_every_changed_byte_is_noticed() -> None:
    """No byte of a token can be changed."""
    of_list = folders_list(ACCOUNT_ID, None, directly=False)
    token = offset_cursor(50, of_list=of_list, key=KEY)
    assert page_offset(token, of_list=of_list, key=KEY) == 50
    for index, character in enumerate(token[:-1]):
        changed = token[:index] + ("A" if character != "A" else "B") + token[index + 1 :]
        with pytest.raises(InvalidRequest):
            page_offset(changed, of_list=of_list, key=KEY)


def test_a_place_in_a_search_is_found_again() -> None:
    """With all that it remembers, of the longest search of threads, it fits into an address."""
    marks = [token_urlsafe(6) for _ in range(300)]
    place = SearchPosition(
        page=f"https://graph.microsoft.com/v1.0/me/messages?$search={token_urlsafe(200)}",
        taken=499,
        shown=tuple(marks[:50]),
    )
    of_threads = ThreadSearchPlace(position=place, seen=tuple(marks[50:]))
    token = search_cursor(place, of_list="messages", key=KEY)
    threads_token = thread_search_cursor(of_threads, of_list="threads", key=KEY)

    assert search_position(token, of_list="messages", key=KEY) == place
    assert thread_search_place(threads_token, of_list="threads", key=KEY) == of_threads
    assert len(token) < len(threads_token) < 6_000
    empty = SearchPosition()
    token = search_cursor(empty, of_list="messages", key=KEY)
    assert search_position(token, of_list="messages", key=KEY) == empty
