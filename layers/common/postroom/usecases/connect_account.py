"""Coming back from the provider's consent page, with an account or without.

The order of `finish_connection` is the point: the state is consumed first, the scopes and the
mailbox are looked at before anything is kept. Then the account waits for its owner until its tokens
are in the vault, so that a failure half-way leaves an account that asks for consent again: never
tokens without an account, nor an account that pretends to work.
"""

from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from postroom.domain.account import Account, AccountStatus
from postroom.domain.connection import (
    CONNECTION_LIFETIME,
    AuthorizationCode,
    ConnectionRequest,
)
from postroom.domain.credentials import Authorization, Tokens
from postroom.domain.errors import (
    Conflict,
    ConnectionRefused,
    MailboxUnavailable,
    Misconfigured,
    NotFound,
    ProviderError,
    ReauthRequired,
    Rejected,
)
from postroom.domain.ids import AccountId, PersonId, new_account_id, new_token
from postroom.observability import count, logger
from postroom.ports import (
    AccountStore,
    Clock,
    ConnectionStore,
    MailProvider,
    Providers,
    SyncStateStore,
    TokenVault,
    WorkQueue,
)
from postroom.usecases.admit_person import Admission, another_persons, person_for
from postroom.usecases.begin_connection import hash_secret


def finish_connection(
    *,
    state: str,
    code: str,
    error: str,
    error_description: str,
    browser_secret: str,
    callback_url: str,
    providers: Providers,
    connections: ConnectionStore,
    accounts: AccountStore,
    vault: TokenVault,
    sync_states: SyncStateStore,
    work: WorkQueue,
    clock: Clock,
    admission: Admission | None = None,
) -> str:
    """Turn a consent into an account; answer the return address with a code, or with an error.

    `state`, `code`, `error` and `error_description` are what the provider sent the browser with.
    Without an `admission` nobody signs in to the console.
    Raises ConnectionRefused when it is not even known where to return to.
    """
    request = connections.take_request(
        state, browser_hash=hash_secret(browser_secret), now=clock.now()
    )
    try:
        provider = providers.get(request.provider, request.registration_id)
        if error:
            raise provider.consent_refusal(
                error=error, description=error_description, redirect_uri=callback_url
            )
        if request.for_organisation:
            return _returned(request, admin_consent="True")
        authorization = provider.exchange_code(
            code=code,
            redirect_uri=callback_url,
            code_verifier=request.code_verifier,
            nonce=request.nonce,
        )
        person_id = _person(provider, authorization, request, admission)
        account = keep_authorization(
            provider=provider,
            authorization=authorization,
            # The console's state is its own affair, and no application's.
            state="" if request.for_console else request.state,
            is_ours=True,
            registration_id=request.registration_id,
            accounts=accounts,
            vault=vault,
            clock=clock,
        )
        if person_id is not None:
            _claim(account.id, person_id, accounts)
    except ConnectionRefused as refusal:
        return _refused(request, refusal)
    except Misconfigured as problem:
        count("ProviderClientRefused")
        return _refused(request, ConnectionRefused("provider_misconfigured", str(problem)))
    except (ProviderError, NotFound):
        sentence = "The provider did not answer as expected; please try again."
        return _refused(request, ConnectionRefused("provider_unavailable", sentence))
    sync_states.create(account.id, due_at=clock.now())
    sync_states.ring(account.id)
    work.sync(account.id)
    our_code = new_token()
    connections.put_code(
        our_code,
        AuthorizationCode(
            account_id=account.id,
            redirect_uri=request.redirect_uri,
            code_challenge=request.code_challenge,
            offline=request.offline,
            expires_at=clock.now() + CONNECTION_LIFETIME,
        ),
    )
    logger.info("account_connected", extra={"account_id": account.id})
    count("AccountsConnected")
    return _returned(request, code=our_code)


def keep_authorization(
    *,
    provider: MailProvider,
    authorization: Authorization,
    state: str,
    is_ours: bool,
    registration_id: str,
    accounts: AccountStore,
    vault: TokenVault,
    clock: Clock,
) -> Account:
    """Turn an authorization into an account that works. Raises ConnectionRefused, ProviderError.

    When that fails, the unused consent of a stranger is withdrawn at once if it `is_ours`: if the
    person gave it here. That of a known account is not: at some providers this would end the
    consent which the account still lives on.
    """
    known_id = accounts.by_identity(authorization.identity)
    try:
        _check(provider, authorization)
        waiting = _waiting_account(authorization, known_id, accounts, clock)
        _keep_tokens(waiting.id, authorization.tokens, vault)
    except (ConnectionRefused, ProviderError):
        if known_id is None and is_ours:
            _withdraw(provider, authorization.tokens)
        raise
    account = replace(
        waiting,
        identity=authorization.identity,
        status=AccountStatus.ACTIVE,
        scopes=authorization.scopes,
        updated_at=clock.now(),
        state=state or waiting.state,
        registration_id=registration_id,
    )
    accounts.replace(account)
    return account


def _person(
    provider: MailProvider,
    authorization: Authorization,
    request: ConnectionRequest,
    admission: Admission | None,
) -> PersonId | None:
    """Return whose the mailbox becomes in the console; None: an application connects it.

    The consent of somebody who may not come in is withdrawn at once, unless an account lives on
    it. Raises ConnectionRefused.
    """
    if not request.for_console:
        return None
    if admission is None:
        raise ConnectionRefused("not_invited", "Nobody signs in here with a mailbox.")
    try:
        return person_for(authorization.identity, request, admission=admission)
    except ConnectionRefused:
        if admission.accounts.by_identity(authorization.identity) is None:
            _withdraw(provider, authorization.tokens)
        raise


def _claim(account_id: AccountId, person_id: PersonId, accounts: AccountStore) -> None:
    try:
        accounts.claim(account_id, person_id)
    except Conflict:
        # Two people connected the same mailbox at the same moment.
        raise another_persons() from None


def _check(provider: MailProvider, authorization: Authorization) -> None:
    """Refuse a consent that lacks a scope or gives no lasting access, and one without a mailbox."""
    missing = provider.traits.required_scopes - set(authorization.scopes)
    if missing:
        raise ConnectionRefused(
            "scopes_missing",
            "Please tick all permissions; missing: " + ", ".join(sorted(missing)),
        )
    probe = provider.mailbox(AccountId("probe"), _FixedToken(authorization.tokens))
    try:
        probe.sync_units()
    except (MailboxUnavailable, Rejected, ReauthRequired) as problem:
        raise ConnectionRefused("mailbox_unavailable", str(problem)) from problem


def _withdraw(provider: MailProvider, tokens: Tokens) -> None:
    try:
        provider.revoke(tokens)
    except ProviderError:
        logger.warning("unused_consent_not_revoked")


def _waiting_account(
    authorization: Authorization,
    known_id: AccountId | None,
    accounts: AccountStore,
    clock: Clock,
) -> Account:
    """Find the account of this identity, or make one that waits for its tokens."""
    if known_id is None:
        if not authorization.tokens.refresh_token:
            raise _no_lasting_access()
        account = Account(
            id=new_account_id(),
            identity=authorization.identity,
            status=AccountStatus.REAUTH_REQUIRED,
            scopes=authorization.scopes,
            created_at=clock.now(),
            updated_at=clock.now(),
        )
        try:
            accounts.create(account)
        except Conflict:
            known_id = accounts.by_identity(authorization.identity)
        else:
            return account
    if known_id is None:
        raise ConnectionRefused("account_changing", "Please try again.")
    known = accounts.get(known_id)
    if known.status is AccountStatus.DELETING:
        raise ConnectionRefused(
            "account_deleting", "This mailbox is being removed; try again in some minutes."
        )
    return known


def _keep_tokens(account_id: AccountId, tokens: Tokens, vault: TokenVault) -> None:
    if not tokens.refresh_token:
        try:
            tokens = vault.read(account_id).renewed(tokens)
        except ReauthRequired:
            raise _no_lasting_access() from None
    vault.write(account_id, tokens)


def _no_lasting_access() -> ConnectionRefused:
    return ConnectionRefused(
        "offline_access_missing", "The provider gave no lasting access; please try again."
    )


def _refused(request: ConnectionRequest, refusal: ConnectionRefused) -> str:
    logger.info("connection_refused", extra={"reason": refusal.reason})
    count("ConnectionsRefused")
    return _returned(request, error=refusal.reason, error_description=str(refusal))


def _returned(request: ConnectionRequest, **answer: str) -> str:
    """The return address with our answer, keeping the query it came with (RFC 6749, 3.1.2)."""
    if request.state:
        answer["state"] = request.state
    parts = urlsplit(request.redirect_uri)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *answer.items()])
    return urlunsplit(parts._replace(query=query))


@dataclass(frozen=True, slots=True)
class _FixedToken:
    tokens: Tokens

    def current(self) -> str:
        return self.tokens.access_token

    def replace(self, refused: str) -> str:  # noqa: ARG002 - there is no other token yet
        raise ReauthRequired("The provider does not accept the access it has just given.")
