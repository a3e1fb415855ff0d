"""Fetching messages and storing them so that none is ever skipped.

fetched ──► content, then row           missing ──► removed
failed  ──► a pending row, tried again; after three attempts what can be said about it
throttled ► a pending row that counts no attempt, and the account pauses
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from postroom.domain.ids import AccountId, ProviderMessageId, message_id
from postroom.domain.message import FullMessage, Message, MessageEdit
from postroom.domain.sync import FailedFetch, MessageRef, PendingFetch
from postroom.observability import count, logger
from postroom.ports import Clock, ContentStore, Mailbox, MessageStore, PendingFetchStore

ATTEMPT_LIMIT = 3
"""After as many failures a message is stored as far as it can be described."""

_Item = TypeVar("_Item")

_RETRY_DELAY = timedelta(minutes=1)
_LOOKUP_LIMIT = 100
"""Messages looked up in one go; the store's own limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailStores:
    """Where an account's mail is kept."""

    messages: MessageStore
    contents: ContentStore
    pending: PendingFetchStore


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReport:
    """What came of a fetch."""

    stored: int = 0
    """Messages that were not there before."""
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
    attempts: dict[ProviderMessageId, int] | None = None,
) -> StoreReport:
    """Fetch messages and store them; what fails becomes a durable row.

    `attempts` counts the earlier failures of messages that are tried again.
    """
    if not refs:
        return StoreReport()
    result = mailbox.fetch(refs)
    given_up: list[FullMessage] = []
    still_pending: list[PendingFetch] = []
    for failure in result.failed:
        tried = (attempts or {}).get(failure.ref.provider_id, 0) + (not failure.throttled)
        if tried >= ATTEMPT_LIMIT:
            logger.error("message_unreadable", extra={"account_id": account_id, "attempts": tried})
            count("MessagesUnreadable")
            given_up.append(mailbox.stub(failure.ref))
        else:
            still_pending.append(_pending(failure, tried, clock.now()))
    report = _store(account_id, [*result.messages, *given_up], stores)
    for ref in result.missing:
        remove_message(account_id=account_id, ref=ref, version=None, stores=stores)
    stores.pending.put(account_id, still_pending)
    if attempts:
        unsettled = {fetch.ref.provider_id for fetch in still_pending}
        stores.pending.settle(account_id, [known for known in attempts if known not in unsettled])
    throttled = [failure for failure in result.failed if failure.throttled]
    waits = [failure.retry_after or _RETRY_DELAY for failure in throttled]
    return StoreReport(
        stored=report.stored, oldest_at=report.oldest_at, throttled_for=max(waits, default=None)
    )


def apply_edits(
    *, account_id: AccountId, edits: Sequence[MessageEdit], stores: MailStores
) -> list[MessageRef]:
    """Apply changes of folders and flags to stored messages, without fetching them.

    Answers the messages that are not stored yet, so that they can be fetched.
    """
    unknown: list[MessageRef] = []
    for some in _chunks(edits):
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
            elif edit.version > message.version:
                changed.append(message.edited(edit))
        stores.messages.put(changed)
    return unknown


def remove_message(
    *, account_id: AccountId, ref: MessageRef, version: int | None, stores: MailStores
) -> None:
    """Forget a message that its owner deleted for good; no older version brings it back."""
    removed = message_id(account_id, ref.provider_id)
    stores.messages.remove(account_id, removed, version)
    stores.contents.delete(account_id, [removed])
    stores.pending.settle(account_id, [ref.provider_id])


def unknown_refs(
    account_id: AccountId, refs: Sequence[MessageRef], messages: MessageStore
) -> list[MessageRef]:
    """Return those messages that are not stored."""
    unknown: list[MessageRef] = []
    for some in _chunks(refs):
        ids = [message_id(account_id, ref.provider_id) for ref in some]
        stored = messages.get_many(account_id, ids)
        unknown += [ref for ref, known in zip(some, ids, strict=True) if known not in stored]
    return unknown


def retry_pending(
    *, account_id: AccountId, mailbox: Mailbox, stores: MailStores, clock: Clock
) -> StoreReport:
    """Try again what is due of the messages that could not be fetched before."""
    due = stores.pending.due(account_id, now=clock.now(), limit=_LOOKUP_LIMIT)
    return fetch_and_store(
        account_id=account_id,
        refs=[pending.ref for pending in due],
        mailbox=mailbox,
        stores=stores,
        clock=clock,
        attempts={pending.ref.provider_id: pending.attempts for pending in due},
    )


def _store(account_id: AccountId, mail: Sequence[FullMessage], stores: MailStores) -> StoreReport:
    """Content first: a row that readers can find always has its content."""
    stores.contents.put_many(account_id, {full.message.id: full.content for full in mail})
    outcomes = stores.messages.put([full.message for full in mail])
    stored = sum(outcome.is_new for outcome in outcomes)
    count("MessagesStored", stored)
    return StoreReport(
        stored=stored, oldest_at=min((full.message.received_at for full in mail), default=None)
    )


def _pending(failure: FailedFetch, attempts: int, now: datetime) -> PendingFetch:
    delay = failure.retry_after or _RETRY_DELAY * max(attempts, 1)
    return PendingFetch(
        ref=failure.ref, attempts=attempts, reason=failure.reason, retry_at=now + delay
    )


def _chunks(items: Sequence[_Item]) -> Iterable[Sequence[_Item]]:
    for start in range(0, len(items), _LOOKUP_LIMIT):
        yield items[start : start + _LOOKUP_LIMIT]
