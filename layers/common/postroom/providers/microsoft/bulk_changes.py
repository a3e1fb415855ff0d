"""Changes of several messages in one request: https://learn.microsoft.com/en-us/graph/json-batching.

A bunch is twenty messages: one batch sets their flags, one moves those that lie elsewhere. What
fails for one message leaves the others alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from postroom.domain.errors import NotFound, PostroomError
from postroom.domain.folder import Folder
from postroom.domain.ids import FolderId, MessageId
from postroom.domain.message import Message, MessageChange
from postroom.domain.thread import ManyEdits
from postroom.providers.answers import text
from postroom.providers.microsoft import paths
from postroom.providers.microsoft.changing import MessageChanger, destination_of, properties_of
from postroom.providers.microsoft.client import LARGEST_BATCH, BatchCall, GraphClient
from postroom.providers.microsoft.errors import AccessDenied
from postroom.providers.microsoft.folders import TRASH
from postroom.providers.microsoft.mapping import STATE_PROPERTIES
from postroom.providers.microsoft.types import GraphMessage
from postroom.providers.refusals import ServerFailed


@dataclass
class _Outcome:
    """What became of each message of a bunch."""

    states: dict[MessageId, GraphMessage] = field(default_factory=dict)
    failed: dict[MessageId, PostroomError] = field(default_factory=dict)


class BulkChanges:
    """Changes messages of one mailbox, twenty at a time."""

    def __init__(self, client: GraphClient, changer: MessageChanger) -> None:
        self._client = client
        self._changer = changer

    def apply(
        self,
        messages: Sequence[Message],
        change: MessageChange,
        *,
        folders: Mapping[FolderId, Folder],
    ) -> Iterator[ManyEdits]:
        """Set flags and categories first, then move; see Mailbox.apply_to_all."""
        destination, wanted = destination_of(change, folders), properties_of(change)
        for some in _bunches(messages):
            outcome = _Outcome()
            self._call({each: _set(each, wanted) for each in some}, outcome)
            elsewhere = [
                each
                for each in some
                if destination
                and each.id in outcome.states
                and text(outcome.states[each.id].get("parentFolderId")) != destination
            ]
            self._call({each: _move(each, destination) for each in elsewhere}, outcome)
            yield self._told(some, outcome)

    def trash(self, messages: Sequence[Message]) -> Iterator[ManyEdits]:
        """Move messages to the deleted items; see Mailbox.trash_all."""
        for some in _bunches(messages):
            outcome = _Outcome()
            self._call({each: _move(each, TRASH) for each in some}, outcome)
            yield self._told(some, outcome)

    def _call(self, calls: Mapping[Message, BatchCall], outcome: _Outcome) -> None:
        """Make calls that answer a message's state."""
        if not calls:
            return
        answers = self._client.batch({message.id: call for message, call in calls.items()})
        for message in calls:
            answer = answers.get(message.id)
            if answer is None:
                problem: PostroomError = ServerFailed("Outlook left a part of a batch unanswered")
            elif answer.status in (200, 201) and isinstance(answer.body, dict):
                state: GraphMessage = answer.body
                outcome.states[message.id] = state
                continue
            else:
                problem = self._client.error(answer)
            if isinstance(problem, AccessDenied):
                problem = problem.of_this_alone("Outlook does not allow this change")
            outcome.failed[message.id] = problem

    def _told(self, messages: Sequence[Message], outcome: _Outcome) -> ManyEdits:
        gone = {each for each, problem in outcome.failed.items() if isinstance(problem, NotFound)}
        return ManyEdits(
            edits=[
                (each, self._changer.edit(each, outcome.states[each.id]))
                for each in messages
                if each.id in outcome.states and each.id not in gone
            ],
            missing=[each for each in messages if each.id in gone],
            failed={each: why for each, why in outcome.failed.items() if each not in gone},
        )


def _set(message: Message, wanted: Mapping[str, object]) -> BatchCall:
    path = paths.message(message.provider_id)
    if wanted:
        return BatchCall(path=path, method="PATCH", body=wanted)
    return BatchCall(path=f"{path}?$select={STATE_PROPERTIES}")


def _move(message: Message, destination: str) -> BatchCall:
    path = paths.message(message.provider_id, "move")
    return BatchCall(path=path, method="POST", body={"destinationId": destination})


def _bunches(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    for begin in range(0, len(messages), LARGEST_BATCH):
        yield messages[begin : begin + LARGEST_BATCH]
