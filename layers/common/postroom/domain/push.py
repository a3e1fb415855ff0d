"""Pushes: a provider's word that mailboxes may have changed. They ring, and are never data.

AddressPush    names a mailbox by its address; the request itself proves who sent it
WatchPush      names an account, and brings the secret of the account's watch as its proof
"""

from dataclasses import dataclass, field

from postroom.domain.account import ProviderName
from postroom.domain.ids import AccountId, ProviderMessageId


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRequest:
    """What a provider sent, unread. Neither part belongs into a log."""

    body: bytes = field(repr=False)
    authorization: str = field(default="", repr=False)
    """The header of that name; empty when there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressPush:
    """A mailbox may have changed. Whoever says so has been proven to be the provider."""

    provider: ProviderName
    address: str = field(repr=False)
    """In whatever case the provider writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPush:
    """An account may have changed, says somebody who claims to know the secret of its watch."""

    account_id: AccountId
    secret_hash: str = field(repr=False)
    """As of `Watch.secret_hash`."""
    message_id: ProviderMessageId | None = None
    """The one message that is new or changed; None when anything may be."""
    watch_is_ending: bool = False
    """The watch itself has ended, or will unless it is renewed."""
