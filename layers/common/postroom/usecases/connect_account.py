"""Connecting a mailbox: to the provider's consent page and back, with or without an account.

The order of `finish_connection` is the point: the state is consumed first, the scopes and the
mailbox are looked at before anything is kept, and the account exists before its tokens, so that a
failure half-way leaves an account that asks for consent again, never tokens without an owner.
"""

import base64
import hashlib
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from postroom.domain.account import Account, AccountStatus, ProviderName
from postroom.domain.connection import (
    CONNECTION_LIFETIME,
    AuthorizationCode,
    ConnectionRequest,
)
from postroom.domain.credentials import Authorization, Tokens
from postroom.domain.errors import (
    Conflict,
    ConnectionRefused,
    InvalidRequest,
    MailboxUnavailable,
    Misconfigured,
    ProviderError,
    ReauthRequired,
    Rejected,
)
from postroom.domain.ids import AccountId, new_account_id, new_token
from postroom.observability import count, logger
from postroom.ports import (
    AccountStore,
    ApplicationStore,
    AuthorizationRequest,
    Clock,
    ConnectionStore,
    MailProvider,
    ProviderConfigStore,
    Providers,
    SyncStateStore,
    TokenVault,
    WorkQueue,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionStart:
    """What an application asks for when it sends a person to connect a mailbox."""

    client_id: str
    redirect_uri: str
    provider: ProviderName | None
    state: str = ""
    login_hint: str = ""
    code_challenge: str = ""
    code_challenge_method: str = ""
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Where the browser goes next, and the secret it has to bring back as a cookie."""

    consent_url: str
    browser_secret: str


def begin_connection(
    *,
    start: ConnectionStart,
    application_id: str,
    callback_url: str,
    application: ApplicationStore,
    configs: ProviderConfigStore,
    providers: Providers,
    connections: ConnectionStore,
    clock: Clock,
) -> Departure:
    """Send a person to the provider's consent page.

    Raises InvalidRequest for what the application got wrong. Nothing is ever sent to a return
    address that is not registered.
    """
    if start.client_id != application_id:
        raise InvalidRequest("No application has this id.", field="client_id")
    if all(known.url != start.redirect_uri for known in application.redirect_uris()):
        raise InvalidRequest(
            "Register this address first; it is matched exactly.", field="redirect_uri"
        )
    provider_name = start.provider or _only_provider(configs)
    code_verifier, nonce, state = new_token(), new_token(), new_token()
    browser_secret = new_token()
    consent_url = providers.get(provider_name).authorization_url(
        AuthorizationRequest(
            redirect_uri=callback_url,
            state=state,
            nonce=nonce,
            code_challenge=s256(code_verifier),
            login_hint=start.login_hint,
        )
    )
    connections.put_request(
        state,
        ConnectionRequest(
            provider=provider_name,
            redirect_uri=start.redirect_uri,
            state=start.state,
            code_challenge=_challenge(start),
            offline=start.offline,
            login_hint=start.login_hint,
            browser_hash=hash_secret(browser_secret),
            code_verifier=code_verifier,
            nonce=nonce,
            expires_at=clock.now() + CONNECTION_LIFETIME,
        ),
    )
    return Departure(consent_url=consent_url, browser_secret=browser_secret)


def finish_connection(
    *,
    state: str,
    code: str,
    error: str,
    browser_secret: str,
    callback_url: str,
    providers: Providers,
    connections: ConnectionStore,
    accounts: AccountStore,
    vault: TokenVault,
    sync_states: SyncStateStore,
    work: WorkQueue,
    clock: Clock,
) -> str:
    """Turn a consent into an account; answer the return address with a code, or with an error.

    Raises ConnectionRefused when it is not even known where to return to.
    """
    request = connections.take_request(
        state, browser_hash=hash_secret(browser_secret), now=clock.now()
    )
    try:
        if error:
            raise ConnectionRefused(_consent_error(error), "The consent was not given.")
        provider = providers.get(request.provider)
        authorization = _authorize(provider, request, code, callback_url)
        known_id = accounts.by_identity(authorization.identity)
        _check(provider, authorization, known=known_id is not None)
        account = _remember(authorization, known_id, request, accounts, clock)
        _keep_tokens(account.id, authorization.tokens, vault)
    except ConnectionRefused as refusal:
        logger.info("connection_refused", extra={"reason": refusal.reason})
        count("ConnectionsRefused")
        return _returned(request, error=refusal.reason, error_description=str(refusal))
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


def s256(code_verifier: str) -> str:
    """BASE64URL-ENCODE(SHA256(ASCII(code_verifier))), RFC 7636 section 4.2."""
    digest = hashlib.sha256(code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def hash_secret(secret: str) -> str:
    """SHA-256 in hexadecimal: what is stored in place of a random secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _only_provider(configs: ProviderConfigStore) -> ProviderName:
    known = configs.all()
    if len(known) == 1:
        return known[0].provider
    raise InvalidRequest("Say which provider to connect.", field="provider")


def _challenge(start: ConnectionStart) -> str:
    """The application's challenge. A plain one is its verifier, and is not kept readable."""
    if start.code_challenge and start.code_challenge_method.lower() in {"", "plain"}:
        return s256(start.code_challenge)
    return start.code_challenge


def _consent_error(error: str) -> str:
    return "access_denied" if error == "access_denied" else "provider_error"


def _authorize(
    provider: MailProvider, request: ConnectionRequest, code: str, callback_url: str
) -> Authorization:
    try:
        return provider.exchange_code(
            code=code,
            redirect_uri=callback_url,
            code_verifier=request.code_verifier,
            nonce=request.nonce,
        )
    except Misconfigured as problem:
        raise ConnectionRefused("provider_misconfigured", str(problem)) from problem
    except ProviderError as problem:
        raise ConnectionRefused(
            "provider_unavailable", "The provider did not answer; please try again."
        ) from problem


def _check(provider: MailProvider, authorization: Authorization, *, known: bool) -> None:
    """Refuse a consent that lacks a scope, and an account without a mailbox.

    The tokens of a stranger are withdrawn at once. Those of a known account are not: at some
    providers that would end the consent which the account still lives on.
    """
    try:
        missing = provider.traits.required_scopes - set(authorization.scopes)
        if missing:
            raise ConnectionRefused(
                "scopes_missing",
                "Please tick all permissions; missing: " + ", ".join(sorted(missing)),
            )
        probe = provider.mailbox(AccountId("probe"), _FixedToken(authorization.tokens))
        probe.pin_cursors()
    except (MailboxUnavailable, Rejected, ReauthRequired) as problem:
        _withdraw(provider, authorization.tokens, known=known)
        raise ConnectionRefused("mailbox_unavailable", str(problem)) from problem
    except ConnectionRefused:
        _withdraw(provider, authorization.tokens, known=known)
        raise
    except ProviderError as problem:
        raise ConnectionRefused(
            "provider_unavailable", "The mailbox did not answer; please try again."
        ) from problem


def _withdraw(provider: MailProvider, tokens: Tokens, *, known: bool) -> None:
    if known:
        return
    try:
        provider.revoke(tokens)
    except ProviderError:
        logger.warning("unused_consent_not_revoked")


def _remember(
    authorization: Authorization,
    known_id: AccountId | None,
    request: ConnectionRequest,
    accounts: AccountStore,
    clock: Clock,
) -> Account:
    """Find or make the account of this identity: connecting again finds the same one."""
    if known_id is None:
        if not authorization.tokens.refresh_token:
            raise ConnectionRefused(
                "offline_access_missing", "The provider gave no lasting access; please try again."
            )
        account = Account(
            id=new_account_id(),
            identity=authorization.identity,
            status=AccountStatus.ACTIVE,
            scopes=authorization.scopes,
            created_at=clock.now(),
            updated_at=clock.now(),
            state=request.state,
        )
        try:
            accounts.create(account)
        except Conflict:
            known_id = accounts.by_identity(authorization.identity)
        else:
            return account
    if known_id is None:
        raise ConnectionRefused("account_changing", "Please try again.")
    old = accounts.get(known_id)
    if old.status is AccountStatus.DELETING:
        raise ConnectionRefused(
            "account_deleting", "This mailbox is being removed; try again in some minutes."
        )
    account = replace(
        old,
        identity=authorization.identity,
        status=AccountStatus.ACTIVE,
        scopes=authorization.scopes,
        updated_at=clock.now(),
        state=request.state or old.state,
    )
    accounts.replace(account)
    return account


def _keep_tokens(account_id: AccountId, tokens: Tokens, vault: TokenVault) -> None:
    if not tokens.refresh_token:
        try:
            tokens = vault.read(account_id).renewed(tokens)
        except ReauthRequired:
            raise ConnectionRefused(
                "offline_access_missing", "The provider gave no lasting access; please try again."
            ) from None
    vault.write(account_id, tokens)


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
