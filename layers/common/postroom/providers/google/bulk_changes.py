"""Changes of several messages in one call.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/batchModify

Gmail takes one set of labels for up to a thousand messages, passes over those that are gone, and
answers nothing. So those messages go together that need the same labels, and of what they have then
no more is told than what was asked for; what somebody else has changed is told by the history.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from postroom.domain.ids import FolderId
from postroom.domain.message import Message, MessageChange, MessageEdit
from postroom.domain.thread import ManyEdits
from postroom.providers.google.client import GmailClient
from postroom.providers.google.labels import LabelChanges, label_changes
from postroom.providers.google.mapping import STARRED, UNREAD, told_flag

_AT_ONCE = 1_000

_INTO_TRASH = LabelChanges(
    add=frozenset({FolderId("TRASH")}), remove=frozenset({FolderId("INBOX"), FolderId("SPAM")})
)
"""What messages.trash does; a label that a message does not have may be removed."""


class BulkChanges:
    """Changes messages of one mailbox, many at a time."""

    def __init__(self, client: GmailClient) -> None:
        self._client = client

    def apply(self, messages: Sequence[Message], change: MessageChange) -> Iterator[ManyEdits]:
        """Change flags and labels; see Mailbox.apply_to_all."""
        alike: defaultdict[LabelChanges, list[Message]] = defaultdict(list)
        for message in messages:
            alike[label_changes(message, change)].append(message)
        for labels, some in alike.items():
            yield from self._modify(some, labels)

    def trash(self, messages: Sequence[Message]) -> Iterator[ManyEdits]:
        """Move messages to the trash; see Mailbox.trash_all."""
        yield from self._modify(messages, _INTO_TRASH)

    def _modify(self, messages: Sequence[Message], labels: LabelChanges) -> Iterator[ManyEdits]:
        for begin in range(0, len(messages), _AT_ONCE):
            some = messages[begin : begin + _AT_ONCE]
            if labels.add or labels.remove:  # Gmail refuses to change nothing
                body = {
                    "ids": [message.provider_id for message in some],
                    "addLabelIds": sorted(labels.add),
                    "removeLabelIds": sorted(labels.remove),
                }
                self._client.do("messages/batchModify", body)
            yield ManyEdits(edits=[(message, _edit(message, labels)) for message in some])


def _edit(message: Message, labels: LabelChanges) -> MessageEdit:
    return MessageEdit(
        message_id=message.id,
        provider_id=message.provider_id,
        provider_thread_id=message.provider_thread_id,
        version=message.version,
        add=labels.add,
        remove=labels.remove,
        unread=told_flag(UNREAD, added=labels.add, removed=labels.remove),
        starred=told_flag(STARRED, added=labels.add, removed=labels.remove),
    )
