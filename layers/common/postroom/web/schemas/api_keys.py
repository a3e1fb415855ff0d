"""API keys. The key itself goes out once, when it is made."""

from typing import Annotated

from pydantic import Field

from postroom.domain.api_key import ApiKey
from postroom.domain.principal import Scope
from postroom.web.schemas.fields import Body, Label, Output, UnixTimeNumber, unix_seconds


class ApiKeyIn(Body):
    """A key to make. Without scopes it is for everything but administration."""

    name: Label
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))] | None = None
    expires_at: UnixTimeNumber | None = None


class ApiKeyOut(Output):
    """A key, as it can be seen at any time."""

    id: str
    name: str
    scopes: list[str]
    created_at: int
    expires_at: int | None
    api_key: str | None = None
    """The key itself, in the answer to its making alone."""

    @classmethod
    def from_domain(cls, api_key: ApiKey, key: str = "") -> "ApiKeyOut":
        """Render a key; with the secret, once."""
        return cls(
            id=api_key.id,
            name=api_key.name,
            scopes=sorted(api_key.scopes),
            created_at=unix_seconds(api_key.created_at),
            expires_at=unix_seconds(api_key.expires_at) if api_key.expires_at else None,
            api_key=key or None,
        )
