"""What providers' refusals mean for us: the form of the tables, and the errors they name.

Each provider has a table of its own, in its `errors.py`. What stands here is what both have in
common: transport errors finer than the domain's, since a client decides by them what is repeated.

    Retryable ── ServerFailed ── TimedOut, Unanswered, AccessTokenRefused
    ReauthRequired ── InsufficientScope
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from postroom.domain.errors import (
    NotFound,
    PostroomError,
    ProviderError,
    ReauthRequired,
    Retryable,
)


class ServerFailed(Retryable):
    """The provider answered with a failure of its own."""


class TimedOut(ServerFailed):
    """It took too long, the provider said so or we did not wait: less at once may go through."""


class Unanswered(Retryable):
    """The provider gave no answer: the connection or the time came to an end."""


class AccessTokenRefused(Retryable):
    """The access token is not accepted; a fresh one may be, now or a little later.

    Never the end of a consent: of that only the token endpoint tells.
    """


class InsufficientScope(ReauthRequired):
    """The owner has not allowed this kind of call."""


@dataclass(frozen=True, slots=True)
class Row:
    """A refusal: a range of HTTP statuses, and any one of the provider's words for it.

    `words` are in lower case; without any, every word fits. `error` is what it means to us, and
    `sentence` says so to people.
    """

    first_status: int
    last_status: int
    words: frozenset[str]
    error: type[ProviderError] | type[NotFound]
    sentence: str


def row(
    statuses: tuple[int, int],
    words: str,
    error: type[ProviderError] | type[NotFound],
    sentence: str,
) -> Row:
    """Write a row of a table: the words stand in one text, apart by spaces."""
    return Row(*statuses, frozenset(words.lower().split()), error, sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is no success, as a provider's `errors.py` has read it."""

    status: int
    words: Sequence[str]
    """The provider's codes for it, the most telling one first; compared without regard to case."""
    message: str
    """The provider's sentence, for the caller's eyes only."""
    retry_after: timedelta | None = None

    def means(self, table: Sequence[Row]) -> PostroomError:
        """Return the error of the first row that fits; the last row of a table fits everything."""
        words = {word.lower() for word in self.words}
        found = next(
            each
            for each in table
            if each.first_status <= self.status <= each.last_status
            and (not each.words or not each.words.isdisjoint(words))
        )
        if issubclass(found.error, NotFound):
            return found.error(found.sentence)
        code = self.words[0] if self.words else str(self.status)
        if issubclass(found.error, Retryable):
            return found.error(
                found.sentence,
                retry_after=self.retry_after,
                provider_code=code,
                provider_message=self.message,
            )
        return found.error(found.sentence, provider_code=code, provider_message=self.message)
