"""Gmail's history: what changed in a mailbox since a history id.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list

Records come in order, their ids grow with gaps. A page is folded before anything is fetched:

    added                        fetch
    labels only                  an edit, no fetch (2 units for the page instead of 20 a message)
    added, and labels            both: the edit is for a message that is stored already, such as
                                 one sent through us; what is fetched has these labels anyway
    became a draft, or is sent   both: it is another kind of message now, which no edit says
    deleted, whatever else       removed
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from postroom.domain import ids
from postroom.domain.ids import AccountId, FolderId, ProviderMessageId, ProviderThreadId
from postroom.domain.message import MessageEdit
from postroom.domain.sync import ChangePage, Cursor, MessageRef
from postroom.providers.google.mapping import DRAFT, STARRED, UNREAD, told_flag
from postroom.providers.google.types import GmailMessage, HistoryPage, HistoryRecord, LabelsChanged


@dataclass
class _Labels:
    """The labels a message gained and lost over the page; the later change wins."""

    ref: MessageRef
    version: int = 0
    added: set[FolderId] = field(default_factory=set)
    removed: set[FolderId] = field(default_factory=set)


class _Fold:
    """The net effect of a page, message by message."""

    def __init__(self) -> None:
        self.fetch: dict[ProviderMessageId, MessageRef] = {}
        self.labels: dict[ProviderMessageId, _Labels] = {}
        self.removed: dict[ProviderMessageId, tuple[MessageRef, int]] = {}

    def take(self, record: HistoryRecord) -> None:
        version = int(record.get("id", "0"))
        for added in record.get("messagesAdded", ()):
            self._add(message_ref(added.get("message", {})))
        self._relabel(record.get("labelsAdded", ()), version, is_added=True)
        self._relabel(record.get("labelsRemoved", ()), version, is_added=False)
        for deleted in record.get("messagesDeleted", ()):
            ref = message_ref(deleted.get("message", {}))
            self.fetch.pop(ref.provider_id, None)
            self.labels.pop(ref.provider_id, None)
            self.removed[ref.provider_id] = (ref, version)

    def _add(self, ref: MessageRef) -> None:
        if ref.provider_id not in self.removed:
            self.fetch[ref.provider_id] = ref

    def _relabel(self, changes: Iterable[LabelsChanged], version: int, *, is_added: bool) -> None:
        for change in changes:
            ref = message_ref(change.get("message", {}))
            names = {FolderId(label) for label in change.get("labelIds", ())}
            if DRAFT in names:
                self._add(ref)
            if ref.provider_id in self.removed:
                continue
            net = self.labels.setdefault(ref.provider_id, _Labels(ref))
            net.version = max(net.version, version)
            gained, lost = (net.added, net.removed) if is_added else (net.removed, net.added)
            gained |= names
            lost -= names


def fold(page: HistoryPage, account_id: AccountId) -> ChangePage:
    """Fold a page. While more pages follow, its cursor is its last record, so that each counts."""
    net = _Fold()
    records = page.get("history", ())
    for record in records:
        net.take(record)
    more = bool(page.get("nextPageToken"))
    last = str(max((int(record.get("id", "0")) for record in records), default=0))
    return ChangePage(
        fetch=tuple(net.fetch.values()),
        edits=tuple(_edit(labels, account_id) for labels in net.labels.values()),
        removed=tuple(net.removed.values()),
        next_cursor=Cursor(last if more else page["historyId"]),
        more=more,
    )


def _edit(net: _Labels, account_id: AccountId) -> MessageEdit:
    return MessageEdit(
        message_id=ids.message_id(account_id, net.ref.provider_id),
        provider_id=net.ref.provider_id,
        provider_thread_id=net.ref.provider_thread_id,
        version=net.version,
        add=frozenset(net.added),
        remove=frozenset(net.removed),
        unread=told_flag(UNREAD, added=net.added, removed=net.removed),
        starred=told_flag(STARRED, added=net.added, removed=net.removed),
    )


def message_ref(message: GmailMessage) -> MessageRef:
    """Refer to a message as Gmail lists it: by its ids alone."""
    return MessageRef(
        provider_id=ProviderMessageId(message.get("id", "")),
        provider_thread_id=ProviderThreadId(message.get("threadId", "")),
    )
