"""Sending what waits in the outbox, and finding out what became of sends."""

from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import mail_stores
from postroom.usecases.send_message import SendTools


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    tools: SendTools


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(tools=mail_stores.send_tools())
