"""Where secrets are kept."""

from typing import Protocol

from postroom.domain.account import ProviderName
from postroom.domain.credentials import Tokens
from postroom.domain.ids import AccountId


class TokenVault(Protocol):
    """Keeps each account's tokens."""

    def read(self, account_id: AccountId) -> Tokens:
        """Return the newest tokens. Raises ReauthRequired when there are none."""

    def write(self, account_id: AccountId, tokens: Tokens) -> None:
        """Keep tokens in place of the old ones."""

    def delete(self, account_id: AccountId) -> None:
        """Forget an account's tokens; none is fine."""


class ClientSecretVault(Protocol):
    """Keeps the client secrets: of each provider config, and of other clients by their ids."""

    def read(self, provider: ProviderName, registration_id: str = "") -> str:
        """Return the secret. Raises Misconfigured when there is none."""

    def write(self, provider: ProviderName, client_secret: str, registration_id: str = "") -> None:
        """Keep a secret in place of the old one."""

    def delete(self, provider: ProviderName, registration_id: str = "") -> None:
        """Forget a secret; none is fine."""


class DeploymentSecrets(Protocol):
    """The secrets that are made with the deployment."""

    def administrator_key(self) -> str:
        """Return the administrator's first API key."""

    def signing_key(self) -> bytes:
        """Return the key for page tokens and derived Message-IDs."""
