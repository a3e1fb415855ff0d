"""One account, one bounded step."""

from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import mail_stores
from postroom.bootstrap.providers import token_vault
from postroom.ports import TokenVault
from postroom.usecases.sync_account import SyncTools


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    tools: SyncTools
    vault: TokenVault


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(tools=mail_stores.sync_tools(), vault=token_vault())
