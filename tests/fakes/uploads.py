"""Large files in memory, and what stands in for the PUT that brings them."""

import hashlib

from postroom.domain.errors import NotFound
from postroom.domain.ids import AccountId
from postroom.domain.upload import (
    UPLOAD_ADDRESS_LIFETIME,
    ArrivedFile,
    Upload,
    UploadAddress,
    UploadId,
)
from postroom.ports import Clock

_HOST = "https://uploads.example/"


class InMemoryUploadStore:
    """Uploads and their files by account and id."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._uploads: dict[tuple[AccountId, UploadId], Upload] = {}
        self._files: dict[tuple[AccountId, UploadId], bytes] = {}

    def offer(self, upload: Upload) -> UploadAddress:
        """Remember an upload; answers where its file is put within UPLOAD_ADDRESS_LIFETIME."""
        self._uploads[upload.account_id, upload.id] = upload
        headers = {"Content-Type": upload.content_type}
        if upload.size_bytes is not None:
            headers["Content-Length"] = str(upload.size_bytes)
        return UploadAddress(
            url=f"{_HOST}{upload.account_id}/{upload.id}",
            headers=headers,
            expires_at=self._clock.now() + UPLOAD_ADDRESS_LIFETIME,
        )

    def put(self, url: str, content: bytes) -> None:
        """Do what a client does with the address of an offer."""
        account_id, upload_id = url.removeprefix(_HOST).split("/")
        self._files[AccountId(account_id), UploadId(upload_id)] = content

    def get(self, account_id: AccountId, upload_id: UploadId) -> Upload:
        """Return an upload of an account. Raises NotFound, also for one that has expired."""
        upload = self._uploads.get((account_id, upload_id))
        if upload is None or upload.expires_at <= self._clock.now():
            raise NotFound("There is no such upload, or it has expired.")
        return upload

    def arrived(self, upload: Upload) -> ArrivedFile | None:
        """Tell what has been put to the address by now."""
        content = self._files.get((upload.account_id, upload.id))
        if content is None:
            return None
        return ArrivedFile(size_bytes=len(content), revision=_revision(content))

    def complete(self, upload: Upload) -> None:
        """Remember an upload as it is now; one that is gone stays away."""
        if (upload.account_id, upload.id) in self._uploads:
            self._uploads[upload.account_id, upload.id] = upload

    def read(self, upload: Upload, *, start: int, length: int) -> bytes:
        """Return a piece of the file. Raises NotFound when the file is gone, or is another one."""
        content = self._files.get((upload.account_id, upload.id))
        if content is None or _revision(content) != upload.revision:
            raise NotFound("The uploaded file is gone, or was replaced.")
        return content[start : start + length]

    def discard(self, upload: Upload) -> None:
        """Forget an upload and its file."""
        self._files.pop((upload.account_id, upload.id), None)
        self._uploads.pop((upload.account_id, upload.id), None)

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's uploads and files."""
        for key in [key for key in self._uploads if key[0] == account_id]:
            del self._uploads[key]
        for key in [key for key in self._files if key[0] == account_id]:
            del self._files[key]


def _revision(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()}"'
