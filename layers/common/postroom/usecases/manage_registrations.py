"""Other OAuth clients of the administrator's beside a provider config's own.

One of them can be made the active one: new connections use it. Accounts stay with the client that
they were connected with, so one that accounts live on cannot be removed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from postroom.domain.account import AccountStatus, ProviderName
from postroom.domain.errors import Conflict, InvalidRequest
from postroom.domain.ids import new_token
from postroom.domain.provider_config import (
    DEFAULT_TENANTS,
    ClientRegistration,
    RegistrationKind,
    check_place,
)
from postroom.ports import AccountStore, ClientSecretVault, Clock, ProviderConfigStore


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationTools:
    """What managing other clients works with."""

    configs: ProviderConfigStore
    client_secrets: ClientSecretVault
    accounts: AccountStore
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationChange:
    """What the administrator enters; None leaves a part as it is."""

    name: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    tenant: str | None = None


def create_registration(
    *,
    provider: ProviderName,
    name: str,
    kind: str,
    client_id: str,
    client_secret: str,
    tenant: str,
    tools: RegistrationTools,
) -> ClientRegistration:
    """Add another client. Raises InvalidRequest, NotFound when the provider has no config."""
    tools.configs.get(provider)
    check_place(provider, tenant=tenant, field="credential_data.tenant")
    if kind == RegistrationKind.ADMIN_CONSENT and provider not in DEFAULT_TENANTS:
        raise InvalidRequest(
            "This provider's organisations allow applications in their own console: use "
            "'connector'.",
            field="credential_type",
        )
    now = tools.clock.now()
    registration = ClientRegistration(
        id=new_token()[:22],
        provider=provider,
        name=name,
        kind=RegistrationKind(kind),
        client_id=client_id,
        tenant=tenant,
        created_at=now,
        updated_at=now,
    )
    # The secret first: what is listed can be used.
    tools.client_secrets.write(provider, client_secret, registration.id)
    tools.configs.put_registration(registration)
    return registration


def read_registration(
    *, provider: ProviderName, registration_id: str, tools: RegistrationTools
) -> ClientRegistration:
    """Return another client. Raises NotFound."""
    return tools.configs.registration(provider, registration_id)


def list_registrations(
    *,
    provider: ProviderName,
    by_update: bool,
    newest_first: bool,
    offset: int,
    limit: int,
    tools: RegistrationTools,
) -> Sequence[ClientRegistration]:
    """Return some of a provider's other clients. Raises NotFound without a provider config."""
    tools.configs.get(provider)
    found = sorted(
        tools.configs.registrations(provider),
        key=lambda each: (each.updated_at if by_update else each.created_at, each.id),
        reverse=newest_first,
    )
    return found[offset : offset + limit]


def update_registration(
    *,
    provider: ProviderName,
    registration_id: str,
    change: RegistrationChange,
    tools: RegistrationTools,
) -> ClientRegistration:
    """Change the named parts of another client. Raises NotFound, InvalidRequest."""
    check_place(provider, tenant=change.tenant, field="credential_data.tenant")
    old = tools.configs.registration(provider, registration_id)
    changed = replace(
        old,
        name=old.name if change.name is None else change.name,
        client_id=old.client_id if change.client_id is None else change.client_id,
        tenant=old.tenant if change.tenant is None else change.tenant,
        updated_at=tools.clock.now(),
    )
    if change.client_secret is not None:
        tools.client_secrets.write(provider, change.client_secret, registration_id)
    tools.configs.put_registration(changed)
    return changed


def delete_registration(
    *, provider: ProviderName, registration_id: str, tools: RegistrationTools
) -> None:
    """Remove another client and its secret. Raises NotFound, and Conflict while it is in use."""
    tools.configs.registration(provider, registration_id)
    if tools.configs.get(provider).active_registration_id == registration_id:
        raise Conflict("This is the connector's active credential; choose another one first.")
    if any(
        account.registration_id == registration_id and account.status is not AccountStatus.DELETING
        for account in tools.accounts.all()
    ):
        raise Conflict("Grants were connected with this credential and live on it.")
    tools.configs.delete_registration(provider, registration_id)
    tools.client_secrets.delete(provider, registration_id)
