"""One Exchange mailbox: folders, messages, and what changed in each folder.

    add ─┬─▶ update … ─▶ move (a new stay, another stay id) ─▶ … ─▶ remove
         └─ every step appends to the log of each folder it touches, and one notice

A folder's log is what its delta is read from; a notice is what a subscription is told.
"""

import hashlib
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from local.simulators import mime
from local.simulators.microsoft import ids
from local.simulators.microsoft.content import Content
from local.simulators.microsoft.errors import not_found
from local.simulators.microsoft.folders import (
    HIDDEN_FOLDER,
    ROOT,
    SYSTEM_FOLDERS,
    Folder,
    LogEntry,
)
from local.simulators.microsoft.identity import object_id_of
from local.simulators.microsoft.stored_message import StoredMessage

if TYPE_CHECKING:
    from local.simulators.microsoft.attachment_endpoints import AttachmentSession
    from local.simulators.microsoft.subscriptions import Subscription


@dataclass(frozen=True)
class Notice:
    """A change of one message that subscriptions may want to know."""

    change_type: Literal["created", "updated", "deleted"]
    message_id: str
    """The id for life."""
    stay_id: str
    """The id during the stay in its folder, for subscriptions without immutable ids."""
    folder_id: str


@dataclass
class Mailbox:
    """The state of one mailbox. Not locked: the simulator does that."""

    address: str
    name: str
    aliases: tuple[str, ...] = ()
    mail_enabled: bool = True
    """Whether there is a mailbox behind the account at all."""
    folders: dict[str, Folder] = field(default_factory=dict)
    gone_folders: dict[str, int] = field(default_factory=dict)
    """Folder step of the deletion, by folder id."""
    folder_step: int = 0
    messages: dict[str, StoredMessage] = field(default_factory=dict)
    """By the id for life."""
    delta_generation: int = 1
    """Delta tokens of earlier generations have expired."""
    notices: list[Notice] = field(default_factory=list)
    """What subscriptions have not been told yet."""
    subscriptions: "dict[str, Subscription]" = field(default_factory=dict)
    attachment_sessions: "dict[str, AttachmentSession]" = field(default_factory=dict)
    _order: list[tuple[int, int]] = field(default_factory=list)
    _by_number: dict[int, StoredMessage] = field(default_factory=dict)
    _number_of_stay_id: dict[str, int] = field(default_factory=dict)
    _by_internet_id: dict[str, list[int]] = field(default_factory=dict)
    _conversations: dict[str, list[int]] = field(default_factory=dict)
    _well_known: dict[str, str] = field(default_factory=dict)
    _counted: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the folders that every mailbox has."""
        self.key = hashlib.sha256(self.address.encode()).digest()
        root = self._new_folder("Top of Information Store", None, ROOT)
        for well_known, name in SYSTEM_FOLDERS.items():
            self._new_folder(name, root.id, well_known)
        self._new_folder(HIDDEN_FOLDER, root.id, None, hidden=True)

    @property
    def user_id(self) -> str:
        """The account's object id in its directory."""
        return object_id_of(self.address)

    @property
    def addresses(self) -> frozenset[str]:
        """All addresses of the owner, in lower case."""
        return frozenset({self.address, *(alias.lower() for alias in self.aliases)})

    # --- messages

    def add(
        self,
        said: bytes | Content,
        folder: Folder,
        now_ms: int,
        *,
        received_ms: int | None = None,
        is_read: bool = False,
        is_draft: bool = False,
        conversation_id: str | None = None,
    ) -> StoredMessage:
        """Store a message; it joins the conversation it answers, or begins one."""
        raw = said if isinstance(said, bytes) else None
        content = None if isinstance(said, bytes) else said
        headers = (
            mime.split_headers(raw)[0] if raw is not None else content.headers if content else []
        )
        if content is None:
            subject = mime.subject_key(mime.first_header(headers, "Subject"))
            internet_id = mime.first_header(headers, "Message-ID")
        else:
            subject, internet_id = mime.subject_key(content.subject), content.internet_message_id
        number, stay = self._count("message"), self._count("stay")
        message = StoredMessage(
            number=number,
            stay=stay,
            id=ids.message_id(self.key, number),
            stay_id=ids.stay_id(self.key, stay),
            folder_id=folder.id,
            conversation_id=conversation_id or self._conversation(headers, subject),
            internet_message_id=internet_id,
            subject_key=subject,
            received_ms=now_ms if received_ms is None else received_ms,
            created_ms=now_ms,
            modified_ms=now_ms,
            is_read=is_read,
            is_draft=is_draft,
            raw=raw,
            written=content,
        )
        self.messages[message.id] = message
        self._by_number[number] = message
        self._index(message)
        self._enter(message, folder)
        self._notice("created", message)
        return message

    def changed(
        self, message: StoredMessage, now_ms: int, properties: Iterable[str] | None = None
    ) -> None:
        """Note that a message was changed, in some properties or (None) in any."""
        self._touch(message, now_ms)
        named = None if properties is None else frozenset(properties)
        folder = self.folders[message.folder_id]
        folder.log.append(LogEntry(message.number, message.stay, "changed", named))
        self._notice("updated", message)

    def set_read(self, message: StoredMessage, *, is_read: bool) -> None:
        """Mark as read or unread, and keep the folder's count; `changed` is the caller's."""
        if message.is_read != is_read:
            message.is_read = is_read
            folder = self.folders[message.folder_id]
            folder.unread += -1 if is_read else 1
            self.touch_folder(folder)

    def move(self, message: StoredMessage, folder: Folder, now_ms: int) -> None:
        """Put a message into a folder; its id for life stays, the other changes."""
        if folder.id == message.folder_id:
            return
        self._leave(message)
        self._start_stay(message, folder)
        self._touch(message, now_ms)
        self._enter(message, folder)
        self._notice("updated", message)

    def copy(self, message: StoredMessage, folder: Folder, now_ms: int) -> StoredMessage:
        """Put a copy into a folder."""
        copied = self.add(
            message.mime(),
            folder,
            now_ms,
            received_ms=message.received_ms,
            is_read=message.is_read,
            is_draft=message.is_draft,
            conversation_id=message.conversation_id,
        )
        copied.flag, copied.categories = dict(message.flag), list(message.categories)
        copied.importance_set = message.importance_set
        return copied

    def mark_sent(self, message: StoredMessage, now_ms: int) -> None:
        """Turn a draft into a sent message in Sent Items; its id for life stays."""
        self._leave(message)
        message.is_draft, message.is_read = False, True
        message.received_ms = now_ms
        sent_items = self.folder("sentitems")
        self._start_stay(message, sent_items)
        self._touch(message, now_ms)
        self._enter(message, sent_items)
        self._notice("updated", message)

    def remove(self, message: StoredMessage) -> None:
        """Delete a message for good."""
        self._leave(message)
        self._unindex(message)
        conversation = self._conversations[message.conversation_id]
        conversation.remove(message.number)
        if not conversation:
            del self._conversations[message.conversation_id]
        del self.messages[message.id], self._by_number[message.number]
        self._notice("deleted", message)

    def reindex(self, message: StoredMessage) -> None:
        """Note that a draft's Message-ID or subject was written anew."""
        self._unindex(message)
        message.internet_message_id = message.content.internet_message_id
        subject = mime.subject_key(message.content.subject)
        if subject != message.subject_key:
            self._conversations[message.conversation_id].remove(message.number)
            if not self._conversations[message.conversation_id]:
                del self._conversations[message.conversation_id]
            message.subject_key = subject
            message.conversation_id = self._conversation(message.content.headers, subject)
        self._index(message)

    def message(self, message_id: str) -> StoredMessage:
        """Return a message by either of its ids; raises a 404 GraphError."""
        message = self.messages.get(message_id)
        if message is None and message_id in self._number_of_stay_id:
            message = self._by_number[self._number_of_stay_id[message_id]]
        if message is None:
            raise not_found()
        return message

    def numbered(self, number: int) -> StoredMessage | None:
        """Return the message that a log entry speaks of, unless it is gone."""
        return self._by_number.get(number)

    def by_date(
        self, folder: Folder | None, *, newest_first: bool, after: tuple[int, int] | None = None
    ) -> Iterator[StoredMessage]:
        """Yield the messages of a folder (None: all), from beyond a position."""
        order = self._order if folder is None else folder.order
        if newest_first:
            end = len(order) if after is None else bisect_left(order, after)
            for index in range(end - 1, -1, -1):
                yield self._by_number[order[index][1]]
        else:
            begin = 0 if after is None else bisect_left(order, (after[0], after[1] + 1))
            for index in range(begin, len(order)):
                yield self._by_number[order[index][1]]

    def with_internet_message_id(self, internet_id: str) -> list[StoredMessage]:
        """Return the messages with this Message-ID, angle brackets included."""
        return [self._by_number[number] for number in self._by_internet_id.get(internet_id, ())]

    def in_conversation(self, conversation_id: str) -> list[StoredMessage]:
        """Return the messages of a conversation, in order of arrival."""
        return [self._by_number[number] for number in self._conversations.get(conversation_id, ())]

    # --- folders

    def folder(self, name: str) -> Folder:
        """Return a folder by its id or well-known name; raises a 404 GraphError."""
        found = self.folders.get(self._well_known.get(name.lower(), name))
        if found is None:
            raise not_found()
        return found

    @property
    def root(self) -> Folder:
        """The folder that all others are in."""
        return self.folder(ROOT)

    def children(self, folder: Folder) -> list[Folder]:
        """Return the folders directly inside a folder."""
        return [each for each in self.folders.values() if each.parent_id == folder.id]

    def child_named(self, parent: Folder, name: str) -> Folder | None:
        """Return the folder with this name inside another, case aside."""
        wanted = name.casefold()
        return next((f for f in self.children(parent) if f.name.casefold() == wanted), None)

    def add_folder(self, name: str, parent: Folder, *, hidden: bool = False) -> Folder:
        """Make a folder inside another; that its name is free is the caller's to check."""
        folder = self._new_folder(name, parent.id, None, hidden=hidden)
        self.touch_folder(parent)
        return folder

    def is_inside(self, folder: Folder, outer: Folder) -> bool:
        """Whether a folder is another one or lies anywhere in it."""
        seen: Folder | None = folder
        while seen is not None:
            if seen is outer:
                return True
            seen = self.folders.get(seen.parent_id) if seen.parent_id else None
        return False

    def move_folder(self, folder: Folder, parent: Folder) -> None:
        """Put a folder into another one, with all it holds."""
        old = self.folders.get(folder.parent_id or "")
        folder.parent_id = parent.id
        for each in (old, parent, folder):
            if each is not None:
                self.touch_folder(each)

    def remove_folder(self, folder: Folder) -> None:
        """Delete a folder for good, with all folders and messages in it."""
        for child in self.children(folder):
            self.remove_folder(child)
        for message in list(self.by_date(folder, newest_first=False)):
            self.remove(message)
        del self.folders[folder.id]
        self.folder_step += 1
        self.gone_folders[folder.id] = self.folder_step
        parent = self.folders.get(folder.parent_id or "")
        if parent is not None:
            self.touch_folder(parent)

    def touch_folder(self, folder: Folder) -> None:
        """Note that a folder, or a count of it, changed."""
        self.folder_step += 1
        folder.changed_at = self.folder_step

    # --- inside

    def _new_folder(
        self, name: str, parent_id: str | None, well_known: str | None, *, hidden: bool = False
    ) -> Folder:
        folder_id = ids.folder_id(self.key, self._count("folder"))
        folder = Folder(folder_id, name, parent_id, well_known, hidden)
        self.folders[folder_id] = folder
        if well_known:
            self._well_known[well_known] = folder_id
        self.touch_folder(folder)
        return folder

    def _enter(self, message: StoredMessage, folder: Folder) -> None:
        insort(self._order, message.position)
        insort(folder.order, message.position)
        self._number_of_stay_id[message.stay_id] = message.number
        folder.total += 1
        folder.unread += 0 if message.is_read else 1
        folder.log.append(LogEntry(message.number, message.stay, "came"))
        self.touch_folder(folder)

    def _leave(self, message: StoredMessage) -> None:
        folder = self.folders[message.folder_id]
        for order in (self._order, folder.order):
            del order[bisect_left(order, message.position)]
        del self._number_of_stay_id[message.stay_id]
        folder.total -= 1
        folder.unread -= 0 if message.is_read else 1
        folder.log.append(LogEntry(message.number, message.stay, "left"))
        self.touch_folder(folder)

    def _start_stay(self, message: StoredMessage, folder: Folder) -> None:
        message.stay = self._count("stay")
        message.stay_id = ids.stay_id(self.key, message.stay)
        message.folder_id = folder.id

    @staticmethod
    def _touch(message: StoredMessage, now_ms: int) -> None:
        message.version += 1
        message.modified_ms = now_ms

    def _index(self, message: StoredMessage) -> None:
        for internet_id in mime.message_ids(message.internet_message_id):
            numbers = self._by_internet_id.setdefault(internet_id, [])
            if message.number not in numbers:
                numbers.append(message.number)
        conversation = self._conversations.setdefault(message.conversation_id, [])
        if message.number not in conversation:
            conversation.append(message.number)

    def _unindex(self, message: StoredMessage) -> None:
        for internet_id in dict.fromkeys(mime.message_ids(message.internet_message_id)):
            self._by_internet_id[internet_id].remove(message.number)

    def _conversation(self, headers: list[tuple[str, str]], subject: str) -> str:
        """Find what a message answers, by its references and subject; else begin anew."""
        referred = mime.message_ids(mime.first_header(headers, "In-Reply-To"))
        referred += reversed(mime.message_ids(mime.first_header(headers, "References")))
        for internet_id in referred:
            for parent in self.with_internet_message_id(internet_id):
                if parent.subject_key == subject:
                    return parent.conversation_id
        return ids.conversation_id(self.key, self._count("conversation"))

    def _count(self, what: str) -> int:
        self._counted[what] = self._counted.get(what, 0) + 1
        return self._counted[what]

    def _notice(
        self, change_type: Literal["created", "updated", "deleted"], message: StoredMessage
    ) -> None:
        self.notices.append(Notice(change_type, message.id, message.stay_id, message.folder_id))
