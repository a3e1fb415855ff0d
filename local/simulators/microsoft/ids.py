"""Ids as Exchange makes them: long, alike but for a few characters, and case-sensitive.

A message has two: one for life, given out with `Prefer: IdType="ImmutableId"`, and one for its
stay in a folder, in the other base64 alphabet, so that it must be percent-encoded in an address.
https://learn.microsoft.com/en-us/graph/outlook-immutable-id
"""

import base64
import hashlib
from typing import Final

_FOR_LIFE: Final = base64.urlsafe_b64decode("AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A")
_FOR_A_STAY: Final = base64.b64decode("AAMkADk1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
_FOLDER: Final = base64.urlsafe_b64decode("AQMkADAwATM3")
_CONVERSATION: Final = base64.urlsafe_b64decode("AAQkADAwATM3")
_OTHER_ALPHABET: Final = bytes.fromhex("ffefbf")
"""Reads `_--_` in the alphabet for addresses and `/++/` in the other."""
ITEM_ID_PATTERN: Final = "[A-Za-z0-9+/=_-]"
STAY_ID_LENGTH: Final = 152
STAY_ATTACHMENT_ID_LENGTH: Final = 156


def message_id(mailbox_key: bytes, number: int) -> str:
    """Return a message's id for life, 132 characters.

    Ids of neighbours differ in one character, at times only in its case.
    """
    return base64.urlsafe_b64encode(_lasting(mailbox_key, number) + b"\0\0").decode()


def stay_id(mailbox_key: bytes, stay: int) -> str:
    """Return a message's id for one stay in a folder, 152 characters."""
    return base64.b64encode(_passing(mailbox_key, stay) + b"\0\0").decode()


def attachment_id(mailbox_key: bytes, number: int, attachment: int) -> str:
    """Return an attachment's id for life, 136 characters."""
    tail = attachment.to_bytes(5)
    return base64.urlsafe_b64encode(_lasting(mailbox_key, number) + tail).decode()


def stay_attachment_id(mailbox_key: bytes, stay: int, attachment: int) -> str:
    """Return an attachment's id while its message stays in a folder, 156 characters."""
    return base64.b64encode(_passing(mailbox_key, stay) + attachment.to_bytes(5)).decode()


def folder_id(mailbox_key: bytes, number: int) -> str:
    """Return a folder's id, which never changes; 120 characters."""
    content = _FOLDER + _spread(mailbox_key, b"folder", 68) + number.to_bytes(6) + bytes(6)
    return base64.urlsafe_b64encode(content).decode()


def conversation_id(mailbox_key: bytes, number: int) -> str:
    """Return a conversation's id, 76 characters."""
    content = _CONVERSATION + _spread(mailbox_key, b"conversation", 40) + number.to_bytes(6)
    return base64.urlsafe_b64encode(content).decode()


def _lasting(mailbox_key: bytes, number: int) -> bytes:
    spread = _spread(mailbox_key, b"life", 60)
    return _FOR_LIFE + spread + _OTHER_ALPHABET + number.to_bytes(6)


def _passing(mailbox_key: bytes, stay: int) -> bytes:
    spread = _spread(mailbox_key, b"stay", 69)
    return _FOR_A_STAY + spread + _OTHER_ALPHABET + stay.to_bytes(6)


def _spread(mailbox_key: bytes, purpose: bytes, length: int) -> bytes:
    return hashlib.shake_256(mailbox_key + purpose).digest(length)
