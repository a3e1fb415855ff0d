"""Searching for threads in the provider's own language.

Providers find messages; a thread is shown where the first of its messages is found. Which threads
the pages before have shown is remembered in the place where the list goes on, so that an older
message of one of them does not show it again.
"""

from postroom.domain.account import Account
from postroom.domain.message import Message, SearchPosition
from postroom.domain.thread import Thread, ThreadFilter, ThreadPage, ThreadSearchPlace
from postroom.ports import Clock, ThreadStore
from postroom.usecases.list_threads import shown_threads, with_latest_contents
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.search_messages import search_messages
from postroom.usecases.store_mail import MailStores

REMEMBERED = 250
"""Threads that a place remembers; whoever goes on for longer may meet the first of them again."""

_MARK_LENGTH = 8
"""Characters of an id that tell it from hundreds of others."""


def search_threads(
    *,
    account: Account,
    query: str,
    wanted: ThreadFilter,
    limit: int,
    after: ThreadSearchPlace | None,
    with_content: bool,
    mailboxes: Mailboxes,
    stores: MailStores,
    threads: ThreadStore,
    clock: Clock,
) -> ThreadPage[ThreadSearchPlace]:
    """Return one page of threads with a message that the provider finds, and that match a filter.

    Raises as `search_messages`.
    """
    seen = list(after.seen) if after else []
    found: list[Thread] = []

    def is_first_of_a_match(message: Message) -> bool:
        mark = message.thread_id[:_MARK_LENGTH]
        if mark in seen:
            return False
        thread = threads.get_many(account.id, [message.thread_id]).get(message.thread_id)
        if thread is None or not wanted.matches(thread):
            return False
        seen.append(mark)
        found.append(thread)
        return True

    page = search_messages(
        account=account,
        query=query,
        matches=is_first_of_a_match,
        limit=limit,
        after=after.position if after else None,
        with_content=False,
        mailboxes=mailboxes,
        stores=stores,
        clock=clock,
    )

    before = len(after.seen) if after else 0

    def place(position: SearchPosition, count: int) -> ThreadSearchPlace:
        return ThreadSearchPlace(
            position=position, seen=tuple(seen[: before + count][-REMEMBERED:])
        )

    shown = zip(
        shown_threads(account.id, found, stores.messages),
        (place(position, count) for count, position in enumerate(page.places, start=1)),
        strict=True,
    )
    there = [(thread, behind) for thread, behind in shown if thread is not None]
    following = page.next_position
    result = ThreadPage(
        threads=tuple(thread for thread, _ in there),
        places=tuple(behind for _, behind in there),
        next_place=None if following is None else place(following, len(found)),
    )
    return with_latest_contents(account.id, result, stores.contents) if with_content else result
