"""Messages: how they are asked for, shown and changed."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from postroom.domain.errors import InvalidRequest
from postroom.domain.ids import FolderId, ThreadId
from postroom.domain.message import Header, Message, MessageChange, MessageContent, MessageFilter
from postroom.domain.mime import text_to_html
from postroom.web.schemas.attachments import AttachmentOut
from postroom.web.schemas.fields import (
    Input,
    Names,
    Output,
    PageLimit,
    PageToken,
    UnixTime,
    unix_seconds,
)
from postroom.web.schemas.people import PersonOut, people

_ALWAYS_THERE = frozenset({"grant_id", "id", "object"})
"""The official SDKs fail on an object without these, whatever `select` says."""

_CONTENT_FIELDS = frozenset({"body", "body_text", "headers"})
_BASIC_HEADERS = frozenset({"message-id", "in-reply-to", "references"})
_UNSUPPORTED_FILTERS = ("search_query_native", "metadata_pair", "query_imap", "shared_from")

Fields = Literal["standard", "include_headers", "include_basic_headers"]
Emails = Annotated[Names, Field(max_length=25)]


class MessageQuery(Input):
    """How to show one message."""

    select: Names = Field(default_factory=list)
    fields: Literal[Fields, "raw_mime"] = "standard"


class MessageListQuery(Input):
    """Which messages to list, and how to show them."""

    limit: PageLimit = 50
    page_token: PageToken = None
    select: Names = Field(default_factory=list)
    fields: Fields = "standard"
    subject: Annotated[str, StringConstraints(max_length=998)] = ""
    any_email: Emails = Field(default_factory=list)
    from_: Emails = Field(default_factory=list, alias="from")
    to: Emails = Field(default_factory=list)
    cc: Emails = Field(default_factory=list)
    bcc: Emails = Field(default_factory=list)
    in_: Annotated[Names, Field(max_length=1)] = Field(default_factory=list, alias="in")
    unread: bool | None = None
    starred: bool | None = None
    thread_id: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    received_before: UnixTime | None = None
    received_after: UnixTime | None = None
    has_attachment: bool | None = None
    search_query_native: str | None = None
    metadata_pair: str | None = None
    query_imap: str | None = None
    shared_from: str | None = None

    @model_validator(mode="after")
    def _refuse_what_would_be_ignored(self) -> "MessageListQuery":
        for name in _UNSUPPORTED_FILTERS:
            if getattr(self, name) is not None:
                raise InvalidRequest("This filter is not supported.", field=name)
        return self

    def with_content(self) -> bool:
        """Whether bodies or headers have to be read."""
        return not self.select or not _CONTENT_FIELDS.isdisjoint(self.select)

    def to_filter(self, known_folders: Collection[FolderId]) -> MessageFilter:
        """Return the filter. Raises InvalidRequest for a folder that the account does not have.

        Before the folders are synced none is known, and there is no mail either.
        """
        folder = FolderId(self.in_[0]) if self.in_ else None
        if folder is not None and known_folders and folder not in known_folders:
            raise InvalidRequest(
                "There is no folder with this id (names do not count).", field="in"
            )
        return MessageFilter(
            folder=folder,
            unread=self.unread,
            starred=self.starred,
            thread_id=None if self.thread_id is None else ThreadId(self.thread_id),
            subject=self.subject,
            from_=_lowered(self.from_),
            to=_lowered(self.to),
            cc=_lowered(self.cc),
            bcc=_lowered(self.bcc),
            any_email=_lowered(self.any_email),
            received_after=self.received_after,
            received_before=self.received_before,
            has_attachment=self.has_attachment,
        )


class MessageChangeIn(Input):
    """What to change on a message."""

    unread: bool | None = None
    starred: bool | None = None
    folders: Annotated[list[str], Field(max_length=500)] | None = None
    metadata: Mapping[str, Any] | None = None

    @model_validator(mode="after")
    def _refuse_what_would_be_ignored(self) -> "MessageChangeIn":
        if self.metadata:
            raise InvalidRequest("Metadata cannot be kept yet.", field="metadata")
        return self

    def to_domain(self) -> MessageChange:
        """Return the change."""
        folders = None
        if self.folders is not None:
            folders = tuple(FolderId(each) for each in dict.fromkeys(self.folders))
        return MessageChange(unread=self.unread, starred=self.starred, folders=folders)


class MessageDeletionQuery(Input):
    """How to delete a message: into the trash, or for good."""

    hard_delete: bool = False


class HeaderOut(Output):
    """A header field, decoded."""

    name: str
    value: str


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
    attachments: list[AttachmentOut]
    body: str | None = None
    body_text: str | None = None
    headers: list[HeaderOut] | None = None
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
            attachments=[
                AttachmentOut.from_domain(message.account_id, each) for each in message.attachments
            ],
            body=None if content is None else content.html or text_to_html(content.text),
            body_text=(content.text or None) if content else None,
            headers=None if content is None else _headers(content.headers, fields),
            defects=list(message.defects) or None,
        )


def selected(shown: Mapping[str, Any], select: Collection[str]) -> dict[str, Any]:
    """Keep the selected fields, and those that no SDK can do without; none selected means all."""
    if not select:
        return dict(shown)
    return {name: value for name, value in shown.items() if name in {*select, *_ALWAYS_THERE}}


def _headers(headers: Collection[Header], fields: str) -> list[HeaderOut] | None:
    if fields == "standard":
        return None
    basic = fields == "include_basic_headers"
    return [
        HeaderOut(name=header.name, value=header.value)
        for header in headers
        if not basic or header.name.lower() in _BASIC_HEADERS
    ]


def _lowered(emails: Collection[str]) -> frozenset[str]:
    return frozenset(email.casefold() for email in emails)
