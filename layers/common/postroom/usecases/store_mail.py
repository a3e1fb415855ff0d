"""Fetching messages and storing them so that none is ever skipped.

fetched ────► content, then row            missing ──► removed
failed ─────► a pending row, tried again: after a minute, then ever later, up to a day
unreadable ─► likewise; after three attempts it is stored as far as it can be described
throttled ──► a pending row that counts no attempt, and the work pauses
left ───────► a pending row, at once: it may lie in another folder now, or be gone
ended ──────► a pending row, at once: it was seen before its end was noted, or it came back as it
              was, with the folder it lies in
overtaken ──► a pending row, at once: somebody stored what was seen later, as a change of a reader
              is, but of no newer version. Or it is a draft, whose content may have been written
              over a newer one

Anybody leaves pending rows; only the present tries them again. What it finds was there when it
asked, so an end that was noted before is none; one that was noted since stands, and is asked for
once more.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from postroom.domain.errors import BudgetSpent, NotFound, NotYet, Retryable
from postroom.domain.ids import (
    AccountId,
    FolderId,
    MessageId,
    ProviderMessageId,
    ProviderThreadId,
    message_id,
)
from postroom.domain.message import ALL_MAIL, FullMessage, Message, MessageEdit, Position
from postroom.domain.sync import FetchResult, MailPage, MessageRef, PendingFetch
from postroom.observability import count, logger
from postroom.ports import (
    LOOKUP_LIMIT,
    Clock,
    ContentStore,
    FolderStore,
    ListedMarks,
    Mailbox,
    MessageStore,
    PendingFetchStore,
    PutOutcome,
)
from postroom.usecases import fetch_later
from postroom.usecases.fetch_later import FIRST_RETRY_DELAY

ATTEMPT_LIMIT = 3
"""After as many failures an unreadable message is stored as far as it can be described."""

_Item = TypeVar("_Item")

_SLICE = 50
"""Messages fetched between two signs of life: some seconds of calls, and 2,000 units at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailStores:
    """Where an account's mail is kept."""

    messages: MessageStore
    contents: ContentStore
    folders: FolderStore
    pending: PendingFetchStore
    listed: ListedMarks


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReport:
    """What came of a fetch."""

    stored: int = 0
    oldest_at: datetime | None = None
    pending: int = 0
    """How many messages were left for later."""
    doubted: int = 0
    """How many stored messages have to be asked for."""
    because: Retryable | None = None
    """What is to pass before more is asked for; None when nothing is in the way."""

    @property
    def throttled_for(self) -> timedelta | None:
        """How long that takes."""
        return None if self.because is None else self.because.retry_after or FIRST_RETRY_DELAY

    def __add__(self, later: "StoreReport") -> "StoreReport":
        """Sum up two fetches."""
        times = [time for time in (self.oldest_at, later.oldest_at) if time]
        return StoreReport(
            stored=self.stored + later.stored,
            oldest_at=min(times, default=None),
            pending=self.pending + later.pending,
            doubted=self.doubted + later.doubted,
            because=_foremost(self.because, later.because),
        )


def fetch_and_store(
    *,
    account_id: AccountId,
    refs: Sequence[MessageRef],
    mailbox: Mailbox,
    stores: MailStores,
    clock: Clock,
    again: Mapping[ProviderMessageId, PendingFetch] | None = None,
    still_here: Callable[[], None] = lambda: None,
) -> StoreReport:
    """Fetch messages and store them; what fails becomes a durable row.

    Once the provider wants a pause, what is left becomes rows as well, and it is called no more.
    `again` are the rows of messages that are tried again. `still_here` is called every few
    seconds, so that a lease can be renewed; what it raises ends the work.
    """
    rows = again or {}
    report = StoreReport()
    ordered = _by_thread(refs)
    for begin in range(0, len(ordered), _SLICE):
        some = ordered[begin : begin + _SLICE]
        seen_at = clock.now()
        result = mailbox.fetch(some)
        still_here()  # whoever was away for longer than the lease stores nothing
        report += _store_result(account_id, result, seen_at, mailbox, stores, clock, rows)
        if report.throttled_for is not None:
            rest = ordered[begin + _SLICE :]
            report += _postpone(account_id, rest, report.throttled_for, rows, stores, clock)
            break
        still_here()
    return report


def fetch_hinted(
    *,
    account_id: AccountId,
    provider_ids: Sequence[ProviderMessageId],
    mailbox: Mailbox,
    stores: MailStores,
    clock: Clock,
    still_here: Callable[[], None],
) -> StoreReport:
    """Store messages of which no more is known than that they are new or changed.

    Each has a row first and is asked for once more by the next `retry_pending`, when all changes
    have been followed: one that was deleted in between might be told by none of them. For the same
    reason nothing is removed here.
    """
    hinted = [
        PendingFetch(
            ref=MessageRef(provider_id=each, provider_thread_id=ProviderThreadId(each)),
            attempts=0,
            reason="a push named it",
            retry_at=clock.now(),
        )
        for each in provider_ids
    ]
    stores.pending.put(account_id, hinted)
    seen_at = clock.now()
    result = mailbox.fetch([each.ref for each in hinted])
    still_here()
    found = FetchResult(
        messages=result.messages, failed=tuple(f for f in result.failed if f.throttled)
    )
    return _store_result(account_id, found, seen_at, mailbox, stores, clock, {})


def store_page(
    *,
    account_id: AccountId,
    page: MailPage,
    seen_at: datetime,
    wanted: Sequence[MessageRef],
    mailbox: Mailbox,
    stores: MailStores,
    clock: Clock,
    still_here: Callable[[], None],
) -> StoreReport:
    """Store all that a page tells, which was asked for at `seen_at`.

    `wanted` are those of its messages that have to be fetched. What was removed goes last: a draft
    that another client saves may be removed and come as another message, and is there all the time.
    """
    report = _store_result(account_id, page.fetched, seen_at, mailbox, stores, clock, {})
    report += _doubt(account_id, page.left, stores, clock)
    unknown = apply_edits(account_id=account_id, edits=page.edits, seen_at=seen_at, stores=stores)
    missing = list(dict.fromkeys([*wanted, *unknown]))
    if report.throttled_for is not None:
        report += _postpone(account_id, missing, report.throttled_for, {}, stores, clock)
    else:
        report += fetch_and_store(
            account_id=account_id,
            refs=missing,
            mailbox=mailbox,
            stores=stores,
            clock=clock,
            still_here=still_here,
        )
    wait = report.throttled_for or FIRST_RETRY_DELAY
    kept_until = clock.now() + wait if report.pending else None
    _remove(account_id, page.removed, stores, drafts_kept_until=kept_until)
    return report


def _remove(
    account_id: AccountId,
    removed: Sequence[tuple[MessageRef, int]],
    stores: MailStores,
    *,
    drafts_kept_until: datetime | None,
) -> None:
    """Remove messages, drafts not before what may take their place is fetched."""
    for some in _chunks(removed, LOOKUP_LIMIT):
        ids = [message_id(account_id, ref.provider_id) for ref, _ in some]
        kept: list[Message] = []
        if drafts_kept_until is not None:
            stored = stores.messages.get_many(account_id, ids)
            kept = [message for message in stored.values() if message.is_draft]
            reason = "removed before its successor came"
            stores.pending.put(account_id, fetch_later.asked_for(kept, reason, drafts_kept_until))
        others = set(ids) - {message.id for message in kept}
        for known, (ref, version) in zip(ids, some, strict=True):
            if known in others:
                remove_message(account_id=account_id, ref=ref, version=version, stores=stores)


def apply_edits(
    *, account_id: AccountId, edits: Sequence[MessageEdit], seen_at: datetime, stores: MailStores
) -> list[MessageRef]:
    """Apply changes of folders and flags to stored messages, without fetching them.

    Answers those that have to be fetched: what is not stored yet, drafts, and what somebody else
    has changed meanwhile, before or after.
    """
    unknown: list[MessageRef] = []
    for some in _chunks(edits, LOOKUP_LIMIT):
        stored = stores.messages.get_many(account_id, [edit.message_id for edit in some])
        changed: list[Message] = []
        for edit in some:
            message = stored.get(edit.message_id)
            if message is None:
                unknown.append(
                    MessageRef(
                        provider_id=edit.provider_id, provider_thread_id=edit.provider_thread_id
                    )
                )
            elif edit.version >= message.version:  # equal: the same page again, after a crash
                changed.append(message.edited(edit))
                if message.is_draft:  # in the trash it is none, and no edit tells of that
                    unknown.append(MessageRef.to(message))
        outcomes = _put(account_id, changed, seen_at, stores)
        lost = [each for each, put in zip(changed, outcomes, strict=True) if not put.won]
        unknown += [MessageRef.to(each) for each in _overtaken(account_id, lost, stores)]
    return unknown


def remove_message(
    *, account_id: AccountId, ref: MessageRef, version: int | None, stores: MailStores
) -> None:
    """Forget a message that its owner deleted for good; no older version brings it back.

    An end that is older than what is stored is no end: the message then keeps its content, too.
    """
    removed = message_id(account_id, ref.provider_id)
    stores.messages.remove(account_id, removed, version)
    if stores.messages.get_many(account_id, [removed]):
        return
    stores.contents.delete(account_id, [removed])


def fetch_again(*, account_id: AccountId, stores: MailStores, clock: Clock) -> None:
    """Have everything that is stored fetched again, by the next `retry_pending`."""
    after: Position | None = None
    while places := stores.messages.positions(
        account_id, ALL_MAIL, limit=LOOKUP_LIMIT, after=after
    ):
        after = places[-1]
        stored = stores.messages.get_many(account_id, [place.message_id for place in places])
        ask_for(
            account_id=account_id,
            messages=stored.values(),
            reason="stored before the first sync",
            stores=stores,
            clock=clock,
        )


def unknown_refs(
    account_id: AccountId, refs: Sequence[MessageRef], messages: MessageStore
) -> list[MessageRef]:
    """Return those messages that have to be fetched: all but those that are stored.

    Those are put again: their put may have died between its writes. A stored draft counts as
    unknown: it may have been sent, and no edit tells of that.
    """
    unknown: list[MessageRef] = []
    for some in _chunks(refs, LOOKUP_LIMIT):
        ids = [message_id(account_id, ref.provider_id) for ref in some]
        stored = messages.put_again(account_id, ids)
        settled = {known for known, message in stored.items() if not message.is_draft}
        unknown += [ref for ref, known in zip(some, ids, strict=True) if known not in settled]
    return unknown


def ask_for(
    *,
    account_id: AccountId,
    messages: Iterable[Message],
    reason: str,
    stores: MailStores,
    clock: Clock,
) -> None:
    """Have stored messages fetched again by the next `retry_pending`."""
    stores.pending.put(account_id, fetch_later.asked_for(messages, reason, clock.now()))


def retry_pending(
    *,
    account_id: AccountId,
    mailbox: Mailbox,
    stores: MailStores,
    clock: Clock,
    still_here: Callable[[], None],
) -> StoreReport | None:
    """Try again what is due of the messages left for later; None when nothing is.

    For the holder of the present's lease alone.
    """
    due = stores.pending.due(account_id, now=clock.now(), limit=LOOKUP_LIMIT)
    if not due:
        return None
    return fetch_and_store(
        account_id=account_id,
        refs=[pending.ref for pending in due],
        mailbox=mailbox,
        stores=stores,
        clock=clock,
        again={pending.ref.provider_id: pending for pending in due},
        still_here=still_here,
    )


def _store_result(
    account_id: AccountId,
    result: FetchResult,
    seen_at: datetime,
    mailbox: Mailbox,
    stores: MailStores,
    clock: Clock,
    again: Mapping[ProviderMessageId, PendingFetch],
) -> StoreReport:
    """Store what was fetched; what failed, or was seen too early, becomes a durable row.

    What is tried `again` and found revives what had ended before. Its row is settled only as it
    was read: another doubt may have come.
    """
    mail, missing = list(result.messages), list(result.missing)
    attempts = {provider_id: row.attempts for provider_id, row in again.items()}
    still_pending: list[PendingFetch] = []
    for failure in result.failed:
        tried = attempts.get(failure.ref.provider_id, 0) + (not failure.throttled)
        if not (failure.unreadable and tried >= ATTEMPT_LIMIT):
            still_pending.append(fetch_later.after_failure(failure, tried, clock.now()))
            continue
        logger.error("message_unreadable", extra={"account_id": account_id, "attempts": tried})
        count("MessagesUnreadable")
        if unknown_refs(account_id, [failure.ref], stores.messages):
            try:
                mail.append(mailbox.stub(failure.ref))
            except NotFound:
                missing.append(failure.ref)
    ended, overtaken = _store(account_id, mail, seen_at, stores, revive=bool(again))
    for message in ended:
        before = attempts.get(message.provider_id)
        still_pending.append(fetch_later.after_its_end(message, before, clock.now()))
    still_pending += fetch_later.asked_for(overtaken, "seen before a change", clock.now())
    for ref in missing:
        remove_message(account_id=account_id, ref=ref, version=None, stores=stores)
    stores.pending.put(account_id, still_pending)
    answered = {full.message.provider_id for full in mail} | {ref.provider_id for ref in missing}
    answered |= {failure.ref.provider_id for failure in result.failed}
    answered -= {fetch.ref.provider_id for fetch in still_pending}
    stores.pending.settle(account_id, [again[known] for known in again if known in answered])
    return StoreReport(
        stored=len(mail) - len(ended),
        oldest_at=min((full.message.received_at for full in mail), default=None),
        pending=len(still_pending),
        because=_foremost(*(each.because for each in result.failed)),
    )


def _doubt(
    account_id: AccountId,
    left: Sequence[tuple[ProviderMessageId, FolderId]],
    stores: MailStores,
    clock: Clock,
) -> StoreReport:
    """Have those messages asked for that left the folder which they are stored in.

    A move is told twice, by the folder that is left and by the one that is entered, in any order:
    whoever has been seen entering another folder is not asked for.
    """
    asked = 0
    for some in _chunks(left, LOOKUP_LIMIT):
        folder_of = {message_id(account_id, known): folder for known, folder in some}
        stored = stores.messages.get_many(account_id, list(folder_of))
        doubtful = [
            message for message in stored.values() if folder_of[message.id] in message.folders
        ]
        ask_for(
            account_id=account_id,
            messages=doubtful,
            reason="it left its folder",
            stores=stores,
            clock=clock,
        )
        asked += len(doubtful)
    return StoreReport(doubted=asked)


def _postpone(
    account_id: AccountId,
    refs: Sequence[MessageRef],
    wait: timedelta,
    again: Mapping[ProviderMessageId, PendingFetch],
    stores: MailStores,
    clock: Clock,
) -> StoreReport:
    """Leave messages for later that nobody has asked for yet."""
    stores.pending.put(account_id, fetch_later.after_pause(refs, clock.now() + wait, again))
    return StoreReport(pending=len(refs))


def _by_thread(refs: Sequence[MessageRef]) -> list[MessageRef]:
    """Put the messages of a thread side by side: together they may be cheaper to fetch."""
    places: dict[ProviderThreadId, int] = {}
    for ref in refs:
        places.setdefault(ref.provider_thread_id, len(places))
    return sorted(refs, key=lambda ref: places[ref.provider_thread_id])


def _store(
    account_id: AccountId,
    mail: Sequence[FullMessage],
    seen_at: datetime,
    stores: MailStores,
    *,
    revive: bool,
) -> tuple[list[Message], list[Message]]:
    """Store messages; answers those that have ended, by what the store knows, and the overtaken.

    Content first: a row that readers can find always has its content. A message that has ended
    refuses the row; its content goes again. A draft is the only message whose content changes:
    that of one that is here already is written when its row is won, or what its author has just
    written could be read as it was before, and be saved so.
    """
    drafts = [full.message.id for full in mail if full.message.is_draft]
    known: set[MessageId] = set()
    for ids in _chunks(drafts, LOOKUP_LIMIT):
        known |= stores.messages.get_many(account_id, ids).keys()
    contents = {full.message.id: full.content for full in mail}
    first = {each: contents[each] for each in contents.keys() - known}
    stores.contents.put_many(account_id, first)
    outcomes = _put(account_id, [full.message for full in mail], seen_at, stores, revive=revive)
    if known:
        won = {full.message.id for full, put in zip(mail, outcomes, strict=True) if put.won}
        stores.contents.put_many(account_id, {each: contents[each] for each in known & won})
    count("MessagesStored", sum(outcome.is_new for outcome in outcomes))
    lost = [full.message for full, put in zip(mail, outcomes, strict=True) if not put.won]
    ended: list[Message] = []
    for some in _chunks(lost, LOOKUP_LIMIT):
        stored = stores.messages.get_many(account_id, [each.id for each in some])
        ended += [each for each in some if each.id not in stored]
    stores.contents.delete(account_id, [each.id for each in ended])
    return ended, _overtaken(account_id, lost, stores)


def _overtaken(account_id: AccountId, lost: Sequence[Message], stores: MailStores) -> list[Message]:
    """Return those of the messages that lost that do not stand there as the provider has them.

    What was stored instead was seen later, but is a change that was made to an older version. Of a
    draft the content may have been written over a newer one; that of all others never changes.
    """
    found: list[Message] = []
    for some in _chunks(lost, LOOKUP_LIMIT):
        stored = stores.messages.get_many(account_id, [each.id for each in some])
        standing = [each for each in some if each.id in stored]
        found += [
            each for each in standing if each.is_draft or stored[each.id].version < each.version
        ]
    return found


def _put(
    account_id: AccountId,
    messages: Sequence[Message],
    seen_at: datetime,
    stores: MailStores,
    *,
    revive: bool = False,
) -> Sequence[PutOutcome]:
    """Put messages, and see to it that the folders they lie in are looked at.

    Their list may have been read before a folder came, or after it went: mail would stay in a
    folder for ever that nobody knows, since no change tells of it. After the put, so that whoever
    takes mail out of a folder that is gone finds this mail, or the folder again.
    """
    outcomes = stores.messages.put(messages, seen_at=seen_at, revive=revive)
    if messages:
        stores.folders.expect(account_id, {each for m in messages for each in m.folders})
    return outcomes


def _foremost(*problems: Retryable | None) -> Retryable | None:
    """Return the one of some problems that takes longest to pass, the provider's before our own.

    Others learn of the provider's; our own share, or a wait for ourselves, pauses nobody.
    """
    return max(
        (problem for problem in problems if problem is not None),
        key=lambda problem: (
            not isinstance(problem, BudgetSpent | NotYet),
            problem.retry_after or FIRST_RETRY_DELAY,
        ),
        default=None,
    )


def _chunks(items: Sequence[_Item], size: int) -> Iterable[Sequence[_Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
