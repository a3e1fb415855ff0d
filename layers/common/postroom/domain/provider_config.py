"""The administrator's OAuth client for a provider, and others beside it.

Secrets are kept apart, in the vault. An account stays with the client that its consent was given
to, whichever one new connections use.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from postroom.domain.account import ProviderName
from postroom.domain.errors import ConfigFlaw, InvalidRequest

DEFAULT_TENANTS: Mapping[ProviderName, str] = {ProviderName.MICROSOFT: "common"}
"""Who may sign in when no directory is named: everybody, with a work or a personal account.

A provider that is not named here has no directories, and no administrators who consent for one.
"""

PUSHES_TO_TOPIC = frozenset({ProviderName.GOOGLE})
"""Who tells of changes through a Pub/Sub topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderConfig:
    """How Postroom presents itself to one provider."""

    provider: ProviderName
    name: str
    client_id: str
    scopes: tuple[str, ...]
    """Scopes to ask for; empty means the provider's default set."""
    tenant: str
    """The directory that may sign in; empty where the provider has none."""
    topic_name: str
    """The Pub/Sub topic that pushes are published to; empty means no push."""
    created_at: datetime
    updated_at: datetime
    active_registration_id: str = ""
    """Which other client new connections use; empty means the config's own."""

    def presenting(self, registration: "ClientRegistration") -> "ProviderConfig":
        """Return the config as it is for another client."""
        return replace(
            self, client_id=registration.client_id, tenant=registration.tenant or self.tenant
        )


def check_place(provider: ProviderName, *, tenant: str | None, field: str) -> None:
    """Refuse a directory where there is none. Raises InvalidRequest naming `field`."""
    if tenant and provider not in DEFAULT_TENANTS:
        raise InvalidRequest("This provider has no tenants: leave it out.", field=field)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigProblem:
    """One thing that is wrong with a config: in a word for programs, and in a sentence."""

    flaw: ConfigFlaw
    sentence: str
    provider_code: str = ""
    """The provider's own word or number for it; empty where it has none."""


class RegistrationKind(StrEnum):
    """What another client is for. Both can connect mailboxes; the words are the contract's."""

    CONNECTOR = "connector"
    ADMIN_CONSENT = "adminconsent"
    """Organisations allow it as a whole first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRegistration:
    """Another OAuth client of the administrator's at a provider."""

    id: str
    provider: ProviderName
    name: str
    kind: RegistrationKind
    client_id: str
    tenant: str
    """The directory that may sign in; empty means the config's."""
    created_at: datetime
    updated_at: datetime
