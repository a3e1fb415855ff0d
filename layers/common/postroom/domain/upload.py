"""A large file on its way: put to an address of its own, then named by the message that carries it.

    offered ──file put there──► arrived ──completed──► ready ──► sent along, any number of times
       │      in a quarter of an hour                                                       │
       └───────────────────────── a day after it was offered: gone ─────────────────────────┘

A file that is put there again after its upload was completed is another one, which nobody sends.
Whoever comes too late for an address has another one offered: nothing is lost by that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType

from postroom.domain.ids import AccountId

UploadId = NewType("UploadId", str)

TransferMark = NewType("TransferMark", str)
"""The provider's opaque mark of how far a message has got that is handed over in pieces."""

UPLOAD_LIFETIME = timedelta(days=1)
"""As long as a message may name the file; the bucket forgets it then."""

UPLOAD_ADDRESS_LIFETIME = timedelta(minutes=15)
"""How long a PUT to the address may begin. No longer is promised, since an address ends with the
credentials that signed it, whatever it says itself, and Lambda tells no function when its role's
end: https://repost.aws/knowledge-center/presigned-url-s3-bucket-expiration
A quarter of an hour is the longest that a function may run, which they have to last for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that was announced, and perhaps has come."""

    id: UploadId
    account_id: AccountId
    filename: str
    content_type: str
    size_bytes: int | None
    """As it was announced, if at all; of one that is ready, as it is."""
    expires_at: datetime
    revision: str = ""
    """Which content was there when the upload was completed; empty until then."""

    @property
    def is_ready(self) -> bool:
        """Whether a message may carry it."""
        return bool(self.revision)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadAddress:
    """Where a file is put with one HTTP PUT; whoever has the address may."""

    url: str
    headers: Mapping[str, str]
    """What the PUT has to say: it is signed along."""
    expires_at: datetime
    """When no PUT may begin any more; one that has begun goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadOffer:
    """An upload, where its file is put, and the most that it may have."""

    upload: Upload
    address: UploadAddress
    limit_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivedFile:
    """What lies at the address of an upload."""

    size_bytes: int
    revision: str
