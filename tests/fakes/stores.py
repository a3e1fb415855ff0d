"""The small stores in memory: accounts, settings, connections, folders, locks."""

import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from postroom.domain.account import Account, AccountStatus, Identity, ProviderName
from postroom.domain.api_key import ApiKey
from postroom.domain.application import ApplicationProfile, RedirectUri
from postroom.domain.connection import AuthorizationCode, BearerToken, ConnectionRequest
from postroom.domain.errors import Conflict, ConnectionRefused, NotFound
from postroom.domain.event import Event
from postroom.domain.folder import Folder
from postroom.domain.ids import AccountId, FolderId, PersonId
from postroom.domain.provider_config import ClientRegistration, ProviderConfig
from postroom.domain.webhook import Webhook


class InMemoryAccountStore:
    """Accounts by id; no identity has two."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._accounts: dict[AccountId, Account] = {}
        self.events: list[Event] = []
        """What the stream of the table would tell."""

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

    def of_person(self, person_id: PersonId) -> Sequence[Account]:
        """Return a person's accounts, oldest first."""
        return [account for account in self.all() if account.person_id == person_id]

    def claim(self, account_id: AccountId, person_id: PersonId) -> None:
        """Make an account a person's, for good. Raises Conflict, NotFound."""
        with self._lock:
            account = self._accounts.get(account_id)
            if account is None or account.status is AccountStatus.DELETING:
                raise NotFound("This grant was deleted.")
            if account.person_id not in (None, person_id):
                raise Conflict("This mailbox is somebody else's.")
            self._accounts[account_id] = replace(account, person_id=person_id)

    def create(self, account: Account) -> None:
        """Add an account. Raises Conflict."""
        with self._lock:
            if account.id in self._accounts or self.by_identity(account.identity) is not None:
                raise Conflict("This mailbox has a grant already.")
            self._accounts[account.id] = account

    def replace(
        self, account: Account, *, expected: Account | None = None, event: Event | None = None
    ) -> None:
        """Replace an account, and tell of it. Raises NotFound, Conflict."""
        with self._lock:
            old = self.get(account.id)
            if expected is not None and old != expected:
                raise Conflict("The grant has changed meanwhile.")
            deleting = AccountStatus.DELETING
            if old.status is deleting and account.status is not deleting:
                raise NotFound("This grant was deleted.")
            self._accounts[account.id] = replace(account, person_id=old.person_id)
            if event is not None:
                self.events.append(event)

    def delete(self, account_id: AccountId) -> None:
        """Remove an account."""
        with self._lock:
            self._accounts.pop(account_id, None)


class InMemoryProviderConfigStore:
    """Provider configs by provider."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._configs: dict[ProviderName, ProviderConfig] = {}
        self._registrations: dict[tuple[ProviderName, str], ClientRegistration] = {}

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

    def registration(self, provider: ProviderName, registration_id: str) -> ClientRegistration:
        """Return another client. Raises NotFound."""
        try:
            return self._registrations[provider, registration_id]
        except KeyError:
            raise NotFound("There is no such credential.") from None

    def registrations(self, provider: ProviderName) -> Sequence[ClientRegistration]:
        """Return all other clients of a provider, oldest first."""
        found = [each for each in self._registrations.values() if each.provider is provider]
        return sorted(found, key=lambda each: (each.created_at, each.id))

    def put_registration(self, registration: ClientRegistration) -> None:
        """Add or replace one by its id."""
        self._registrations[registration.provider, registration.id] = registration

    def delete_registration(self, provider: ProviderName, registration_id: str) -> None:
        """Remove one. Raises NotFound."""
        self.registration(provider, registration_id)
        del self._registrations[provider, registration_id]


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
        orphaned = bearer is not None and bearer.parent and bearer.parent not in self._bearers
        if bearer is None or bearer.expires_at <= now or orphaned:
            raise NotFound("the token is unknown, revoked or expired")
        return replace(bearer, parent="")

    def delete_bearer(self, token: str) -> None:
        """Revoke a token."""
        self._bearers.pop(token, None)


class InMemoryApiKeyStore:
    """API keys by what they are."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._api_keys: dict[str, ApiKey] = {}

    def add(self, key: str, api_key: ApiKey) -> None:
        """Remember a key."""
        self._api_keys[key] = api_key

    def find(self, key: str, *, now: datetime) -> ApiKey:
        """Return what a key stands for. Raises NotFound."""
        api_key = self._api_keys.get(key)
        if api_key is None or (api_key.expires_at is not None and api_key.expires_at <= now):
            raise NotFound("the key is unknown, revoked or expired")
        return api_key

    def by_id(self, api_key_id: str, *, now: datetime) -> ApiKey:
        """Return a key that is known by its id. Raises NotFound."""
        found = [key for key, each in self._api_keys.items() if each.id == api_key_id]
        return self.find(found[0] if found else "", now=now)

    def all(self) -> Sequence[ApiKey]:
        """Return all keys, oldest first."""
        return sorted(self._api_keys.values(), key=lambda each: (each.created_at, each.id))

    def revoke(self, api_key_id: str) -> None:
        """Forget a key. Raises NotFound."""
        with self._lock:
            found = [key for key, each in self._api_keys.items() if each.id == api_key_id]
            if not found:
                raise NotFound("There is no such API key.")
            del self._api_keys[found[0]]


class InMemoryWebhookStore:
    """Webhooks by their ids."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._webhooks: dict[str, Webhook] = {}

    def get(self, webhook_id: str) -> Webhook:
        """Return a webhook. Raises NotFound."""
        try:
            return self._webhooks[webhook_id]
        except KeyError:
            raise NotFound("There is no such webhook.") from None

    def all(self) -> Sequence[Webhook]:
        """Return all webhooks, oldest first."""
        return sorted(self._webhooks.values(), key=lambda each: (each.created_at, each.id))

    def add(self, webhook: Webhook) -> None:
        """Add a webhook."""
        self._webhooks[webhook.id] = webhook

    def replace(self, webhook: Webhook, *, expected: Webhook) -> None:
        """Replace a webhook that is still as it was read. Raises NotFound, Conflict."""
        with self._lock:
            if self.get(webhook.id) != expected:
                raise Conflict("The webhook has changed meanwhile.")
            self._webhooks[webhook.id] = webhook

    def delete(self, webhook_id: str) -> None:
        """Remove a webhook. Raises NotFound."""
        with self._lock:
            self.get(webhook_id)
            del self._webhooks[webhook_id]


class InMemoryFolderStore:
    """Folders by account."""

    def __init__(self) -> None:
        self._folders: dict[AccountId, dict[FolderId, Folder]] = {}
        self._hidden: dict[AccountId, dict[FolderId, Folder]] = {}
        self._seen_at: dict[tuple[AccountId, FolderId], datetime] = {}

    def all(self, account_id: AccountId, *, with_hidden: bool = False) -> Sequence[Folder]:
        """Return all folders of an account, ordered by id."""
        folders = self._folders.get(account_id, {})
        if with_hidden:
            folders = folders | self._hidden.get(account_id, {})
        return [folders[folder_id] for folder_id in sorted(folders)]

    def show(
        self,
        account_id: AccountId,
        folders: Sequence[Folder],
        *,
        changed: FolderId,
        asked_at: datetime,
        at: datetime,
    ) -> None:
        """Let exactly these folders be seen, and hide others; but what was seen later stays."""
        hidden = self._hidden.setdefault(account_id, {})
        seen = self._folders.setdefault(account_id, {})
        wanted = {folder.id: folder for folder in folders}
        for each in seen.keys() | wanted:
            is_own = each == changed
            if seen.get(each) == wanted.get(each):
                continue
            if not is_own and self._is_seen_since(account_id, each, asked_at):
                continue
            self._seen_at[account_id, each] = at if is_own else asked_at
            if each in wanted:
                seen[each] = wanted[each]
                hidden.pop(each, None)
            else:
                hidden[each] = seen.pop(each)

    def expect(self, account_id: AccountId, folder_ids: Collection[FolderId]) -> None:
        """Remember folders that mail was stored in, hidden if they are not there yet."""
        there = {folder.id for folder in self.all(account_id, with_hidden=True)}
        hidden = self._hidden.setdefault(account_id, {})
        for folder_id in set(folder_ids) - there:
            hidden[folder_id] = Folder(id=folder_id, provider_id=folder_id, name="")

    def replace_all(
        self,
        account_id: AccountId,
        folders: Sequence[Folder],
        *,
        known: Collection[FolderId] | None = None,
        asked_at: datetime | None = None,
    ) -> None:
        """Keep these folders in place of the known ones, or of all; not of those seen later."""
        hidden = self._hidden.setdefault(account_id, {})
        seen = self._folders.setdefault(account_id, {})
        wanted = {folder.id: folder for folder in folders}
        gone = (seen.keys() | hidden.keys()) - wanted.keys()
        for each in wanted.keys() | (gone if known is None else gone & set(known)):
            if seen.get(each) == wanted.get(each) and each not in hidden:
                continue
            if asked_at is not None:
                if self._is_seen_since(account_id, each, asked_at):
                    continue
                self._seen_at[account_id, each] = asked_at
            hidden.pop(each, None)
            seen.pop(each, None)
            if each in wanted:
                seen[each] = wanted[each]

    def _is_seen_since(
        self, account_id: AccountId, folder_id: FolderId, asked_at: datetime
    ) -> bool:
        seen_at = self._seen_at.get((account_id, folder_id))
        return seen_at is not None and seen_at > asked_at


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
