"""Reading threads: from the store only, the one with the newest message first.

A list of threads walks a list of messages and shows a thread at the newest of its messages there,
so it needs no rows of its own: any list of messages is one of threads. A thread that gets mail
while somebody pages through the list would move to the front, past the reader; so it stays where
its newest message stood when the first page was made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from postroom.domain.errors import NotFound
from postroom.domain.ids import AccountId, MessageId, ThreadId
from postroom.domain.message import (
    ALL_MAIL,
    FullMessage,
    Message,
    MessageContent,
    Position,
    View,
    thread_view,
)
from postroom.domain.thread import (
    LARGEST_THREAD,
    PlaceT_co,
    ShownThread,
    Thread,
    ThreadFilter,
    ThreadPage,
    ThreadPlace,
    summarise,
)
from postroom.ports import LOOKUP_LIMIT, ContentStore, MessageStore, ThreadStore
from postroom.usecases.list_messages import PAGE_CONTENT_LIMIT

_SCAN_LIMIT = 2_000
"""Messages looked at for one page; a rare match is then left to the next page's cursor."""

_CONTENTS_AT_ONCE = 20


def list_threads(
    *,
    account_id: AccountId,
    wanted: ThreadFilter,
    limit: int,
    after: ThreadPlace | None,
    with_content: bool,
    messages: MessageStore,
    threads: ThreadStore,
    contents: ContentStore,
) -> ThreadPage[ThreadPlace]:
    """Return one page of threads; the bodies of their newest messages only when these are wanted.

    A page ends early when the bodies are more than an answer could hold.
    """
    walk = _Walk(account_id=account_id, wanted=wanted, messages=messages, threads=threads)
    found, next_place = walk.page(limit, after)
    shown = shown_threads(account_id, [thread for thread, _ in found], messages)
    there = [(each, place) for each, (_, place) in zip(shown, found, strict=True) if each]
    page = ThreadPage(
        threads=tuple(each for each, _ in there),
        places=tuple(place for _, place in there),
        next_place=next_place,
    )
    return with_latest_contents(account_id, page, contents) if with_content else page


def read_thread(
    *,
    account_id: AccountId,
    thread_id: ThreadId,
    messages: MessageStore,
    threads: ThreadStore,
    contents: ContentStore,
) -> ShownThread:
    """Return a thread with its newest message or draft. Raises NotFound.

    Where messages are listed before their thread is written, they tell what it will be.
    """
    try:
        found = threads.get(account_id, thread_id)
    except NotFound:
        mail = messages_of_thread(account_id=account_id, thread_id=thread_id, messages=messages)
        told = summarise(mail[:LARGEST_THREAD])
        if told is None:
            raise
        found = told
    (shown,) = shown_threads(account_id, [found], messages)
    if shown is None:
        raise NotFound("There is no such thread.")
    page: ThreadPage[ThreadPlace] = ThreadPage(threads=(shown,))
    return with_latest_contents(account_id, page, contents).threads[0]


def messages_of_thread(
    *, account_id: AccountId, thread_id: ThreadId, messages: MessageStore
) -> list[Message]:
    """Return all messages and drafts of a thread, newest first, however many."""
    found: dict[MessageId, Message] = {}
    after: Position | None = None
    while places := messages.positions(
        account_id, thread_view(thread_id), limit=LOOKUP_LIMIT, after=after
    ):
        after = places[-1]
        stored = messages.get_many(account_id, [place.message_id for place in places])
        found |= {each.id: each for each in stored.values() if each.thread_id == thread_id}
    return sorted(found.values(), key=lambda each: (each.received_at, each.id), reverse=True)


class _Walk:
    """Finds the threads of one page."""

    def __init__(
        self,
        *,
        account_id: AccountId,
        wanted: ThreadFilter,
        messages: MessageStore,
        threads: ThreadStore,
    ) -> None:
        self._account_id = account_id
        self._wanted = wanted
        self._view = wanted.view()
        self._messages = messages
        self._threads = threads
        self._newest_then: dict[ThreadId, Position | None] = {}
        self._after: Position | None = None
        self._found: set[ThreadId] = set()

    def page(
        self, limit: int, after: ThreadPlace | None
    ) -> tuple[list[tuple[Thread, ThreadPlace]], ThreadPlace | None]:
        """Return matching threads with the places behind them, and where the next page begins."""
        if self._wanted.thread_id is not None:
            return (self._only(self._wanted.thread_id) if after is None else []), None
        found: list[tuple[Thread, ThreadPlace]] = []
        place, looked_at = after, 0
        self._after = None if after is None else after.position
        while looked_at < _SCAN_LIMIT:
            # Most threads have few messages; one thread more tells that there is a next page.
            asked = LOOKUP_LIMIT if looked_at else min(limit + 1, LOOKUP_LIMIT)
            positions = self._positions(asked, place)
            standing = self._standing(positions)
            for position in positions:
                begun_at = position if place is None else place.begun_at
                place = ThreadPlace(position=position, begun_at=begun_at)
                thread = standing.get(position)
                if thread is None or not self._is_wanted(place, thread):
                    continue
                if len(found) == limit:
                    return found, found[-1][1]
                found.append((thread, place))
                self._found.add(thread.id)
            if len(positions) < asked:
                return found, None
            looked_at += len(positions)
        return found, place

    def _only(self, thread_id: ThreadId) -> list[tuple[Thread, ThreadPlace]]:
        known = self._threads.get_many(self._account_id, [thread_id]).values()
        return [
            (thread, ThreadPlace(position=thread.latest, begun_at=thread.latest))
            for thread in known
            if self._wanted.matches(thread)
        ]

    def _positions(self, limit: int, after: ThreadPlace | None) -> Sequence[Position]:
        # A thread's newest message in a folder is no newer than its newest of all, maybe older.
        return self._messages.positions(
            self._account_id,
            self._view,
            limit=limit,
            after=None if after is None else after.position,
            newest=self._wanted.latest_before,
            oldest=self._wanted.latest_after if self._view == ALL_MAIL else None,
        )

    def _standing(self, positions: Sequence[Position]) -> Mapping[Position, Thread]:
        """Return the threads of those messages that do stand there."""
        stored = self._messages.get_many(
            self._account_id, [position.message_id for position in positions]
        )
        there = {
            position: stored[position.message_id].thread_id
            for position in positions
            if position.message_id in stored
            and _stands(stored[position.message_id], self._view, position)
        }
        known = self._threads.get_many(self._account_id, list(dict.fromkeys(there.values())))
        return {
            position: known[thread_id]
            for position, thread_id in there.items()
            if thread_id in known
        }

    def _is_wanted(self, place: ThreadPlace, thread: Thread) -> bool:
        return self._wanted.matches(thread) and self._is_shown_at(place, thread)

    def _is_shown_at(self, place: ThreadPlace, thread: Thread) -> bool:
        newest = thread.newest_in.get(self._view)
        if newest is None or newest == place.position:
            return newest is not None
        if newest <= place.begun_at:
            # A message whose time has just changed may stand there no more, or not yet.
            was_passed = newest > place.position and (self._after is None or newest < self._after)
            return was_passed and thread.id not in self._found
        if thread.id not in self._newest_then:
            self._newest_then[thread.id] = self._newest_until(place.begun_at, thread.id)
        return self._newest_then[thread.id] == place.position

    def _newest_until(self, begun_at: Position, thread_id: ThreadId) -> Position | None:
        """Return where a thread that has got mail since the first page stood then."""
        mail = messages_of_thread(
            account_id=self._account_id, thread_id=thread_id, messages=self._messages
        )
        return next(
            (
                position
                for message in mail
                for position in [Position(received_at=message.received_at, message_id=message.id)]
                if position <= begun_at and self._view in message.views()
            ),
            None,
        )


def _stands(message: Message, view: View, position: Position) -> bool:
    """Whether a message stands at a place; a row may be left behind by a crash."""
    return view in message.views() and message.received_at == position.received_at


def shown_threads(
    account_id: AccountId, threads: Sequence[Thread], messages: MessageStore
) -> list[ShownThread | None]:
    """Add to each thread its newest message; None stands for one that has gone since."""
    newest: dict[MessageId, Message] = {}
    for begin in range(0, len(threads), LOOKUP_LIMIT):
        some = [thread.latest.message_id for thread in threads[begin : begin + LOOKUP_LIMIT]]
        newest |= messages.get_many(account_id, some)
    shown: list[ShownThread | None] = []
    for thread in threads:
        mail = (
            [newest[thread.latest.message_id]]
            if thread.latest.message_id in newest
            # It has been removed since the thread was read.
            else messages_of_thread(account_id=account_id, thread_id=thread.id, messages=messages)
        )
        latest = FullMessage(message=mail[0], content=MessageContent()) if mail else None
        shown.append(ShownThread(thread=thread, latest=latest) if latest else None)
    return shown


def with_latest_contents(
    account_id: AccountId, page: ThreadPage[PlaceT_co], contents: ContentStore
) -> ThreadPage[PlaceT_co]:
    """Add bodies; the page ends early when they are more than an answer could hold."""
    shown: list[ShownThread] = []
    size = 0
    while len(shown) < len(page.threads) and size <= PAGE_CONTENT_LIMIT:
        some = page.threads[len(shown) : len(shown) + _CONTENTS_AT_ONCE]
        found = contents.get_many(account_id, [each.latest.message.id for each in some])
        for each in some:
            content = found.get(each.latest.message.id, MessageContent())
            size += len(content.html) + len(content.text)
            shown.append(replace(each, latest=replace(each.latest, content=content)))
    return replace(page.beginning(len(shown)), threads=tuple(shown))
