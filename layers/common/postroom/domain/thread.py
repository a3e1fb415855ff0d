"""A thread: what its messages and drafts say together.

Which messages are one thread is the provider's word, never the subject's. Everything else is
recomputed from the messages whenever one of them changes (`summarise`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from postroom.domain.errors import PostroomError
from postroom.domain.ids import AccountId, DraftId, FolderId, MessageId, ThreadId
from postroom.domain.message import (
    ALL_MAIL,
    STARRED,
    UNREAD,
    Address,
    FullMessage,
    Message,
    MessageEdit,
    Position,
    SearchPosition,
    View,
    draft_view,
    is_within,
    thread_view,
)
from postroom.domain.sender import is_same_address

LARGEST_THREAD = 500
"""Messages of a thread that its description tells of: the newest. Lists of messages have all."""


class PersonRole(StrEnum):
    """Where somebody stands in a message."""

    FROM = "from"
    TO = "to"
    CC = "cc"
    BCC = "bcc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """Somebody in a thread, and where in its messages; named as in the newest that has a name."""

    email: str
    name: str
    roles: frozenset[PersonRole]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """The description of a thread."""

    id: ThreadId
    account_id: AccountId
    subject: str
    """That of its first message."""
    snippet: str
    """That of its newest message or draft."""
    participants: tuple[Participant, ...]
    """Those of the newest message first."""
    folders: tuple[FolderId, ...]
    """Those of all its messages; likewise the categories."""
    categories: tuple[str, ...]
    message_ids: tuple[MessageId, ...]
    """Newest first, without drafts."""
    draft_ids: tuple[DraftId, ...]
    unread: bool
    """Any of them is; likewise the three that follow."""
    starred: bool
    has_attachments: bool
    has_drafts: bool
    earliest_at: datetime
    """The time of its first message; of a draft where there is nothing else."""
    latest_by: Mapping[str, datetime]
    """The time of the newest message of each author, whose address is in lower case."""
    newest_in: Mapping[View, Position]
    """The newest message of each list that one stands in, the thread's own list left out."""

    @property
    def latest(self) -> Position:
        """The newest message or draft."""
        return self.newest_in[ALL_MAIL]

    def latest_sent_at(self, own_addresses: Collection[str]) -> datetime | None:
        """The time of the newest message that the account's owner wrote, as an alias, too."""
        return self._latest(own_addresses, by_owner=True)

    def latest_received_at(self, own_addresses: Collection[str]) -> datetime | None:
        """The time of the newest message that somebody else wrote."""
        return self._latest(own_addresses, by_owner=False)

    def _latest(self, own_addresses: Collection[str], *, by_owner: bool) -> datetime | None:
        times = (
            at
            for author, at in self.latest_by.items()
            if any(is_same_address(author, own) for own in own_addresses) == by_owner
        )
        return max(times, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadFilter:
    """Which threads a list shall hold; what is None or empty does not restrict it.

    Each part is asked of the thread as a whole: one message may be from Ada, another starred.
    """

    folders: tuple[FolderId, ...] = ()
    """A match stands in all of them."""
    unread: bool | None = None
    starred: bool | None = None
    thread_id: ThreadId | None = None
    subject: str = ""
    from_: frozenset[str] = frozenset()
    to: frozenset[str] = frozenset()
    cc: frozenset[str] = frozenset()
    bcc: frozenset[str] = frozenset()
    any_email: frozenset[str] = frozenset()
    """Addresses in lower case, like those of the four before."""
    earliest_from: datetime | None = None
    """The thread began then, or later."""
    latest_before: datetime | None = None
    latest_after: datetime | None = None
    """Times as `is_within` compares them."""
    has_attachment: bool | None = None

    def view(self) -> View:
        """The shortest list of messages that has one of every match."""
        if self.folders:
            return View(self.folders[0])
        if self.unread:
            return UNREAD
        return STARRED if self.starred else ALL_MAIL

    def matches(self, thread: Thread) -> bool:
        """Whether a thread belongs into the list."""
        latest_at = thread.latest.received_at
        return (
            all(folder in thread.folders for folder in self.folders)
            and (self.unread is None or thread.unread == self.unread)
            and (self.starred is None or thread.starred == self.starred)
            and (self.thread_id is None or thread.id == self.thread_id)
            and (self.earliest_from is None or thread.earliest_at >= self.earliest_from)
            and is_within(latest_at, self.latest_after, self.latest_before)
            and (self.has_attachment is None or thread.has_attachments == self.has_attachment)
            and self.subject.casefold() in thread.subject.casefold()
            and _names(self.from_, thread, PersonRole.FROM)
            and _names(self.to, thread, PersonRole.TO)
            and _names(self.cc, thread, PersonRole.CC)
            and _names(self.bcc, thread, PersonRole.BCC)
            and _names(self.any_email, thread, *PersonRole)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadPlace:
    """Where a list of threads goes on, and how far back it began.

    What arrives after its beginning moves no thread out of the pages that are still to come.
    """

    position: Position
    begun_at: Position
    """The newest message when the first page was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadSearchPlace:
    """Where a search for threads goes on, and which threads it has shown already."""

    position: SearchPosition
    seen: tuple[str, ...] = ()
    """The beginnings of their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownThread:
    """A thread with its newest message or draft."""

    thread: Thread
    latest: FullMessage


PlaceT_co = TypeVar("PlaceT_co", bound=ThreadPlace | ThreadSearchPlace, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadPage(Generic[PlaceT_co]):
    """One page of a list. `next_place` is None on the last page."""

    threads: tuple[ShownThread, ...]
    places: tuple[PlaceT_co, ...] = ()
    """Where the list goes on after each of them."""
    next_place: PlaceT_co | None = None

    def beginning(self, count: int) -> "ThreadPage[PlaceT_co]":
        """The first threads of the page, as a page: the next one begins behind them."""
        if count >= len(self.threads):
            return self
        return replace(
            self,
            threads=self.threads[:count],
            places=self.places[:count],
            next_place=self.places[count - 1],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyEdits:
    """What came of changing several messages at once."""

    edits: Sequence[tuple[Message, MessageEdit]] = ()
    missing: Sequence[Message] = ()
    """The provider does not have them any more."""
    failed: Mapping[MessageId, PostroomError] = field(default_factory=dict)
    """What stood in the way. A part of the change may have been made, and is then an edit too."""


def summarise(messages: Sequence[Message]) -> Thread | None:
    """Return the description of a thread, from its messages and drafts; None of none."""
    if not messages:
        return None
    newest_first = sorted(messages, key=_place, reverse=True)
    written = [message for message in newest_first if not message.is_draft]
    newest, first = newest_first[0], (written or newest_first)[-1]
    latest_by: dict[str, datetime] = {}
    newest_in: dict[View, Position] = {}
    for message in newest_first:
        for view in _lists(message):
            newest_in.setdefault(view, _position(message))
    for message in written:
        # One without an author was sent by somebody, too.
        for email in {person.email.casefold() for person in message.from_} or {""}:
            latest_by.setdefault(email, message.received_at)
    folders = dict.fromkeys(folder for message in newest_first for folder in message.folders)
    categories = dict.fromkeys(name for message in newest_first for name in message.categories)
    drafts = dict.fromkeys(message.draft_id for message in newest_first)
    return Thread(
        id=newest.thread_id,
        account_id=newest.account_id,
        subject=first.subject,
        snippet=newest.snippet,
        participants=_participants(newest_first),
        folders=tuple(folders),
        categories=tuple(categories),
        message_ids=tuple(message.id for message in written),
        draft_ids=tuple(draft for draft in drafts if draft is not None),
        unread=any(message.unread for message in messages),
        starred=any(message.starred for message in messages),
        has_attachments=any(message.has_attachments for message in messages),
        has_drafts=len(written) < len(messages),
        earliest_at=first.received_at,
        latest_by=latest_by,
        newest_in=newest_in,
    )


def _participants(newest_first: Sequence[Message]) -> tuple[Participant, ...]:
    found: dict[str, Participant] = {}
    for message in newest_first:
        for role, person in _people(message):
            known = found.get(person.email.casefold())
            if known is None:
                known = Participant(email=person.email, name=person.name, roles=frozenset({role}))
            elif role not in known.roles or not known.name:
                known = Participant(
                    email=known.email,
                    name=known.name or person.name,
                    roles=known.roles | {role},
                )
            found[person.email.casefold()] = known
    return tuple(found.values())


def _people(message: Message) -> Sequence[tuple[PersonRole, Address]]:
    lists = (message.from_, message.to, message.cc, message.bcc)
    return [
        (role, person) for role, people in zip(PersonRole, lists, strict=True) for person in people
    ]


def _lists(message: Message) -> frozenset[View]:
    own = {thread_view(message.thread_id)}
    if message.draft_id is not None:
        own.add(draft_view(message.draft_id))
    return message.views() - own


def _position(message: Message) -> Position:
    return Position(received_at=message.received_at, message_id=message.id)


def _place(message: Message) -> tuple[datetime, MessageId]:
    return message.received_at, message.id


def _names(wanted: frozenset[str], thread: Thread, *roles: PersonRole) -> bool:
    return not wanted or any(
        person.email.casefold() in wanted and not person.roles.isdisjoint(roles)
        for person in thread.participants
    )
