"""Messages as they were written."""

from typing import Literal

from postroom.web.schemas.fields import Output


class RawMessageOut(Output):
    """A message in its MIME form (RFC 5322), and nothing else of it."""

    id: str
    grant_id: str
    object: Literal["message"] = "message"
    raw_mime: str | None = None
    """The whole message in base64url, up to 4 MB."""
    raw_mime_url: str | None = None
    """Where a larger one can be fetched for five minutes, without a key."""
