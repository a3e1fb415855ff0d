"""How large a message a provider sends."""

from dataclasses import dataclass

ENCODED_LINE_BYTES = 78
"""Of base64 in MIME: 76 characters and a line end (RFC 2045, 6.8), …"""

DECODED_LINE_BYTES = 57
"""… which stand for so many bytes."""

_ROOM_FOR_THE_REST_BYTES = 64 * 1024
"""Of a message with one file: its header fields, a short text, and what parts are made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLimit:
    """What a provider takes at most."""

    provider_label: str
    message_bytes: int
    counts_mime: bool
    """The limit is that of the message in MIME, where a file takes over a third more room than it
    has; otherwise body and files are counted as they are."""
    mime_bytes: int
    """The most of a message that is handed over as it came in MIME."""

    @property
    def file_bytes(self) -> int:
        """The most that a single file may have."""
        if not self.counts_mime:
            return self.message_bytes
        room = self.message_bytes - _ROOM_FOR_THE_REST_BYTES
        return room // ENCODED_LINE_BYTES * DECODED_LINE_BYTES

    def sentence(self) -> str:
        """Tell the limit to whoever has passed it."""
        if not self.counts_mime:
            return f"{self.provider_label} sends at most {self.message_bytes:,} bytes in a message."
        return (
            f"{self.provider_label} sends at most {self.message_bytes:,} bytes in a message, "
            f"encoded for transport, which leaves {self.file_bytes:,} bytes for files."
        )
