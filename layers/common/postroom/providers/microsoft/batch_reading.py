"""Many GETs in few requests, so that none that fails takes another one with it.

answered ─► its JSON, or what its refusal means          429 ─► the rest is left for later
403 ─► a rule against this alone, unless not even the inbox is shown
a lost batch ─► its calls one by one; at the third loss the rest is left for later
too large an answer ─► half of its calls at a time
"""

from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from postroom.domain.errors import (
    MailboxUnavailable,
    Misconfigured,
    PostroomError,
    ReauthRequired,
    Retryable,
    Throttled,
    TooLarge,
)
from postroom.providers.microsoft.access import raise_if_closed
from postroom.providers.microsoft.client import LARGEST_BATCH, BatchCall, GraphClient, PartAnswer
from postroom.providers.microsoft.errors import AccessDenied
from postroom.providers.refusals import ServerFailed, Unanswered

_LOSS_LIMIT = 3
"""Lost requests after which reading ends: a batch, and two of its calls. Each may have cost a whole
timeout; what was not tried waits."""


class Postponed(PostroomError):
    """Not asked for, because of what became of others."""

    def __init__(self, because: Retryable) -> None:
        super().__init__(str(because))
        self.because = because


def read_many(
    client: GraphClient, paths: Mapping[str, str], *, places: int = 1
) -> dict[str, dict[str, Any] | PostroomError]:
    """GET all of these addresses; answers by key with the JSON, or with what went wrong.

    Takes up to so many of the mailbox's four `places` (see GraphClient.batch). Raises what concerns
    the mailbox as a whole, and Retryable when not a single answer came.
    """
    found: dict[str, dict[str, Any] | PostroomError] = {}
    waiting = deque(_chunks(list(paths), LARGEST_BATCH))
    losses = 0
    while waiting:
        keys = waiting.popleft()
        try:
            calls = {key: BatchCall(path=paths[key]) for key in keys}
            answers = client.batch(calls, places=places)
        except TooLarge as error:
            if len(keys) == 1:
                found[keys[0]] = error
            else:
                waiting.extendleft(reversed(_chunks(keys, (len(keys) + 1) // 2)))
            continue
        except (ServerFailed, Unanswered) as error:
            losses += 1
            if len(keys) == 1:
                found[keys[0]] = error
            else:
                waiting.extendleft(reversed(_chunks(keys, 1)))
            if losses == _LOSS_LIMIT:
                return found | _postponed(waiting, error)
            continue
        except Retryable as error:
            if not found:
                raise
            return found | _postponed([keys, *waiting], error)
        read = {key: _read(client, answers.get(key)) for key in keys}
        _check_mailbox(client, read)
        found |= read
        throttled = [each for each in read.values() if isinstance(each, Throttled)]
        if throttled:
            longest = max(throttled, key=lambda each: each.retry_after or timedelta())
            return found | _postponed(waiting, longest)
    return found


def _read(client: GraphClient, answer: PartAnswer | None) -> dict[str, Any] | PostroomError:
    if answer is None:
        return ServerFailed("Outlook left a part of a batch unanswered")
    if answer.status != 200:
        return client.error(answer)
    if not isinstance(answer.body, dict):
        return ServerFailed("Outlook's answer is cut off, or no JSON")
    return answer.body


def _check_mailbox(client: GraphClient, read: dict[str, dict[str, Any] | PostroomError]) -> None:
    """Raise what stands in the way of everything; what a rule keeps from us alone is Rejected."""
    for each in read.values():
        if isinstance(each, ReauthRequired | Misconfigured):
            raise each
        if isinstance(each, MailboxUnavailable) and not isinstance(each, AccessDenied):
            raise each
    if all(isinstance(each, AccessDenied) for each in read.values()):
        raise_if_closed(client)
    for key, each in read.items():
        if isinstance(each, AccessDenied):
            read[key] = each.of_this_alone("Outlook does not show this message")


def _postponed(
    keys: deque[list[str]] | list[list[str]], error: Retryable
) -> dict[str, dict[str, Any] | PostroomError]:
    later = Postponed(error)
    return {key: later for some in keys for key in some}


def _chunks(keys: list[str], size: int) -> list[list[str]]:
    return [keys[begin : begin + size] for begin in range(0, len(keys), size)]
