"""Reads sync units, several at once: folders page by page, and what became of the folders.

A mailbox allows four calls at the same time, and two lanes of the sync may be at work on it: the
present makes two at once and the backfill one, which leaves a place to people. https://learn.microsoft.com/en-us/graph/throttling-limits#outlook-service-limits

A place in a unit is Graph's link, which is called as it stands:

    (none) ──first page──► nextLink ──► … ──last page──► deltaLink ──► nextLink or deltaLink ──► …

A page that takes Graph too long, or is too large, is asked for again in a smaller size. The smaller
size is part of the place, as in `25 https://…`, so that whoever goes on there, in whatever process,
knows it. Where a single message is too large, the page is read without its body: the message is
fetched by itself, fails by itself, and is described in the end.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from postroom.domain import ids
from postroom.domain.errors import (
    CursorExpired,
    NotFound,
    ProviderError,
    Rejected,
    Retryable,
    TooLarge,
)
from postroom.domain.ids import AccountId, ProviderMessageId
from postroom.domain.sync import (
    BackfillPage,
    ChangePage,
    Cursor,
    MailPage,
    SyncUnitId,
    UnitPages,
)
from postroom.providers.microsoft import paths
from postroom.providers.microsoft.access import raise_if_closed
from postroom.providers.microsoft.client import GraphClient
from postroom.providers.microsoft.delta import DeltaAnswer, fold, read_delta
from postroom.providers.microsoft.errors import AccessDenied
from postroom.providers.microsoft.fetching import MessageFetcher
from postroom.providers.microsoft.folders import FOLDERS, Folders
from postroom.providers.microsoft.mapping import MESSAGE_PROPERTIES, map_edit, ref_of
from postroom.providers.refusals import ServerFailed, TimedOut

AT_ONCE = 2
"""Units that the present follows at the same time.

Whoever reads no units may take as many places for other calls."""

BACKFILL_AT_ONCE = 1

_UNITS_A_CALL = 2
"""Units asked for in a call, be it one after the other: more than one, lest a folder that always
fails stop all others."""

LARGEST_PAGE = 50
SMALLEST_PAGE = 1
"""Messages in a page, with their bodies."""

_Page = TypeVar("_Page", bound=MailPage)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where reading goes on, and how many messages to ask for there."""

    link: str
    page_size: int = LARGEST_PAGE

    @classmethod
    def of(cls, mark: str) -> "_Place":
        size, _, link = mark.rpartition(" ")
        return cls(link, int(size)) if size else cls(link)

    def __str__(self) -> str:
        return self.link if self.page_size == LARGEST_PAGE else f"{self.page_size} {self.link}"

    def after(self, answer: DeltaAnswer) -> "_Place":
        """The place behind a page that came; pages grow again, and changes begin with full ones."""
        return _Place(
            answer.link, min(2 * self.page_size, LARGEST_PAGE) if answer.more else LARGEST_PAGE
        )

    def with_smaller_pages(self) -> "_Place":
        return _Place(self.link, max(self.page_size // 2, SMALLEST_PAGE))


class UnitReader:
    """Reads the sync units of one mailbox."""

    def __init__(
        self,
        client: GraphClient,
        account_id: AccountId,
        folders: Folders,
        fetcher: MessageFetcher,
    ) -> None:
        self._client = client
        self._account_id = account_id
        self._folders = folders
        self._fetcher = fetcher

    def changes(self, cursors: Mapping[SyncUnitId, Cursor]) -> UnitPages[ChangePage]:
        """Return the next changes of the first units named; see Mailbox.changes."""
        return self._read(cursors, self._changes, at_once=AT_ONCE)

    def backfill(self, positions: Mapping[SyncUnitId, str]) -> UnitPages[BackfillPage]:
        """Return the next messages of the first units named; see Mailbox.backfill."""
        return self._read(positions, self._backfill, at_once=BACKFILL_AT_ONCE)

    def _read(
        self,
        wanted: Mapping[SyncUnitId, str],
        read: Callable[[SyncUnitId, str], _Page],
        *,
        at_once: int,
    ) -> UnitPages[_Page]:
        """Read the first units named; the trouble of one does not concern the others.

        Raises what concerns the mailbox as a whole.
        """
        some = list(islice(wanted.items(), _UNITS_A_CALL))
        with ThreadPoolExecutor(at_once) as pool:
            readings = {unit_id: pool.submit(read, unit_id, mark) for unit_id, mark in some}
        pages: dict[SyncUnitId, _Page] = {}
        expired: set[SyncUnitId] = set()
        gone: set[SyncUnitId] = set()
        failed: dict[SyncUnitId, Retryable] = {}
        denied = False
        for unit_id, reading in readings.items():
            try:
                pages[unit_id] = reading.result()
            except CursorExpired:
                expired.add(unit_id)
            except NotFound:
                gone.add(unit_id)
            except Retryable as problem:
                failed[unit_id] = problem
            except (AccessDenied, Rejected) as refusal:
                failed[unit_id] = _not_now(refusal)
                denied |= isinstance(refusal, AccessDenied)
        if denied and not pages:
            raise_if_closed(self._client)
        return UnitPages(
            pages=pages, expired=frozenset(expired), gone=frozenset(gone), failed=failed
        )

    def _changes(self, unit_id: SyncUnitId, cursor: str) -> ChangePage:
        if unit_id == FOLDERS:
            return self._folder_changes(cursor)
        place = _Place.of(cursor)
        answer = self._answer(unit_id, place)
        if answer is None:
            smaller = Cursor(str(place.with_smaller_pages()))
            return ChangePage(next_cursor=smaller, more=True)
        page = self._page(unit_id, answer)
        return ChangePage(
            fetched=page.fetched,
            edits=page.edits,
            left=page.left,
            next_cursor=Cursor(str(place.after(answer))),
            more=answer.more,
        )

    def _backfill(self, unit_id: SyncUnitId, position: str) -> BackfillPage:
        place = _Place.of(position)
        # What a page cannot pay for, the attachments' lists, would be left to the present.
        self._client.reserve(1 + place.page_size)
        answer = self._answer(unit_id, place)
        if answer is None:
            return BackfillPage(next_position=str(place.with_smaller_pages()))
        page = self._page(unit_id, answer)
        following = str(place.after(answer))
        return BackfillPage(
            fetched=page.fetched,
            edits=page.edits,
            left=page.left,
            next_position=following if answer.more else None,
            cursor=None if answer.more else Cursor(following),
            total_estimate=None if place.link else self._folders.size_of(unit_id),
        )

    def _folder_changes(self, cursor: str) -> ChangePage:
        try:
            return self._folders.changes(cursor)
        except NotFound as error:
            raise ServerFailed("Outlook does not find the folders") from error

    def _answer(self, unit_id: SyncUnitId, place: _Place) -> DeltaAnswer | None:
        """Ask for a page; None when it is to be asked for in a smaller size."""
        try:
            return self._asked(unit_id, place)
        except (TimedOut, TooLarge) as error:
            if place.page_size > SMALLEST_PAGE:
                return None
            if isinstance(error, TimedOut):
                raise
        try:
            return self._asked(unit_id, place, without_long_texts=True).without_bodies()
        except TooLarge as error:
            raise ServerFailed("Outlook's smallest page is larger than we can hold") from error

    def _asked(
        self, unit_id: SyncUnitId, place: _Place, *, without_long_texts: bool = False
    ) -> DeltaAnswer:
        prefer = [f"odata.maxpagesize={place.page_size}"]
        if place.link:
            answer = self._client.follow(
                place.link, prefer=prefer, without_long_texts=without_long_texts
            )
        else:
            path = paths.folder(unit_id, "messages", "delta")
            params = {"$select": MESSAGE_PROPERTIES, "$orderby": "receivedDateTime desc"}
            answer = self._client.get(
                path, params, prefer=prefer, without_long_texts=without_long_texts
            )
        return read_delta(answer)

    def _page(self, unit_id: SyncUnitId, answer: DeltaAnswer) -> MailPage:
        folded = fold(answer.items)
        folder_id = ids.folder_id(self._account_id, unit_id)
        partial = [ref_of(item) for item in folded.partial]
        return MailPage(
            fetched=self._fetcher.fetch(partial, whole=folded.whole),
            edits=tuple(map_edit(item, self._account_id) for item in folded.edits),
            left=tuple((ProviderMessageId(each), folder_id) for each in folded.left),
        )


def _not_now(refusal: ProviderError) -> Retryable:
    """Return the refusal of one unit as what may pass: the unit is part of the mailbox still."""
    return Retryable(
        "Outlook refuses to show one of the folders",
        provider_code=refusal.provider_code,
        provider_message=refusal.provider_message,
    )
