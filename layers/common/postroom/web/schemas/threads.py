"""Threads: how they are asked for, shown and changed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from postroom.domain.account import Account
from postroom.domain.draft import authored
from postroom.domain.ids import FolderId, ThreadId
from postroom.domain.message import FullMessage, MessageChange
from postroom.domain.sender import Sender
from postroom.domain.thread import ShownThread, ThreadFilter
from postroom.web.schemas.drafts import DraftOut
from postroom.web.schemas.fields import (
    Body,
    Flag,
    Names,
    Output,
    PageLimit,
    Query,
    UnixTime,
    unix_seconds,
    wire,
)
from postroom.web.schemas.mail_filters import MailListQuery, lowered
from postroom.web.schemas.messages import MessageOut, selected
from postroom.web.schemas.people import PersonOut

_LATEST = "latest_draft_or_message"

_ALWAYS_THERE = (
    "has_drafts",
    "starred",
    "unread",
    "message_ids",
    "folders",
    _LATEST,
)
"""Beside what every object has: the official SDKs fail on a thread without these."""


class ThreadQuery(Query):
    """How to show one thread."""

    select: Names = Field(default_factory=list)


class ThreadListQuery(MailListQuery):
    """Which threads to list, and how to show them."""

    limit: PageLimit = 20
    earliest_message_date: UnixTime | None = None
    """Threads that began then, or later."""
    latest_message_before: UnixTime | None = None
    latest_message_after: UnixTime | None = None

    def with_content(self) -> bool:
        """Whether the body of the newest message has to be read."""
        return not self.select or _LATEST in self.select

    def to_filter(self, folders: Sequence[FolderId]) -> ThreadFilter:
        """Return the filter, with the folders that `in` names."""
        return ThreadFilter(
            folders=tuple(folders),
            unread=self.unread,
            starred=self.starred,
            thread_id=None if self.thread_id is None else ThreadId(self.thread_id),
            subject=self.subject,
            from_=lowered(self.from_),
            to=lowered(self.to),
            cc=lowered(self.cc),
            bcc=lowered(self.bcc),
            any_email=lowered(self.any_email),
            earliest_from=self.earliest_message_date,
            latest_before=self.latest_message_before,
            latest_after=self.latest_message_after,
            has_attachment=self.has_attachment,
        )


class ThreadChangeIn(Body):
    """What to change on all messages of a thread. What is left out, or null, stays as it is."""

    unread: Flag | None = None
    starred: Flag | None = None
    folders: Annotated[list[str], Field(max_length=500)] | None = None

    def to_domain(self) -> MessageChange:
        """Return the change of each message."""
        folders = None
        if self.folders is not None:
            folders = tuple(FolderId(each) for each in dict.fromkeys(self.folders))
        return MessageChange(unread=self.unread, starred=self.starred, folders=folders)


class ThreadOut(Output):
    """A thread. Its flags are those of any message; times are Unix seconds, of messages alone."""

    id: str
    grant_id: str
    object: str = "thread"
    subject: str
    snippet: str
    participants: list[PersonOut]
    folders: list[str]
    categories: list[str]
    message_ids: list[str]
    draft_ids: list[str]
    unread: bool
    starred: bool
    has_attachments: bool
    has_drafts: bool
    earliest_message_date: int
    latest_message_received_date: int | None = None
    latest_message_sent_date: int | None = None
    latest_draft_or_message: MessageOut

    @classmethod
    def from_domain(
        cls,
        shown: ShownThread,
        *,
        account: Account,
        senders: Sequence[Sender],
        with_content: bool = True,
    ) -> "ThreadOut":
        """Render a thread; what its owner wrote was sent, everything else received.

        The owner writes from the account's address and from those of its `senders`.
        """
        thread = shown.thread
        own = (account.identity.email, *(each.email for each in senders))
        return cls(
            id=thread.id,
            grant_id=thread.account_id,
            subject=thread.subject,
            snippet=thread.snippet,
            participants=[
                PersonOut(email=each.email, name=each.name) for each in thread.participants
            ],
            folders=list(thread.folders),
            categories=list(thread.categories),
            message_ids=list(thread.message_ids),
            draft_ids=list(thread.draft_ids),
            unread=thread.unread,
            starred=thread.starred,
            has_attachments=thread.has_attachments,
            has_drafts=thread.has_drafts,
            earliest_message_date=unix_seconds(thread.earliest_at),
            latest_message_received_date=_seconds(thread.latest_received_at(own)),
            latest_message_sent_date=_seconds(thread.latest_sent_at(own)),
            latest_draft_or_message=_latest(shown.latest, account, with_content=with_content),
        )


def shown_thread(
    shown: ShownThread,
    select: Collection[str],
    *,
    account: Account,
    senders: Sequence[Sender],
    with_content: bool = True,
) -> Mapping[str, Any]:
    """Return a thread, or the selected parts of it and those that no SDK can do without."""
    thread = ThreadOut.from_domain(
        shown, account=account, senders=senders, with_content=with_content
    )
    return selected(wire(thread), [*select, *_ALWAYS_THERE] if select else [])


def _latest(latest: FullMessage, account: Account, *, with_content: bool) -> MessageOut:
    message, content = latest.message, latest.content if with_content else None
    if not message.is_draft:
        return MessageOut.from_domain(message, content)
    draft = DraftOut.from_domain(authored(account, message), content)
    # One that its provider no longer lists as a draft has no other id.
    return draft.model_copy(update={"id": message.draft_id or message.id})


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else unix_seconds(at)
