"""Large attachments on the wire: an address to put a file to, and that it is ready."""

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints

from postroom.domain.mime import may_be_attached
from postroom.domain.upload import Upload, UploadOffer
from postroom.web.schemas.fields import Body, Line, Output


def _content_type(text: str) -> str:
    if not may_be_attached(text) or not text.isascii():
        raise ValueError("Send the type of one file, like 'image/png'")
    return text


class UploadIn(Body):
    """The file that is going to be uploaded."""

    filename: Annotated[
        Line, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)
    ]
    content_type: Annotated[
        Line,
        StringConstraints(strip_whitespace=True, max_length=255),
        AfterValidator(_content_type),
    ]
    size: Annotated[int, Field(ge=1, strict=True)] | None = None


class UploadOut(Output):
    """Where the file goes: one PUT with these headers, and no other authorization.

    The PUT has to begin before `url_expires_at`; until `expires_at` a message may name the file.
    An address that storage refuses (403) has run out: ask for another one.
    """

    attachment_id: str
    grant_id: str
    method: Literal["PUT"] = "PUT"
    url: str
    headers: dict[str, str]
    url_expires_at: str
    expires_at: str
    max_size: int
    size: int
    content_type: str
    filename: str

    @classmethod
    def from_domain(cls, offer: UploadOffer) -> Self:
        """Show an offer; a size that was not announced is 0, as the contract has it."""
        upload = offer.upload
        return cls(
            attachment_id=upload.id,
            grant_id=upload.account_id,
            url=offer.address.url,
            headers=dict(offer.address.headers),
            url_expires_at=_rfc3339(offer.address.expires_at),
            expires_at=_rfc3339(upload.expires_at),
            max_size=offer.limit_bytes,
            size=upload.size_bytes or 0,
            content_type=upload.content_type,
            filename=upload.filename,
        )


def _rfc3339(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"


class UploadReadyOut(Output):
    """A file that a message may carry."""

    attachment_id: str
    grant_id: str
    status: Literal["ready"] = "ready"

    @classmethod
    def from_domain(cls, upload: Upload) -> Self:
        """Show an upload that is complete."""
        return cls(attachment_id=upload.id, grant_id=upload.account_id)
