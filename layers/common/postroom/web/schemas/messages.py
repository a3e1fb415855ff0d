"""Messages: how they are asked for, shown and changed."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from postroom.domain.conversation import Cleaning
from postroom.domain.errors import InvalidRequest
from postroom.domain.ids import FolderId, ThreadId
from postroom.domain.message import Header, Message, MessageChange, MessageContent, MessageFilter
from postroom.domain.mime import text_to_html
from postroom.web.schemas.attachments import AttachmentOut
from postroom.web.schemas.fields import (
    Body,
    Flag,
    FlagOrNull,
    Names,
    Output,
    PageLimit,
    Query,
    ShortName,
    UnixTime,
    unix_seconds,
)
from postroom.web.schemas.mail_filters import MailListQuery, lowered
from postroom.web.schemas.metadata import Metadata, MetadataPairs, metadata_filter
from postroom.web.schemas.people import PersonOut, people

_ALWAYS_THERE = frozenset({"grant_id", "id", "object"})
"""The official SDKs fail on an object without these, whatever `select` says."""

_CONTENT_FIELDS = frozenset({"body", "body_text", "headers"})
_BASIC_HEADERS = frozenset({"message-id", "in-reply-to", "references"})
_WITH_HEADERS = frozenset({"include_headers", "include_basic_headers"})

Fields = Literal[
    "standard",
    "include_headers",
    "include_basic_headers",
    "include_tracking_options",
    "raw_mime",
]


class MessageQuery(Query):
    """How to show one message."""

    select: Names = Field(default_factory=list)
    fields: Fields = "standard"


class MessageListQuery(MailListQuery):
    """Which messages to list, and how to show them."""

    limit: PageLimit = 50
    fields: Fields = "standard"
    received_before: UnixTime | None = None
    received_after: UnixTime | None = None
    metadata_pair: MetadataPairs = Field(default_factory=list)

    def with_content(self) -> bool:
        """Whether bodies or headers have to be read."""
        if self.fields == "raw_mime":
            return False
        return not self.select or not _CONTENT_FIELDS.isdisjoint(self.select)

    def to_filter(self, folders: Sequence[FolderId]) -> MessageFilter:
        """Return the filter, with the folders that `in` names."""
        return MessageFilter(
            folder=folders[0] if folders else None,
            folders_too=frozenset(folders[1:]),
            unread=self.unread,
            starred=self.starred,
            thread_id=None if self.thread_id is None else ThreadId(self.thread_id),
            subject=self.subject,
            from_=lowered(self.from_),
            to=lowered(self.to),
            cc=lowered(self.cc),
            bcc=lowered(self.bcc),
            any_email=lowered(self.any_email),
            received_after=self.received_after,
            received_before=self.received_before,
            has_attachment=self.has_attachment,
            metadata=metadata_filter(self.metadata_pair),
        )


CATEGORIES_LIMIT = 25
"""Of one message; ours, so that a change fits into one call."""


class MessageChangeIn(Body):
    """What to change on a message."""

    unread: Flag | None = None
    starred: Flag | None = None
    folders: Annotated[list[str], Field(max_length=500)] | None = None
    categories: Annotated[list[ShortName], Field(max_length=CATEGORIES_LIMIT)] | None = None
    metadata: Metadata | None = None

    @model_validator(mode="after")
    def _name_categories_once(self) -> "MessageChangeIn":
        names = [name.casefold() for name in self.categories or ()]
        if len(set(names)) < len(names):
            raise InvalidRequest("Name each category once.", field="categories")
        return self

    def to_domain(self) -> MessageChange:
        """Return the change."""
        folders = None
        if self.folders is not None:
            folders = tuple(FolderId(each) for each in dict.fromkeys(self.folders))
        return MessageChange(
            unread=self.unread,
            starred=self.starred,
            folders=folders,
            categories=None if self.categories is None else tuple(self.categories),
            metadata=self.metadata,
        )


class CleaningIn(Body):
    """Which messages to clean, and what to leave of them."""

    message_id: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=256)]],
        Field(min_length=1, max_length=20),
    ]
    ignore_links: FlagOrNull = True
    ignore_images: FlagOrNull = True
    images_as_markdown: FlagOrNull = True
    ignore_tables: FlagOrNull = True
    remove_conclusion_phrases: FlagOrNull = True
    html_as_markdown: FlagOrNull = False

    @field_validator(
        "ignore_links",
        "ignore_images",
        "images_as_markdown",
        "ignore_tables",
        "remove_conclusion_phrases",
        "html_as_markdown",
        mode="before",
    )
    @classmethod
    def _take_null_for_nothing(cls, value: Any, info: ValidationInfo) -> Any:
        default = cls.model_fields[str(info.field_name)].default
        return default if value is None else value

    def to_domain(self) -> Cleaning:
        """Return how to clean."""
        return Cleaning(**self.model_dump(exclude={"message_id"}))


class MessageDeletionQuery(Query):
    """How to delete a message: into the trash, or for good."""

    hard_delete: bool = False


class HeaderOut(Output):
    """A header field, decoded."""

    name: str
    value: str


class TrackingOptionsOut(Output):
    """What is tracked of a message that was sent: nothing."""

    opens: bool = False
    links: bool = False
    thread_replies: bool = False
    label: str = ""


class MessageOut(Output):
    """A message. Times are Unix seconds; `body` is HTML, made of the text where there is none."""

    id: str
    grant_id: str
    object: str = "message"
    thread_id: str
    subject: str
    from_: list[PersonOut] = Field(serialization_alias="from")
    to: list[PersonOut]
    cc: list[PersonOut]
    bcc: list[PersonOut]
    reply_to: list[PersonOut]
    date: int
    created_at: int
    unread: bool
    starred: bool
    snippet: str
    folders: list[str]
    categories: list[str]
    attachments: list[AttachmentOut]
    body: str | None = None
    body_text: str | None = None
    headers: list[HeaderOut] | None = None
    metadata: dict[str, str] | None = None
    tracking_options: TrackingOptionsOut | None = None
    defects: list[str] | None = None

    @classmethod
    def from_domain(
        cls, message: Message, content: MessageContent | None, *, fields: str = "standard"
    ) -> "MessageOut":
        """Render a message; without content it has neither body nor headers."""
        return cls(
            id=message.id,
            grant_id=message.account_id,
            thread_id=message.thread_id,
            subject=message.subject,
            from_=people(message.from_),
            to=people(message.to),
            cc=people(message.cc),
            bcc=people(message.bcc),
            reply_to=people(message.reply_to),
            date=unix_seconds(message.received_at),
            created_at=unix_seconds(message.received_at),
            unread=message.unread,
            starred=message.starred,
            snippet=message.snippet,
            folders=list(message.folders),
            categories=list(message.categories),
            attachments=[
                AttachmentOut.from_domain(message.account_id, each) for each in message.attachments
            ],
            body=None if content is None else content.html or text_to_html(content.text),
            body_text=(content.text or None) if content else None,
            headers=None if content is None else _headers(content.headers, fields),
            metadata=dict(message.metadata) or None,
            tracking_options=(
                TrackingOptionsOut() if fields == "include_tracking_options" else None
            ),
            defects=list(message.defects) or None,
        )


class CleanMessageOut(MessageOut):
    """A message with its author's own part of it, as HTML or Markdown."""

    conversation: str


def selected(shown: Mapping[str, Any], select: Collection[str]) -> dict[str, Any]:
    """Keep the selected fields, and those that no SDK can do without; none selected means all."""
    if not select:
        return dict(shown)
    return {name: value for name, value in shown.items() if name in {*select, *_ALWAYS_THERE}}


def _headers(headers: Collection[Header], fields: str) -> list[HeaderOut] | None:
    if fields not in _WITH_HEADERS:
        return None
    basic = fields == "include_basic_headers"
    return [
        HeaderOut(name=header.name, value=header.value)
        for header in headers
        if not basic or header.name.lower() in _BASIC_HEADERS
    ]
