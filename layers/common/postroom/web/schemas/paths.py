"""Ids in paths. They arrive decoded; what is not an id of ours is simply not found."""

from postroom.domain.ids import FolderId, MessageId

MessagePath = MessageId
FolderPath = FolderId
