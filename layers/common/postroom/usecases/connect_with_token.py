"""Connecting a mailbox whose owner gave the application itself a consent: by its refresh token.

Only the OAuth client that a token was given to can renew it: the one that is named, or else the
active one of the provider config. The token is the application's: nothing here withdraws it,
whatever goes wrong.
"""

from dataclasses import dataclass

from postroom.domain.account import Account, ProviderName
from postroom.domain.credentials import Authorization
from postroom.domain.errors import (
    ConnectionRefused,
    InvalidRequest,
    Misconfigured,
    NotFound,
    ReauthRequired,
)
from postroom.observability import count, logger
from postroom.ports import (
    AccountStore,
    Clock,
    MailProvider,
    ProviderConfigStore,
    Providers,
    SyncStateStore,
    TokenVault,
    WorkQueue,
)
from postroom.usecases.connect_account import keep_authorization


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionTools:
    """What connecting by a token works with."""

    providers: Providers
    configs: ProviderConfigStore
    accounts: AccountStore
    vault: TokenVault
    sync_states: SyncStateStore
    work: WorkQueue
    clock: Clock


def connect_with_token(
    *,
    provider: ProviderName,
    refresh_token: str,
    scopes: frozenset[str],
    state: str,
    tools: ConnectionTools,
    registration_id: str = "",
) -> Account:
    """Connect the mailbox that a refresh token opens, or give its account this consent.

    `registration_id` names the client that the token was given to; empty: the active one. Raises
    InvalidRequest, ConnectionRefused (also when one of `scopes` was not granted) and
    ProviderError.
    """
    registration_id = _client(provider, registration_id, tools)
    service = tools.providers.get(provider, registration_id)
    authorization = _authorization(service, refresh_token)
    return _connected(service, authorization, scopes, state, registration_id, tools)


def change_consent(
    *,
    account: Account,
    refresh_token: str,
    scopes: frozenset[str],
    tools: ConnectionTools,
    registration_id: str = "",
) -> Account:
    """Give an account another consent of its owner's, and have it synced with it. Raises as above.

    Without a token nothing changes; scopes cannot be taken away, only given by a consent.
    """
    if not refresh_token:
        if scopes:
            _client(account.identity.provider, "", tools)
            service = tools.providers.get(account.identity.provider)
            _require(service, scopes, account.scopes)
        return account
    registration_id = _client(account.identity.provider, registration_id, tools)
    service = tools.providers.get(account.identity.provider, registration_id)
    authorization = _authorization(service, refresh_token)
    if authorization.identity.subject != account.identity.subject:
        raise InvalidRequest("This token opens another mailbox.", field="settings.refresh_token")
    return _connected(service, authorization, scopes, account.state, registration_id, tools)


def _client(provider: ProviderName, wanted: str, tools: ConnectionTools) -> str:
    """Return the client that the token has to be of. Raises InvalidRequest when there is none."""
    try:
        config = tools.configs.get(provider)
    except NotFound as error:
        raise InvalidRequest(str(error), field="provider") from None
    if not wanted:
        return config.active_registration_id
    try:
        return tools.configs.registration(provider, wanted).id
    except NotFound as error:
        raise InvalidRequest(str(error), field="settings.credential_id") from None


def _authorization(service: MailProvider, refresh_token: str) -> Authorization:
    not_accepted = InvalidRequest(
        "The provider does not accept it, or not from the connector's client "
        "(`settings.credential_id` names another one).",
        field="settings.refresh_token",
    )
    try:
        return service.authorization_of(refresh_token)
    except ReauthRequired:
        raise not_accepted from None
    except Misconfigured as error:
        # Of a client that is known, and of a token of another one: RFC 6749 section 5.2.
        if error.provider_code != "unauthorized_client":
            raise
        raise not_accepted from None
    except ConnectionRefused as refusal:
        if refusal.reason != "identity_invalid":
            raise
        raise InvalidRequest(
            "It does not tell whose mailbox it opens: ask for one with the scopes openid, email "
            "and profile.",
            field="settings.refresh_token",
        ) from refusal


def _connected(
    service: MailProvider,
    authorization: Authorization,
    scopes: frozenset[str],
    state: str,
    registration_id: str,
    tools: ConnectionTools,
) -> Account:
    _require(service, scopes, authorization.scopes)
    account = keep_authorization(
        provider=service,
        authorization=authorization,
        state=state,
        is_ours=False,
        registration_id=registration_id,
        accounts=tools.accounts,
        vault=tools.vault,
        clock=tools.clock,
    )
    tools.sync_states.create(account.id, due_at=tools.clock.now())
    tools.sync_states.ring(account.id)
    tools.work.sync(account.id)
    logger.info("account_connected", extra={"account_id": account.id})
    count("AccountsConnected")
    return account


def _require(service: MailProvider, scopes: frozenset[str], granted: tuple[str, ...]) -> None:
    missing = service.missing_scopes(scopes, among=granted)
    if missing:
        raise ConnectionRefused(
            "scopes_missing", "The owner did not grant: " + ", ".join(sorted(missing))
        )
