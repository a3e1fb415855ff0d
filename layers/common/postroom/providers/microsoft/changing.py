"""Changes of single messages: https://learn.microsoft.com/en-us/graph/api/message-update."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from postroom.domain.errors import Rejected
from postroom.domain.folder import Folder
from postroom.domain.ids import AccountId, FolderId
from postroom.domain.message import Message, MessageChange, MessageEdit
from postroom.providers.answers import text
from postroom.providers.microsoft import paths
from postroom.providers.microsoft.client import GraphClient
from postroom.providers.microsoft.folders import TRASH
from postroom.providers.microsoft.mapping import STATE_PROPERTIES, folders_of, map_edit
from postroom.providers.microsoft.types import GraphMessage


class MessageChanger:
    """Changes the messages of one mailbox."""

    def __init__(self, client: GraphClient, account_id: AccountId) -> None:
        self._client = client
        self._account_id = account_id

    def apply(
        self, message: Message, change: MessageChange, *, folders: Mapping[FolderId, Folder]
    ) -> MessageEdit:
        """Set flags and categories first, then move; see Mailbox.apply.

        What is asked for is asked of Outlook even if the message seems to be so: the copy may be
        behind the mailbox. When the move fails, the flags are told by the changes of its folder.
        """
        destination = destination_of(change, folders)
        path = paths.message(message.provider_id)
        wanted = properties_of(change)
        if wanted:
            state: GraphMessage = self._client.patch(path, wanted)
        else:
            state = self._client.get(path, {"$select": STATE_PROPERTIES})
        if destination and text(state.get("parentFolderId")) != destination:
            state = self._move(message, destination)
        return self.edit(message, state)

    def trash(self, message: Message) -> MessageEdit:
        """Move a message to the deleted items."""
        return self.edit(message, self._move(message, TRASH))

    def delete(self, message: Message) -> None:
        """Delete a message for good; only an administrator could bring it back.

        https://learn.microsoft.com/en-us/graph/api/message-permanentdelete
        """
        self._client.post(paths.message(message.provider_id, "permanentDelete"), {})

    def _move(self, message: Message, destination: str) -> GraphMessage:
        path = paths.message(message.provider_id, "move")
        moved: GraphMessage = self._client.post(
            path, {"destinationId": destination}, repeatable=True
        )
        return moved

    def edit(self, message: Message, state: GraphMessage) -> MessageEdit:
        """Turn a message's state after a change into the change."""
        told = map_edit(state, self._account_id)
        return replace(
            told,
            message_id=message.id,
            provider_id=message.provider_id,
            provider_thread_id=told.provider_thread_id or message.provider_thread_id,
            version=max(message.version, told.version),
            add=frozenset(folders_of(state, self._account_id)),
            is_complete=True,
        )


def destination_of(change: MessageChange, folders: Mapping[FolderId, Folder]) -> str:
    """Return Outlook's id of the folder to move to; empty when nothing is to be moved."""
    if change.folders is None:
        return ""
    if len(set(change.folders)) != 1:
        raise Rejected("at Outlook a message lies in exactly one folder")
    return folders[change.folders[0]].provider_id


def properties_of(change: MessageChange) -> dict[str, Any]:
    """Return what to set; empty when nothing is."""
    properties: dict[str, Any] = {}
    if change.unread is not None:
        properties["isRead"] = not change.unread
    if change.starred is not None:
        properties["flag"] = {"flagStatus": "flagged" if change.starred else "notFlagged"}
    if change.categories is not None:
        properties["categories"] = list(change.categories)
    return properties
