"""The application's side of OAuth: codes and refresh tokens for tokens of ours (RFC 6749).

Refusals carry the words of RFC 6749 section 5.2 as their reason.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from postroom.domain.account import Account, AccountStatus
from postroom.domain.connection import (
    ACCESS_TOKEN_LIFETIME,
    REFRESH_TOKEN_LIFETIME,
    AuthorizationCode,
    BearerKind,
    BearerToken,
)
from postroom.domain.errors import ConnectionRefused, NotFound, Unauthenticated
from postroom.domain.ids import AccountId, new_token
from postroom.domain.principal import OWNER_SCOPES, AccountHolder, Scope
from postroom.ports import AccountStore, ApiKeyStore, Clock, ConnectionStore, DeploymentSecrets
from postroom.usecases.authenticate import authenticate
from postroom.usecases.begin_connection import s256


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedTokens:
    """What an application receives for a code."""

    account: Account
    access_token: str
    issued_at: datetime
    lifetime: timedelta
    refresh_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenDescription:
    """What an access token stands for."""

    account: Account
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """How an application says who it is: its id, and an API key as its secret."""

    client_id: str
    client_secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenTools:
    """What issuing tokens works with."""

    application_id: str
    connections: ConnectionStore
    accounts: AccountStore
    api_keys: ApiKeyStore
    secrets: DeploymentSecrets
    clock: Clock


def exchange_code(
    *,
    code: str,
    redirect_uri: str,
    code_verifier: str,
    client: ClientCredentials,
    tools: TokenTools,
) -> IssuedTokens:
    """Trade an application's one-time code. A failed exchange uses the code up as well.

    But a wrong client does not: it is refused before the code is looked at. Raises
    ConnectionRefused.
    """
    _check_client(client, tools)
    try:
        authorization = tools.connections.take_code(code, now=tools.clock.now())
    except NotFound:
        raise ConnectionRefused("invalid_grant", "The code is unknown, used or expired.") from None
    if authorization.redirect_uri != redirect_uri:
        raise ConnectionRefused("invalid_grant", "The redirect_uri is not the one of the code.")
    _check_verifier(authorization, code_verifier, client)
    return _issue(authorization.account_id, offline=authorization.offline, tools=tools)


def refresh_access(
    *, refresh_token: str, client: ClientCredentials, tools: TokenTools
) -> IssuedTokens:
    """Trade a refresh token of ours for a new access token."""
    _check_client(client, tools)
    try:
        bearer = tools.connections.bearer(refresh_token, now=tools.clock.now())
    except NotFound:
        bearer = None
    if bearer is None or bearer.kind is not BearerKind.REFRESH:
        raise ConnectionRefused("invalid_grant", "The refresh token is unknown or expired.")
    return _issue(bearer.account_id, offline=False, tools=tools, parent=refresh_token)


def issue_for_account(
    *, account: str, client: ClientCredentials, tools: TokenTools
) -> IssuedTokens:
    """Give an application that shows its secret an access token for an account it names by id.

    The token reaches as far as its owner does, so the key has to reach as far already.
    """
    _check_client(client, tools, needed=OWNER_SCOPES)
    if not client.client_secret:
        raise ConnectionRefused("invalid_client", "Send an API key as client_secret.")
    return _issue(AccountId(account), offline=False, tools=tools)


def describe_access_token(*, access_token: str, tools: TokenTools) -> TokenDescription:
    """Tell what an access token of ours stands for. Raises ConnectionRefused."""
    try:
        bearer = tools.connections.bearer(access_token, now=tools.clock.now())
    except NotFound:
        bearer = None
    if bearer is None or bearer.kind is not BearerKind.ACCESS:
        raise ConnectionRefused(
            "invalid_request", "access_token: It is unknown, revoked or expired."
        )
    return describe_account(
        account_id=bearer.account_id,
        issued_at=bearer.issued_at,
        expires_at=bearer.expires_at,
        tools=tools,
    )


def describe_account(
    *, account_id: AccountId, issued_at: datetime, expires_at: datetime, tools: TokenTools
) -> TokenDescription:
    """Tell about a token whose account is known. Raises ConnectionRefused when that is gone."""
    account = _living(account_id, tools)
    return TokenDescription(account=account, issued_at=issued_at, expires_at=expires_at)


def revoke_token(*, token: str, connections: ConnectionStore) -> None:
    """Revoke a token of ours; an unknown one is fine (RFC 7009 section 2.2)."""
    connections.delete_bearer(token)


def _check_client(
    client: ClientCredentials,
    tools: TokenTools,
    needed: frozenset[Scope] = frozenset({Scope.GRANTS_WRITE}),
) -> None:
    if client.client_id != tools.application_id:
        raise ConnectionRefused("invalid_client", "No application has this client_id.")
    if not client.client_secret:
        return
    try:
        principal = authenticate(
            bearer=client.client_secret,
            secrets=tools.secrets,
            api_keys=tools.api_keys,
            connections=tools.connections,
            clock=tools.clock,
        )
    except Unauthenticated:
        principal = None
    if principal is None or isinstance(principal, AccountHolder):
        raise ConnectionRefused("invalid_client", "The client_secret is not a valid API key.")
    missing = sorted(scope for scope in needed if not principal.may(scope))
    if missing:
        raise ConnectionRefused(
            "unauthorized_client", f"This API key lacks the scope '{missing[0]}'."
        )


def _check_verifier(
    authorization: AuthorizationCode, code_verifier: str, client: ClientCredentials
) -> None:
    """A code is bound to its challenge; without one, the application needs its secret."""
    challenge = authorization.code_challenge
    if not challenge:
        if not client.client_secret:
            raise ConnectionRefused(
                "invalid_client", "Send an API key as client_secret, or use PKCE."
            )
        return
    accepted = (s256(code_verifier), _hex_challenge(code_verifier))
    matches = [hmac.compare_digest(challenge.rstrip("="), known) for known in accepted]
    if not any(matches):
        raise ConnectionRefused("invalid_grant", "The code_verifier does not fit the code.")


def _hex_challenge(code_verifier: str) -> str:
    """The challenge that the contract's SDKs make: base64 of the digest's hexadecimal form."""
    digest = hashlib.sha256(code_verifier.encode()).hexdigest()
    return base64.b64encode(digest.encode()).decode().rstrip("=")


def _living(account_id: AccountId, tools: TokenTools) -> Account:
    try:
        account = tools.accounts.get(account_id)
    except NotFound:
        account = None
    if account is None or account.status is AccountStatus.DELETING:
        raise ConnectionRefused("invalid_grant", "The account is gone.")
    return account


def _issue(
    account_id: AccountId, *, offline: bool, tools: TokenTools, parent: str = ""
) -> IssuedTokens:
    account = _living(account_id, tools)
    now, access_token = tools.clock.now(), new_token()
    refresh_token = new_token() if offline else ""
    if refresh_token:
        refresh = BearerToken(
            kind=BearerKind.REFRESH,
            account_id=account_id,
            expires_at=now + REFRESH_TOKEN_LIFETIME,
        )
        tools.connections.put_bearer(refresh_token, refresh)
    access = BearerToken(
        kind=BearerKind.ACCESS,
        account_id=account_id,
        expires_at=now + ACCESS_TOKEN_LIFETIME,
        parent=refresh_token or parent,
    )
    tools.connections.put_bearer(access_token, access)
    return IssuedTokens(
        account=account,
        access_token=access_token,
        issued_at=now,
        lifetime=ACCESS_TOKEN_LIFETIME,
        refresh_token=refresh_token,
    )
