"""Looking at accounts, and at how far their sync is."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

from postroom.domain.account import Account, AccountStatus, ProviderName
from postroom.domain.errors import Forbidden, NotFound
from postroom.domain.ids import AccountId
from postroom.domain.principal import AccountHolder, Principal, SignedInPerson
from postroom.domain.sync import SyncState
from postroom.ports import AccountStore, SyncStateStore


class AccountOrder(StrEnum):
    """What a list of accounts is sorted by."""

    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"


def visible_accounts(*, principal: Principal, accounts: AccountStore) -> Iterable[Account]:
    """Return the accounts that somebody may know of, in any status."""
    if isinstance(principal, SignedInPerson):
        return accounts.of_person(principal.person_id)
    if isinstance(principal, AccountHolder):
        raise Forbidden("This needs an API key; an access token reads its one grant as `me`.")
    return accounts.all()


def list_accounts(
    *,
    provider: ProviderName | None,
    email: str,
    is_valid: bool | None,
    created_since: datetime | None,
    created_before: datetime | None,
    order: AccountOrder,
    newest_first: bool,
    offset: int,
    limit: int,
    among: Iterable[Account],
) -> Sequence[Account]:
    """Return some accounts of those given; those that are being deleted are gone already.

    None and an empty `email` do not restrict. An account is valid unless it waits for consent.
    `created_since` belongs to the range, `created_before` does not.
    """
    found = [
        account
        for account in among
        if account.status is not AccountStatus.DELETING
        and provider in (None, account.identity.provider)
        and email.casefold() in ("", account.identity.email.casefold())
        and is_valid in (None, account.status is not AccountStatus.REAUTH_REQUIRED)
        and (created_since is None or account.created_at >= created_since)
        and (created_before is None or account.created_at < created_before)
    ]

    def place(account: Account) -> tuple[datetime, str]:
        by_creation = order is AccountOrder.CREATED_AT
        return account.created_at if by_creation else account.updated_at, account.id

    return sorted(found, key=place, reverse=newest_first)[offset : offset + limit]


def read_sync_state(*, account_id: AccountId, sync_states: SyncStateStore) -> SyncState:
    """Return how far an account's sync is; one that has not begun has an empty state."""
    try:
        return sync_states.get(account_id)
    except NotFound:
        return SyncState(account_id=account_id)
