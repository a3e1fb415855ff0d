"""Pages of threads, as large as one answer may be."""

from collections.abc import Mapping, Sequence
from typing import Any

from postroom.domain.account import Account
from postroom.domain.sender import Sender
from postroom.domain.thread import ThreadPage, ThreadPlace, ThreadSearchPlace
from postroom.web.message_pages import fitting
from postroom.web.paging import thread_cursor, thread_search_cursor
from postroom.web.schemas.threads import ThreadListQuery, shown_thread

AnyThreadPage = ThreadPage[ThreadPlace] | ThreadPage[ThreadSearchPlace]


def thread_page(
    page: AnyThreadPage,
    query: ThreadListQuery,
    *,
    account: Account,
    senders: Sequence[Sender],
    of_list: str,
    key: bytes,
) -> tuple[Sequence[Mapping[str, Any]], str | None]:
    """Return the threads of a page that fit, and the token of the next page."""
    shown = [
        shown_thread(
            each,
            query.select,
            account=account,
            senders=senders,
            with_content=query.with_content(),
        )
        for each in page.threads
    ]
    for each in shown:
        # A list would be twice as long with both bodies of every message.
        each["latest_draft_or_message"].pop("body_text", None)
    kept = fitting(shown)
    next_place = page.beginning(len(kept)).next_place
    if next_place is None:
        return kept, None
    if isinstance(next_place, ThreadSearchPlace):
        return kept, thread_search_cursor(next_place, of_list=of_list, key=key)
    return kept, thread_cursor(next_place, of_list=of_list, key=key)
