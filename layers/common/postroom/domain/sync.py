"""Keeping the copy equal to the mailbox.

    doorbell ─► dirty mark ─► worker ─► store ─► cursor          readers read the store

A mailbox consists of sync units, parts of it that each have a cursor. One provider has a single
unit, the other one for every folder. Two lanes, each with its own lease, work on an account at the
same time:

    PRESENT    changes since the cursor of each unit:  changes → fetch → store → *then* the cursor
    BACKFILL   the first reading of each unit, newest first, in checkpointed chunks:

        (begun) ─► RUNNING ──page──► RUNNING ──last page──► DONE
                      ▲                 │ read again:        ▲ │
                      │                 └──► SWEEPING ───────┘ │
                      └── the unit's cursor expired, or on request (a new generation) ──┘

Some units have their cursor from the beginning, others only when they have been read to their end:
until then the present has nothing to follow there.

A unit that is read again also has to lose what was deleted while nobody looked: every message that
is listed is marked with the reading's generation, and SWEEPING asks the provider for those stored
messages of the unit that bear no mark. The unit says which generation it needs; a checkpoint of
another generation is void, so that a reading can be begun again at any moment.

A lease has a fence, a number that only grows. A worker that was away too long changes nothing: its
fence is not the newest any more, and a cursor moves only from where its mover began.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Generic, NewType, Self, TypeVar

from postroom.domain.errors import BudgetSpent, NotYet, Retryable, Throttled
from postroom.domain.ids import AccountId, FolderId, ProviderMessageId, ProviderThreadId
from postroom.domain.message import FullMessage, Message, MessageEdit, Position, View

Cursor = NewType("Cursor", str)
"""The provider's opaque "changes since" mark."""

SyncUnitId = NewType("SyncUnitId", str)
"""The part of a mailbox that has a cursor of its own."""

LEASE_LIFETIME = timedelta(seconds=30)
"""Renewed after a third of it; after a crash the account waits no longer than this."""

STEP_LIMIT = timedelta(seconds=50)
"""A worker begins no new page after this. Its function ends at 90 s, a page takes far less."""


FULL_ROUND_INTERVAL = timedelta(minutes=1)
"""How often every unit is followed while pushes name the messages that have changed."""


class Lane(StrEnum):
    """The two kinds of sync work that go on side by side."""

    PRESENT = "present"
    BACKFILL = "backfill"


class BackfillPhase(StrEnum):
    """How far the reading of a unit is; see the state machine above."""

    RUNNING = "running"
    SWEEPING = "sweeping"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """The checkpoint of one unit's reading."""

    phase: BackfillPhase = BackfillPhase.RUNNING
    generation: str = ""
    """Which reading again this is; empty for the first, which skips what is stored already."""
    position: str = ""
    """The provider's opaque mark of the next page, while RUNNING; empty at the beginning."""
    swept: Position | None = None
    """How far SWEEPING is."""
    stored: int = 0
    """How many of the messages that it has passed are stored, or have a row to be fetched later; a
    repeated page counts once."""
    total_estimate: int | None = None
    oldest_stored_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncUnit:
    """A part of a mailbox that has a cursor of its own."""

    id: SyncUnitId
    rank: int = 0
    """Units of a lower rank are read first; the inbox and the sent mail have the lowest."""
    view: View | None = None
    """The stored messages that it answers for; None when it has none to be read."""
    cursor: Cursor | None = None
    """Up to where its changes are stored; None until it has been read to its end."""
    generation: str = ""
    """Which reading it needs."""
    backfill: Backfill | None = None
    """The last checkpoint of a reading, of whatever generation."""

    @property
    def reading(self) -> Backfill:
        """How far the reading is that the unit needs."""
        if self.view is None:
            return Backfill(phase=BackfillPhase.DONE)
        if self.backfill is not None and self.backfill.generation == self.generation:
            return self.backfill
        return Backfill(generation=self.generation)

    @property
    def is_read(self) -> bool:
        """Whether nothing of it is left to be read."""
        return self.reading.phase is BackfillPhase.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The provider's promise to ring when the mailbox changes. It ends, and may be broken."""

    id: str
    """The provider's name for it; empty where a mailbox has one at most."""
    expires_at: datetime
    secret_hash: str = ""
    """SHA-256 (hex) of the secret that its pushes bring along; empty where pushes prove who sends
    them in another way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What is left of following every unit once, when that outlasts a worker's step."""

    dirty: int
    """The dirty mark when it began: what it will have served."""
    units: frozenset[SyncUnitId]
    """Those that have not been followed to their end yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncState:
    """All that is known about the sync of an account."""

    account_id: AccountId
    units: Mapping[SyncUnitId, SyncUnit] = field(default_factory=dict)
    """By rank. Empty until the first worker has come."""
    dirty: int = 0
    served: int = 0
    """The dirty mark that the last finished sync has served: nothing is new while they agree."""
    watch: Watch | None = None
    watch_due_at: datetime | None = None
    """When the watch has to be looked at next; None: at once."""
    watch_problem: str = ""
    """Why the watch could not be started or renewed, a sentence; empty when all is well."""
    audit_due_at: datetime | None = None
    """When it is to be asked whether the copy is complete; None until a night has been chosen."""
    nearly_served: int = 0
    """The same of the last short round: over the units of hinted messages and the first two."""
    round: Round | None = None
    """Where the next worker goes on; None when it begins with the first unit."""
    paused_until: datetime | None = None
    synced_at: datetime | None = None
    folders_synced_at: datetime | None = None
    last_error: str = ""
    last_consequence: str = ""
    """What the last error means (`errors.consequence_of`); empty where nobody said."""

    def is_at_rest(self, now: datetime) -> bool:
        """Whether a worker has nothing to do: every ring was served, and nothing else is due.

        Says so without knowing the units.
        """
        was_synced = self.synced_at is not None and self.folders_synced_at is not None
        is_served = self.dirty == self.served and self.round is None
        return was_synced and (is_served or self._is_nearly(now)) and not self.watch_is_due(now)

    def _is_nearly(self, now: datetime) -> bool:
        """Whether a short round has served every ring, and the next full one can wait."""
        is_served = self.dirty == self.nearly_served and self.round is None
        return is_served and self.was_followed_lately(now)

    def was_followed_lately(self, now: datetime) -> bool:
        """Whether a round over every unit has ended within the last minute."""
        return self.synced_at is not None and now - self.synced_at < FULL_ROUND_INTERVAL

    def watch_is_due(self, now: datetime) -> bool:
        """Whether the watch has to be started, renewed or tried again."""
        return self.watch_due_at is None or self.watch_due_at <= now

    def is_watched(self, now: datetime) -> bool:
        """Whether the account need not be polled often: its provider rings, as far as we know."""
        return self.watch is not None and not self.watch_problem and now < self.watch.expires_at

    @property
    def is_read(self) -> bool:
        """Whether every unit has been read to its end."""
        return bool(self.units) and all(unit.is_read for unit in self.units.values())

    @property
    def stored(self) -> int:
        """How many messages the readings have passed and stored."""
        return sum(unit.reading.stored for unit in self.units.values())

    @property
    def total_estimate(self) -> int | None:
        """How many messages there are in the units of which this is known."""
        known = [unit.reading.total_estimate for unit in self.units.values()]
        counted = [total for total in known if total is not None]
        return sum(counted) if counted else None

    @property
    def oldest_stored_at(self) -> datetime | None:
        """The time of the oldest message that the readings have come to."""
        known = [unit.reading.oldest_stored_at for unit in self.units.values()]
        return min((time for time in known if time is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The exclusive, expiring right to work in one lane of an account."""

    account_id: AccountId
    lane: Lane
    fence: int
    dirty: int
    """The dirty mark when the lease was taken: what its holder is going to have seen."""
    failing_since: datetime | None = None
    """When the first step in a row of this lane failed; None when the last one did not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRef:
    """A message to fetch, and its thread, since whole threads may be cheaper."""

    provider_id: ProviderMessageId
    provider_thread_id: ProviderThreadId

    @classmethod
    def to(cls, message: Message) -> Self:
        """Refer to a message that is stored."""
        return cls(provider_id=message.provider_id, provider_thread_id=message.provider_thread_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedFetch:
    """A message that could not be fetched: for now, or because it cannot be read at all."""

    ref: MessageRef
    reason: str
    unreadable: bool = False
    """The message itself is the cause: refused for good, or not to be mapped."""
    because: Retryable | None = None
    """What is to pass first, where that is not the message's fault: it counts no attempt then."""
    retry_after: timedelta | None = None

    @property
    def throttled(self) -> bool:
        """Whether it was not, or not really, asked for."""
        return self.because is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchResult:
    """The outcome of a fetch, message by message: partial failure is a value."""

    messages: tuple[FullMessage, ...] = ()
    missing: tuple[MessageRef, ...] = ()
    """Deleted in the meantime."""
    failed: tuple[FailedFetch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPage:
    """What a page tells about messages, already folded to its net effect.

    No message stands twice in one part, and what is `removed` or `left` stands in no other.
    A message of `fetch` stands in `edits` too when its folders or flags changed after it came.
    Whoever has it stored loses no change without fetching it, unless it is stored as a draft or
    becomes one: no edit tells of that. For everyone else the edit is harmless, being no newer than
    what will be fetched.
    """

    fetched: FetchResult = FetchResult()
    """What came with the page, content and all."""
    fetch: tuple[MessageRef, ...] = ()
    """What has to be fetched by whoever has not stored it."""
    edits: tuple[MessageEdit, ...] = ()
    removed: tuple[tuple[MessageRef, int], ...] = ()
    """Permanently deleted messages with the version of their end."""
    left: tuple[tuple[ProviderMessageId, FolderId], ...] = ()
    """Messages that are not in a folder any more: moved elsewhere, or deleted."""

    @property
    def is_empty(self) -> bool:
        """Whether it tells of no message."""
        parts = (self.fetch, self.edits, self.removed, self.left)
        return self.fetched == FetchResult() and not any(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePage(MailPage):
    """Some changes of a unit since a cursor."""

    next_cursor: Cursor
    more: bool
    folders_changed: bool = False
    """Folders came, went or were renamed: units may have begun or ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPage(MailPage):
    """Some messages of a unit, newest first. `next_position` is None on the last page."""

    next_position: str | None
    cursor: Cursor | None = None
    """With the last page: where the unit's changes begin, unless it had a cursor before."""
    total_estimate: int | None = None


_Page = TypeVar("_Page", bound=MailPage)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPages(Generic[_Page]):
    """The next page of some of the units that were asked for: partial failure is a value.

    Tells of one unit at least. Units that are not named are to be asked for again.
    """

    pages: Mapping[SyncUnitId, _Page] = field(default_factory=dict)
    expired: frozenset[SyncUnitId] = frozenset()
    """Units whose cursor or position the provider no longer knows."""
    gone: frozenset[SyncUnitId] = frozenset()
    """Units that are not part of the mailbox any more."""
    failed: Mapping[SyncUnitId, Retryable] = field(default_factory=dict)
    """Units that have no page now, and why. Of the other units it says nothing, unless the provider
    wants to be left alone (`retry_after`)."""

    @property
    def pause(self) -> Retryable | None:
        """Why nothing is to be asked for now, the provider's own wish first; None when no reason.

        It is what others learn of: our own share, or a wait for ourselves, pauses nobody.
        """
        asking = [
            each
            for each in self.failed.values()
            if isinstance(each, Throttled) or each.retry_after is not None
        ]
        return max(
            asking,
            key=lambda each: (
                not isinstance(each, BudgetSpent | NotYet),
                each.retry_after or timedelta(),
            ),
            default=None,
        )

    @property
    def problem(self) -> Retryable | None:
        """The failure of the longest wait, the first of equals; None when nothing failed."""
        return max(
            self.failed.values(), key=lambda each: each.retry_after or timedelta(), default=None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingFetch:
    """A message that still has to be fetched: a durable row, so that none is ever skipped."""

    ref: MessageRef
    attempts: int
    reason: str
    retry_at: datetime
    mark: str = field(default="", compare=False)
    """Given by the store: another one each time that the row is written."""
