"""`messages`: lists, single ones, and what their owner does with them.

https://learn.microsoft.com/en-us/graph/api/resources/message
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from copy import deepcopy
from itertools import islice
from typing import Any, Final

from werkzeug import Response

from local.simulators.microsoft import drafts
from local.simulators.microsoft.errors import GraphError, invalid, invalid_argument
from local.simulators.microsoft.folders import Folder
from local.simulators.microsoft.graph_call import GraphCall, Json, created, parameter
from local.simulators.microsoft.odata import (
    Filter,
    candidates,
    no_property,
    ordering,
    selection,
    sort_key,
)
from local.simulators.microsoft.rendering import (
    MESSAGE_PROPERTIES,
    moment,
    render_attachment,
    render_message,
    view_of,
)
from local.simulators.microsoft.search import Search
from local.simulators.microsoft.stored_message import NOT_FLAGGED, StoredMessage

_DEFAULT_PAGE: Final = 10
_MOST_IN_A_PAGE: Final = 1000
MOST_FOUND: Final = 1000
"""Results of a search; https://learn.microsoft.com/en-us/graph/search-query-parameter"""
FLAG_PROPERTIES: Final = frozenset(
    {"isRead", "flag", "categories", "importance", "inferenceClassification"}
)
"""What may be changed on any message."""


def list_messages(call: GraphCall) -> Json:
    """`GET …/messages` and `…/mailFolders/{id}/messages`: newest first, by `$skip`.

    Mail that comes or goes between two pages shifts the second, as with the real one. The pages of
    a search are told by `$skiptoken`, and `$skip` is refused.
    """
    selection(call.argument("$select"), MESSAGE_PROPERTIES, "message")
    found = list(_found(call)) if _wants_count(call) else _found(call)
    top = call.number("$top", _DEFAULT_PAGE, _MOST_IN_A_PAGE) or _DEFAULT_PAGE
    top = min(top, call.settings.page_size or top)
    is_search = call.argument("$search") is not None
    skip = _skipped(call) if is_search else call.number("$skip", 0, 10**9)
    page = list(islice(found, skip, skip + top + 1))
    body: Json = {"@odata.context": call.context("messages")}
    if isinstance(found, list):
        body["@odata.count"] = len(found)
    body["value"] = [rendered(call, message) for message in page[:top]]
    if len(page) > top:
        token = b64encode(str(skip + top).encode()).decode()
        place = {"$skiptoken": token} if is_search else {"$skip": str(skip + top)}
        body["@odata.nextLink"] = call.same_url(**place)
    return body


def count_messages(call: GraphCall) -> Response:
    """`GET …/messages/$count`: a number in plain text."""
    return Response(str(sum(1 for _ in _found(call))), mimetype="text/plain")


def get_message(call: GraphCall) -> Json:
    """`GET …/messages/{id}`."""
    context = call.context("messages/$entity")
    return {"@odata.context": context, **rendered(call, message_of(call))}


def get_mime(call: GraphCall) -> Response:
    """`GET …/messages/{id}/$value`: the message as it travels."""
    return Response(message_of(call).mime(), content_type="text/plain")


def update_message(call: GraphCall) -> Json:
    """`PATCH …/messages/{id}`: flags of any message, everything of a draft."""
    message = message_of(call)
    check_version(call, message)
    body = {name: value for name, value in call.json().items() if not name.startswith("@")}
    for name in body.keys() - MESSAGE_PROPERTIES:
        raise no_property(name, "message")
    written = body.keys() - FLAG_PROPERTIES
    if written and not message.is_draft:
        raise GraphError(
            400, "ErrorInvalidPropertySet", f"{sorted(written)[0]} can be set on drafts alone."
        )
    flags = checked_flags(body, call.now_ms)
    if written:
        content = deepcopy(message.content)
        drafts.write(content, body)
        message.rewrite(content)
        call.mailbox.reindex(message)
    changed = set_flags(call, message, flags)
    if changed or written:
        call.mailbox.changed(message, call.now_ms, None if written else changed)
    return rendered(call, message)


def move_message(call: GraphCall) -> Response:
    """`POST …/messages/{id}/move`."""
    message = message_of(call)
    call.mailbox.move(message, _destination(call), call.now_ms)
    return created(rendered(call, message))


def copy_message(call: GraphCall) -> Response:
    """`POST …/messages/{id}/copy`."""
    copied = call.mailbox.copy(message_of(call), _destination(call), call.now_ms)
    return created(rendered(call, copied))


def delete_message(call: GraphCall) -> None:
    """`DELETE …/messages/{id}`: into Deleted Items, and from there out of sight."""
    message = message_of(call)
    check_version(call, message)
    bin_folder = call.mailbox.folder("deleteditems")
    if call.mailbox.is_inside(call.mailbox.folders[message.folder_id], bin_folder):
        call.mailbox.remove(message)
    else:
        call.mailbox.move(message, bin_folder, call.now_ms)


def delete_message_for_good(call: GraphCall) -> None:
    """`POST …/messages/{id}/permanentDelete`."""
    call.mailbox.remove(message_of(call))


def message_of(call: GraphCall) -> StoredMessage:
    """Return the message of the address; raises a 404 GraphError, also for another folder's."""
    message = call.mailbox.message(call.path["id"])
    folder = call.path.get("folder")
    if folder is not None and call.mailbox.folder(folder).id != message.folder_id:
        raise GraphError(
            404, "ErrorItemNotFound", "The specified object was not found in the store."
        )
    return message


def rendered(call: GraphCall, message: StoredMessage) -> Json:
    """Return a message with what the caller selects and expands."""
    view = view_of(call)
    selected = selection(call.argument("$select"), MESSAGE_PROPERTIES, "message")
    body = render_message(message, view, selected)
    expanded = call.argument("$expand")
    if expanded is not None:
        if expanded.partition("(")[0] != "attachments":
            raise invalid(f"Could not find a property named '{expanded}' to expand.")
        files = message.content.attachments
        body["attachments"] = [render_attachment(message, each, view) for each in files]
    return body


def check_version(call: GraphCall, message: StoredMessage) -> None:
    """Refuse a change of what the caller has not seen: a 412 GraphError."""
    wanted = call.request.headers.get("If-Match", "*").strip()
    if wanted not in {"*", f'W/"{message.change_key}"', f'"{message.change_key}"'}:
        raise GraphError(
            412,
            "ErrorIrresolvableConflict",
            "The send or update operation could not be performed because the change key passed "
            "in the request does not match the current change key for the item.",
        )


def checked_flags(body: Json, now_ms: int) -> Json:
    """Return what a body says of the properties of any message; raises a 400 GraphError."""
    named = sorted(FLAG_PROPERTIES & body.keys())
    return {name: _flag_value(name, body[name], now_ms) for name in named}


def set_flags(call: GraphCall, message: StoredMessage, values: Json) -> set[str]:
    """Set properties that were checked; returns the names of those that changed."""
    changed = set()
    for name, value in values.items():
        before: Any
        if name == "isRead":
            before = message.is_read
            call.mailbox.set_read(message, is_read=value)
        elif name == "flag":
            before, message.flag = message.flag, value
        elif name == "categories":
            before, message.categories = message.categories, value
        elif name == "importance":
            before, message.importance_set = message.importance, value
        else:
            before, message.inference_classification = message.inference_classification, value
        if value != before:
            changed.add(name)
    return changed


def _flag_value(name: str, value: Any, now_ms: int) -> Any:
    """Check one of the flags' values."""
    texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
    if name == "isRead" and isinstance(value, bool):
        return value
    if name == "categories" and texts:
        return list(dict.fromkeys(value))
    if name == "importance" and str(value).lower() in {"low", "normal", "high"}:
        return str(value).lower()
    if name == "inferenceClassification" and value in {"focused", "other"}:
        return value
    if name == "flag" and isinstance(value, dict):
        states = {"notflagged": "notFlagged", "flagged": "flagged", "complete": "complete"}
        state = states.get(str(value.get("flagStatus", "")).lower())
        if state is not None:
            return _completed({**value, "flagStatus": state}, now_ms)
    raise invalid(f"Cannot convert the literal '{value}' to the expected type of '{name}'.")


def _completed(flag: Json, now_ms: int) -> Json:
    if flag["flagStatus"] == "notFlagged":
        return dict(NOT_FLAGGED)
    if flag["flagStatus"] == "complete" and "completedDateTime" not in flag:
        when = {"dateTime": moment(now_ms).removesuffix("Z"), "timeZone": "UTC"}
        return {**flag, "completedDateTime": when}
    return flag


def _destination(call: GraphCall) -> Folder:
    name = parameter(call.json(), "destinationId")
    if not isinstance(name, str) or not name:
        raise invalid_argument("destinationId is missing.")
    return call.mailbox.folder(name)


def _wants_count(call: GraphCall) -> bool:
    return (call.argument("$count") or "").lower() == "true"


def _skipped(call: GraphCall) -> int:
    if call.argument("$skip") is not None:
        raise GraphError(400, "SearchWithSkip", "The query parameter '$search' excludes $skip.")
    token = call.argument("$skiptoken")
    try:
        return 0 if token is None else int(b64decode(token, validate=True))
    except ValueError:
        raise invalid("Invalid $skiptoken.") from None


def _found(call: GraphCall) -> Iterable[StoredMessage]:
    folder = call.mailbox.folder(call.path["folder"]) if "folder" in call.path else None
    text = call.argument("$search")
    if text is not None:
        if call.argument("$filter") or call.argument("$orderby"):
            raise GraphError(
                400, "SearchWithFilter", "The query parameter '$search' excludes $filter, $orderby."
            )
        search = Search(text)
        everything = call.mailbox.by_date(folder, newest_first=True)
        return islice((m for m in everything if search.matches(m)), MOST_FOUND)
    clause, order = call.argument("$filter"), call.argument("$orderby")
    wanted = Filter(clause) if clause else None
    if wanted is not None and order:
        wanted.check_order(order)
    name, descends = ordering(order)
    everything = call.mailbox.by_date(folder, newest_first=descends)
    few = candidates(call.mailbox, wanted, everything)
    if few is not everything or name != "receivedDateTime":
        inside = [m for m in few if folder is None or m.folder_id == folder.id]
        key = (lambda m: m.position) if name == "receivedDateTime" else sort_key(name)
        few = sorted(inside, key=key, reverse=descends)
    return (m for m in few if wanted is None or wanted.matches(m))
