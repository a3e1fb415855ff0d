"""The application's side of OAuth: codes and refresh tokens for tokens of ours (RFC 6749).

Refusals carry the words of RFC 6749 section 5.2 as their reason.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from postroom.domain.account import Account, AccountStatus
from postroom.domain.connection import (
    ACCESS_TOKEN_LIFETIME,
    REFRESH_TOKEN_LIFETIME,
    AuthorizationCode,
    BearerKind,
    BearerToken,
)
from postroom.domain.errors import ConnectionRefused, NotFound
from postroom.domain.ids import AccountId, new_token
from postroom.ports import AccountStore, Clock, ConnectionStore, DeploymentSecrets
from postroom.usecases.authenticate import is_administrator_key
from postroom.usecases.connect_account import s256


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedTokens:
    """What an application receives for a code."""

    account: Account
    access_token: str
    expires_in_seconds: int
    refresh_token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """How an application says who it is: its id, and an API key as its secret."""

    client_id: str
    client_secret: str


def exchange_code(
    *,
    code: str,
    redirect_uri: str,
    code_verifier: str,
    client: ClientCredentials,
    application_id: str,
    connections: ConnectionStore,
    accounts: AccountStore,
    secrets: DeploymentSecrets,
    clock: Clock,
) -> IssuedTokens:
    """Trade an application's one-time code. A failed exchange uses the code up as well."""
    _check_client(client, application_id, secrets)
    try:
        authorization = connections.take_code(code, now=clock.now())
    except NotFound:
        raise ConnectionRefused("invalid_grant", "The code is unknown, used or expired.") from None
    if authorization.redirect_uri != redirect_uri:
        raise ConnectionRefused("invalid_grant", "The redirect_uri is not the one of the code.")
    _check_verifier(authorization, code_verifier, client)
    return _issue(
        authorization.account_id,
        offline=authorization.offline,
        connections=connections,
        accounts=accounts,
        clock=clock,
    )


def refresh_access(
    *,
    refresh_token: str,
    client: ClientCredentials,
    application_id: str,
    connections: ConnectionStore,
    accounts: AccountStore,
    secrets: DeploymentSecrets,
    clock: Clock,
) -> IssuedTokens:
    """Trade a refresh token of ours for a new access token."""
    _check_client(client, application_id, secrets)
    try:
        bearer = connections.bearer(refresh_token, now=clock.now())
    except NotFound:
        bearer = None
    if bearer is None or bearer.kind is not BearerKind.REFRESH:
        raise ConnectionRefused("invalid_grant", "The refresh token is unknown or expired.")
    return _issue(
        bearer.account_id, offline=False, connections=connections, accounts=accounts, clock=clock
    )


def revoke_token(*, token: str, connections: ConnectionStore) -> None:
    """Revoke a token of ours; an unknown one is fine (RFC 7009 section 2.2)."""
    connections.delete_bearer(token)


def _check_client(
    client: ClientCredentials, application_id: str, secrets: DeploymentSecrets
) -> None:
    if client.client_id != application_id:
        raise ConnectionRefused("invalid_client", "No application has this client_id.")
    if client.client_secret and not is_administrator_key(client.client_secret, secrets=secrets):
        raise ConnectionRefused("invalid_client", "The client_secret is not a valid API key.")


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


def _issue(
    account_id: AccountId,
    *,
    offline: bool,
    connections: ConnectionStore,
    accounts: AccountStore,
    clock: Clock,
) -> IssuedTokens:
    try:
        account = accounts.get(account_id)
    except NotFound:
        account = None
    if account is None or account.status is AccountStatus.DELETING:
        raise ConnectionRefused("invalid_grant", "The account is gone.")
    now, access_token, refresh_token = clock.now(), new_token(), new_token() if offline else ""
    for token, kind, lifetime in (
        (access_token, BearerKind.ACCESS, ACCESS_TOKEN_LIFETIME),
        (refresh_token, BearerKind.REFRESH, REFRESH_TOKEN_LIFETIME),
    ):
        if token:
            bearer = BearerToken(kind=kind, account_id=account_id, expires_at=now + lifetime)
            connections.put_bearer(token, bearer)
    return IssuedTokens(
        account=account,
        access_token=access_token,
        expires_in_seconds=int(ACCESS_TOKEN_LIFETIME.total_seconds()),
        refresh_token=refresh_token,
    )
