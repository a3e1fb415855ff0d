"""/v3/grants: the accounts."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import access, mail_stores
from postroom.domain.principal import Principal
from postroom.usecases.sync_account import SyncTools


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    tools: SyncTools
    authenticate: Callable[[str], Principal]


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(tools=mail_stores.sync_tools(), authenticate=access.authenticate)
