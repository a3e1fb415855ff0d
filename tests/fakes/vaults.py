"""Secrets in dictionaries."""

from postroom.domain.account import ProviderName
from postroom.domain.credentials import Tokens
from postroom.domain.errors import ConfigFlaw, Misconfigured, ReauthRequired, Retryable
from postroom.domain.ids import AccountId


class InMemoryTokenVault:
    """Tokens of accounts."""

    def __init__(self) -> None:
        self._tokens: dict[AccountId, Tokens] = {}

    def read(self, account_id: AccountId) -> Tokens:
        """Return the newest tokens. Raises ReauthRequired."""
        try:
            return self._tokens[account_id]
        except KeyError:
            raise ReauthRequired("the account has no tokens") from None

    def write(self, account_id: AccountId, tokens: Tokens) -> None:
        """Keep tokens."""
        self._tokens[account_id] = tokens

    def delete(self, account_id: AccountId) -> None:
        """Forget tokens."""
        self._tokens.pop(account_id, None)


class InMemoryClientSecretVault:
    """Client secrets of provider configs."""

    def __init__(self) -> None:
        self._secrets: dict[tuple[ProviderName, str], str] = {}
        self.is_still_deleting = False
        """Whether an earlier deletion goes on: nothing can be written meanwhile."""

    def read(self, provider: ProviderName, registration_id: str = "") -> str:
        """Return a secret. Raises Misconfigured."""
        try:
            return self._secrets[provider, registration_id]
        except KeyError:
            raise Misconfigured(
                f"There is no client secret for {provider}.", flaw=ConfigFlaw.SECRET_MISSING
            ) from None

    def write(self, provider: ProviderName, client_secret: str, registration_id: str = "") -> None:
        """Keep a secret. Raises Retryable while an earlier one is being deleted."""
        if self.is_still_deleting:
            raise Retryable("An earlier secret of this name is still being deleted.")
        self._secrets[provider, registration_id] = client_secret

    def delete(self, provider: ProviderName, registration_id: str = "") -> None:
        """Forget a secret."""
        self._secrets.pop((provider, registration_id), None)


class InMemoryDeploymentSecrets:
    """The secrets of a deployment that exists only in a test."""

    def __init__(
        self, *, administrator_key: str = "administrator-key", signing_key: bytes = b"s" * 32
    ) -> None:
        self._administrator_key = administrator_key
        self._signing_key = signing_key

    def administrator_key(self) -> str:
        """Return the administrator's key."""
        return self._administrator_key

    def signing_key(self) -> bytes:
        """Return the signing key."""
        return self._signing_key
