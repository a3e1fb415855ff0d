"""Connecting a mailbox: to the provider's consent page and back, with or without an account.

The order of `finish_connection` is the point: the state is consumed first, the scopes and the
mailbox are looked at before anything is kept. Then the account waits for its owner until its tokens
are in the vault, so that a failure half-way leaves an account that asks for consent again: never
tokens without an account, nor an account that pretends to work.
"""

import base64
import hashlib
import re
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
    NotFound,
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

_PKCE_TEXT = re.compile(r"[A-Za-z0-9._~+/=-]{16,128}")
"""RFC 7636 wants 43 characters at least, in base64url; SDKs send base64 and shorter secrets."""


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
    scopes: frozenset[str] = frozenset()
    """What the application asks for; empty means what the provider config says."""


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
    config = next((each for each in configs.all() if each.provider is provider_name), None)
    if config is None:
        raise InvalidRequest("This provider is not set up yet.", field="provider")
    if start.scopes and start.scopes != set(config.scopes):
        raise InvalidRequest(
            "Every consent asks for the scopes of the connector (`scope` of "
            f"/v3/connectors/{config.provider}); leave this out, or name exactly those.",
            field="scope",
        )
    code_verifier, nonce, state = new_token(), new_token(), new_token()
    browser_secret = new_token()
    request = AuthorizationRequest(
        redirect_uri=callback_url,
        state=state,
        nonce=nonce,
        code_challenge=s256(code_verifier),
        login_hint=start.login_hint,
    )
    challenge = _challenge(start)
    consent_url = providers.get(provider_name).authorization_url(request)
    connections.put_request(
        state,
        ConnectionRequest(
            provider=provider_name,
            redirect_uri=start.redirect_uri,
            state=start.state,
            code_challenge=challenge,
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
        authorization = provider.exchange_code(
            code=code,
            redirect_uri=callback_url,
            code_verifier=request.code_verifier,
            nonce=request.nonce,
        )
        account = _connected(provider, authorization, request, accounts, vault, clock)
    except ConnectionRefused as refusal:
        return _refused(request, refusal)
    except Misconfigured as problem:
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
    if start.code_challenge_method.lower() not in {"", "plain", "s256"}:
        raise InvalidRequest("Use S256 (or plain).", field="code_challenge_method")
    if start.code_challenge and not _PKCE_TEXT.fullmatch(start.code_challenge):
        raise InvalidRequest("Send what RFC 7636 section 4.2 describes.", field="code_challenge")
    if start.code_challenge and start.code_challenge_method.lower() in {"", "plain"}:
        return s256(start.code_challenge)
    return start.code_challenge


def _consent_error(error: str) -> str:
    return "access_denied" if error == "access_denied" else "provider_error"


def _connected(
    provider: MailProvider,
    authorization: Authorization,
    request: ConnectionRequest,
    accounts: AccountStore,
    vault: TokenVault,
    clock: Clock,
) -> Account:
    """Turn an authorization into an account, or withdraw it.

    The unused consent of a stranger is withdrawn at once. That of a known account is not: at some
    providers this would end the consent which the account still lives on.
    """
    known_id = accounts.by_identity(authorization.identity)
    try:
        _check(provider, authorization)
        waiting = _waiting_account(authorization, known_id, accounts, clock)
        _keep_tokens(waiting.id, authorization.tokens, vault)
    except (ConnectionRefused, ProviderError):
        if known_id is None:
            _withdraw(provider, authorization.tokens)
        raise
    account = replace(
        waiting,
        identity=authorization.identity,
        status=AccountStatus.ACTIVE,
        scopes=authorization.scopes,
        updated_at=clock.now(),
        state=request.state or waiting.state,
    )
    accounts.replace(account)
    return account


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
        probe.pin_cursors()
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
