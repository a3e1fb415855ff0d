"""Opening an account's mailbox: tokens that renew themselves, once, whoever asks first.

Several functions may find the same access token expired at the same moment. One of them takes a
lock, reads the newest tokens again and renews them; the others wait and read what it wrote.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from secrets import token_hex

from postroom.domain.account import Account, AccountStatus
from postroom.domain.credentials import Tokens
from postroom.domain.errors import MailboxUnavailable, NotFound, ReauthRequired, Retryable
from postroom.domain.ids import AccountId
from postroom.observability import count, logger
from postroom.ports import (
    AccountStore,
    Clock,
    Locks,
    Mailbox,
    MailProvider,
    Providers,
    TokenVault,
)

_LOCK_LIFETIME = timedelta(seconds=30)
"""Longer than the slowest answer of a token endpoint that a provider's client waits for."""

_WAIT_LIMIT = timedelta(seconds=5)
_WAIT_STEP_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailboxes:
    """Opens mailboxes, and notes on the account when its consent or mailbox is gone."""

    accounts: AccountStore
    providers: Providers
    vault: TokenVault
    locks: Locks
    clock: Clock

    @contextmanager
    def open(self, account: Account) -> Iterator[Mailbox]:
        """Open an account's mailbox for the length of a `with` block.

        Raises ReauthRequired at once for an account that waits for its owner's consent, and
        passes on what the block raises.
        """
        if account.status is AccountStatus.REAUTH_REQUIRED:
            raise ReauthRequired("The owner of this mailbox has to sign in again.")
        provider = self.providers.get(account.identity.provider)
        tokens = RenewingTokens(
            account_id=account.id,
            provider=provider,
            vault=self.vault,
            locks=self.locks,
            clock=self.clock,
        )
        try:
            yield provider.mailbox(account.id, tokens)
        except ReauthRequired:
            self._note(account.id, AccountStatus.REAUTH_REQUIRED)
            raise
        except MailboxUnavailable:
            self._note(account.id, AccountStatus.MAILBOX_UNAVAILABLE)
            raise

    def note_active(self, account: Account) -> None:
        """Note that an account works again."""
        if account.status is AccountStatus.MAILBOX_UNAVAILABLE:
            self._note(account.id, AccountStatus.ACTIVE)

    def _note(self, account_id: AccountId, status: AccountStatus) -> None:
        try:
            account = self.accounts.get(account_id)
            if account.status in (status, AccountStatus.DELETING):
                return
            self.accounts.replace(replace(account, status=status, updated_at=self.clock.now()))
        except NotFound:
            return
        logger.warning(
            "account_status_changed", extra={"account_id": account_id, "status": status.value}
        )
        count("AccountStatusChanged")


class RenewingTokens:
    """An account's access token, renewed at most once at a time (see the module)."""

    def __init__(
        self,
        *,
        account_id: AccountId,
        provider: MailProvider,
        vault: TokenVault,
        locks: Locks,
        clock: Clock,
    ) -> None:
        self._account_id = account_id
        self._provider = provider
        self._vault = vault
        self._locks = locks
        self._clock = clock
        self._tokens: Tokens | None = None

    def current(self) -> str:
        """Return an access token that should work."""
        tokens = self._tokens or self._vault.read(self._account_id)
        if not tokens.usable(self._clock.now()):
            tokens = self._renewed(tokens.access_token)
        self._tokens = tokens
        return tokens.access_token

    def replace(self, refused: str) -> str:
        """Return another access token than the one that the provider refused."""
        self._tokens = self._renewed(refused)
        return self._tokens.access_token

    def _renewed(self, stale: str) -> Tokens:
        name, holder = f"token#{self._account_id}", token_hex(8)
        give_up_at = self._clock.now() + _WAIT_LIMIT
        while not self._locks.acquire(
            name, holder=holder, now=self._clock.now(), lifetime=_LOCK_LIFETIME
        ):
            if self._clock.now() >= give_up_at:
                raise Retryable(
                    "The account's access is being renewed.", retry_after=timedelta(seconds=5)
                )
            self._clock.sleep(_WAIT_STEP_SECONDS)
        try:
            newest = self._vault.read(self._account_id)
            if newest.access_token != stale and newest.usable(self._clock.now()):
                return newest
            renewed = newest.renewed(self._provider.refresh(newest))
            self._vault.write(self._account_id, renewed)
            return renewed
        finally:
            self._locks.release(name, holder=holder)
