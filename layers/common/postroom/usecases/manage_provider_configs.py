"""Provider configs: the administrator's OAuth clients. A secret goes in and never comes out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from postroom.domain.account import ProviderName
from postroom.domain.errors import InvalidRequest, Retryable
from postroom.domain.provider_config import (
    DEFAULT_TENANTS,
    PUSHES_TO_TOPIC,
    ProviderConfig,
    check_place,
)
from postroom.ports import ClientSecretVault, Clock, ProviderConfigStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderConfigChange:
    """What the administrator enters; None leaves a part as it is."""

    name: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    scopes: tuple[str, ...] | None = None
    tenant: str | None = None
    topic_name: str | None = None
    active_registration_id: str | None = None
    """Another client for new connections; empty: the config's own."""


def create_provider_config(
    *,
    provider: ProviderName,
    client_id: str,
    client_secret: str,
    change: ProviderConfigChange,
    configs: ProviderConfigStore,
    client_secrets: ClientSecretVault,
    clock: Clock,
) -> ProviderConfig:
    """Add a provider config with its secret.

    Raises InvalidRequest, Conflict when the provider has one, and Retryable while an earlier
    secret is deleted.
    """
    _check(provider, change)
    now = clock.now()
    config = ProviderConfig(
        provider=provider,
        name=change.name or provider.value,
        client_id=client_id,
        scopes=change.scopes or (),
        tenant=change.tenant or DEFAULT_TENANTS.get(provider, ""),
        topic_name=change.topic_name or "",
        created_at=now,
        updated_at=now,
    )
    configs.create(config)
    try:
        client_secrets.write(provider, client_secret)
    except Retryable:
        # Whoever tries again must not find a provider config without a secret in the way.
        configs.delete(provider)
        raise
    return config


def update_provider_config(
    *,
    provider: ProviderName,
    change: ProviderConfigChange,
    configs: ProviderConfigStore,
    client_secrets: ClientSecretVault,
    clock: Clock,
) -> ProviderConfig:
    """Change the named parts of a provider config. Raises NotFound, InvalidRequest."""
    _check(provider, change)
    old = configs.get(provider)
    active_id = change.active_registration_id
    if active_id and all(each.id != active_id for each in configs.registrations(provider)):
        raise InvalidRequest("There is no such credential.", field="active_credential_id")
    config = replace(
        old,
        name=old.name if change.name is None else change.name,
        client_id=old.client_id if change.client_id is None else change.client_id,
        scopes=old.scopes if change.scopes is None else change.scopes,
        tenant=old.tenant
        if change.tenant is None
        else change.tenant or DEFAULT_TENANTS.get(provider, ""),
        topic_name=old.topic_name if change.topic_name is None else change.topic_name,
        updated_at=clock.now(),
        active_registration_id=old.active_registration_id if active_id is None else active_id,
    )
    if change.client_secret is not None:
        client_secrets.write(provider, change.client_secret)
    configs.replace(config)
    return config


def list_provider_configs(*, configs: ProviderConfigStore) -> Sequence[ProviderConfig]:
    """Return all provider configs, ordered by provider."""
    return configs.all()


def read_provider_config(*, provider: ProviderName, configs: ProviderConfigStore) -> ProviderConfig:
    """Return one provider config. Raises NotFound."""
    return configs.get(provider)


def delete_provider_config(
    *, provider: ProviderName, configs: ProviderConfigStore, client_secrets: ClientSecretVault
) -> None:
    """Remove a provider config, its other clients and the secrets of all.

    Raises NotFound. Accounts keep their mail.
    """
    others = configs.registrations(provider)
    configs.delete(provider)
    client_secrets.delete(provider)
    for registration in others:
        configs.delete_registration(provider, registration.id)
        client_secrets.delete(provider, registration.id)


def _check(provider: ProviderName, change: ProviderConfigChange) -> None:
    """Refuse what would do nothing at this provider."""
    check_place(provider, tenant=change.tenant, field="settings.tenant")
    if change.topic_name and provider not in PUSHES_TO_TOPIC:
        raise InvalidRequest(
            "This provider rings without a topic: leave it out.", field="settings.topic_name"
        )
