"""A message as Postroom keeps it, and what can be changed and asked about it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NewType

from postroom.domain.ids import (
    AccountId,
    AttachmentId,
    FolderId,
    InternetMessageId,
    MessageId,
    ProviderMessageId,
    ProviderThreadId,
    ThreadId,
)

View = NewType("View", str)
"""A newest-first list of messages: all mail, a folder, the unread or the starred ones."""

ALL_MAIL = View("*")
UNREAD = View("UNREAD")
STARRED = View("STARRED")
"""Flags are views too. Where a provider has a folder of that very id, the two are one list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A mailbox of RFC 5322: address and display name, both decoded."""

    email: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One header field, decoded, in the order of the message."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """An attachment as listed; its bytes stay at the provider until they are asked for."""

    id: AttachmentId
    part_id: str
    """The provider's name of the part, stable for the life of the message."""
    filename: str
    content_type: str
    size_bytes: int
    content_id: str = ""
    """Without angle brackets, as in `cid:` addresses."""
    is_inline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message without its content: what lists show and filters ask."""

    id: MessageId
    account_id: AccountId
    provider_id: ProviderMessageId
    thread_id: ThreadId
    provider_thread_id: ProviderThreadId
    version: int
    """The provider's own order of the states of this message; an older one never wins."""
    received_at: datetime
    subject: str = ""
    from_: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    snippet: str = ""
    folders: tuple[FolderId, ...] = ()
    unread: bool = False
    starred: bool = False
    is_draft: bool = False
    attachments: tuple[Attachment, ...] = ()
    size_bytes: int = 0
    internet_message_id: InternetMessageId = InternetMessageId("")
    in_reply_to: InternetMessageId = InternetMessageId("")
    references: tuple[InternetMessageId, ...] = ()
    defects: tuple[str, ...] = ()
    """What could not be read as its sender meant it; the raw form has everything."""

    def views(self) -> frozenset[View]:
        """The lists this message stands in."""
        flags = {UNREAD} if self.unread else set()
        if self.starred:
            flags.add(STARRED)
        return frozenset({ALL_MAIL, *flags, *(View(folder) for folder in self.folders)})

    def edited(self, edit: "MessageEdit") -> "Message":
        """The same message after a change of folders and flags."""
        kept = [folder for folder in self.folders if folder not in edit.remove]
        added = [folder for folder in sorted(edit.add) if folder not in kept]
        return replace(
            self,
            version=max(self.version, edit.version),
            folders=(*kept, *added),
            unread=self.unread if edit.unread is None else edit.unread,
            starred=self.starred if edit.starred is None else edit.starred,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageContent:
    """The rest of a message: its bodies and all of its headers."""

    html: str = ""
    text: str = ""
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FullMessage:
    """A message with its content, as fetched from a provider."""

    message: Message
    content: MessageContent


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdit:
    """A change of folders and flags that the provider has made."""

    message_id: MessageId
    provider_id: ProviderMessageId
    provider_thread_id: ProviderThreadId
    version: int
    add: frozenset[FolderId] = frozenset()
    remove: frozenset[FolderId] = frozenset()
    unread: bool | None = None
    starred: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChange:
    """What a person wants changed; None leaves a part as it is."""

    unread: bool | None = None
    starred: bool | None = None
    folders: tuple[FolderId, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a view: lists go on after it, newest first."""

    received_at: datetime
    message_id: MessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages a list shall hold; what is None or empty does not restrict it."""

    folder: FolderId | None = None
    unread: bool | None = None
    starred: bool | None = None
    thread_id: ThreadId | None = None
    subject: str = ""
    from_: frozenset[str] = frozenset()
    to: frozenset[str] = frozenset()
    cc: frozenset[str] = frozenset()
    bcc: frozenset[str] = frozenset()
    any_email: frozenset[str] = frozenset()
    """Addresses in lower case, like those of the four before."""
    received_after: datetime | None = None
    received_before: datetime | None = None
    has_attachment: bool | None = None

    def view(self) -> View:
        """The shortest list that holds every match."""
        if self.folder is not None:
            return View(self.folder)
        if self.unread:
            return UNREAD
        return STARRED if self.starred else ALL_MAIL

    def matches(self, message: Message) -> bool:
        """Whether a message belongs into the list. Drafts have a list of their own."""
        people = (*message.from_, *message.to, *message.cc, *message.bcc)
        return (
            not message.is_draft
            and self.view() in message.views()
            and (self.unread is None or message.unread == self.unread)
            and (self.starred is None or message.starred == self.starred)
            and (self.thread_id is None or message.thread_id == self.thread_id)
            and (self.received_after is None or message.received_at > self.received_after)
            and (self.received_before is None or message.received_at < self.received_before)
            and (self.has_attachment is None or bool(message.attachments) == self.has_attachment)
            and self.subject.casefold() in message.subject.casefold()
            and _names(self.from_, message.from_)
            and _names(self.to, message.to)
            and _names(self.cc, message.cc)
            and _names(self.bcc, message.bcc)
            and _names(self.any_email, people)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePage:
    """One page of a list. `next_position` is None on the last page."""

    messages: tuple[Message, ...]
    contents: dict[MessageId, MessageContent] = field(default_factory=dict)
    next_position: Position | None = None


def _names(wanted: frozenset[str], people: Iterable[Address]) -> bool:
    return not wanted or any(person.email.casefold() in wanted for person in people)
