"""Who a request speaks for, and which account it means."""

import hmac

from postroom.domain.account import Account, AccountStatus
from postroom.domain.api_key import KEY_PREFIX
from postroom.domain.connection import BearerKind
from postroom.domain.errors import Forbidden, InvalidRequest, NotFound, Unauthenticated
from postroom.domain.ids import AccountId
from postroom.domain.principal import (
    AccountHolder,
    Administrator,
    Application,
    Principal,
    Scope,
    SignedInPerson,
)
from postroom.ports import AccountStore, ApiKeyStore, Clock, ConnectionStore, DeploymentSecrets


def authenticate(
    *,
    bearer: str,
    secrets: DeploymentSecrets,
    api_keys: ApiKeyStore,
    connections: ConnectionStore,
    clock: Clock,
) -> Principal:
    """Tell whom a bearer credential stands for. Raises Unauthenticated."""
    if not bearer:
        raise Unauthenticated("Send your API key as 'Authorization: Bearer <key>'.")
    if is_administrator_key(bearer, secrets=secrets):
        return Administrator()
    try:
        if bearer.startswith(KEY_PREFIX):
            return _holder(api_keys.find(bearer, now=clock.now()).scopes)
        token = connections.bearer(bearer, now=clock.now())
    except NotFound:
        raise Unauthenticated("This key or token is unknown, expired or revoked.") from None
    if token.kind is not BearerKind.ACCESS:
        raise Unauthenticated("A refresh token only serves to get a new access token.")
    return AccountHolder(token.account_id)


def is_administrator_key(candidate: str, *, secrets: DeploymentSecrets) -> bool:
    """Compare a key with the administrator's, in constant time."""
    return hmac.compare_digest(candidate.encode(), secrets.administrator_key().encode())


def require_api_key(principal: Principal) -> None:
    """Raise Forbidden to those who speak for accounts of their own only."""
    if isinstance(principal, AccountHolder):
        raise Forbidden("This needs an API key; an access token speaks for one account only.")
    if isinstance(principal, SignedInPerson):
        raise Forbidden("This needs an API key; a session speaks for one's own mailboxes only.")


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
        elif isinstance(principal, SignedInPerson):
            found = _own_account(principal, _plain(reference), accounts)
        else:
            found = accounts.get(_account_id(_plain(reference), accounts))
    except NotFound:
        found = None
    if found is None or found.status is AccountStatus.DELETING:
        raise NotFound("There is no such grant.")
    return found


def _holder(scopes: frozenset[Scope]) -> Principal:
    # Whoever may make keys can have everything anyway.
    return Administrator() if Scope.ADMINISTRATION in scopes else Application(scopes)


def _plain(reference: str) -> str:
    return reference.removeprefix("grant:").removeprefix("email:")


def _own_account(person: SignedInPerson, reference: str, accounts: AccountStore) -> Account | None:
    """Find one of a person's accounts; nothing of anybody else's is even looked at."""
    if reference != "me" and "@" not in reference:
        account = accounts.get(AccountId(reference))
        return account if account.person_id == person.person_id else None
    own = accounts.of_person(person.person_id)
    if reference != "me":
        address = reference.strip().casefold()
        own = [each for each in own if each.identity.email.casefold() == address]
    if len(own) > 1:
        raise InvalidRequest("This is one of several mailboxes; use an id.", field="grant_id")
    return own[0] if own else None


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
