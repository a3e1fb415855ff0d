"""Ids in paths. They arrive decoded; what is not an id of ours is simply not found."""

from postroom.domain.ids import DraftId, FolderId, MessageId, ThreadId

MessagePath = MessageId
FolderPath = FolderId
DraftPath = DraftId
ThreadPath = ThreadId
