"""Page tokens: opaque, signed, and good only for the list that they were made for.

    token = base64url(tag ‖ place)        tag = HMAC-SHA256(signing key, list ‖ place), 16 bytes

"List" is the account and everything that decides what stands in it. `limit` is not part of it:
one official SDK asks for fewer and fewer while it collects.
"""

import base64
import binascii
import dataclasses
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from postroom.domain.errors import InvalidRequest
from postroom.domain.ids import AccountId, MessageId
from postroom.domain.message import MessageFilter, Position

_TAG_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def messages_list(account_id: AccountId, wanted: MessageFilter) -> str:
    """Name the list of an account's messages that match a filter."""
    parts = {field.name: getattr(wanted, field.name) for field in dataclasses.fields(wanted)}
    return json.dumps([account_id, "messages", parts], default=_plain, sort_keys=True)


def folders_list(account_id: AccountId) -> str:
    """Name the list of an account's folders."""
    return json.dumps([account_id, "folders"])


def message_cursor(position: Position, *, of_list: str, key: bytes) -> str:
    """Make the token of the page that begins after a message."""
    microseconds = (position.received_at - _EPOCH) // _MICROSECOND
    return _sealed(f"{microseconds}:{position.message_id}", of_list, key)


def message_position(token: str | None, *, of_list: str, key: bytes) -> Position | None:
    """Read a token of `message_cursor`. Raises InvalidRequest naming `page_token`."""
    if token is None:
        return None
    microseconds, _, message_id = _opened(token, of_list, key).partition(":")
    received_at = _EPOCH + int(microseconds) * _MICROSECOND
    return Position(received_at=received_at, message_id=MessageId(message_id))


def offset_cursor(offset: int, *, of_list: str, key: bytes) -> str:
    """Make the token of the page that begins at an index; for lists that are short and whole."""
    return _sealed(str(offset), of_list, key)


def page_offset(token: str | None, *, of_list: str, key: bytes) -> int:
    """Read a token of `offset_cursor`. Raises InvalidRequest naming `page_token`."""
    return 0 if token is None else int(_opened(token, of_list, key))


def _sealed(place: str, of_list: str, key: bytes) -> str:
    token = _tag(place.encode(), of_list, key) + place.encode()
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def _opened(token: str, of_list: str, key: bytes) -> str:
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        sealed = b""
    tag, place = sealed[:_TAG_BYTES], sealed[_TAG_BYTES:]
    if not place or not hmac.compare_digest(tag, _tag(place, of_list, key)):
        raise InvalidRequest(
            "This is not a next_cursor of this list. Begin again without one.", field="page_token"
        )
    return place.decode()


def _tag(place: bytes, of_list: str, key: bytes) -> bytes:
    # The leading word keeps these tags apart from other things signed with the same key.
    said = b"\0".join((b"page_token", of_list.encode(), place))
    return hmac.new(key, said, hashlib.sha256).digest()[:_TAG_BYTES]


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value.isoformat()
