"""What providers push to us."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from postroom.domain.push import PushRequest, WatchPush

PushT_co = TypeVar("PushT_co", covariant=True)


class PushReader(Protocol[PushT_co]):
    """Tells what a request from outside says, and who does not speak for the provider."""

    def read(self, request: PushRequest) -> Sequence[PushT_co]:
        """Return what is pushed; what is beyond belief is left out.

        Raises Unauthenticated and Forbidden when the request itself ought to prove its sender and
        does not, InvalidRequest for a body that is none of the provider's, and Retryable when the
        proof cannot be checked now.
        """


class WatchPushReader(PushReader[WatchPush], Protocol):
    """A reader of pushes from a provider that first asks whether we want them."""

    def handshake(self, query: str) -> str | None:
        """Return the text to answer such a question with; None when the query is none.

        `query` is the part of the address behind its question mark. Raises InvalidRequest.
        """
