"""Fetching messages and storing them so that none is ever skipped.

fetched ────► content, then row            missing ──► removed
failed ─────► a pending row, tried again: after a minute, then ever later, up to a day
unreadable ─► likewise; after three attempts it is stored as far as it can be described
throttled ──► a pending row that counts no attempt, and the account pauses
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from postroom.domain.errors import NotFound
from postroom.domain.ids import (
    AccountId,
    FolderId,
    ProviderMessageId,
    ProviderThreadId,
    message_id,
)
from postroom.domain.message import ALL_MAIL, FullMessage, Message, MessageEdit, Position, View
from postroom.domain.sync import FailedFetch, MessageRef, PendingFetch
from postroom.observability import count, logger
from postroom.ports import (
    Clock,
    ContentStore,
    ListedMarks,
    Mailbox,
    MessageStore,
    PendingFetchStore,
)

ATTEMPT_LIMIT = 3
"""After as many failures an unreadable message is stored as far as it can be described."""

_Item = TypeVar("_Item")

_FIRST_RETRY_DELAY = timedelta(minutes=1)
_LAST_RETRY_DELAY = timedelta(days=1)

_SLICE = 50
"""Messages fetched between two signs of life: some seconds of calls, and 2,000 units at most."""

_LOOKUP_LIMIT = 100
"""Messages looked up in one go; the store's own limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailStores:
    """Where an account's mail is kept."""

    messages: MessageStore
    contents: ContentStore
    pending: PendingFetchStore
    listed: ListedMarks


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReport:
    """What came of a fetch."""

    stored: int = 0
    oldest_at: datetime | None = None
    throttled_for: timedelta | None = None
    """The provider asked to wait this long; None when it did not."""


def fetch_and_store(
    *,
    account_id: AccountId,
    refs: Sequence[MessageRef],
    mailbox: Mailbox,
    stores: MailStores,
    clock: Clock,
    attempts: Mapping[ProviderMessageId, int] | None = None,
    still_here: Callable[[], None] = lambda: None,
) -> StoreReport:
    """Fetch messages and store them; what fails becomes a durable row.

    Once the provider wants a pause, what is left becomes rows as well, and it is called no more.
    `attempts` counts the earlier failures of messages that are tried again. `still_here` is called
    every few seconds, so that a lease can be renewed; what it raises ends the work.
    """
    stored, times, waits = 0, list[datetime](), list[timedelta]()
    ordered = _by_thread(refs)
    for begin in range(0, len(ordered), _SLICE):
        some = ordered[begin : begin + _SLICE]
        result = mailbox.fetch(some)
        mail = list(result.messages)
        missing = list(result.missing)
        still_pending: list[PendingFetch] = []
        for failure in result.failed:
            tried = (attempts or {}).get(failure.ref.provider_id, 0) + (not failure.throttled)
            if not (failure.unreadable and tried >= ATTEMPT_LIMIT):
                still_pending.append(_pending(failure, tried, clock.now()))
                continue
            logger.error("message_unreadable", extra={"account_id": account_id, "attempts": tried})
            count("MessagesUnreadable")
            if unknown_refs(account_id, [failure.ref], stores.messages):
                try:
                    mail.append(mailbox.stub(failure.ref))
                except NotFound:
                    missing.append(failure.ref)
        _store(account_id, mail, stores)
        for ref in missing:
            remove_message(account_id=account_id, ref=ref, version=None, stores=stores)
        stores.pending.put(account_id, still_pending)
        _settle(account_id, some, still_pending, attempts, stores)
        stored += len(mail)
        times += [full.message.received_at for full in mail]
        waits = [
            failure.retry_after or _FIRST_RETRY_DELAY
            for failure in result.failed
            if failure.throttled
        ]
        if waits:
            _postpone(account_id, ordered[begin + _SLICE :], max(waits), attempts, stores, clock)
            break
        still_here()
    return StoreReport(
        stored=stored,
        oldest_at=min(times, default=None),
        throttled_for=max(waits, default=None),
    )


def apply_edits(
    *, account_id: AccountId, edits: Sequence[MessageEdit], stores: MailStores
) -> list[MessageRef]:
    """Apply changes of folders and flags to stored messages, without fetching them.

    Answers the messages that are not stored yet, so that they can be fetched.
    """
    unknown: list[MessageRef] = []
    for some in _chunks(edits, _LOOKUP_LIMIT):
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
        stores.messages.put(changed)
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
    stores.pending.settle(account_id, [ref.provider_id])


def leave_folder(
    *,
    account_id: AccountId,
    folder_id: FolderId,
    stores: MailStores,
    still_here: Callable[[], None],
) -> None:
    """Take all messages out of a folder that was deleted: changes do not name each of them."""
    after: Position | None = None
    while places := stores.messages.positions(
        account_id, View(folder_id), limit=_LOOKUP_LIMIT, after=after
    ):
        after = places[-1]
        stored = stores.messages.get_many(account_id, [place.message_id for place in places])
        stores.messages.put(
            [
                replace(
                    message, folders=tuple(each for each in message.folders if each != folder_id)
                )
                for message in stored.values()
                if folder_id in message.folders
            ]
        )
        still_here()


def fetch_again(*, account_id: AccountId, stores: MailStores, clock: Clock) -> None:
    """Have everything that is stored fetched again, by the next `retry_pending`."""
    after: Position | None = None
    while places := stores.messages.positions(
        account_id, ALL_MAIL, limit=_LOOKUP_LIMIT, after=after
    ):
        after = places[-1]
        stored = stores.messages.get_many(account_id, [place.message_id for place in places])
        stores.pending.put(
            account_id,
            [
                PendingFetch(
                    ref=MessageRef(
                        provider_id=message.provider_id,
                        provider_thread_id=message.provider_thread_id,
                    ),
                    attempts=0,
                    reason="stored before the first sync",
                    retry_at=clock.now(),
                )
                for message in stored.values()
            ],
        )


def unknown_refs(
    account_id: AccountId, refs: Sequence[MessageRef], messages: MessageStore
) -> list[MessageRef]:
    """Return those messages that have to be fetched: all but those that are stored.

    Those that are stored are put again: their put may have died between its writes. A stored draft
    counts as unknown: it may have been sent, and no edit tells of that.
    """
    unknown: list[MessageRef] = []
    for some in _chunks(refs, _LOOKUP_LIMIT):
        ids = [message_id(account_id, ref.provider_id) for ref in some]
        stored = messages.get_many(account_id, ids)
        messages.put(list(stored.values()))
        settled = {known for known, message in stored.items() if not message.is_draft}
        unknown += [ref for ref, known in zip(some, ids, strict=True) if known not in settled]
    return unknown


def retry_pending(
    *,
    account_id: AccountId,
    mailbox: Mailbox,
    stores: MailStores,
    clock: Clock,
    still_here: Callable[[], None],
) -> StoreReport | None:
    """Try again what is due of the messages that could not be fetched; None when nothing is."""
    due = stores.pending.due(account_id, now=clock.now(), limit=_LOOKUP_LIMIT)
    if not due:
        return None
    return fetch_and_store(
        account_id=account_id,
        refs=[pending.ref for pending in due],
        mailbox=mailbox,
        stores=stores,
        clock=clock,
        attempts={pending.ref.provider_id: pending.attempts for pending in due},
        still_here=still_here,
    )


def _postpone(
    account_id: AccountId,
    refs: Sequence[MessageRef],
    wait: timedelta,
    attempts: Mapping[ProviderMessageId, int] | None,
    stores: MailStores,
    clock: Clock,
) -> None:
    """Leave messages for later that nobody has asked for yet."""
    retry_at = clock.now() + wait
    stores.pending.put(
        account_id,
        [
            PendingFetch(
                ref=ref,
                attempts=(attempts or {}).get(ref.provider_id, 0),
                reason="the provider asked for a pause",
                retry_at=retry_at,
            )
            for ref in refs
        ],
    )


def _by_thread(refs: Sequence[MessageRef]) -> list[MessageRef]:
    """Put the messages of a thread side by side: together they may be cheaper to fetch."""
    places: dict[ProviderThreadId, int] = {}
    for ref in refs:
        places.setdefault(ref.provider_thread_id, len(places))
    return sorted(refs, key=lambda ref: places[ref.provider_thread_id])


def _store(account_id: AccountId, mail: Sequence[FullMessage], stores: MailStores) -> None:
    """Content first: a row that readers can find always has its content.

    A message that was removed meanwhile has refused the row; its content goes again.
    """
    stores.contents.put_many(account_id, {full.message.id: full.content for full in mail})
    outcomes = stores.messages.put([full.message for full in mail])
    count("MessagesStored", sum(outcome.is_new for outcome in outcomes))
    lost = [full.message.id for full, put in zip(mail, outcomes, strict=True) if not put.won]
    for some in _chunks(lost, _LOOKUP_LIMIT):
        stored = stores.messages.get_many(account_id, some)
        stores.contents.delete(account_id, [each for each in some if each not in stored])


def _settle(
    account_id: AccountId,
    refs: Sequence[MessageRef],
    still_pending: Sequence[PendingFetch],
    attempts: Mapping[ProviderMessageId, int] | None,
    stores: MailStores,
) -> None:
    unsettled = {fetch.ref.provider_id for fetch in still_pending}
    tried_again = [ref.provider_id for ref in refs if ref.provider_id in (attempts or {})]
    stores.pending.settle(account_id, [known for known in tried_again if known not in unsettled])


def _pending(failure: FailedFetch, attempts: int, now: datetime) -> PendingFetch:
    backoff = min(_FIRST_RETRY_DELAY * 2 ** min(max(attempts - 1, 0), 12), _LAST_RETRY_DELAY)
    return PendingFetch(
        ref=failure.ref,
        attempts=attempts,
        reason=failure.reason,
        retry_at=now + (failure.retry_after or backoff),
    )


def _chunks(items: Sequence[_Item], size: int) -> Iterable[Sequence[_Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
