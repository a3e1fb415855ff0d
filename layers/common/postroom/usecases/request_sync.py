"""A person's or an application's wish to have an account synced now."""

from enum import StrEnum

from postroom.domain.account import Account
from postroom.domain.errors import NotFound
from postroom.domain.sync import BackfillPhase
from postroom.usecases.sync_account import SyncTools, restarted_backfill


class SyncMode(StrEnum):
    """What to read: the changes, or the whole mailbox once more."""

    INCREMENTAL = "incremental"
    FULL = "full"


def request_sync(*, account: Account, mode: SyncMode, tools: SyncTools) -> None:
    """Ring an account's doorbell. A first or full sync that is not done is not begun again."""
    if mode is SyncMode.FULL and _is_done(account, tools):
        with restarted_backfill(account_id=account.id, tools=tools):
            pass
    if not tools.sync_states.ring(account.id):
        tools.sync_states.create(account.id, due_at=tools.clock.now())
    tools.work.sync(account.id)


def _is_done(account: Account, tools: SyncTools) -> bool:
    try:
        backfill = tools.sync_states.get(account.id).backfill
    except NotFound:
        return False
    return backfill is not None and backfill.phase is BackfillPhase.DONE
