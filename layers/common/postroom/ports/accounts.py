"""Where accounts are kept, and connections in progress."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from postroom.domain.account import Account, Identity
from postroom.domain.api_key import ApiKey
from postroom.domain.connection import AuthorizationCode, BearerToken, ConnectionRequest
from postroom.domain.event import Event
from postroom.domain.ids import AccountId, PersonId


class ConnectionStore(Protocol):
    """One-time things of a connection in progress. The key is a secret; its hash is stored."""

    def put_request(self, state: str, request: ConnectionRequest) -> None:
        """Remember a connection request under its state."""

    def take_request(self, state: str, *, browser_hash: str, now: datetime) -> ConnectionRequest:
        """Return and remove a request, once, for the browser that began it.

        Raises ConnectionRefused when it is unknown, used, expired or of another browser.
        """

    def put_code(self, code: str, authorization: AuthorizationCode) -> None:
        """Remember an application's code."""

    def take_code(self, code: str, *, now: datetime) -> AuthorizationCode:
        """Return and remove a code, once. Raises NotFound when unknown, used or expired."""

    def put_bearer(self, token: str, bearer: BearerToken) -> None:
        """Remember a token of ours."""

    def bearer(self, token: str, *, now: datetime) -> BearerToken:
        """Return what a token stands for. Raises NotFound when unknown, revoked or expired.

        A token ends with its parent, whose name is not told again.
        """

    def delete_bearer(self, token: str) -> None:
        """Revoke a token; an unknown one is fine."""


class ApiKeyStore(Protocol):
    """API keys. The key itself is a secret; its hash is stored."""

    def add(self, key: str, api_key: ApiKey) -> None:
        """Remember a key."""

    def find(self, key: str, *, now: datetime) -> ApiKey:
        """Return what a key stands for. Raises NotFound when unknown, revoked or expired."""

    def by_id(self, api_key_id: str, *, now: datetime) -> ApiKey:
        """Return a key that is known by its id. Raises NotFound when revoked or expired."""

    def all(self) -> Sequence[ApiKey]:
        """Return all keys that were not revoked, expired ones too, oldest first."""

    def revoke(self, api_key_id: str) -> None:
        """Let a key open nothing from now on. Raises NotFound."""


class AccountStore(Protocol):
    """Accounts, and which identity belongs to which account."""

    def get(self, account_id: AccountId) -> Account:
        """Return an account, whatever its status. Raises NotFound."""

    def by_identity(self, identity: Identity) -> AccountId | None:
        """Return the account of a provider's subject."""

    def by_email(self, email: str) -> Sequence[AccountId]:
        """Return the accounts with this address, in any case."""

    def all(self) -> Iterable[Account]:
        """Iterate over all accounts, oldest first."""

    def of_person(self, person_id: PersonId) -> Sequence[Account]:
        """Return a person's accounts, oldest first; those that are being deleted too."""

    def claim(self, account_id: AccountId, person_id: PersonId) -> None:
        """Make an account a person's, for good; theirs already is fine.

        Raises Conflict when it is somebody else's, and NotFound when it is gone or going.
        """

    def create(self, account: Account) -> None:
        """Add an account and its identity. Raises Conflict when the identity has one."""

    def replace(
        self, account: Account, *, expected: Account | None = None, event: Event | None = None
    ) -> None:
        """Replace an account, and tell of it in the same write. Whose it is stays.

        Raises NotFound when it was deleted, or is being deleted.
        Raises Conflict when it is not (any more) what the caller expected it to be.
        """

    def delete(self, account_id: AccountId) -> None:
        """Remove an account and its identity; none is fine."""
