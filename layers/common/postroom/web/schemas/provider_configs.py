"""Provider configs, which the wire calls connectors. A client secret comes in and never out."""

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from postroom.domain.account import ProviderName
from postroom.domain.errors import ConfigFlaw, InvalidRequest
from postroom.domain.provider_config import ClientRegistration, ConfigProblem, ProviderConfig
from postroom.web.schemas.fields import (
    Body,
    Label,
    NamedProvider,
    Names,
    Output,
    PageLimit,
    PageToken,
    Query,
    SortBy,
    Unserved,
    spelled,
    unix_seconds,
    wire,
)

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
    spelled(
        r"(common|organizations|consumers"
        r"|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
        r"|([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9])?",
        "Use common, organizations, consumers, or the id or a domain of a tenant",
    ),
]
"""Whose accounts may sign in; it becomes a part of addresses. Empty means the usual one."""


class SettingsIn(Body):
    """The administrator's registration at the provider."""

    client_id: Secret
    client_secret: Secret
    topic_name: Topic | None = None
    tenant: Tenant | None = None


class SettingsChangeIn(Body):
    """The parts of a registration that change."""

    client_id: Secret | None = None
    client_secret: Secret | None = None
    topic_name: Topic | None = None
    tenant: Tenant | None = None


class CredentialDataIn(Body):
    """Another OAuth client of the administrator's."""

    client_id: Secret
    client_secret: Secret
    tenant: Tenant | None = None


class CredentialIn(Body):
    """Another client to add to a connector."""

    name: Label
    credential_type: Literal["connector", "adminconsent", "serviceaccount"]
    credential_data: CredentialDataIn

    @model_validator(mode="before")
    @classmethod
    def _refuse_service_accounts(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("credential_type") == "serviceaccount":
            raise InvalidRequest(
                "Service accounts are not supported: use 'connector' or 'adminconsent'.",
                field="credential_type",
            )
        return values


class CredentialDataChangeIn(Body):
    """The parts of a client that change."""

    client_id: Secret | None = None
    client_secret: Secret | None = None
    tenant: Tenant | None = None


class CredentialChangeIn(Body):
    """What to change on another client; what is missing stays."""

    name: Label | None = None
    credential_data: CredentialDataChangeIn | None = None


class ConnectorListQuery(Query):
    """Which connectors to list: there is one for each provider at most."""

    limit: PageLimit = 50
    offset: Annotated[int, Field(ge=0)] = 0
    select: Names = Field(default_factory=list)
    page_token: PageToken = None


class CredentialListQuery(Query):
    """Which other clients to list, and in what order."""

    limit: PageLimit = 10
    offset: Annotated[int, Field(ge=0)] = 0
    sort_by: SortBy = "created_at"
    order_by: Literal["asc", "desc"] = "desc"


class CredentialOut(Output):
    """Another client as its administrator sees it; never its secret."""

    id: str
    name: str
    credential_type: str
    created_at: int
    updated_at: int

    @classmethod
    def from_domain(cls, registration: ClientRegistration) -> "CredentialOut":
        """Render another client."""
        return cls(
            id=registration.id,
            name=registration.name,
            credential_type=registration.kind,
            created_at=unix_seconds(registration.created_at),
            updated_at=unix_seconds(registration.updated_at),
        )


class ConnectorProblemOut(Output):
    """One thing that is wrong with a connector."""

    code: ConfigFlaw
    """Stable, for programs."""
    message: str
    provider_code: str | None
    """The provider's own word or number for it, where it gave one."""

    @classmethod
    def from_domain(cls, problem: ConfigProblem) -> "ConnectorProblemOut":
        """Render a problem."""
        return cls(
            code=problem.flaw,
            message=problem.sentence,
            provider_code=problem.provider_code or None,
        )


class VerificationOut(Output):
    """Whether a connector can work; else what is wrong, in sentences."""

    provider: str
    works: bool
    problems: list[str]
    details: list[ConnectorProblemOut]
    """The same problems in the same order, each with a code."""
    redirect_uri: str
    """What has to be registered at the provider; that alone cannot be looked up."""


class ConnectorIn(Body):
    """A new connector."""

    provider: NamedProvider
    name: Label | None = None
    settings: SettingsIn
    scope: Annotated[list[Scope], Field(max_length=100)] | None = None
    active_credential_id: Annotated[
        Any,
        Unserved(
            "Credentials are added to a connector, so there is none before it: make the connector, "
            "then its credential, then set this"
        ),
    ] = None


class ConnectorChangeIn(Body):
    """What to change on a connector; what is missing stays."""

    name: Label | None = None
    settings: SettingsChangeIn | None = None
    scope: Annotated[list[Scope], Field(max_length=100)] | None = None
    active_credential_id: Annotated[str, StringConstraints(max_length=100)] | None = None
    """Empty: new connections use the connector's own client again."""


class ConnectorOut(Output):
    """A connector as its administrator sees it."""

    provider: str
    name: str
    settings: dict[str, Any]
    scope: list[str]
    active_credential_id: str | None
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
            active_credential_id=config.active_registration_id or None,
            redirect_uri=callback_url,
            created_at=int(config.created_at.timestamp()),
            updated_at=int(config.updated_at.timestamp()),
        )


def shown_connector(connector: ConnectorOut, select: Collection[str]) -> dict[str, Any]:
    """Return the selected fields, and the one that no SDK can do without; none means all."""
    shown = wire(connector)
    return {name: shown[name] for name in shown if not select or name in {*select, "provider"}}


def known_provider(name: str) -> ProviderName:
    """Return a provider by its name. Raises InvalidRequest naming those that there are."""
    try:
        return ProviderName(name)
    except ValueError:
        raise InvalidRequest(f"Use one of: {', '.join(ProviderName)}.", field="provider") from None
