"""Drafts: how they are asked for, shown, written and sent."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import model_validator

from postroom.domain.draft import DraftChange, DraftUpdate, NewDraft
from postroom.domain.errors import InvalidRequest, TooLarge
from postroom.domain.ids import MessageId
from postroom.domain.message import FullMessage
from postroom.domain.outgoing import OutgoingAttachment
from postroom.web.multipart import Part
from postroom.web.schemas.fields import Body, Flag, Unserved
from postroom.web.schemas.messages import MessageListQuery, MessageOut, MessageQuery
from postroom.web.schemas.writing import (
    SEND_BYTES_LIMIT,
    SIGNATURE,
    TEMPLATE,
    TRACKING,
    WritingIn,
    addresses,
    files_of,
)


class DraftQuery(MessageQuery):
    """How to show one draft."""

    @model_validator(mode="after")
    def _refuse_mime(self) -> "DraftQuery":
        _refuse_raw(self.fields)
        return self


class DraftListQuery(MessageListQuery):
    """Which drafts to list, and how to show them."""

    search_query_native: Annotated[
        Any, Unserved("Drafts are narrowed by the other filters: leave it out")
    ] = None

    @model_validator(mode="after")
    def _refuse_mime(self) -> "DraftListQuery":
        _refuse_raw(self.fields)
        return self


class DraftIn(WritingIn):
    """What to write into a draft; what is left out, or null, is left as it is."""

    unread: Flag | None = None
    """One official SDK can send it; a draft has been read by its author."""
    send_at: Annotated[
        Any,
        Unserved(
            "A draft waits until it is sent: POST to it sends it at once, and messages/send takes "
            "send_at"
        ),
    ] = None
    use_draft: Annotated[Any, Unserved("A draft is one already: leave it out")] = None

    @model_validator(mode="after")
    def _check(self) -> "DraftIn":
        if self.from_ is not None and len(self.from_) != 1:
            raise InvalidRequest("A message has one sender.", field="from")
        return self

    def files(self, parts: Sequence[Part]) -> tuple[OutgoingAttachment, ...] | None:
        """Return the files that are given, those of the form last, or None when none is named.

        Raises TooLarge, InvalidRequest.
        """
        try:
            files = files_of(self.attachments, parts, body=self.body)
        except TooLarge as error:
            raise TooLarge(
                f"A draft may carry {SEND_BYTES_LIMIT:,} bytes of body and attachments. Send "
                "larger files with messages/send, which takes the ids of attachment-uploads."
            ) from error
        return files if parts or self.attachments is not None else None

    def to_new(self, files: tuple[OutgoingAttachment, ...] | None) -> NewDraft:
        """Return what a new draft is to begin with."""
        return NewDraft(
            request=self.to_request(files or ()), starred=bool(self.starred), metadata=self.metadata
        )

    def to_update(self, files: tuple[OutgoingAttachment, ...] | None) -> DraftUpdate:
        """Return the change. Raises InvalidRequest."""
        if self.forward_message_id:
            raise InvalidRequest(
                "What a draft passes on is set when it is made.", field="forward_message_id"
            )
        answered = self.reply_to_message_id
        change = DraftChange(
            to=None if self.to is None else addresses(self.to),
            cc=None if self.cc is None else addresses(self.cc),
            bcc=None if self.bcc is None else addresses(self.bcc),
            reply_to=None if self.reply_to is None else addresses(self.reply_to),
            subject=self.subject,
            body=self.body,
            is_plaintext=self.body is not None and bool(self.is_plaintext),
            attachments=files,
            custom_headers=self.headers(),
            starred=self.starred,
        )
        return DraftUpdate(
            change=change,
            from_=None if self.from_ is None else addresses(self.from_),
            reply_to_message_id=MessageId(answered) if answered else None,
            metadata=self.metadata,
        )


class DraftSendIn(Body):
    """What may come with the sending of a draft: nothing that we serve."""

    send_at: Annotated[
        Any, Unserved("A draft that is sent leaves at once: messages/send takes send_at")
    ] = None
    use_draft: Annotated[Any, Unserved("A draft is one already: leave it out")] = None
    tracking_options: Annotated[Any, TRACKING] = None
    template: Annotated[Any, TEMPLATE] = None
    signature_id: Annotated[Any, SIGNATURE] = None


class DraftOut(MessageOut):
    """A draft: a message whose id stays while its author changes it."""

    object: str = "draft"

    @classmethod
    def from_mail(cls, mail: FullMessage, *, fields: str = "standard") -> MessageOut:
        """Render a draft with its content."""
        shown = cls.from_domain(mail.message, mail.content, fields=fields)
        return shown.model_copy(update={"id": mail.message.draft_id})


def _refuse_raw(fields: str) -> None:
    if fields == "raw_mime":
        raise InvalidRequest("A draft is not shown in its MIME form.", field="fields")
