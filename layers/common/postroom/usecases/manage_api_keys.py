"""API keys: made for something, shown once, revoked for good."""

from collections.abc import Sequence
from datetime import datetime

from postroom.domain.api_key import KEY_PREFIX, ApiKey
from postroom.domain.errors import InvalidRequest
from postroom.domain.ids import new_token
from postroom.domain.principal import Scope
from postroom.ports import ApiKeyStore, Clock


def create_api_key(
    *,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    api_keys: ApiKeyStore,
    clock: Clock,
) -> tuple[str, ApiKey]:
    """Make a key; answers the key itself, which nobody can see again, and what it is.

    Without scopes it is for everything but administration. Raises InvalidRequest.
    """
    now = clock.now()
    if expires_at is not None and expires_at <= now:
        raise InvalidRequest("This time is over already.", field="expires_at")
    key = KEY_PREFIX + new_token()
    api_key = ApiKey(
        id=new_token()[:22],
        name=name,
        scopes=frozenset(map(Scope, scopes)) or frozenset(Scope) - {Scope.ADMINISTRATION},
        created_at=now,
        expires_at=expires_at,
    )
    api_keys.add(key, api_key)
    return key, api_key


def list_api_keys(*, api_keys: ApiKeyStore) -> Sequence[ApiKey]:
    """Return all keys that were not revoked, oldest first."""
    return api_keys.all()


def revoke_api_key(*, api_key_id: str, api_keys: ApiKeyStore) -> None:
    """Let a key open nothing from now on. Raises NotFound."""
    api_keys.revoke(api_key_id)
