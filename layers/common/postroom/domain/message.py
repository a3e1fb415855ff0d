"""A message as Postroom keeps it, and what can be changed and asked about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, NewType, TypeVar

from postroom.domain.ids import (
    AccountId,
    AttachmentId,
    DraftId,
    FolderId,
    InternetMessageId,
    MessageId,
    ProviderDraftId,
    ProviderMessageId,
    ProviderThreadId,
    ThreadId,
    draft_id,
)

View = NewType("View", str)
"""A newest-first list of messages: all mail, a folder, a thread, the unread or starred ones."""

ALL_MAIL = View("*")
UNREAD = View("UNREAD")
STARRED = View("STARRED")
DRAFTS = View("DRAFT")
"""Flags are views too. Where a provider has a folder of that very id, the two are one list."""


_THREAD_PREFIX = "thread:"
_DRAFT_PREFIX = "draft:"


def thread_view(thread: ThreadId) -> View:
    """The list of a thread's messages, drafts included."""
    return View(_THREAD_PREFIX + thread)


def thread_of(view: View) -> ThreadId | None:
    """The thread whose list it is, if it is one."""
    if not view.startswith(_THREAD_PREFIX):
        return None
    return ThreadId(view.removeprefix(_THREAD_PREFIX))


def draft_view(draft: DraftId) -> View:
    """The list by which a draft's message is found; an older state may stand in it for a moment."""
    return View(_DRAFT_PREFIX + draft)


def draft_of(view: View) -> DraftId | None:
    """The draft whose list it is, if it is one."""
    if not view.startswith(_DRAFT_PREFIX):
        return None
    return DraftId(view.removeprefix(_DRAFT_PREFIX))


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

    @property
    def is_embedded(self) -> bool:
        """Whether it is meant to be seen inside of the text, like a logo, and is no file beside.

        Apple Mail calls documents inline, too, which no text can show.
        """
        is_picture = self.content_type.lower().startswith("image/")
        return self.is_inline and bool(self.content_id) and is_picture


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
    provider_draft_id: ProviderDraftId = ProviderDraftId("")
    """Empty for what is no draft, and for a draft that its provider no longer lists."""
    categories: tuple[str, ...] = ()
    """Coloured tags by name, where the provider has them beside folders."""
    attachments: tuple[Attachment, ...] = ()
    size_bytes: int = 0
    internet_message_id: InternetMessageId = InternetMessageId("")
    in_reply_to: InternetMessageId = InternetMessageId("")
    references: tuple[InternetMessageId, ...] = ()
    defects: tuple[str, ...] = ()
    """What could not be read as its sender meant it; the raw form has everything."""
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What applications have noted about it. Ours alone: no provider knows of it, no put changes
    it (`MessageStore.note`)."""

    @property
    def draft_id(self) -> DraftId | None:
        """The id of the draft that this is the message of."""
        if not self.is_draft or not self.provider_draft_id:
            return None
        return draft_id(self.account_id, self.provider_draft_id)

    @property
    def has_attachments(self) -> bool:
        """Whether it carries a file; the logo of a signature is none."""
        return not all(each.is_embedded for each in self.attachments)

    def views(self) -> frozenset[View]:
        """The lists this message stands in."""
        views = {ALL_MAIL, thread_view(self.thread_id), *(View(folder) for folder in self.folders)}
        if self.unread:
            views.add(UNREAD)
        if self.starred:
            views.add(STARRED)
        if self.is_draft:
            views.add(DRAFTS)
        if self.draft_id is not None:
            views.add(draft_view(self.draft_id))
        return frozenset(views)

    def edited(self, edit: "MessageEdit") -> "Message":
        """The same message after a change of folders and flags."""
        left = frozenset(self.folders) - edit.add if edit.is_complete else edit.remove
        kept = [folder for folder in self.folders if folder not in left]
        added = [folder for folder in sorted(edit.add) if folder not in kept]
        return replace(
            self,
            version=max(self.version, edit.version),
            folders=(*kept, *added),
            unread=self.unread if edit.unread is None else edit.unread,
            starred=self.starred if edit.starred is None else edit.starred,
            categories=self.categories if edit.categories is None else edit.categories,
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
class RawMessage:
    """A message in its MIME form, or the address where it can be fetched for some minutes."""

    mime: bytes = b""
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdit:
    """A change of folders and flags that the provider has made."""

    message_id: MessageId
    provider_id: ProviderMessageId
    provider_thread_id: ProviderThreadId
    version: int
    add: frozenset[FolderId] = frozenset()
    remove: frozenset[FolderId] = frozenset()
    is_complete: bool = False
    """What is added are all folders, whatever the message lay in before."""
    unread: bool | None = None
    starred: bool | None = None
    categories: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChange:
    """What a person wants changed; None leaves a part as it is."""

    unread: bool | None = None
    starred: bool | None = None
    folders: tuple[FolderId, ...] | None = None
    categories: tuple[str, ...] | None = None
    metadata: Mapping[str, str] | None = field(default=None, hash=False)
    """Ours alone: no provider is told of it."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Position:
    """A place in a view: lists go on after it, newest first. A newer place is greater."""

    received_at: datetime
    message_id: MessageId

    @classmethod
    def of(cls, message: Message) -> "Position":
        """Return the place of a message in each of its views."""
        return cls(received_at=message.received_at, message_id=message.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages a list shall hold; what is None or empty does not restrict it."""

    folder: FolderId | None = None
    folders_too: frozenset[FolderId] = frozenset()
    """Further folders that a match lies in as well."""
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
    """Times as `is_within` compares them."""
    has_attachment: bool | None = None
    metadata: frozenset[tuple[str, str]] = frozenset()
    """Pairs of key and value that a match has all of."""
    drafts: bool = False
    """Drafts have a list of their own: no other list holds any, and theirs holds nothing else."""
    own_email: str = ""
    """Who is the author of a draft that names none, in lower case."""

    def view(self) -> View:
        """The shortest list that holds every match."""
        if self.thread_id is not None:
            return thread_view(self.thread_id)
        if self.drafts:
            return DRAFTS
        if self.folder is not None:
            return View(self.folder)
        if self.unread:
            return UNREAD
        return STARRED if self.starred else ALL_MAIL

    def matches(self, message: Message) -> bool:
        """Whether a message belongs into the list."""
        own = (Address(email=self.own_email),) if self.own_email else ()
        authors = message.from_ or own
        people = (*authors, *message.to, *message.cc, *message.bcc)
        return (
            (message.draft_id is not None if self.drafts else not message.is_draft)
            and self.view() in message.views()
            and (self.folder is None or View(self.folder) in message.views())
            and all(View(folder) in message.views() for folder in self.folders_too)
            and (self.unread is None or message.unread == self.unread)
            and (self.starred is None or message.starred == self.starred)
            and (self.thread_id is None or message.thread_id == self.thread_id)
            and is_within(message.received_at, self.received_after, self.received_before)
            and (self.has_attachment is None or message.has_attachments == self.has_attachment)
            and self.subject.casefold() in message.subject.casefold()
            and _names(self.from_, authors)
            and _names(self.to, message.to)
            and _names(self.cc, message.cc)
            and _names(self.bcc, message.bcc)
            and _names(self.any_email, people)
            and self.metadata <= message.metadata.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPosition:
    """A place among what a provider's search has found: lists go on after it."""

    page: str = ""
    """The provider's own mark of a page; empty for the first."""
    taken: int = 0
    """How many of that page lay before the place when it was made."""
    shown: tuple[str, ...] = ()
    """What was shown last, by the beginnings of its ids: it tells the place when the page has
    shifted."""


PlaceT_co = TypeVar("PlaceT_co", bound=Position | SearchPosition, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePage(Generic[PlaceT_co]):
    """One page of a list. `next_position` is None on the last page."""

    messages: tuple[Message, ...]
    places: tuple[PlaceT_co, ...]
    """The place of each message: a list goes on after any of them."""
    contents: Mapping[MessageId, MessageContent] = field(default_factory=dict, hash=False)
    next_position: PlaceT_co | None = None

    def beginning(self, count: int) -> "MessagePage[PlaceT_co]":
        """The first messages of the page, as a page that the others follow."""
        if count >= len(self.messages):
            return self
        return replace(
            self,
            messages=self.messages[:count],
            places=self.places[:count],
            next_position=self.places[count - 1],
        )


def is_within(at: datetime, after: datetime | None, before: datetime | None) -> bool:
    """Whether a time lies between two others, by the whole seconds that readers are told.

    Whoever asks for what came after the newest message that it knows gives the second of that
    message, and is not to get the message again for the milliseconds that its provider tells.
    """
    second = at.replace(microsecond=0)
    return (after is None or second > after.replace(microsecond=0)) and (
        before is None or second < before.replace(microsecond=0)
    )


def _names(wanted: frozenset[str], people: Iterable[Address]) -> bool:
    return not wanted or any(person.email.casefold() in wanted for person in people)
