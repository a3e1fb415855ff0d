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
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

from postroom.domain.errors import InvalidRequest
from postroom.domain.ids import AccountId, MessageId
from postroom.domain.message import MessageFilter, Position, SearchPosition
from postroom.domain.thread import ThreadFilter, ThreadPlace, ThreadSearchPlace

_TAG_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def messages_list(account_id: AccountId, wanted: MessageFilter) -> str:
    """Name the list of an account's messages that match a filter."""
    parts = {field.name: getattr(wanted, field.name) for field in dataclasses.fields(wanted)}
    return json.dumps([account_id, "messages", parts], default=_plain, sort_keys=True)


def search_list(account_id: AccountId, wanted: MessageFilter, query: str) -> str:
    """Name the list of what an account's provider finds, so far as it matches a filter."""
    return json.dumps([messages_list(account_id, wanted), "search", query])


def folders_list(account_id: AccountId, parent_id: str | None, *, directly: bool) -> str:
    """Name the list of an account's folders, or of those in one of them."""
    return json.dumps([account_id, "folders", parent_id, directly])


def connectors_list() -> str:
    """Name the list of the deployment's connectors."""
    return json.dumps(["connectors"])


def deliveries_list(webhook_id: str) -> str:
    """Name the list of the attempts to tell a webhook of events."""
    return json.dumps(["deliveries", webhook_id])


def threads_list(account_id: AccountId, wanted: ThreadFilter) -> str:
    """Name the list of an account's threads that match a filter."""
    parts = {field.name: getattr(wanted, field.name) for field in dataclasses.fields(wanted)}
    return json.dumps([account_id, "threads", parts], default=_plain, sort_keys=True)


def thread_search_list(account_id: AccountId, wanted: ThreadFilter, query: str) -> str:
    """Name the list of threads that an account's provider finds, and that match a filter."""
    return json.dumps([threads_list(account_id, wanted), "search", query])


def message_cursor(position: Position, *, of_list: str, key: bytes) -> str:
    """Make the token of the page that begins after a message."""
    return _sealed(_written(position), of_list, key)


def message_position(token: str | None, *, of_list: str, key: bytes) -> Position | None:
    """Read a token of `message_cursor`. Raises InvalidRequest naming `page_token`."""
    if token is None:
        return None
    return _position(_opened(token, of_list, key))


def thread_cursor(place: ThreadPlace, *, of_list: str, key: bytes) -> str:
    """Make the token of the page that begins after a thread."""
    return _sealed(f"{_written(place.position)}/{_written(place.begun_at)}", of_list, key)


def thread_place(token: str | None, *, of_list: str, key: bytes) -> ThreadPlace | None:
    """Read a token of `thread_cursor`. Raises InvalidRequest naming `page_token`."""
    if token is None:
        return None
    position, _, begun_at = _opened(token, of_list, key).partition("/")
    return ThreadPlace(position=_position(position), begun_at=_position(begun_at))


def search_cursor(position: SearchPosition, *, of_list: str, key: bytes) -> str:
    """Make the token of the page that begins after a place in a provider's results."""
    # The provider's own mark may be an address that repeats the query: it is packed.
    place = zlib.compress(_written_search(position).encode())
    return _sealed(base64.b64encode(place).decode(), of_list, key)


def search_position(token: str | None, *, of_list: str, key: bytes) -> SearchPosition | None:
    """Read a token of `search_cursor`. Raises InvalidRequest naming `page_token`."""
    if token is None:
        return None
    place = zlib.decompress(base64.b64decode(_opened(token, of_list, key))).decode()
    return _search_position(place)


def thread_search_cursor(place: ThreadSearchPlace, *, of_list: str, key: bytes) -> str:
    """Make the token of the page that begins after a thread that a provider has found."""
    written = f"{','.join(place.seen)}:{_written_search(place.position)}"
    return _sealed(base64.b64encode(zlib.compress(written.encode())).decode(), of_list, key)


def thread_search_place(token: str | None, *, of_list: str, key: bytes) -> ThreadSearchPlace | None:
    """Read a token of `thread_search_cursor`. Raises InvalidRequest naming `page_token`."""
    if token is None:
        return None
    written = zlib.decompress(base64.b64decode(_opened(token, of_list, key))).decode()
    seen, _, position = written.partition(":")
    return ThreadSearchPlace(position=_search_position(position), seen=_marks(seen))


def _written_search(position: SearchPosition) -> str:
    return f"{','.join(position.shown)}:{position.taken}:{position.page}"


def _search_position(written: str) -> SearchPosition:
    shown, taken, page = written.split(":", 2)
    return SearchPosition(page=page, taken=int(taken), shown=_marks(shown))


def _marks(written: str) -> tuple[str, ...]:
    return tuple(written.split(",")) if written else ()


def offset_cursor(offset: int, *, of_list: str, key: bytes) -> str:
    """Make the token of the page that begins at an index; for lists that are short and whole."""
    return _sealed(str(offset), of_list, key)


def page_offset(token: str | None, *, of_list: str, key: bytes) -> int:
    """Read a token of `offset_cursor`. Raises InvalidRequest naming `page_token`."""
    return 0 if token is None else int(_opened(token, of_list, key))


def name_cursor(name: str, *, of_list: str, key: bytes) -> str:
    """Make the token of the page that begins after a name; for lists that are ordered by names."""
    return _sealed(name, of_list, key)


def page_name(token: str | None, *, of_list: str, key: bytes) -> str:
    """Read a token of `name_cursor`. Raises InvalidRequest naming `page_token`."""
    return "" if token is None else _opened(token, of_list, key)


def _written(position: Position) -> str:
    return f"{(position.received_at - _EPOCH) // _MICROSECOND}:{position.message_id}"


def _position(written: str) -> Position:
    microseconds, _, message_id = written.partition(":")
    received_at = _EPOCH + int(microseconds) * _MICROSECOND
    return Position(received_at=received_at, message_id=MessageId(message_id))


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
