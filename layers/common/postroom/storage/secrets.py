"""What stands in Secrets Manager: client secrets, and the secrets that the deployment made."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from postroom.domain.account import ProviderName
from postroom.domain.errors import ConfigFlaw, Misconfigured, Retryable
from postroom.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHED_FOR = timedelta(minutes=5)
"""How long a function may go on with a secret that was changed meanwhile."""


_DELETION_TIME = timedelta(seconds=5)
"""How long a deletion at once usually takes to be true everywhere."""


class NamedSecrets:
    """Secrets by their names, made when they are first written."""

    def __init__(self, client: "SecretsManagerClient") -> None:
        self._client = client

    def read(self, name: str) -> str | None:
        """Return a secret, or None when there is none or it is being deleted."""
        errors = self._client.exceptions
        try:
            return self._client.get_secret_value(SecretId=name)["SecretString"]
        except (errors.ResourceNotFoundException, errors.InvalidRequestException):
            # The second is said of a secret that is marked for deletion.
            return None

    def write(self, name: str, value: str) -> None:
        """Keep a secret in place of the old one.

        Raises Retryable while an earlier one of this name is being deleted: AWS says that it is
        before it is, and takes a while (DeleteSecret, ForceDeleteWithoutRecovery).
        """
        try:
            self._put_or_create(name, value)
        except self._client.exceptions.InvalidRequestException as error:
            raise Retryable(
                "An earlier secret of this name is still being deleted; try again in a moment.",
                retry_after=_DELETION_TIME,
            ) from error

    def delete(self, name: str) -> None:
        """Forget a secret at once: one deleted softly blocks its name for seven days.

        One that is being deleted already is fine.
        """
        errors = self._client.exceptions
        try:
            self._client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        except (errors.ResourceNotFoundException, errors.InvalidRequestException):
            return

    def _put_or_create(self, name: str, value: str) -> None:
        errors = self._client.exceptions
        try:
            self._client.put_secret_value(SecretId=name, SecretString=value)
        except errors.ResourceNotFoundException:
            try:
                self._client.create_secret(Name=name, SecretString=value)
            except errors.ResourceExistsException:
                # Another function made it in between.
                self._client.put_secret_value(SecretId=name, SecretString=value)


class CachedSecrets:
    """Secrets that rarely change, each read again after five minutes."""

    def __init__(self, secrets: NamedSecrets, clock: Clock) -> None:
        self._secrets = secrets
        self._clock = clock
        self._read: dict[str, tuple[str, datetime]] = {}

    def read(self, name: str) -> str:
        """Return a secret. Raises Misconfigured when there is none, which is never remembered."""
        now = self._clock.now()
        value, read_at = self._read.get(name, ("", None))
        if read_at is not None and now - read_at < CACHED_FOR:
            return value
        fresh = self._secrets.read(name)
        if fresh is None:
            raise Misconfigured(
                f"The secret {name} does not exist.", flaw=ConfigFlaw.SECRET_MISSING
            )
        self._read[name] = (fresh, now)
        return fresh

    def forget(self, name: str) -> None:
        """Read a secret anew the next time."""
        self._read.pop(name, None)


class SecretsManagerClientSecretVault:
    """Client secrets under `<prefix>provider-config/<provider>[/<registration>]`."""

    def __init__(self, client: "SecretsManagerClient", clock: Clock, *, prefix: str) -> None:
        self._secrets = NamedSecrets(client)
        self._cache = CachedSecrets(self._secrets, clock)
        self._prefix = prefix

    def read(self, provider: ProviderName, registration_id: str = "") -> str:
        """Return the secret. Raises Misconfigured when there is none."""
        return self._cache.read(self._name(provider, registration_id))

    def write(self, provider: ProviderName, client_secret: str, registration_id: str = "") -> None:
        """Keep a secret in place of the old one."""
        name = self._name(provider, registration_id)
        self._secrets.write(name, client_secret)
        self._cache.forget(name)

    def delete(self, provider: ProviderName, registration_id: str = "") -> None:
        """Forget a secret; none is fine."""
        name = self._name(provider, registration_id)
        self._secrets.delete(name)
        self._cache.forget(name)

    def _name(self, provider: ProviderName, registration_id: str) -> str:
        name = f"{self._prefix}provider-config/{provider}"
        return f"{name}/{registration_id}" if registration_id else name


class SecretsManagerDeploymentSecrets:
    """The secrets that the template makes."""

    def __init__(
        self,
        client: "SecretsManagerClient",
        clock: Clock,
        *,
        admin_key_secret: str,
        signing_key_secret: str,
    ) -> None:
        self._cache = CachedSecrets(NamedSecrets(client), clock)
        self._admin_key_secret = admin_key_secret
        self._signing_key_secret = signing_key_secret

    def administrator_key(self) -> str:
        """Return the administrator's first API key. Raises Misconfigured."""
        return self._cache.read(self._admin_key_secret)

    def signing_key(self) -> bytes:
        """Return the key for page tokens and derived Message-IDs. Raises Misconfigured."""
        return self._cache.read(self._signing_key_secret).encode()
