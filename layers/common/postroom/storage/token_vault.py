"""Each account's tokens, one secret an account, never cached: another function may renew them."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from postroom.domain.credentials import Tokens
from postroom.domain.errors import ReauthRequired
from postroom.domain.ids import AccountId
from postroom.storage.secrets import NamedSecrets

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class SecretsManagerTokenVault:
    """Tokens in Secrets Manager, under `<prefix>tokens/<account>`."""

    def __init__(self, client: "SecretsManagerClient", *, prefix: str) -> None:
        self._secrets = NamedSecrets(client)
        self._prefix = prefix

    def read(self, account_id: AccountId) -> Tokens:
        """Return the newest tokens. Raises ReauthRequired when there are none."""
        secret = self._secrets.read(self._name(account_id))
        if secret is None:
            raise ReauthRequired("The owner of this mailbox has to sign in again.")
        document = json.loads(secret)
        return Tokens(
            access_token=document["access_token"],
            refresh_token=document["refresh_token"],
            expires_at=datetime.fromisoformat(document["expires_at"]),
        )

    def write(self, account_id: AccountId, tokens: Tokens) -> None:
        """Keep tokens in place of the old ones."""
        document = {
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "expires_at": tokens.expires_at.astimezone(UTC).isoformat(),
        }
        self._secrets.write(self._name(account_id), json.dumps(document))

    def delete(self, account_id: AccountId) -> None:
        """Forget an account's tokens; none is fine."""
        self._secrets.delete(self._name(account_id))

    def _name(self, account_id: AccountId) -> str:
        return f"{self._prefix}tokens/{account_id}"
