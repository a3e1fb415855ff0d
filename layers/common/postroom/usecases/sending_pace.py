"""Keeping to what a provider lets an account send, before the provider has to refuse.

A mail above a provider's limit is refused, and the account locked for a day. So each is counted
before it leaves, once, however often it is tried; what did not leave is given back. The send's row
remembers what it was counted as: whoever takes that out of the row gives it back. Whoever has no
part left is told when there is
one again: a caller by 429 and Retry-After, a scheduled send by being sent then.

Others send from the same mailbox, too: when its provider says that it has sent enough, all of its
sends are held until the time that the provider names, and nothing else is.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from postroom.domain.account import Account, ProviderName
from postroom.domain.errors import SendingLimitReached
from postroom.domain.message import Message
from postroom.domain.outgoing import OutgoingMessage
from postroom.domain.quota import Purpose, Quota, Reservation
from postroom.domain.sending_limit import CountedSend, SendingLimit, SendingLimits
from postroom.observability import count, logger
from postroom.ports import Clock, QuotaStore

_ATTEMPTS = 5
"""Of noting a send beside others; whoever loses them all sends unnoted."""


_HELD = "held"
"""The limit of one send a day, of which the provider has said when the next may leave."""
_HELD_QUOTA = Quota(limit=1, window=timedelta(days=1), block=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingPace:
    """Counts what accounts send."""

    limits: Mapping[ProviderName, SendingLimits]
    store: QuotaStore
    clock: Clock

    def count(
        self, account: Account, message: OutgoingMessage | Message
    ) -> tuple[CountedSend, ...]:
        """Count a message or a draft that is about to be sent; answers what as.

        Raises SendingLimitReached, and has counted nothing then.
        """
        recipients = len(message.to) + len(message.cc) + len(message.bcc)
        counted: list[CountedSend] = []
        self._check_held(account)
        try:
            for limit in self.limits[account.identity.provider].of(account.identity.email):
                reserved = self._take(account, limit, limit.cost(recipients))
                if reserved is not None:
                    counted.append(CountedSend(limit.name, reserved))
        except SendingLimitReached:
            self.give_back(account, counted)
            raise
        return tuple(counted)

    def give_back(self, account: Account, counted: Sequence[CountedSend]) -> None:
        """Give back what a send was counted as that surely did not leave: only once, each."""
        for each in counted:
            for _ in range(_ATTEMPTS):
                before = self.store.usage(account.id, each.limit)
                after = before.with_returned(each.reservation)
                if self.store.replace(account.id, after, expected=before, limit=each.limit):
                    break

    def _check_held(self, account: Account) -> None:
        now, usage = self.clock.now(), self.store.usage(account.id, _HELD)
        wait = usage.wait(1, _HELD_QUOTA, Purpose.PEOPLE, now=now)
        if wait:
            raise SendingLimitReached(
                "The provider lets this mailbox send no more for now; repeat after Retry-After.",
                retry_after=wait,
            )

    @contextmanager
    def heeded(self, account: Account) -> Iterator[None]:
        """Note when sends may go on, if the provider refuses the block's for being too many."""
        try:
            yield
        except SendingLimitReached as refusal:
            count("SendingLimitsReached")
            if refusal.retry_after:
                self._hold(account, self.clock.now() + refusal.retry_after)
            raise

    def _hold(self, account: Account, until: datetime) -> None:
        for _ in range(_ATTEMPTS):
            before = self.store.usage(account.id, _HELD)
            if before.wait(1, _HELD_QUOTA, Purpose.PEOPLE, now=until):
                return  # another send has heard of a later end
            after = before.exhausted(until, _HELD_QUOTA)
            if self.store.replace(account.id, after, expected=before, limit=_HELD):
                return

    def _take(self, account: Account, limit: SendingLimit, cost: int) -> Reservation | None:
        for _ in range(_ATTEMPTS):
            now, before = self.clock.now(), self.store.usage(account.id, limit.name)
            wait = before.wait(cost, limit.quota, Purpose.PEOPLE, now=now)
            if wait:
                count("SendingLimitsReached")
                raise SendingLimitReached(
                    f"This mailbox may send {limit.quota.limit:,} {limit.counted} in "
                    f"{limit.window_in_words}, and has; repeat after Retry-After.",
                    retry_after=wait,
                )
            after = before.with_reserved(cost, limit.quota, now=now)
            if self.store.replace(account.id, after, expected=before, limit=limit.name):
                return Reservation(now, cost)
        logger.warning("send_not_counted", extra={"account_id": account.id})
        return None
