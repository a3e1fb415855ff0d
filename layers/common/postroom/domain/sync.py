"""Keeping the copy equal to the mailbox.

    doorbell ─► dirty mark ─► worker ─► store ─► cursor          readers read the store

Two lanes, each with its own lease, work on an account at the same time:

    PRESENT    changes since the cursor:  changes → fetch → store → *then* the cursor
    BACKFILL   the first sync, newest first, in checkpointed chunks:

        (connected) ─ pin the cursor ─► RUNNING ──chunk──► RUNNING ──last page──► DONE
                                           ▲                  │ read again:        ▲ │
                                           │                  └──► SWEEPING ───────┘ │
                                           └──── the cursor expired, or on request ──┘

A mailbox that is read again also has to lose what was deleted while nobody looked: every message
that is listed is marked with the reading's generation, and SWEEPING asks the provider for those
stored messages that bear no mark.

A lease has a fence, a number that only grows. Whoever writes the sync state must show the fence
of a lease that is still the newest, so a worker that was away too long changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from postroom.domain.ids import AccountId, ProviderMessageId, ProviderThreadId
from postroom.domain.message import FullMessage, MessageEdit, Position

Cursor = NewType("Cursor", str)
"""The provider's opaque "changes since" mark."""

SyncUnitId = NewType("SyncUnitId", str)
"""The part of a mailbox that has a cursor of its own."""

LEASE_LIFETIME = timedelta(seconds=30)
"""Renewed after a third of it; after a crash the account waits no longer than this."""

STEP_LIMIT = timedelta(seconds=50)
"""A worker begins no new page after this. Its function ends at 90 s, a page takes far less."""


class Lane(StrEnum):
    """The two kinds of sync work that go on side by side."""

    PRESENT = "present"
    BACKFILL = "backfill"


class BackfillPhase(StrEnum):
    """How far the first sync is; see the state machine above."""

    RUNNING = "running"
    SWEEPING = "sweeping"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """The checkpoint of the first sync."""

    phase: BackfillPhase
    generation: str = ""
    """Which reading again this is; empty for the first, which skips what is stored already."""
    position: str = ""
    """The provider's opaque mark of the next page, while RUNNING; empty at the beginning."""
    swept: Position | None = None
    """How far SWEEPING is."""
    stored: int = 0
    """How many of the messages that it has passed are stored; a repeated page counts once."""
    total_estimate: int | None = None
    oldest_stored_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncState:
    """All that is known about the sync of an account."""

    account_id: AccountId
    cursors: Mapping[SyncUnitId, Cursor] = field(default_factory=dict)
    dirty: int = 0
    backfill: Backfill | None = None
    """None until the cursors are pinned."""
    paused_until: datetime | None = None
    synced_at: datetime | None = None
    folders_synced_at: datetime | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The exclusive, expiring right to work in one lane of an account."""

    account_id: AccountId
    lane: Lane
    fence: int
    dirty: int
    """The dirty mark when the lease was taken: what its holder is going to have seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRef:
    """A message to fetch, and its thread, since whole threads may be cheaper."""

    provider_id: ProviderMessageId
    provider_thread_id: ProviderThreadId


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePage:
    """Some changes since a cursor, already folded to their net effect.

    No message stands twice in one of the three, and what is `removed` stands in neither other.
    A message of `fetch` stands in `edits` too when its folders or flags changed after it came.
    Whoever has it stored loses no change without fetching it, unless it is stored as a draft or
    becomes one: no edit tells of that. For everyone else the edit is harmless, being no newer than
    what will be fetched.
    """

    fetch: tuple[MessageRef, ...]
    edits: tuple[MessageEdit, ...]
    removed: tuple[tuple[MessageRef, int], ...]
    """Permanently deleted messages with the version of their end."""
    next_cursor: Cursor
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPage:
    """Some messages of a mailbox, newest first. `next_position` is None on the last page."""

    refs: tuple[MessageRef, ...]
    next_position: str | None
    total_estimate: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedFetch:
    """A message that could not be fetched: for now, or because it cannot be read at all."""

    ref: MessageRef
    reason: str
    unreadable: bool = False
    """The message itself is the cause: refused for good, or not to be mapped."""
    throttled: bool = False
    """The provider wants a pause; that is nobody's fault and counts no attempt."""
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchResult:
    """The outcome of a fetch, message by message: partial failure is a value."""

    messages: tuple[FullMessage, ...] = ()
    missing: tuple[MessageRef, ...] = ()
    """Deleted in the meantime."""
    failed: tuple[FailedFetch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingFetch:
    """A message that still has to be fetched: a durable row, so that none is ever skipped."""

    ref: MessageRef
    attempts: int
    reason: str
    retry_at: datetime
