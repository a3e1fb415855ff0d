"""What is fetched later: how it is described, and when it is due.

A failure is tried again after a minute, then ever later, up to a day; a doubt is looked into at
once; what the provider's pause left over waits for its end.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from postroom.domain.ids import ProviderMessageId
from postroom.domain.message import Message
from postroom.domain.sync import FailedFetch, MessageRef, PendingFetch

FIRST_RETRY_DELAY = timedelta(minutes=1)
_LAST_RETRY_DELAY = timedelta(days=1)
_MOST_DOUBLINGS = 12
"""After as many the last delay has long been reached."""


def asked_for(messages: Iterable[Message], reason: str, retry_at: datetime) -> list[PendingFetch]:
    """Have stored messages fetched again."""
    return [
        PendingFetch(ref=MessageRef.to(message), attempts=0, reason=reason, retry_at=retry_at)
        for message in messages
    ]


def after_failure(failure: FailedFetch, attempts: int, now: datetime) -> PendingFetch:
    """Have a message fetched again whose fetch has failed as often as that."""
    doublings = min(max(attempts - 1, 0), _MOST_DOUBLINGS)
    backoff = min(FIRST_RETRY_DELAY * 2**doublings, _LAST_RETRY_DELAY)
    return PendingFetch(
        ref=failure.ref,
        attempts=attempts,
        reason=failure.reason,
        retry_at=now + (failure.retry_after or backoff),
    )


def after_its_end(message: Message, attempts: int | None, now: datetime) -> PendingFetch:
    """Have a message fetched again that was seen before its end was noted.

    At once where it was not in doubt before (`attempts` is None), later where it stays doubtful.
    """
    reason = "seen before its end"
    if attempts is None:
        (fetch,) = asked_for([message], reason, now)
        return fetch
    failure = FailedFetch(ref=MessageRef.to(message), reason=reason)
    return after_failure(failure, attempts + 1, now)


def after_pause(
    refs: Sequence[MessageRef],
    retry_at: datetime,
    again: Mapping[ProviderMessageId, PendingFetch],
) -> list[PendingFetch]:
    """Have messages fetched that nobody has asked for yet, or not `again`."""
    return [
        PendingFetch(
            ref=ref,
            attempts=again[ref.provider_id].attempts if ref.provider_id in again else 0,
            reason="not asked for yet",
            retry_at=retry_at,
        )
        for ref in refs
    ]
