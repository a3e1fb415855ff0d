"""Who a request speaks for, and which account it means."""

import hmac

from postroom.domain.account import Account, AccountStatus
from postroom.domain.connection import BearerKind
from postroom.domain.errors import Forbidden, InvalidRequest, NotFound, Unauthenticated
from postroom.domain.ids import AccountId
from postroom.domain.principal import AccountHolder, Administrator, Principal
from postroom.ports import AccountStore, Clock, ConnectionStore, DeploymentSecrets


def authenticate(
    *, bearer: str, secrets: DeploymentSecrets, connections: ConnectionStore, clock: Clock
) -> Principal:
    """Tell whom a bearer credential stands for. Raises Unauthenticated."""
    if not bearer:
        raise Unauthenticated("Send your API key as 'Authorization: Bearer <key>'.")
    if is_administrator_key(bearer, secrets=secrets):
        return Administrator()
    try:
        token = connections.bearer(bearer, now=clock.now())
    except NotFound:
        raise Unauthenticated("This key or token is unknown, expired or revoked.") from None
    if token.kind is not BearerKind.ACCESS:
        raise Unauthenticated("A refresh token only serves to get a new access token.")
    return AccountHolder(token.account_id)


def is_administrator_key(candidate: str, *, secrets: DeploymentSecrets) -> bool:
    """Compare a key with the administrator's, in constant time."""
    return hmac.compare_digest(candidate.encode(), secrets.administrator_key().encode())


def require_administrator(principal: Principal) -> None:
    """Raise Forbidden unless the principal may change settings."""
    if not isinstance(principal, Administrator):
        raise Forbidden("This needs an API key; an access token speaks for one account only.")


def resolve_account(*, principal: Principal, reference: str, accounts: AccountStore) -> Account:
    """Find the account that a request names: an id, an address, or `me`.

    Raises NotFound in the same words for an unknown account, one that is being deleted, and
    somebody else's.
    """
    try:
        if isinstance(principal, AccountHolder):
            account = accounts.get(principal.account_id)
            own = {"me", account.id, account.identity.email.casefold()}
            found = account if _plain(reference).casefold() in own else None
        else:
            found = accounts.get(_account_id(_plain(reference), accounts))
    except NotFound:
        found = None
    if found is None or found.status is AccountStatus.DELETING:
        raise NotFound("There is no such grant.")
    return found


def _plain(reference: str) -> str:
    return reference.removeprefix("grant:").removeprefix("email:")


def _account_id(reference: str, accounts: AccountStore) -> AccountId:
    if reference == "me":
        raise InvalidRequest(
            "'me' stands for the owner of an access token; an API key has to name the grant.",
            field="grant_id",
        )
    if "@" not in reference:
        return AccountId(reference)
    found = [accounts.get(account_id) for account_id in accounts.by_email(reference)]
    living = [account.id for account in found if account.status is not AccountStatus.DELETING]
    if len(living) > 1:
        raise InvalidRequest("Several grants have this address; use an id.", field="grant_id")
    return living[0] if living else AccountId("")
