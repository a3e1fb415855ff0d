"""Signing in to the console and out of it, and who a session speaks for.

Every sign-in and every connected mailbox gets a new token, and the old one ends: a token that
somebody planted in a browser before is worth nothing after.
"""

import hmac
from dataclasses import dataclass, replace

from postroom.domain.api_key import KEY_PREFIX
from postroom.domain.errors import ConnectionRefused, Forbidden, NotFound, Unauthenticated
from postroom.domain.ids import AccountId, PersonId, new_token
from postroom.domain.person import (
    ADMINISTRATOR_SESSION_LIFETIME,
    PERSON_SESSION_LIFETIME,
    PERSON_SESSION_LONGEST,
    ROTATION_AGE,
    ROTATION_GRACE,
    SESSION_PREFIX,
    KeyInUse,
    Session,
)
from postroom.domain.principal import Administrator, Principal, Scope, SignedInPerson
from postroom.ports import AccountStore, ApiKeyStore, Clock, ConnectionStore, DeploymentSecrets
from postroom.ports.people import SessionStore
from postroom.usecases.authenticate import is_administrator_key
from postroom.usecases.begin_connection import hash_secret, s256


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionTools:
    """What sessions work with."""

    sessions: SessionStore
    api_keys: ApiKeyStore
    secrets: DeploymentSecrets
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """A session with its token, which nobody but the browser gets.

    `account_id` is the mailbox that it was opened with, if it was one.
    """

    token: str
    session: Session
    account_id: AccountId | None = None


def sign_in_with_key(*, key: str, replaced: str, tools: SessionTools) -> OpenSession:
    """Open an administrator's session; a person who was signed in stays it.

    Raises Unauthenticated for a key that opens nothing, Forbidden for one that is not made for
    administration.
    """
    known = living_session(token=replaced, tools=tools)
    return _open(
        person_id=known.person_id if known else None,
        key=_key_in_use(key, tools),
        replaced=replaced,
        tools=tools,
    )


def sign_in_with_mailbox(
    *,
    code: str,
    code_verifier: str,
    redirect_uri: str,
    replaced: str,
    accounts: AccountStore,
    connections: ConnectionStore,
    tools: SessionTools,
) -> OpenSession:
    """Open the session of the person whose mailbox was just connected.

    The code has to come back to the browser that began, which alone has the verifier. An
    administrator who was signed in stays it. Raises ConnectionRefused.
    """
    stale = ConnectionRefused("state_invalid", "This sign-in can no longer be used.")
    try:
        authorization = connections.take_code(code, now=tools.clock.now())
        person_id = accounts.get(authorization.account_id).person_id
    except NotFound:
        raise stale from None
    is_same_browser = hmac.compare_digest(s256(code_verifier), authorization.code_challenge)
    if not is_same_browser or authorization.redirect_uri != redirect_uri or person_id is None:
        raise stale
    known = living_session(token=replaced, tools=tools)
    opened = _open(
        person_id=person_id, key=known.key if known else None, replaced=replaced, tools=tools
    )
    return replace(opened, account_id=authorization.account_id)


def sign_out(*, token: str, sessions: SessionStore) -> None:
    """End a session; an unknown one is fine."""
    sessions.end(token)


def living_session(*, token: str, tools: SessionTools) -> Session | None:
    """Return a session as far as it still holds: without a key that has ended."""
    if not token.startswith(SESSION_PREFIX):
        return None
    try:
        session = tools.sessions.get(token, now=tools.clock.now())
    except NotFound:
        return None
    if session.key is not None and not _holds(session.key, tools):
        session = replace(session, key=None)
    return session if session.key or session.person_id else None


def authenticate_session(*, token: str, tools: SessionTools) -> Principal:
    """Tell whom a session speaks for. Raises Unauthenticated."""
    session = living_session(token=token, tools=tools)
    if session is None:
        raise Unauthenticated("You are signed out. Sign in again.")
    if session.key is not None:
        return Administrator()
    assert session.person_id is not None
    return SignedInPerson(session.person_id)


def renew_session(*, token: str, tools: SessionTools) -> OpenSession | None:
    """Replace the token of a session that has had it for long; None: it stays.

    Of two tabs that come at once each gets a token, and the old one serves both for a moment.
    """
    session = living_session(token=token, tools=tools)
    now = tools.clock.now()
    if session is None or now - session.issued_at < ROTATION_AGE:
        return None
    renewed = _new_token_for(replace(session, issued_at=now), tools)
    tools.sessions.end_at(token, now + ROTATION_GRACE)
    return renewed


def _open(
    *, person_id: PersonId | None, key: KeyInUse | None, replaced: str, tools: SessionTools
) -> OpenSession:
    now = tools.clock.now()
    session = Session(person_id=person_id, key=key, began_at=now, issued_at=now, expires_at=now)
    opened = _new_token_for(session, tools)
    if replaced:
        tools.sessions.end(replaced)
    return opened


def _new_token_for(session: Session, tools: SessionTools) -> OpenSession:
    ends = [session.key.ends_at] if session.key else []
    if session.person_id is not None:
        longest = session.began_at + PERSON_SESSION_LONGEST
        ends.append(min(session.issued_at + PERSON_SESSION_LIFETIME, longest))
    lasting = replace(session, expires_at=max(ends))
    token = SESSION_PREFIX + new_token()
    tools.sessions.put(token, lasting)
    return OpenSession(token=token, session=lasting)


def _key_in_use(key: str, tools: SessionTools) -> KeyInUse:
    now = tools.clock.now()
    ends_at = now + ADMINISTRATOR_SESSION_LIFETIME
    if key and is_administrator_key(key, secrets=tools.secrets):
        return KeyInUse(api_key_id="", fingerprint=hash_secret(key), ends_at=ends_at)
    if not key.startswith(KEY_PREFIX):
        raise _unknown_key()
    try:
        api_key = tools.api_keys.find(key, now=now)
    except NotFound:
        raise _unknown_key() from None
    if Scope.ADMINISTRATION not in api_key.scopes:
        raise Forbidden("This API key was not made for administration.")
    return KeyInUse(
        api_key_id=api_key.id,
        fingerprint="",
        ends_at=min(ends_at, api_key.expires_at or ends_at),
    )


def _holds(key: KeyInUse, tools: SessionTools) -> bool:
    """Whether the key that was shown would still open the deployment."""
    if key.ends_at <= tools.clock.now():
        return False
    if not key.api_key_id:
        current = hash_secret(tools.secrets.administrator_key())
        return hmac.compare_digest(key.fingerprint, current)
    try:
        tools.api_keys.by_id(key.api_key_id, now=tools.clock.now())
    except NotFound:
        return False
    return True


def _unknown_key() -> Unauthenticated:
    return Unauthenticated("This key is unknown, expired or revoked.")
