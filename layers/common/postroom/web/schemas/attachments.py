"""Attachments, as listed on a message and by themselves."""

from postroom.domain.ids import AccountId
from postroom.domain.message import Attachment
from postroom.web.schemas.fields import Output, Query


class AttachmentQuery(Query):
    """Which message an attachment is of."""

    message_id: str = ""
    """Changes nothing: an attachment's id tells its message."""


class AttachmentOut(Output):
    """What is known about a file; `size` is in bytes."""

    id: str
    grant_id: str
    filename: str
    content_type: str
    size: int
    content_id: str
    is_inline: bool
    content_disposition: str

    @classmethod
    def from_domain(cls, account_id: AccountId, attachment: Attachment) -> "AttachmentOut":
        """Render an attachment."""
        return cls(
            id=attachment.id,
            grant_id=account_id,
            filename=attachment.filename,
            content_type=attachment.content_type,
            size=attachment.size_bytes,
            content_id=attachment.content_id,
            is_inline=attachment.is_inline,
            content_disposition="inline" if attachment.is_inline else "attachment",
        )
