"""Who a request speaks for."""

from dataclasses import dataclass

from postroom.domain.ids import AccountId


@dataclass(frozen=True, slots=True)
class Administrator:
    """Whoever holds the deployment's key: every account and every setting."""


@dataclass(frozen=True, slots=True)
class AccountHolder:
    """Whoever holds an access token: this one account, which is also called `me`."""

    account_id: AccountId


Principal = Administrator | AccountHolder
