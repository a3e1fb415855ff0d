"""Delta of a folder's messages, and of the folders.

    first call ─▶ list phase ──▶ … nextLink … ──▶ last page: deltaLink
                                                      │
                        log phase ◀───────────────────┘
                           └─▶ … nextLink … ──▶ last page: deltaLink ─▶ log phase …

The list phase walks the folder by position, the log phase the folder's log from where the round
began; a page costs what it holds. What changes during a round is told by a later one, so that a
message may be told twice. https://learn.microsoft.com/en-us/graph/delta-query-messages
"""

import base64
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from local.simulators.microsoft import ids
from local.simulators.microsoft.errors import GraphError, invalid
from local.simulators.microsoft.folders import ROOT, Folder, LogEntry
from local.simulators.microsoft.graph_call import GraphCall, Json
from local.simulators.microsoft.odata import received_from, selection
from local.simulators.microsoft.rendering import (
    FOLDER_PROPERTIES,
    MESSAGE_PROPERTIES,
    render_folder,
    render_message,
    view_of,
)
from local.simulators.microsoft.stored_message import StoredMessage

DEFAULT_PAGE_SIZE: Final = 10
MAX_PAGE_SIZE: Final = 1000
MOST_FILTERED: Final = 5000
"""Messages of a filtered round."""
_ENTRIES_PER_ITEM: Final = 10
"""Log entries that a page reads for each item it may hold; busy folders give short pages."""
_KIND_OF_CHANGE: Final = {"came": "created", "changed": "updated", "left": "deleted"}


@dataclass(frozen=True)
class _Round:
    """All that a link remembers."""

    generation: int
    folder_id: str
    log_position: int
    """Where the next round, or the next page of the log phase, begins."""
    in_log: bool = False
    after: tuple[int, int] | None = None
    """Position of the last message that the list phase gave."""
    given: int = 0
    paused: bool = False
    """Whether the empty page was given that `page_size` asks for."""
    newest_first: bool = False
    received_from_ms: int | None = None
    select: str | None = None
    most: int | None = None
    change_type: str | None = None


def message_delta(call: GraphCall) -> Json:
    """`GET …/mailFolders/{id}/messages/delta`."""
    folder = call.mailbox.folder(call.path["folder"])
    token = call.argument("$skiptoken") or call.argument("$deltatoken")
    this = _round_of(call, folder, token) if token else _first(call, folder)
    limit = _page_limit(call)
    page = _log_page if this.in_log else _list_page
    items, following, ended = page(call, folder, this, limit)
    name, link = ("$deltatoken", "deltaLink") if ended else ("$skiptoken", "nextLink")
    folder_url = f"{call.owner_url}/mailFolders('{folder.id}')"
    return {
        "@odata.context": call.context("messages"),
        "value": items,
        f"@odata.{link}": f"{folder_url}/messages/delta?{name}={_seal(asdict(following))}",
    }


def _first(call: GraphCall, folder: Folder) -> _Round:
    """Read the options of a new round; raises a 400 GraphError."""
    if call.argument("$search"):
        raise invalid("The query parameter '$search' is not supported with change tracking.")
    order = (call.argument("$orderby") or "").strip().lower()
    if order not in {"", "receiveddatetime desc"}:
        raise invalid("Change tracking supports no $orderby but receivedDateTime desc.")
    earliest = call.argument("$filter")
    change_type = call.argument("changeType")
    if change_type not in {None, "created", "updated", "deleted"}:
        raise invalid(f"Invalid value '{change_type}' for changeType.")
    top = call.argument("$top")
    selection(call.argument("$select"), MESSAGE_PROPERTIES, "message")
    return _Round(
        generation=call.mailbox.delta_generation,
        folder_id=folder.id,
        log_position=len(folder.log),
        newest_first=bool(order),
        received_from_ms=received_from(earliest) if earliest else None,
        select=call.argument("$select"),
        most=call.number("$top", 0, 10**9) if top else None,
        change_type=change_type,
    )


def _round_of(call: GraphCall, folder: Folder, token: str) -> _Round:
    """Read a link's token; raises a 410 GraphError when it has expired, a 400 when it is none."""
    values = _unsealed(token)
    try:
        after = values.pop("after")
        this = _Round(**values, after=tuple(after) if after else None)
    except (TypeError, KeyError):
        raise _bad_token() from None
    if this.folder_id != folder.id:
        raise _bad_token()
    if this.generation != call.mailbox.delta_generation:
        raise expired(f"{call.owner_url}/mailFolders('{folder.id}')/messages/delta")
    return this


def _page_limit(call: GraphCall) -> int:
    wanted = min(call.max_page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)
    return min(wanted, call.settings.page_size or wanted)


def _list_page(
    call: GraphCall, folder: Folder, this: _Round, limit: int
) -> tuple[list[Json], _Round, bool]:
    """Return a page of what is in the folder, what its link remembers, and whether it is last."""
    in_page = limit
    for most in (this.most, MOST_FILTERED if this.received_from_ms is not None else None):
        if most is not None:
            in_page = min(in_page, most - this.given)
    if call.settings.page_size and this.after is None and not this.paused and folder.total > limit:
        return [], replace(this, paused=True), False
    page: list[StoredMessage] = []
    more = False
    for message in _listed(call, folder, this):
        if len(page) == in_page:
            more = in_page == limit
            break
        page.append(message)
    view, selected = view_of(call), _selected(this)
    items = [render_message(message, view, selected) for message in page]
    if more:
        given = this.given + len(page)
        return items, replace(this, after=page[-1].position, given=given), False
    return items, replace(this, in_log=True, after=None, given=0, paused=False), True


def _listed(call: GraphCall, folder: Folder, this: _Round) -> Iterator[StoredMessage]:
    earliest, after = this.received_from_ms, this.after
    if earliest is not None and not this.newest_first and after is None:
        after = (earliest - 1, 2**62)
    for message in call.mailbox.by_date(folder, newest_first=this.newest_first, after=after):
        if earliest is not None and message.received_ms < earliest:
            return
        yield message


def _log_page(
    call: GraphCall, folder: Folder, this: _Round, limit: int
) -> tuple[list[Json], _Round, bool]:
    """Return a page of what happened, each message once; else as `_list_page`."""
    if call.settings.page_size and not this.paused and len(folder.log) - this.log_position > limit:
        return [], replace(this, paused=True), False
    happened: dict[int, list[LogEntry]] = {}
    position = this.log_position
    last = min(len(folder.log), position + limit * _ENTRIES_PER_ITEM)
    while position < last:
        entry = folder.log[position]
        key = entry.number if call.immutable_ids else entry.stay
        if key not in happened and len(happened) == limit:
            break
        happened.setdefault(key, []).append(entry)
        position += 1
    items = [item for entries in happened.values() if (item := _told(call, folder, this, entries))]
    ended = position == len(folder.log)
    return items, replace(this, log_position=position, paused=not ended), ended


def _told(call: GraphCall, folder: Folder, this: _Round, entries: list[LogEntry]) -> Json | None:
    """Return one message as it is now, for what happened to it."""
    last = entries[-1]
    if this.change_type and this.change_type not in {_KIND_OF_CHANGE[e.kind] for e in entries}:
        return None
    message = call.mailbox.numbered(last.number)
    is_here = message is not None and message.folder_id == folder.id
    if message is None or not is_here or (not call.immutable_ids and message.stay != last.stay):
        key = call.mailbox.key
        gone = ids.message_id(key, last.number)
        item_id = gone if call.immutable_ids else ids.stay_id(key, last.stay)
        return {
            "@odata.type": "#microsoft.graph.message",
            "id": item_id,
            "@removed": {"reason": "deleted"},
        }
    if this.received_from_ms is not None and message.received_ms < this.received_from_ms:
        return None
    selected = _selected(this)
    named = [entry.properties for entry in entries if entry.kind == "changed"]
    flags_alone = len(named) == len(entries) and all(each is not None for each in named)
    if flags_alone and call.settings.delta_items == "partial":
        changed = {"lastModifiedDateTime"}.union(*(each for each in named if each is not None))
        selected = [name for name in selected or sorted(changed) if name in changed]
    return render_message(message, view_of(call), selected)


def _selected(this: _Round) -> list[str] | None:
    return selection(this.select, MESSAGE_PROPERTIES, "message")


def folder_delta(call: GraphCall) -> Json:
    """`GET …/mailFolders/delta`: all folders at any depth, then those that changed.

    A folder's counts are changes too. A folder that changes during a round is told again by it.
    """
    mailbox = call.mailbox
    values: dict[str, Any] = {"generation": mailbox.delta_generation, "step": 0, "select": None}
    token = call.argument("$skiptoken") or call.argument("$deltatoken")
    if token:
        values = {**values, **_unsealed(token)}
    else:
        hidden = (call.argument("includeHiddenFolders") or "").lower() == "true"
        values |= {"hidden": hidden, "select": call.argument("$select")}
    if values["generation"] != mailbox.delta_generation:
        raise expired(f"{call.owner_url}/mailFolders/delta")
    selected = selection(values["select"], FOLDER_PROPERTIES, "mailFolder")
    step = values["step"]
    if not isinstance(step, int):
        raise _bad_token()
    view = view_of(call)
    told = [
        (folder.changed_at, render_folder(folder, view, selected))
        for folder in mailbox.folders.values()
        if folder.changed_at > step
        and folder.well_known != ROOT
        and (values.get("hidden") or not folder.hidden)
    ]
    if step:
        told += [
            (at, {"id": folder_id, "@removed": {"reason": "deleted"}})
            for folder_id, at in mailbox.gone_folders.items()
            if at > step
        ]
    told.sort(key=lambda pair: pair[0])
    limit = _page_limit(call)
    page, more = told[:limit], len(told) > limit
    reached = page[-1][0] if more else mailbox.folder_step
    name, link = ("$skiptoken", "nextLink") if more else ("$deltatoken", "deltaLink")
    sealed = _seal({**values, "step": reached})
    return {
        "@odata.context": call.context("mailFolders"),
        "value": [item for _, item in page],
        f"@odata.{link}": f"{call.owner_url}/mailFolders/delta?{name}={sealed}",
    }


def expired(start_again: str) -> GraphError:
    """Return the error for a link that works no more, with the address to start again."""
    return GraphError(
        410,
        "SyncStateNotFound",
        "The sync state generation is not found; the change tracking must start again.",
        {"Location": start_again},
    )


def _seal(values: dict[str, Any]) -> str:
    """Return values as a text that clients can only carry."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _unsealed(token: str) -> dict[str, Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError:
        raise _bad_token() from None
    if not isinstance(values, dict):
        raise _bad_token()
    return values


def _bad_token() -> GraphError:
    return GraphError(400, "SyncStateInvalid", "Badly formed token.")
