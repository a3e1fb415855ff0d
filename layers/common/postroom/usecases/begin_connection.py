"""Sending a person to the provider's consent page, and remembering what for."""

import base64
import hashlib
import re
from dataclasses import dataclass

from postroom.domain.account import ProviderName
from postroom.domain.connection import CONNECTION_LIFETIME, ConnectionRequest
from postroom.domain.errors import InvalidRequest, NotFound, ProviderUndecided
from postroom.domain.ids import PersonId, new_token
from postroom.domain.provider_config import ProviderConfig
from postroom.ports import (
    AccountStore,
    ApplicationStore,
    AuthorizationRequest,
    Clock,
    ConnectionStore,
    MailDomains,
    MailProvider,
    ProviderConfigStore,
    Providers,
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
    """What the application names of the scopes that every consent asks for."""
    registration_id: str = ""
    """Which of the administrator's clients to use; empty means the active one."""
    for_organisation: bool = False
    """Ask an administrator to allow the application for all, and connect nothing."""
    may_guess: bool = True
    """Whether the login hint may decide which provider it is."""
    console: "ConsoleSignIn | None" = None
    """Set by the console alone: its return address needs no registration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSignIn:
    """Somebody who signs in to the console with a mailbox."""

    person_id: PersonId | None
    by_administrator: bool
    invitation_id: str


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
    accounts: AccountStore,
    domains: MailDomains,
    connections: ConnectionStore,
    clock: Clock,
) -> Departure:
    """Send a person to the provider's consent page.

    Raises InvalidRequest for what the application got wrong, and ProviderUndecided when it did not
    say which provider and nothing else does. Nothing is ever sent to a return address that is not
    registered.
    """
    if start.client_id != application_id:
        raise InvalidRequest("No application has this id.", field="client_id")
    registered = {known.url for known in application.redirect_uris()}
    if start.console is None and start.redirect_uri not in registered:
        raise InvalidRequest(
            "Register this address first; it is matched exactly.", field="redirect_uri"
        )
    provider_name = start.provider or _provider_of(start, configs, accounts, domains)
    config = next((each for each in configs.all() if each.provider is provider_name), None)
    if config is None:
        raise InvalidRequest("This provider is not set up yet.", field="provider")
    registration_id = _registration_id(start, config, configs)
    provider = providers.get(provider_name, registration_id)
    beyond = provider.missing_scopes(start.scopes, among=provider.asked_scopes())
    if beyond:
        raise InvalidRequest(
            f"The connector does not ask for {', '.join(sorted(beyond))}: add it to `scope` of "
            f"/v3/connectors/{config.provider} first, or leave it out. Every consent asks for all "
            "scopes of the connector.",
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
    consent_url = (
        _admin_consent_url(provider, request)
        if start.for_organisation
        else provider.authorization_url(request)
    )
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
            registration_id=registration_id,
            for_organisation=start.for_organisation,
            for_console=start.console is not None,
            person_id=start.console.person_id if start.console else None,
            by_administrator=start.console is not None and start.console.by_administrator,
            invitation_id=start.console.invitation_id if start.console else "",
        ),
    )
    return Departure(consent_url=consent_url, browser_secret=browser_secret)


def s256(code_verifier: str) -> str:
    """BASE64URL-ENCODE(SHA256(ASCII(code_verifier))), RFC 7636 section 4.2."""
    digest = hashlib.sha256(code_verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def hash_secret(secret: str) -> str:
    """SHA-256 in hexadecimal: what is stored in place of a random secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _registration_id(
    start: ConnectionStart, config: ProviderConfig, configs: ProviderConfigStore
) -> str:
    """Return the client to present. Raises InvalidRequest for one that there is not."""
    if not start.registration_id:
        return config.active_registration_id
    try:
        return configs.registration(config.provider, start.registration_id).id
    except NotFound as error:
        raise InvalidRequest(str(error), field="credential_id") from None


def _admin_consent_url(provider: MailProvider, request: AuthorizationRequest) -> str:
    address = provider.admin_consent_url(redirect_uri=request.redirect_uri, state=request.state)
    if address is None:
        raise InvalidRequest(
            "This provider's organisations allow applications in their own console.",
            field="response_type",
        )
    return address


def _provider_of(
    start: ConnectionStart,
    configs: ProviderConfigStore,
    accounts: AccountStore,
    domains: MailDomains,
) -> ProviderName:
    """Return the only provider, or the one of the login hint: of its account, or of its domain."""
    known = {config.provider.value: config.provider for config in configs.all()}
    if len(known) == 1:
        return next(iter(known.values()))
    if start.may_guess and "@" in start.login_hint:
        of_accounts = {
            accounts.get(account_id).identity.provider.value
            for account_id in accounts.by_email(start.login_hint)
        }
        if not of_accounts:
            domain = start.login_hint.rpartition("@")[2]
            of_accounts = {domains.provider_of(domain.strip()) or ""}
        if len(of_accounts) == 1 and of_accounts <= known.keys():
            return known[of_accounts.pop()]
    if not known:
        raise InvalidRequest("No provider is set up yet.", field="provider")
    raise ProviderUndecided(list(known))


def _challenge(start: ConnectionStart) -> str:
    """The application's challenge. A plain one is its verifier, and is not kept readable."""
    if start.code_challenge_method.lower() not in {"", "plain", "s256"}:
        raise InvalidRequest("Use S256 (or plain).", field="code_challenge_method")
    if start.code_challenge and not _PKCE_TEXT.fullmatch(start.code_challenge):
        raise InvalidRequest("Send what RFC 7636 section 4.2 describes.", field="code_challenge")
    if start.code_challenge and start.code_challenge_method.lower() in {"", "plain"}:
        return s256(start.code_challenge)
    return start.code_challenge
