"""Whether the copy is complete: the provider's counts beside ours, and what became of a difference.

A folder's audit, and that of all mail, is one of these:

              counts agree
    (look) ──────────────────────────────────────────────────────────────► EQUAL
       └─ differ ─► DOUBTED ── second look: agree ───────────────────────► EQUAL
                       └─ differ again: this is drift (or `uncounted` is old: see below)
                            └─► LISTING ─last page─► SWEEPING ─last place─► MENDING
                                                                              │ third look
                                             REPAIRED ◄── agree ──────────────┤
                                             DRIFTING ◄── differ still ───────┘  (again tomorrow)

A first difference may be a change in flight, so nothing is listed for it. LISTING asks the provider
for the ids of the folder, SWEEPING goes through ours; whatever stands on one side alone is fetched
by its id, and that fetch alone decides what is stored or removed. Where every message lies in
exactly one folder there is no list of all mail, and SWEEPING looks for messages that lie in none.

What a provider counts and does not list is no drift, and is remembered as `uncounted`. But a list
may have lacked a message that comes into it later: so a folder is DOUBTED, too, when it was long
ago that its ids were listed, and is listed again though its counts agree.

A night's audit looks at all mail and at a seventh of the folders, those first that have waited
longest, and at those that were found drifting. One that a person asks for looks at every folder.
An audit passes through the phases

    LOOKING ─► DOUBTING ─► COMPARING ─► MENDING ─► DONE

in steps, each of which may die and be done again; it is DONE as soon as no folder is left to a
phase. Before the second and the third look the present is rung, and has to have come.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

from postroom.domain.folder import Folder
from postroom.domain.ids import AccountId
from postroom.domain.message import Position, View
from postroom.domain.sync import MessageRef

NIGHTS_PER_ROUND = 7
"""In how many nights every folder is looked at once."""

SECOND_LOOK_AFTER = timedelta(minutes=2)
"""Longer than any function runs: what was in flight at the first look has arrived by the second."""

UNCOUNTED_FOR = timedelta(days=NIGHTS_PER_ROUND - 1)
"""How long `uncounted` is believed: a day less than a round, for a folder that is looked at once in
each to be listed each time."""

_NIGHT_BEGINS_AT = time(0, tzinfo=UTC)
_NIGHT_SECONDS = 6 * 60 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxTotals:
    """How many messages a provider says there are, read without reading any."""

    messages: int | None
    """In the whole mailbox; None when the provider did not say it now."""
    folders: tuple[Folder, ...]
    """With their counts; one whose `total_count` is None could not be counted now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedIds:
    """Some of the messages that lie in a folder, by their ids alone."""

    refs: tuple[MessageRef, ...]
    next_position: str | None
    """None on the last page."""


class FolderAuditState(StrEnum):
    """How far the audit of a folder is; see the state machine above."""

    EQUAL = "equal"
    DOUBTED = "doubted"
    LISTING = "listing"
    SWEEPING = "sweeping"
    MENDING = "mending"
    REPAIRED = "repaired"
    DRIFTING = "drifting"


class AuditPhase(StrEnum):
    """How far an audit is; see above."""

    LOOKING = "looking"
    DOUBTING = "doubting"
    COMPARING = "comparing"
    MENDING = "mending"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The checkpoint of comparing a folder id by id."""

    generation: str
    """Names the marks of the ids that were listed."""
    position: str = ""
    """The provider's opaque mark of the next page, while LISTING; empty at the beginning."""
    swept: Position | None = None
    """How far SWEEPING is."""
    counted: int
    """The provider's count when the comparison began."""
    listed: int | None = 0
    """How many ids the pages until here had; None where there is no list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderAudit:
    """What is known about one folder, or, under the view ALL_MAIL, about the whole mailbox."""

    view: View
    looked_at: datetime
    """When its counts were last read; both were read at that time."""
    provider_count: int
    stored_count: int
    state: FolderAuditState = FolderAuditState.EQUAL
    drift: int = 0
    """By how many messages the provider was ahead of us, before anything was repaired; below zero
    where we had too many. 0 while a difference is only doubted."""
    repaired: int = 0
    """Messages that were asked for by their ids because of it."""
    uncounted: int = 0
    """How many the provider counts beyond those that it lists: its counts may hold what is no mail.
    Known once its ids have been listed; no drift, and not listed again for it for some days."""
    uncounted_at: datetime | None = None
    """When that was learned; None before."""
    comparison: Comparison | None = None
    """From LISTING to MENDING."""

    @property
    def difference(self) -> int:
        """By how many messages the provider was ahead of us when the counts were last read."""
        return self.provider_count - self.uncounted - self.stored_count

    def must_be_listed(self, now: datetime) -> bool:
        """Whether something is believed uncounted for too long: lists may have lacked a message."""
        known_at = self.uncounted_at
        return self.uncounted != 0 and (known_at is None or now - known_at >= UNCOUNTED_FOR)

    @property
    def is_settled(self) -> bool:
        """Whether nothing was found, or what was found has been repaired."""
        return self.state in {FolderAuditState.EQUAL, FolderAuditState.REPAIRED}

    def looked(self, *, at: datetime, provider_count: int, stored_count: int) -> "FolderAudit":
        """Look for the first or the second time: equal, or doubted."""
        counted = replace(
            self,
            looked_at=at,
            provider_count=provider_count,
            stored_count=stored_count,
            state=FolderAuditState.EQUAL,
            drift=0,
            repaired=0,
            comparison=None,
        )
        if counted.difference != 0 or counted.must_be_listed(at):
            return replace(counted, state=FolderAuditState.DOUBTED)
        return counted

    def confirmed(self, generation: str, *, is_listed: bool) -> "FolderAudit":
        """Begin to compare a doubted folder id by id: its difference, if any, is drift."""
        return replace(
            self,
            state=FolderAuditState.LISTING if is_listed else FolderAuditState.SWEEPING,
            drift=self.difference,
            comparison=Comparison(
                generation=generation,
                counted=self.provider_count,
                listed=0 if is_listed else None,
            ),
        )

    def mended(
        self, *, at: datetime, provider_count: int, stored_count: int, is_all_fetched: bool
    ) -> "FolderAudit":
        """Look for the third time, after what was found has been asked for.

        What the provider counts beyond its list is known now: what the list was short of, or,
        where counts changed while it was read, what is short of the count once nothing that it
        named waits to be fetched (`is_all_fetched`).
        """
        comparison, uncounted, uncounted_at = self.comparison, self.uncounted, self.uncounted_at
        if comparison is not None and comparison.listed is not None:
            if comparison.counted == provider_count:
                uncounted, uncounted_at = comparison.counted - comparison.listed, at
            elif is_all_fetched:
                uncounted, uncounted_at = provider_count - stored_count, at
        counted = replace(
            self,
            looked_at=at,
            provider_count=provider_count,
            stored_count=stored_count,
            uncounted=uncounted,
            uncounted_at=uncounted_at,
            comparison=None,
        )
        is_equal = counted.difference == 0
        state = FolderAuditState.REPAIRED if is_equal else FolderAuditState.DRIFTING
        return replace(counted, state=state)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """An account's audit: the last one, or the one that goes on now."""

    account_id: AccountId
    asked_at: datetime | None = None
    """None before the first."""
    whole_asked_at: datetime | None = None
    """When somebody last asked for an audit of every folder."""
    phase: AuditPhase = AuditPhase.DONE
    began_at: datetime | None = None
    """When the first look was begun."""
    is_whole: bool = False
    """Whether it looks at every folder."""
    look_again_at: datetime | None = None
    """While DOUBTING and MENDING: not before this time."""
    finished_at: datetime | None = None
    """None while it goes on."""
    folders: Mapping[View, FolderAudit] = field(default_factory=dict)
    """By view, ALL_MAIL among them: of this audit, or of the last that looked at the folder."""

    @property
    def is_running(self) -> bool:
        """Whether it has begun and not ended."""
        return self.phase is not AuditPhase.DONE

    @property
    def is_asked_for(self) -> bool:
        """Whether another one is to begin."""
        return self.asked_at is not None and (
            self.began_at is None or self.asked_at > self.began_at
        )

    @property
    def is_due(self) -> bool:
        """Whether there is anything to do."""
        return self.is_running or self.is_asked_for

    def begun(self, now: datetime) -> "AuditReport":
        """The next audit, begun now; what is known about the folders stays."""
        wish, last = self.whole_asked_at, self.began_at
        return replace(
            self,
            phase=AuditPhase.LOOKING,
            began_at=max(now, self.asked_at or now),
            is_whole=wish is not None and (last is None or wish > last),
            look_again_at=None,
            finished_at=None,
        )

    def seen(self, folder: FolderAudit) -> bool:
        """Whether a folder's counts were read in this audit."""
        return self.began_at is not None and folder.looked_at >= self.began_at


def next_audit_at(account_id: AccountId, after: datetime) -> datetime:
    """Return the account's next moment of the night (UTC): accounts are spread over six hours."""
    digest = hashlib.sha256(account_id.encode()).digest()
    offset = timedelta(seconds=int.from_bytes(digest[:4]) % _NIGHT_SECONDS)
    tonight = datetime.combine(after.astimezone(UTC).date(), _NIGHT_BEGINS_AT) + offset
    return tonight if tonight > after else tonight + timedelta(days=1)
