"""/v3/people and /v3/invitations."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from postroom.bootstrap import access, aws
from postroom.bootstrap.clock import clock
from postroom.domain.principal import Principal
from postroom.ports import AccountStore, Clock
from postroom.ports.people import InvitationStore
from postroom.storage.dynamodb.accounts import DynamoAccountStore
from postroom.storage.dynamodb.invitations import DynamoInvitationStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What this function works with."""

    public_url: str
    accounts: AccountStore
    invitations: InvitationStore
    clock: Clock
    authenticate: Callable[[str], Principal]

    def join_url(self, token: str) -> str:
        """Return the address of a link; behind `#` it never reaches a server or its logs."""
        return f"{self.public_url}/console#/join/{token}" if token else ""


@lru_cache
def services() -> Services:
    """Wire the function."""
    return Services(
        public_url=aws.public_url(),
        accounts=DynamoAccountStore(aws.table()),
        invitations=DynamoInvitationStore(aws.table()),
        clock=clock,
        authenticate=access.authenticate,
    )
