"""Where the administrator's settings are kept."""

from collections.abc import Sequence
from typing import Protocol

from postroom.domain.account import ProviderName
from postroom.domain.application import ApplicationProfile, RedirectUri
from postroom.domain.provider_config import ClientRegistration, ProviderConfig


class ProviderConfigStore(Protocol):
    """Provider configs, one per provider."""

    def get(self, provider: ProviderName) -> ProviderConfig:
        """Return a config. Raises NotFound."""

    def all(self) -> Sequence[ProviderConfig]:
        """Return all configs, ordered by provider."""

    def create(self, config: ProviderConfig) -> None:
        """Add a config. Raises Conflict when the provider has one."""

    def replace(self, config: ProviderConfig) -> None:
        """Replace a config. Raises NotFound."""

    def delete(self, provider: ProviderName) -> None:
        """Remove a config. Raises NotFound."""

    def registration(self, provider: ProviderName, registration_id: str) -> ClientRegistration:
        """Return another client of a provider. Raises NotFound."""

    def registrations(self, provider: ProviderName) -> Sequence[ClientRegistration]:
        """Return all other clients of a provider, oldest first."""

    def put_registration(self, registration: ClientRegistration) -> None:
        """Add or replace one by its id."""

    def delete_registration(self, provider: ProviderName, registration_id: str) -> None:
        """Remove one. Raises NotFound."""


class ApplicationStore(Protocol):
    """The application's profile and return addresses."""

    def profile(self) -> ApplicationProfile:
        """Return the profile; an empty one when nothing was ever saved."""

    def save_profile(self, profile: ApplicationProfile) -> None:
        """Replace the profile."""

    def redirect_uris(self) -> Sequence[RedirectUri]:
        """Return all return addresses, oldest first."""

    def redirect_uri(self, redirect_uri_id: str) -> RedirectUri:
        """Return one. Raises NotFound."""

    def put_redirect_uri(self, redirect_uri: RedirectUri) -> None:
        """Add or replace one by its id."""

    def delete_redirect_uri(self, redirect_uri_id: str) -> None:
        """Remove one. Raises NotFound."""
