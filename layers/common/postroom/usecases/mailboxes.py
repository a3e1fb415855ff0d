"""Opening an account's mailbox: tokens that renew themselves, once, whoever asks first.

Several functions may find the same access token expired at the same moment. One of them takes a
lock, reads the newest tokens again and renews them; the others wait and read what it wrote.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from secrets import token_hex
from threading import Lock

from postroom.domain.account import Account, AccountStatus
from postroom.domain.credentials import Tokens
from postroom.domain.errors import (
    BudgetSpent,
    Conflict,
    MailboxUnavailable,
    Misconfigured,
    NotFound,
    NotYet,
    ReauthRequired,
    Retryable,
    Throttled,
)
from postroom.domain.event import Event, EventType
from postroom.domain.ids import AccountId
from postroom.domain.quota import Purpose
from postroom.observability import count, logger
from postroom.ports import (
    AccountStore,
    Clock,
    Locks,
    Mailbox,
    MailProvider,
    Providers,
    ProviderTraits,
    SyncStateStore,
    TokenVault,
)
from postroom.usecases.governor import Governor

DEFAULT_PAUSE = timedelta(seconds=30)
"""How long to leave a provider alone that asked for it and gave no time."""

_SETTLING_TIME = timedelta(seconds=30)
"""Secrets are read eventually: for some moments after a consent, its tokens may be the old ones."""

_LOCK_LIFETIME = timedelta(seconds=30)
"""Longer than the slowest answer of a token endpoint that a provider's client waits for."""

_WAIT_LIMIT = timedelta(seconds=5)
_WAIT_STEP_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailboxes:
    """Opens mailboxes, and notes on the account when its consent or mailbox is gone.

    And when its provider wants to be left alone: until then nobody calls it for this account.
    """

    accounts: AccountStore
    providers: Providers
    vault: TokenVault
    locks: Locks
    sync_states: SyncStateStore
    governor: Governor
    clock: Clock

    @contextmanager
    def open(self, account: Account, purpose: Purpose = Purpose.PEOPLE) -> Iterator[Mailbox]:
        """Open an account's mailbox for the length of a `with` block.

        Raises at once ReauthRequired for an account that waits for its owner's consent, and
        Throttled for one whose provider wants to be left alone; passes on what the block raises.
        """
        if account.status is AccountStatus.REAUTH_REQUIRED:
            raise ReauthRequired("The owner of this mailbox has to sign in again.")
        if purpose is Purpose.PEOPLE:  # workers have looked: they go by the account's sync state
            self._check_pause(account)
        provider = self._provider(account)
        tokens = RenewingTokens(
            account_id=account.id,
            provider=provider,
            vault=self.vault,
            locks=self.locks,
            clock=self.clock,
        )
        try:
            with closing(self.governor.budget(account, purpose)) as budget:
                yield provider.mailbox(account.id, tokens, budget)
        except Retryable as problem:
            self._note_pause(account, problem, purpose)
            raise
        except ReauthRequired as refusal:
            if self.clock.now() - account.updated_at < _SETTLING_TIME:
                raise NotYet(
                    "The new consent is not known everywhere yet.", retry_after=_SETTLING_TIME
                ) from refusal
            self._note(account, AccountStatus.REAUTH_REQUIRED)
            raise
        except MailboxUnavailable:
            self._note(account, AccountStatus.MAILBOX_UNAVAILABLE)
            raise
        except Misconfigured:
            count("ProviderClientRefused")  # an alarm of the operator's watches it
            raise

    def traits(self, account: Account) -> ProviderTraits:
        """Return how the account's provider differs. Raises Misconfigured."""
        return self._provider(account).traits

    def revoke(self, account: Account, tokens: Tokens) -> None:
        """Withdraw an account's consent. Raises Retryable, Misconfigured."""
        self._provider(account).revoke(tokens)

    def _provider(self, account: Account) -> MailProvider:
        return self.providers.get(account.identity.provider, account.registration_id)

    def note_active(self, account: Account) -> None:
        """Note that an account works again."""
        if account.status is AccountStatus.MAILBOX_UNAVAILABLE:
            self._note(account, AccountStatus.ACTIVE)

    def _check_pause(self, account: Account) -> None:
        paused_until, now = self.sync_states.paused_until(account.id), self.clock.now()
        if paused_until is not None and now < paused_until:
            raise Throttled(
                "The provider asked for a pause; repeat after Retry-After.",
                retry_after=paused_until - now,
            )

    def _note_pause(self, account: Account, problem: Retryable, purpose: Purpose) -> None:
        """Have everybody leave the provider alone if it has asked for that, by a time or a 429.

        Not by a 429 without a time that a backfill has met: that would come back after each pause,
        and keep people out for as long as it is refused. Its own lane waits, ever longer.
        """
        if isinstance(problem, BudgetSpent | NotYet):
            return
        is_asked = isinstance(problem, Throttled) and purpose is not Purpose.BACKFILL
        if is_asked or problem.retry_after is not None:
            wait = problem.retry_after or DEFAULT_PAUSE
            self.sync_states.pause(account.id, self.clock.now() + wait)
            count("AccountsPaused")

    def _note(self, account: Account, status: AccountStatus) -> None:
        """Note a status, unless the account has changed since it was opened, or is being removed.

        Its owner may have given consent again while the old one was being refused.
        """
        if account.status is AccountStatus.DELETING:
            return
        try:
            noted = replace(account, status=status, updated_at=self.clock.now())
            expired = status is AccountStatus.REAUTH_REQUIRED
            event = Event.of_account(EventType.GRANT_EXPIRED, noted) if expired else None
            self.accounts.replace(noted, expected=account, event=event)
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
            raise NotYet("The account's access is being renewed.", retry_after=timedelta(seconds=5))
        clock.sleep(_WAIT_STEP_SECONDS)
    try:
        yield
    finally:
        locks.release(name, holder=holder)


class RenewingTokens:
    """An account's access token, renewed at most once at a time (see the module).

    Several threads may share one: only the first of them reads and renews, the others wait for it.
    """

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
        self._reading = Lock()

    def current(self) -> str:
        """Return an access token that should work."""
        with self._reading:
            tokens = self._tokens or self._vault.read(self._account_id)
            if not tokens.usable(self._clock.now()):
                tokens = self._renewed(tokens.access_token)
            self._tokens = tokens
            return tokens.access_token

    def replace(self, refused: str) -> str:
        """Return another access token than the one that the provider refused."""
        with self._reading:
            if self._tokens is None or self._tokens.access_token == refused:
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
