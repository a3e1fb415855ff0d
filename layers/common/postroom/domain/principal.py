"""Who a request speaks for, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum

from postroom.domain.errors import Forbidden
from postroom.domain.ids import AccountId, PersonId


class Scope(StrEnum):
    """What an API key may be made for."""

    ADMINISTRATION = "administration"
    """Connectors, the application and API keys, and with them everything else."""
    GRANTS_READ = "grants.read"
    GRANTS_WRITE = "grants.write"
    """Connect, change, sync and delete accounts, and trade codes for tokens."""
    MAIL_READ = "mail.read"
    MAIL_WRITE = "mail.write"
    MAIL_SEND = "mail.send"
    WEBHOOKS = "webhooks"


OWNER_SCOPES = frozenset(Scope) - {Scope.ADMINISTRATION, Scope.WEBHOOKS}
"""What somebody may do with an account of their own."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """Whoever holds the deployment's key or one like it: every account and every setting."""

    def may(self, scope: Scope) -> bool:  # noqa: ARG002 - it is everything
        """Whether this is allowed."""
        return True


@dataclass(frozen=True, slots=True)
class Application:
    """Whoever holds an API key that was made for something: that, on every account."""

    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether this is allowed."""
        return scope in self.scopes


@dataclass(frozen=True, slots=True)
class AccountHolder:
    """Whoever holds an access token: this one account, which is also called `me`."""

    account_id: AccountId

    def may(self, scope: Scope) -> bool:
        """Whether this is allowed."""
        return scope in OWNER_SCOPES


@dataclass(frozen=True, slots=True)
class SignedInPerson:
    """Whoever is signed in to the console with a mailbox: all accounts of their own."""

    person_id: PersonId

    def may(self, scope: Scope) -> bool:
        """Whether this is allowed."""
        return scope in OWNER_SCOPES


Principal = Administrator | Application | AccountHolder | SignedInPerson


def require(principal: Principal, scope: Scope) -> None:
    """Raise Forbidden unless the principal may do this."""
    if principal.may(scope):
        return
    if isinstance(principal, AccountHolder):
        raise Forbidden("This needs an API key; an access token speaks for one account only.")
    if isinstance(principal, SignedInPerson):
        raise Forbidden("This is for administrators; sign in with an API key.")
    raise Forbidden(f"This API key was not made for it; it lacks the scope '{scope}'.")
