"""Searching in the provider's own language: it finds, our store answers.

The provider tells ids, newest first. What the store has is shown from there; what it does not have
yet, as during a first sync, is fetched and stored, as the sync would. The other filters of a list
are applied to what was found, so that a page may need several of the provider's:

    search ──► ids ──known──────────────► the filters ──► the page
       ▲        └──unknown──► fetched ──►──┘   │
       └────────── not full yet ◄──────────────┘   at most a few calls; then a cursor

A message that cannot be fetched now, and waits as the sync's own do, is passed over.

A page of the provider's is asked for again when a part of it was shown, and some providers count
their pages from the newest message: mail that comes or goes meanwhile shifts what stands there. So
a place remembers the last messages that were shown, and the list goes on behind the last of them
that is found again: nothing comes twice, and nothing is passed over that the provider tells.

What cannot be known where pages are counted: mail that goes moves as many messages from the next
page into the one before, where nobody looks any more; and where more has come than a page holds,
the next one has new mail alone, which is then shown there.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from postroom.domain.account import Account
from postroom.domain.audit import ListedIds
from postroom.domain.errors import CursorExpired, InvalidRequest, Rejected
from postroom.domain.ids import AccountId, MessageId, message_id
from postroom.domain.message import Message, MessagePage, SearchPosition
from postroom.domain.sync import MessageRef
from postroom.ports import Clock, Mailbox
from postroom.usecases.list_messages import with_contents
from postroom.usecases.mailboxes import Mailboxes
from postroom.usecases.store_mail import MailStores, fetch_and_store

_CALLS = 5
"""Searches for one page: five hundred results, some of which match. Then there is a cursor."""

_STRIDE = 100
"""Results asked for at once, but for the first call, which asks for as many as are wanted."""

_MOST_RESULTS = 500
"""Of one call; see Mailbox.search."""

_REMEMBERED = 50
"""Messages that a place remembers: as much mail may come between two pages."""

_MARK_LENGTH = 8
"""Characters of an id that tell it from hundreds of others."""

_FETCHES = 50
"""Messages fetched for one page, to answer in time and to leave the quota to others."""


def search_messages(
    *,
    account: Account,
    query: str,
    matches: Callable[[Message], bool],
    limit: int,
    after: SearchPosition | None,
    with_content: bool,
    mailboxes: Mailboxes,
    stores: MailStores,
    clock: Clock,
) -> MessagePage[SearchPosition]:
    """Return one page of what the provider finds and the other filters let through.

    Raises InvalidRequest for a page that the provider has forgotten, Rejected for a query that it
    cannot read, and other ProviderErrors.
    """
    with mailboxes.open(account) as mailbox:
        search = _Search(
            account_id=account.id,
            query=query,
            matches=matches,
            limit=limit,
            mailbox=mailbox,
            stores=stores,
            clock=clock,
        )
        page = search.page(after or SearchPosition())
    return with_contents(account.id, page, stores.contents) if with_content else page


class _Search:
    """One page in the making."""

    def __init__(
        self,
        *,
        account_id: AccountId,
        query: str,
        matches: Callable[[Message], bool],
        limit: int,
        mailbox: Mailbox,
        stores: MailStores,
        clock: Clock,
    ) -> None:
        self._account_id = account_id
        self._query = query
        self._matches = matches
        self._limit = limit
        self._mailbox = mailbox
        self._stores = stores
        self._clock = clock
        self._fetched = 0
        self._found: list[Message] = []
        self._places: list[SearchPosition] = []
        self._shown: list[str] = []

    def page(self, place: SearchPosition) -> MessagePage[SearchPosition]:
        """Search from a place on until the page is full, or has cost enough."""
        following: SearchPosition | None = place
        self._shown = list(place.shown)
        for call in range(_CALLS):
            if following is None or self._is_done():
                break
            following = self._go_on(following, asked=_STRIDE if call else self._limit)
        return MessagePage(
            messages=tuple(self._found),
            places=tuple(self._places),
            next_position=following,
        )

    def _is_done(self) -> bool:
        return len(self._found) == self._limit or self._fetched >= _FETCHES

    def _go_on(self, place: SearchPosition, *, asked: int) -> SearchPosition | None:
        """Take what is wanted of one call's results; answers the place behind it."""
        results = self._results(place, asked)
        place = replace(place, taken=self._start(place, results.refs))
        refs = results.refs[place.taken :]
        while refs and not self._is_done():
            count = min(self._limit - len(self._found), _FETCHES)
            some, refs = refs[:count], refs[count:]
            known = self._messages(some)
            for ref in some:
                place = replace(place, taken=place.taken + 1)
                message = known.get(message_id(self._account_id, ref.provider_id))
                if message is not None and self._matches(message):
                    self._found.append(message)
                    self._shown = [*self._shown, self._mark(ref)][-_REMEMBERED:]
                    place = replace(place, shown=tuple(self._shown))
                    self._places.append(place)
        if refs:
            return place
        if results.next_position is None:
            return None
        return SearchPosition(page=results.next_position, shown=tuple(self._shown))

    def _start(self, place: SearchPosition, refs: Sequence[MessageRef]) -> int:
        """Return where a page goes on: behind the last message of it that was shown."""
        shown = [index for index, ref in enumerate(refs) if self._mark(ref) in self._shown]
        return shown[-1] + 1 if shown else place.taken

    def _mark(self, ref: MessageRef) -> str:
        return message_id(self._account_id, ref.provider_id)[:_MARK_LENGTH]

    def _results(self, place: SearchPosition, asked: int) -> ListedIds:
        """Return the results of a page, at least as many as were asked for behind a place."""
        limit = min(place.taken + asked, _MOST_RESULTS)
        try:
            return self._mailbox.search(self._query, limit=limit, position=place.page)
        except CursorExpired:
            raise InvalidRequest(
                "The provider has forgotten this search. Begin again without one.",
                field="page_token",
            ) from None
        except Rejected as refusal:
            raise Rejected(
                f"search_query_native: {refusal}",
                provider_code=refusal.provider_code,
                provider_message=refusal.provider_message,
            ) from refusal

    def _messages(self, refs: Sequence[MessageRef]) -> dict[MessageId, Message]:
        """Return stored messages, and have those fetched that are not."""
        ids = {message_id(self._account_id, ref.provider_id): ref for ref in refs}
        known = self._stored(list(ids))
        unknown = [ref for each, ref in ids.items() if each not in known]
        if unknown:
            report = fetch_and_store(
                account_id=self._account_id,
                refs=unknown,
                mailbox=self._mailbox,
                stores=self._stores,
                clock=self._clock,
            )
            if report.because is not None:
                # What was fetched so far is stored: whoever repeats the search gets further.
                raise report.because
            self._fetched += len(unknown)
            known |= self._stored([each for each in ids if each not in known])
        return known

    def _stored(self, ids: Sequence[MessageId]) -> dict[MessageId, Message]:
        found: dict[MessageId, Message] = {}
        for begin in range(0, len(ids), _STRIDE):
            some = ids[begin : begin + _STRIDE]
            found |= self._stores.messages.get_many(self._account_id, some)
        return found
