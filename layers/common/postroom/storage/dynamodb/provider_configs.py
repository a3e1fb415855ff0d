"""Provider configs, all in one small partition."""

from collections.abc import Sequence

from postroom.domain.account import ProviderName
from postroom.domain.errors import Conflict, NotFound
from postroom.domain.provider_config import ClientRegistration, ProviderConfig, RegistrationKind
from postroom.storage.dynamodb import keys
from postroom.storage.dynamodb.attributes import Row, from_text, to_text
from postroom.storage.dynamodb.table import ConditionFailed, Table


class DynamoProviderConfigStore:
    """Provider configs in the table. Their secrets stand elsewhere, in the vault."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, provider: ProviderName) -> ProviderConfig:
        """Return a config. Raises NotFound."""
        row = self._table.get(keys.provider_config(provider))
        if row is None:
            raise _not_found(provider)
        return _config(row)

    def all(self) -> Sequence[ProviderConfig]:
        """Return all configs, ordered by provider."""
        return [_config(row) for row in self._table.query(keys.PROVIDER_CONFIGS)]

    def create(self, config: ProviderConfig) -> None:
        """Add a config. Raises Conflict."""
        key = keys.provider_config(config.provider)
        try:
            self._table.put(key, _row(config), "attribute_not_exists(#pk)")
        except ConditionFailed:
            raise Conflict(f"There is a connector for {config.provider} already.") from None

    def replace(self, config: ProviderConfig) -> None:
        """Replace a config. Raises NotFound."""
        key = keys.provider_config(config.provider)
        try:
            self._table.put(key, _row(config), "attribute_exists(#pk)")
        except ConditionFailed:
            raise _not_found(config.provider) from None

    def delete(self, provider: ProviderName) -> None:
        """Remove a config. Raises NotFound."""
        if self._table.delete(keys.provider_config(provider)) is None:
            raise _not_found(provider)

    def registration(self, provider: ProviderName, registration_id: str) -> ClientRegistration:
        """Return another client. Raises NotFound."""
        row = self._table.get(keys.registration(provider, registration_id))
        if row is None:
            raise _no_registration()
        return _registration(row)

    def registrations(self, provider: ProviderName) -> Sequence[ClientRegistration]:
        """Return all other clients of a provider, oldest first."""
        found = map(_registration, self._table.query(keys.registrations(provider)))
        return sorted(found, key=lambda each: (each.created_at, each.id))

    def put_registration(self, registration: ClientRegistration) -> None:
        """Add or replace one by its id."""
        row = {
            "id": registration.id,
            "provider": registration.provider,
            "name": registration.name,
            "kind": registration.kind,
            "client_id": registration.client_id,
            "tenant": registration.tenant,
            "created_at": to_text(registration.created_at),
            "updated_at": to_text(registration.updated_at),
        }
        self._table.put(keys.registration(registration.provider, registration.id), row)

    def delete_registration(self, provider: ProviderName, registration_id: str) -> None:
        """Remove one. Raises NotFound."""
        self.registration(provider, registration_id)
        self._table.delete(keys.registration(provider, registration_id))


def _no_registration() -> NotFound:
    return NotFound("There is no such credential.")


def _registration(row: Row) -> ClientRegistration:
    return ClientRegistration(
        id=row["id"],
        provider=ProviderName(row["provider"]),
        name=row["name"],
        kind=RegistrationKind(row["kind"]),
        client_id=row["client_id"],
        tenant=row["tenant"],
        created_at=from_text(row["created_at"]),
        updated_at=from_text(row["updated_at"]),
    )


def _not_found(provider: ProviderName) -> NotFound:
    return NotFound(f"There is no connector for {provider}.")


def _row(config: ProviderConfig) -> Row:
    return {
        "provider": config.provider,
        "name": config.name,
        "client_id": config.client_id,
        "scopes": list(config.scopes),
        "tenant": config.tenant,
        "topic_name": config.topic_name,
        "created_at": to_text(config.created_at),
        "updated_at": to_text(config.updated_at),
        "active_registration_id": config.active_registration_id,
    }


def _config(row: Row) -> ProviderConfig:
    return ProviderConfig(
        provider=ProviderName(row["provider"]),
        name=row["name"],
        client_id=row["client_id"],
        scopes=tuple(row["scopes"]),
        tenant=row["tenant"],
        topic_name=row["topic_name"],
        created_at=from_text(row["created_at"]),
        updated_at=from_text(row["updated_at"]),
        active_registration_id=row.get("active_registration_id", ""),
    )
