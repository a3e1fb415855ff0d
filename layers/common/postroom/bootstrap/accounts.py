"""/v3/grants: the accounts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import access, mail_stores
from postroom.domain.principal import Principal
from postroom.ports import AccountStore, Clock, SyncStateStore, WorkQueue
from postroom.usecases.sync_lanes import SyncTools


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    accounts: AccountStore
    sync_states: SyncStateStore
    work: WorkQueue
    clock: Clock
    tools: SyncTools
    authenticate: Callable[[str], Principal]


@lru_cache
def services() -> Services:
    """Wire the function."""
    tools = mail_stores.sync_tools()
    return Services(
        accounts=tools.accounts,
        sync_states=tools.sync_states,
        work=tools.work,
        clock=tools.clock,
        tools=tools,
        authenticate=access.authenticate,
    )
