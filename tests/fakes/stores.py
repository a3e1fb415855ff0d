"""The small stores in memory: accounts, settings, connections, folders, the outbox, locks."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from postroom.domain.account import Account, AccountStatus, Identity, ProviderName
from postroom.domain.application import ApplicationProfile, RedirectUri
from postroom.domain.connection import AuthorizationCode, BearerToken, ConnectionRequest
from postroom.domain.errors import Conflict, ConnectionRefused, NotFound
from postroom.domain.folder import Folder
from postroom.domain.ids import AccountId, FolderId, OutboxId
from postroom.domain.outgoing import OUTBOX_LIFETIME, OutboxEntry, SendState
from postroom.domain.provider_config import ProviderConfig
from postroom.ports import Clock
from tests.fakes.clock import FixedClock


class InMemoryAccountStore:
    """Accounts by id; no identity has two."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._accounts: dict[AccountId, Account] = {}

    def get(self, account_id: AccountId) -> Account:
        """Return an account. Raises NotFound."""
        try:
            return self._accounts[account_id]
        except KeyError:
            raise NotFound("There is no such grant.") from None

    def by_identity(self, identity: Identity) -> AccountId | None:
        """Return the account of a subject."""
        wanted = (identity.provider, identity.subject)
        for account in self.all():
            if (account.identity.provider, account.identity.subject) == wanted:
                return account.id
        return None

    def by_email(self, email: str) -> Sequence[AccountId]:
        """Return the accounts with an address."""
        wanted = email.strip().casefold()
        return [
            account.id
            for account in self.all()
            if account.identity.email.strip().casefold() == wanted
        ]

    def all(self) -> Iterable[Account]:
        """Return all accounts, oldest first."""
        with self._lock:
            return sorted(self._accounts.values(), key=lambda each: (each.created_at, each.id))

    def create(self, account: Account) -> None:
        """Add an account. Raises Conflict."""
        with self._lock:
            if account.id in self._accounts or self.by_identity(account.identity) is not None:
                raise Conflict("This mailbox has a grant already.")
            self._accounts[account.id] = account

    def replace(self, account: Account, *, expected: Account | None = None) -> None:
        """Replace an account. Raises NotFound, Conflict."""
        with self._lock:
            old = self.get(account.id)
            if expected is not None and old != expected:
                raise Conflict("The grant has changed meanwhile.")
            deleting = AccountStatus.DELETING
            if old.status is deleting and account.status is not deleting:
                raise NotFound("This grant was deleted.")
            self._accounts[account.id] = account

    def delete(self, account_id: AccountId) -> None:
        """Remove an account."""
        with self._lock:
            self._accounts.pop(account_id, None)


class InMemoryProviderConfigStore:
    """Provider configs by provider."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._configs: dict[ProviderName, ProviderConfig] = {}

    def get(self, provider: ProviderName) -> ProviderConfig:
        """Return a config. Raises NotFound."""
        try:
            return self._configs[provider]
        except KeyError:
            raise NotFound(f"There is no connector for {provider}.") from None

    def all(self) -> Sequence[ProviderConfig]:
        """Return all configs, ordered by provider."""
        return [self._configs[provider] for provider in sorted(self._configs)]

    def create(self, config: ProviderConfig) -> None:
        """Add a config. Raises Conflict."""
        with self._lock:
            if config.provider in self._configs:
                raise Conflict(f"There is a connector for {config.provider} already.")
            self._configs[config.provider] = config

    def replace(self, config: ProviderConfig) -> None:
        """Replace a config. Raises NotFound."""
        with self._lock:
            self.get(config.provider)
            self._configs[config.provider] = config

    def delete(self, provider: ProviderName) -> None:
        """Remove a config. Raises NotFound."""
        with self._lock:
            self.get(provider)
            del self._configs[provider]


class InMemoryApplicationStore:
    """The application's profile and return addresses."""

    def __init__(self) -> None:
        self._profile = ApplicationProfile()
        self._redirect_uris: dict[str, RedirectUri] = {}

    def profile(self) -> ApplicationProfile:
        """Return the profile."""
        return self._profile

    def save_profile(self, profile: ApplicationProfile) -> None:
        """Replace the profile."""
        self._profile = profile

    def redirect_uris(self) -> Sequence[RedirectUri]:
        """Return all return addresses, oldest first."""
        return sorted(self._redirect_uris.values(), key=lambda each: (each.created_at, each.id))

    def redirect_uri(self, redirect_uri_id: str) -> RedirectUri:
        """Return one. Raises NotFound."""
        try:
            return self._redirect_uris[redirect_uri_id]
        except KeyError:
            raise NotFound("There is no such redirect URI.") from None

    def put_redirect_uri(self, redirect_uri: RedirectUri) -> None:
        """Add or replace one."""
        self._redirect_uris[redirect_uri.id] = redirect_uri

    def delete_redirect_uri(self, redirect_uri_id: str) -> None:
        """Remove one. Raises NotFound."""
        self.redirect_uri(redirect_uri_id)
        del self._redirect_uris[redirect_uri_id]


class InMemoryConnectionStore:
    """One-time things of connections in progress."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._requests: dict[str, ConnectionRequest] = {}
        self._codes: dict[str, AuthorizationCode] = {}
        self._bearers: dict[str, BearerToken] = {}

    def put_request(self, state: str, request: ConnectionRequest) -> None:
        """Remember a request."""
        self._requests[state] = request

    def take_request(self, state: str, *, browser_hash: str, now: datetime) -> ConnectionRequest:
        """Return a request, once. Raises ConnectionRefused."""
        with self._lock:
            request = self._requests.get(state)
            if request is None or request.browser_hash != browser_hash or request.expires_at <= now:
                raise ConnectionRefused("state_invalid", "This sign-in link can no longer be used.")
            return self._requests.pop(state)

    def put_code(self, code: str, authorization: AuthorizationCode) -> None:
        """Remember a code."""
        self._codes[code] = authorization

    def take_code(self, code: str, *, now: datetime) -> AuthorizationCode:
        """Return what a code stands for, once. Raises NotFound."""
        with self._lock:
            authorization = self._codes.get(code)
            if authorization is None or authorization.expires_at <= now:
                raise NotFound("the code is unknown, used or expired")
            return self._codes.pop(code)

    def put_bearer(self, token: str, bearer: BearerToken) -> None:
        """Remember a token."""
        self._bearers[token] = bearer

    def bearer(self, token: str, *, now: datetime) -> BearerToken:
        """Return what a token stands for. Raises NotFound."""
        bearer = self._bearers.get(token)
        if bearer is None or bearer.expires_at <= now:
            raise NotFound("the token is unknown, revoked or expired")
        return bearer

    def delete_bearer(self, token: str) -> None:
        """Revoke a token."""
        self._bearers.pop(token, None)


class InMemoryFolderStore:
    """Folders by account."""

    def __init__(self) -> None:
        self._folders: dict[AccountId, dict[FolderId, Folder]] = {}

    def all(self, account_id: AccountId) -> Sequence[Folder]:
        """Return all folders of an account, ordered by id."""
        folders = self._folders.get(account_id, {})
        return [folders[folder_id] for folder_id in sorted(folders)]

    def replace_all(self, account_id: AccountId, folders: Sequence[Folder]) -> None:
        """Keep exactly these folders."""
        self._folders[account_id] = {folder.id: folder for folder in folders}


class InMemoryOutboxStore:
    """Sends by account and id; each is forgotten after its lifetime."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or FixedClock()
        self._lock = threading.RLock()
        self._entries: dict[tuple[AccountId, OutboxId], OutboxEntry] = {}

    def claim(self, entry: OutboxEntry) -> OutboxEntry | None:
        """Add an entry, or answer the one that is there."""
        with self._lock:
            there = self._living(entry.account_id, entry.id)
            if there is None:
                self._entries[entry.account_id, entry.id] = entry
            return there

    def get(self, account_id: AccountId, outbox_id: OutboxId) -> OutboxEntry:
        """Return an entry. Raises NotFound."""
        entry = self._living(account_id, outbox_id)
        if entry is None:
            raise NotFound("there is no such send")
        return entry

    def settle(self, entry: OutboxEntry) -> None:
        """Replace an entry that is not settled."""
        with self._lock:
            there = self._living(entry.account_id, entry.id)
            if there is None and entry.state is not SendState.SENT:
                return
            if there is None or there.state not in {SendState.SENT, SendState.REJECTED}:
                self._entries[entry.account_id, entry.id] = entry

    def withdraw(self, account_id: AccountId, outbox_id: OutboxId) -> None:
        """Remove an entry whose message did not leave."""
        with self._lock:
            there = self._living(account_id, outbox_id)
            if there is not None and there.state is not SendState.SENT:
                del self._entries[account_id, outbox_id]

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's sends."""
        with self._lock:
            for key in [key for key in self._entries if key[0] == account_id]:
                del self._entries[key]

    def _living(self, account_id: AccountId, outbox_id: OutboxId) -> OutboxEntry | None:
        entry = self._entries.get((account_id, outbox_id))
        if entry is None or entry.created_at + OUTBOX_LIFETIME <= self._clock.now():
            return None
        return entry


@dataclass(frozen=True, slots=True)
class _Lock:
    holder: str
    ends_at: datetime


class InMemoryLocks:
    """Locks by name."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._locks: dict[str, _Lock] = {}

    def acquire(self, name: str, *, holder: str, now: datetime, lifetime: timedelta) -> bool:
        """Take a lock unless another holder has it."""
        with self._lock:
            there = self._locks.get(name)
            if there is not None and there.holder != holder and there.ends_at > now:
                return False
            self._locks[name] = _Lock(holder, now + lifetime)
            return True

    def release(self, name: str, *, holder: str) -> None:
        """Give a lock back."""
        with self._lock:
            there = self._locks.get(name)
            if there is not None and there.holder == holder:
                del self._locks[name]
