"""The one sync unit of a Gmail mailbox: its history, and the listing of all that it holds."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from postroom.domain.errors import CursorExpired, NotFound, Rejected, Retryable
from postroom.domain.ids import AccountId
from postroom.domain.message import ALL_MAIL
from postroom.domain.sync import (
    BackfillPage,
    ChangePage,
    Cursor,
    SyncUnit,
    SyncUnitId,
    UnitPages,
)
from postroom.ports import Clock
from postroom.providers.google.client import GmailClient
from postroom.providers.google.costs import cost_of
from postroom.providers.google.endpoints import quoted
from postroom.providers.google.history import fold, message_ref
from postroom.providers.google.types import GmailMessage, HistoryPage
from postroom.providers.refusals import ServerFailed

MAILBOX = SyncUnitId("mailbox")
"""Gmail has one history for the whole mailbox."""

_HISTORY_PAGE_SIZE = 100
"""Each page is a checkpoint: 100 new messages cost 2,000 units and a few seconds. A page of 500
could outlast the lease, and the function, and never be done."""
_EMPTY_HISTORY_PAGES = 20
"""Pages without a record that are passed on the way to one with some. None can be a checkpoint."""
_BACKFILL_PAGE_SIZE = 70
"""Two of these fit into a backfill's part of a minute, 3,000 units: 5 for a list, 20 a message."""
_BACKFILL_PAGE_COST = cost_of("GET", "messages") + _BACKFILL_PAGE_SIZE * cost_of("GET", "messages/")
"""In hand before it begins: what it could not pay for would be left to the present."""
_WITNESSES = 3
"""Messages remembered with a position, so that a lost page token can be replaced by their time."""

_HISTORY_TYPES = ["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"]


class MailboxUnit:
    """Reads a mailbox as one unit. See ports.Mailbox for what the methods mean and raise."""

    def __init__(self, client: GmailClient, account_id: AccountId, clock: Clock) -> None:
        self._client = client
        self._account_id = account_id
        self._clock = clock

    def sync_units(self) -> Sequence[SyncUnit]:
        """Return the one unit with the mailbox's history id, which an empty mailbox has too."""
        return [SyncUnit(id=MAILBOX, view=ALL_MAIL, cursor=Cursor(self._profile()["historyId"]))]

    def changes(self, cursors: Mapping[SyncUnitId, Cursor]) -> UnitPages[ChangePage]:
        """Return the next page of history that has records, or the last one."""
        gone = frozenset(cursors) - {MAILBOX}
        cursor = cursors.get(MAILBOX)
        if cursor is None:
            return UnitPages(gone=gone)
        try:
            return UnitPages(pages={MAILBOX: self._changes(cursor)}, gone=gone)
        except CursorExpired:
            return UnitPages(expired=frozenset({MAILBOX}), gone=gone)
        except Retryable as problem:
            return UnitPages(gone=gone, failed={MAILBOX: problem})

    def backfill(self, positions: Mapping[SyncUnitId, str]) -> UnitPages[BackfillPage]:
        """List messages, also spam and trash. The size of the mailbox comes with the first page."""
        gone = frozenset(positions) - {MAILBOX}
        if MAILBOX not in positions:
            return UnitPages(gone=gone)
        try:
            self._client.reserve(_BACKFILL_PAGE_COST)
            return UnitPages(pages={MAILBOX: self._listed_page(positions[MAILBOX])}, gone=gone)
        except Retryable as problem:
            return UnitPages(gone=gone, failed={MAILBOX: problem})

    # ── Calls ────────────────────────────────────────────────────────────────────────────

    def _profile(self) -> Any:
        answer = self._client.get("profile")
        if not _has_history_id(answer):
            raise ServerFailed("Gmail's answer is no profile")
        return answer

    def _changes(self, cursor: Cursor) -> ChangePage:
        token = ""
        for _ in range(1 + _EMPTY_HISTORY_PAGES):
            page = self._history(cursor, token)
            token = page.get("nextPageToken", "")
            if page.get("history") or not token:
                return fold(page, self._account_id)
        raise Retryable(
            f"Gmail's history has more than {_EMPTY_HISTORY_PAGES} empty pages in a row"
        )

    def _listed_page(self, position: str) -> BackfillPage:
        place: dict[str, Any] = json.loads(position) if position else {}
        token, before = place.get("token", ""), place.get("before", 0)
        try:
            page = self._listed(token, before)
        except (Rejected, NotFound):
            if not token:
                raise
            # How long a page token lives is not documented: go on from the time it stood at.
            before = self._time_of(place["witnesses"])
            page = self._listed("", before)
        refs = tuple(message_ref(each) for each in listed_messages(page))
        next_token = page.get("nextPageToken", "")
        witnesses = [ref.provider_id for ref in refs[-_WITNESSES:]] or place.get("witnesses", [])
        following = {"token": next_token, "before": before, "witnesses": witnesses}
        total = None if position else self._profile().get("messagesTotal")
        return BackfillPage(
            fetch=refs,
            next_position=json.dumps(following) if next_token else None,
            total_estimate=total,
        )

    def _history(self, cursor: Cursor, token: str) -> HistoryPage:
        params: dict[str, str | int | list[str]] = {
            "startHistoryId": cursor,
            "historyTypes": _HISTORY_TYPES,
            "maxResults": _HISTORY_PAGE_SIZE,
        }
        if token:
            params["pageToken"] = token
        try:
            page: HistoryPage = self._client.get("history", params)
        except NotFound as error:
            raise CursorExpired("Gmail's history no longer reaches back to the cursor") from error
        if not _has_history_id(page):
            raise ServerFailed("Gmail's answer is no page of history")
        return page

    def _listed(self, token: str, before: int) -> Any:
        params: dict[str, str | int | list[str]] = {
            "maxResults": _BACKFILL_PAGE_SIZE,
            "includeSpamTrash": "true",
        }
        if before:
            params["q"] = f"before:{before}"
        if token:
            params["pageToken"] = token
        return self._client.get("messages", params)

    def _time_of(self, witnesses: Sequence[str]) -> int:
        """Return the second after which listing goes on; overlapping is harmless, a gap is not."""
        for provider_id in reversed(witnesses):
            try:
                raw = self._client.get(f"messages/{quoted(provider_id)}", {"format": "minimal"})
            except NotFound:
                continue
            return int(raw["internalDate"]) // 1000 + 1
        return int(self._clock.now().timestamp()) + 86_400


def _has_history_id(answer: Any) -> bool:
    return isinstance(answer, dict) and str(answer.get("historyId", "")).isdigit()


def listed_messages(page: Any) -> Sequence[GmailMessage]:
    """Return the messages of a page. Raises ServerFailed for one that is none.

    An empty mailbox is `{"resultSizeEstimate": 0}`. Whoever takes `{}`, an answer cut down on its
    way, for one is done with a mailbox that was never read.
    """
    fields = page if isinstance(page, dict) else {}
    listed: Any = fields.get("messages", [])
    is_page = isinstance(listed, list) and (listed or "resultSizeEstimate" in fields)
    if not is_page or not all(isinstance(each, dict) and each.get("id") for each in listed):
        raise ServerFailed("Gmail's answer is no list of messages")
    messages: Sequence[GmailMessage] = listed
    return messages
