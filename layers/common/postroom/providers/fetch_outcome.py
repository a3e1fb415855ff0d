"""What becomes of the messages of a fetch, one by one, while it goes on."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from postroom.domain.errors import (
    BudgetSpent,
    PostroomError,
    Rejected,
    Retryable,
    Throttled,
    TooLarge,
)
from postroom.domain.ids import ProviderMessageId
from postroom.domain.message import FullMessage
from postroom.domain.sync import FailedFetch, FetchResult, MessageRef


@dataclass
class FetchOutcome:
    """What has become of the wanted messages so far."""

    messages: list[FullMessage] = field(default_factory=list)
    missing: list[MessageRef] = field(default_factory=list)
    failed: list[FailedFetch] = field(default_factory=list)

    def fail(self, refs: Iterable[MessageRef], error: PostroomError) -> None:
        """Note why messages have not come; what is refused for good is their own fault."""
        wait = error.retry_after if isinstance(error, Retryable) else None
        self.failed += [
            FailedFetch(
                ref=ref,
                reason=type(error).__name__,
                unreadable=isinstance(error, Rejected | TooLarge),
                because=error if isinstance(error, Throttled | BudgetSpent) else None,
                retry_after=wait,
            )
            for ref in refs
        ]

    def fail_unreadable(self, refs: Iterable[MessageRef], error: Exception) -> None:
        """Note messages whose content cannot be read."""
        reason = type(error).__name__
        self.failed += [FailedFetch(ref=ref, reason=reason, unreadable=True) for ref in refs]

    def postpone(self, refs: Iterable[MessageRef], error: Retryable) -> None:
        """Leave messages for later; that these were not tried is not their fault."""
        self.failed += [
            FailedFetch(
                ref=ref,
                reason=type(error).__name__,
                because=error,
                retry_after=error.retry_after,
            )
            for ref in refs
        ]

    def withdraw(self, provider_ids: Collection[ProviderMessageId]) -> list[MessageRef]:
        """Take messages back out of those that came, and refer to them."""
        withdrawn = [each for each in self.messages if each.message.provider_id in provider_ids]
        self.messages = [each for each in self.messages if each not in withdrawn]
        return [MessageRef.to(each.message) for each in withdrawn]

    def take(self, later: "FetchOutcome") -> None:
        """Let what became of some messages in a later fetch count instead."""
        told = {full.message.provider_id for full in later.messages}
        told |= {ref.provider_id for ref in later.missing}
        told |= {failure.ref.provider_id for failure in later.failed}
        self.withdraw(told)
        self.messages += later.messages
        self.missing += later.missing
        self.failed += later.failed

    @property
    def is_empty(self) -> bool:
        """Whether nothing has become of any message yet."""
        return not (self.messages or self.missing or self.failed)

    def result(self) -> FetchResult:
        """Return the outcome as it is now."""
        return FetchResult(
            messages=tuple(self.messages), missing=tuple(self.missing), failed=tuple(self.failed)
        )
