"""What lists of messages, drafts and threads can be narrowed by alike."""

from collections.abc import Collection
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from postroom.web.schemas.fields import Names, Query, Unserved

_SHARED = Unserved("Mailboxes that others share are not read: connect that mailbox itself")

Emails = Annotated[Names, Field(max_length=25)]
Search = Annotated[str, StringConstraints(max_length=500)]
LongPageToken = Annotated[str, StringConstraints(max_length=6000)] | None
"""That of a search may hold an address of the provider's."""


class MailListQuery(Query):
    """Which part of a list of mail to show."""

    page_token: LongPageToken = None
    select: Names = Field(default_factory=list)
    subject: Annotated[str, StringConstraints(max_length=998)] = ""
    any_email: Emails = Field(default_factory=list)
    from_: Emails = Field(default_factory=list, alias="from")
    to: Emails = Field(default_factory=list)
    cc: Emails = Field(default_factory=list)
    bcc: Emails = Field(default_factory=list)
    in_: Annotated[Names, Field(max_length=20)] = Field(default_factory=list, alias="in")
    """Ids of folders, or a provider's names of its own; what is listed lies in all of them."""
    unread: bool | None = None
    starred: bool | None = None
    thread_id: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    has_attachment: bool | None = None
    search_query_native: Search | None = None
    query_imap: Annotated[
        Any, Unserved("Mail is read by IMAP nowhere: leave it out, all of it is stored")
    ] = None
    shared_from: Annotated[Any, _SHARED] = None
    shared_folder_id: Annotated[Any, _SHARED] = None


def lowered(emails: Collection[str]) -> frozenset[str]:
    """Return addresses as filters compare them."""
    return frozenset(email.casefold() for email in emails)
