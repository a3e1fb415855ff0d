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
from postroom.domain.errors import (
    Conflict,
    MailboxUnavailable,
    NotFound,
    ReauthRequired,
    Retryable,
)
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

_SETTLING_TIME = timedelta(seconds=30)
"""Secrets are read eventually: for some moments after a consent, its tokens may be the old ones."""

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
        except ReauthRequired as refusal:
            if self.clock.now() - account.updated_at < _SETTLING_TIME:
                raise Retryable(
                    "The new consent is not known everywhere yet.", retry_after=_SETTLING_TIME
                ) from refusal
            self._note(account, AccountStatus.REAUTH_REQUIRED)
            raise
        except MailboxUnavailable:
            self._note(account, AccountStatus.MAILBOX_UNAVAILABLE)
            raise

    def note_active(self, account: Account) -> None:
        """Note that an account works again."""
        if account.status is AccountStatus.MAILBOX_UNAVAILABLE:
            self._note(account, AccountStatus.ACTIVE)

    def _note(self, account: Account, status: AccountStatus) -> None:
        """Note a status, unless the account has changed since it was opened.

        Its owner may have given consent again while the old one was being refused.
        """
        try:
            noted = replace(account, status=status, updated_at=self.clock.now())
            self.accounts.replace(noted, expected=account)
        except (NotFound, Conflict):
            return
        logger.warning(
            "account_status_changed", extra={"account_id": account.id, "status": status.value}
        )
        count("AccountStatusChanged")


@contextmanager
def renewal_lock(account_id: AccountId, *, locks: Locks, clock: Clock) -> Iterator[None]:
    """Keep everybody else from renewing or replacing an account's tokens.

    Waits for some seconds. Raises Retryable when another holds the lock for longer.
    """
    name, holder = f"token#{account_id}", token_hex(8)
    give_up_at = clock.now() + _WAIT_LIMIT
    while not locks.acquire(name, holder=holder, now=clock.now(), lifetime=_LOCK_LIFETIME):
        if clock.now() >= give_up_at:
            raise Retryable(
                "The account's access is being renewed.", retry_after=timedelta(seconds=5)
            )
        clock.sleep(_WAIT_STEP_SECONDS)
    try:
        yield
    finally:
        locks.release(name, holder=holder)


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
        with renewal_lock(self._account_id, locks=self._locks, clock=self._clock):
            newest = self._vault.read(self._account_id)
            if newest.access_token != stale and newest.usable(self._clock.now()):
                return newest
            try:
                renewed = newest.renewed(self._provider.refresh(newest))
            except ReauthRequired:
                # Reconnecting writes tokens without asking for the lock.
                newer = self._vault.read(self._account_id)
                if newer == newest:
                    raise
                return newer
            self._vault.write(self._account_id, renewed)
            return renewed
