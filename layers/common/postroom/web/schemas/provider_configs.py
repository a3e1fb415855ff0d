"""Provider configs, which the wire calls connectors. A client secret comes in and never out."""

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from postroom.domain.account import ProviderName
from postroom.domain.errors import InvalidRequest
from postroom.domain.provider_config import ProviderConfig
from postroom.web.schemas.fields import Input, Label, Output, spelled

CONNECTABLE = (ProviderName.GOOGLE,)
"""The providers that a connector may be made for."""

Secret = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=1000),
    spelled(r"[!-~]*", "Use plain ASCII characters without spaces"),
]
"""Client ids and secrets: printable ASCII without spaces, which copying likes to add."""

Scope = Annotated[
    str,
    StringConstraints(min_length=1, max_length=256),
    spelled(r"[!#-\[\]-~]*", "Send each scope by itself, without spaces and quotes"),
]
"""One scope token, RFC 6749 section 3.3."""

Topic = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=512),
    spelled(
        r"(projects/[a-z][a-z0-9:.-]{4,61}[a-z0-9]/topics/[A-Za-z][A-Za-z0-9._~+%-]{2,254})?",
        "Send the topic's full name: projects/<project>/topics/<topic>",
    ),
]
"""A Pub/Sub topic's full name; empty means none."""

Tenant = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=253),
    spelled(r"[A-Za-z0-9.-]*", "Send the tenant's id or domain"),
]


class SettingsIn(Input):
    """The administrator's registration at the provider."""

    client_id: Secret
    client_secret: Secret
    topic_name: Topic | None = None
    tenant: Tenant | None = None


class SettingsChangeIn(Input):
    """The parts of a registration that change."""

    client_id: Secret | None = None
    client_secret: Secret | None = None
    topic_name: Topic | None = None
    tenant: Tenant | None = None


class ConnectorIn(Input):
    """A new connector."""

    provider: str
    name: Label | None = None
    settings: SettingsIn
    scope: Annotated[list[Scope], Field(max_length=100)] | None = None


class ConnectorChangeIn(Input):
    """What to change on a connector; what is missing stays."""

    name: Label | None = None
    settings: SettingsChangeIn = Field(default_factory=SettingsChangeIn)
    scope: Annotated[list[Scope], Field(max_length=100)] | None = None


class ConnectorOut(Output):
    """A connector as its administrator sees it."""

    provider: str
    name: str
    settings: dict[str, Any]
    scope: list[str]
    redirect_uri: str
    """What the administrator registers at the provider."""
    created_at: int
    updated_at: int

    @classmethod
    def from_domain(cls, config: ProviderConfig, *, callback_url: str) -> "ConnectorOut":
        """Render a provider config."""
        optional = {"topic_name": config.topic_name, "tenant": config.tenant}
        given = {name: value for name, value in optional.items() if value}
        return cls(
            provider=config.provider,
            name=config.name,
            settings={"client_id": config.client_id, **given},
            scope=list(config.scopes),
            redirect_uri=callback_url,
            created_at=int(config.created_at.timestamp()),
            updated_at=int(config.updated_at.timestamp()),
        )


def known_provider(name: str) -> ProviderName:
    """Return a provider by its name. Raises InvalidRequest naming those that there are."""
    try:
        return ProviderName(name)
    except ValueError:
        raise InvalidRequest(f"Use one of: {', '.join(CONNECTABLE)}.", field="provider") from None


def connectable_provider(name: str) -> ProviderName:
    """Return a provider that can be connected. Raises InvalidRequest."""
    provider = known_provider(name)
    if provider not in CONNECTABLE:
        raise InvalidRequest(
            f"This provider is not supported yet. Use one of: {', '.join(CONNECTABLE)}.",
            field="provider",
        )
    return provider
