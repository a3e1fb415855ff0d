"""A person's or an application's wish to have an account synced now."""

from enum import StrEnum

from postroom.domain.account import Account
from postroom.domain.errors import NotFound
from postroom.domain.ids import new_token
from postroom.usecases.sync_lanes import SyncTools


class SyncMode(StrEnum):
    """What to read: the changes, or the whole mailbox once more."""

    INCREMENTAL = "incremental"
    FULL = "full"


def request_sync(*, account: Account, mode: SyncMode, tools: SyncTools) -> None:
    """Ring an account's doorbell. A first or full sync that is not done is not begun again."""
    if mode is SyncMode.FULL:
        _read_again(account, tools)
    if not tools.sync_states.ring(account.id):
        tools.sync_states.create(account.id, due_at=tools.clock.now())
    tools.work.sync(account.id)


def _read_again(account: Account, tools: SyncTools) -> None:
    try:
        state = tools.sync_states.get(account.id)
    except NotFound:
        return
    if state.is_read:
        for unit_id in state.units:
            tools.sync_states.read_again(account.id, unit_id, generation=new_token())
