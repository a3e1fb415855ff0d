"""Where large files wait for the messages that carry them."""

from typing import Protocol

from postroom.domain.ids import AccountId
from postroom.domain.upload import ArrivedFile, Upload, UploadAddress, UploadId


class UploadReader(Protocol):
    """The contents of uploads that are ready."""

    def read(self, upload: Upload, *, start: int, length: int) -> bytes:
        """Return a piece of the file. Raises NotFound when the file is gone, or is another one."""


class UploadStore(UploadReader, Protocol):
    """Uploads, and the files that have come for them."""

    def offer(self, upload: Upload) -> UploadAddress:
        """Remember an upload; answers where its file is put within UPLOAD_ADDRESS_LIFETIME.

        The address takes the announced type only, and, where a size was announced, that size.
        """

    def get(self, account_id: AccountId, upload_id: UploadId) -> Upload:
        """Return an upload of an account. Raises NotFound, also for one that has expired."""

    def arrived(self, upload: Upload) -> ArrivedFile | None:
        """Tell what has been put to the address by now."""

    def complete(self, upload: Upload) -> None:
        """Remember an upload as it is now; one that is gone stays away."""

    def discard(self, upload: Upload) -> None:
        """Forget an upload and its file."""

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's uploads and files."""
