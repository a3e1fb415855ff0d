"""Sending, /v3/grants/{grant_id}/messages/send, and /v3/grants/{grant_id}/messages/schedules."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import access, mail_stores
from postroom.domain.principal import Principal
from postroom.ports import AccountStore
from postroom.usecases.send_message import SendTools


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    accounts: AccountStore
    tools: SendTools
    authenticate: Callable[[str], Principal]


@lru_cache
def services() -> Services:
    """Wire the function."""
    tools = mail_stores.send_tools()
    return Services(
        accounts=tools.mailboxes.accounts, tools=tools, authenticate=access.authenticate
    )
