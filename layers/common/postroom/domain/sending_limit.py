"""How much an account may send, as its provider says."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from postroom.domain.quota import Quota, Reservation


class Counted(StrEnum):
    """What a limit counts; one account's counts of both are kept apart."""

    MESSAGES = "messages"
    RECIPIENTS = "recipients"


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingLimit:
    """At most so much in any such window: a `Quota` of messages or of recipients."""

    counted: Counted
    quota: Quota

    @property
    def name(self) -> str:
        """Tells the counts of one account's limits apart."""
        return f"{self.counted}/{int(self.quota.window.total_seconds())}"

    @property
    def window_in_words(self) -> str:
        """The window, as a sentence to people names it."""
        minutes = int(self.quota.window.total_seconds()) // 60
        if minutes % 1440 == 0:
            return "a day" if minutes == 1440 else f"{minutes // 1440} days"
        return "a minute" if minutes == 1 else f"{minutes} minutes"

    def cost(self, recipients: int) -> int:
        """Return what a message to so many people counts."""
        return recipients if self.counted is Counted.RECIPIENTS else 1


@dataclass(frozen=True, slots=True)
class CountedSend:
    """What one limit has counted a send as: its place, which is free again if it does not leave."""

    limit: str
    """The limit's name."""
    reservation: Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingLimits:
    """A provider's limits, for mailboxes of people and of organisations."""

    personal_domains: frozenset[str]
    personal: Sequence[SendingLimit]
    organisational: Sequence[SendingLimit]

    def of(self, email: str) -> Sequence[SendingLimit]:
        """Return the limits of a mailbox."""
        domain = email.rpartition("@")[2].casefold()
        return self.personal if domain in self.personal_domains else self.organisational
