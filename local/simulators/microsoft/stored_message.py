"""One message as a mailbox keeps it."""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.simulators.microsoft.compose import compose
from local.simulators.microsoft.content import Content, read

NOT_FLAGGED = {"flagStatus": "notFlagged"}


@dataclass
class StoredMessage:
    """A message; it has MIME (`raw`), or the content a client gave its draft, or both.

    MIME is read, and composed, when it is first asked for.
    """

    number: int
    """Order of arrival in the mailbox; stands behind the id for life."""
    stay: int
    """Changes with each move; stands behind the other id."""
    id: str
    stay_id: str
    folder_id: str
    conversation_id: str
    internet_message_id: str
    subject_key: str
    received_ms: int
    created_ms: int
    modified_ms: int
    is_read: bool
    is_draft: bool
    raw: bytes | None = None
    flag: dict[str, Any] = field(default_factory=lambda: dict(NOT_FLAGGED))
    categories: list[str] = field(default_factory=list)
    importance_set: str | None = None
    """What the owner made of the importance that the message came with."""
    inference_classification: str = "focused"
    version: int = 1
    """Grows with each change."""
    written: Content | None = None
    """The content a client gave, which MIME is composed from."""
    _read: Content | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be read again."""
        return {**self.__dict__, "_read": None}

    @property
    def position(self) -> tuple[int, int]:
        """Return what listings are sorted by."""
        return self.received_ms, self.number

    @property
    def content(self) -> Content:
        """What the message says; to be changed in a copy, for `rewrite`."""
        if self.written is not None:
            return self.written
        if self._read is None:
            self._read = read(self.raw or b"")
        return self._read

    def rewrite(self, content: Content) -> None:
        """Say something else; MIME is composed anew when it is next needed."""
        self.written, self.raw, self._read = content, None, None

    def replace(self, raw: bytes) -> None:
        """Be another message, given as MIME."""
        self.raw, self.written, self._read = raw, None, None

    def mime(self) -> bytes:
        """Return the whole message."""
        if self.raw is None:
            when_ms = self.content.sent_ms or self.modified_ms
            self.raw = compose(self.content, datetime.fromtimestamp(when_ms // 1000, UTC))
        return self.raw

    @property
    def importance(self) -> str:
        """`low`, `normal` or `high`."""
        return self.importance_set or self.content.importance

    @property
    def is_flagged(self) -> bool:
        """Whether the owner flagged it and is not done with it."""
        return self.flag.get("flagStatus") == "flagged"

    @property
    def change_key(self) -> str:
        """The version, opaque."""
        digest = hashlib.sha256(f"{self.id} {self.version}".encode()).digest()
        return base64.b64encode(b"\x09\x00" + digest[:22]).decode()
