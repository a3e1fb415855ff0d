"""The administrator's OAuth client for a provider. Its secret is kept apart, in the vault."""

from dataclasses import dataclass
from datetime import datetime

from postroom.domain.account import ProviderName


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
