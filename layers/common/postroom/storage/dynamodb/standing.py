"""Where a message stands: its locations as `<received at>#<view>`, remembered in its own row."""

from collections.abc import Iterable
from datetime import datetime

from postroom.domain.ids import AccountId, DraftId, MessageId, ThreadId
from postroom.domain.message import Message, Position, View, draft_of, thread_of
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, cleaned

Standing = frozenset[str]


def standing_of(message: Message) -> Standing:
    """Return where a message is to stand."""
    received_at = keys.moment(message.received_at)
    return frozenset(f"{received_at}#{cleaned(view)}" for view in message.views())


def view_of(standing: str) -> View:
    """Return the view of one of the locations."""
    return View(standing.partition("#")[2])


def threads_of(standing: Standing) -> set[ThreadId]:
    """Return the threads in whose lists the locations are."""
    threads = (thread_of(view_of(each)) for each in standing)
    return {thread_id for thread_id in threads if thread_id is not None}


def drafts_of(standing: Standing) -> set[DraftId]:
    """Return the drafts in whose lists the locations are."""
    drafts = (draft_of(view_of(each)) for each in standing)
    return {draft for draft in drafts if draft is not None}


def location_keys(
    account_id: AccountId, message_id: MessageId, standing: Iterable[str]
) -> Iterable[keys.Key]:
    """Return the keys of a message's locations."""
    for each in standing:
        received_at = datetime.fromisoformat(each.partition("#")[0])
        position = Position(received_at=received_at, message_id=message_id)
        yield keys.location(account_id, view_of(each), position)


def location_rows(message: Message, standing: Iterable[str]) -> dict[keys.Key, Row]:
    """Return a message's locations as rows."""
    found = location_keys(message.account_id, message.id, standing)
    return {key: {"version": message.version} for key in found}
