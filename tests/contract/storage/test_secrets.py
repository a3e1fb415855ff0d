"""TokenVault, ClientSecretVault and DeploymentSecrets, in memory and on Secrets Manager."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from botocore.stub import Stubber

from postroom.domain.account import ProviderName
from postroom.domain.errors import ConfigFlaw, Misconfigured, ReauthRequired, Retryable
from postroom.ports import ClientSecretVault, DeploymentSecrets, TokenVault
from postroom.storage.secrets import (
    CACHED_FOR,
    SecretsManagerClientSecretVault,
    SecretsManagerDeploymentSecrets,
)
from postroom.storage.token_vault import SecretsManagerTokenVault
from tests.builders import ACCOUNT_ID, NOW, OTHER_ACCOUNT_ID, make_tokens
from tests.contract import aws
from tests.fakes import (
    FixedClock,
    InMemoryClientSecretVault,
    InMemoryDeploymentSecrets,
    InMemoryTokenVault,
)

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

PREFIX = "postroom/test/"


@pytest.fixture
def secrets_manager(moto: None) -> "SecretsManagerClient":
    """A client of an empty Secrets Manager."""
    client: SecretsManagerClient = aws.client("secretsmanager")
    return client


@pytest.fixture(params=["memory", "secretsmanager"])
def tokens(request: pytest.FixtureRequest) -> TokenVault:
    if request.param == "memory":
        return InMemoryTokenVault()
    return SecretsManagerTokenVault(request.getfixturevalue("secrets_manager"), prefix=PREFIX)


@pytest.fixture(params=["memory", "secretsmanager"])
def client_secrets(request: pytest.FixtureRequest, clock: FixedClock) -> ClientSecretVault:
    if request.param == "memory":
        return InMemoryClientSecretVault()
    client = request.getfixturevalue("secrets_manager")
    return SecretsManagerClientSecretVault(client, clock, prefix=PREFIX)


@pytest.fixture(params=["memory", "secretsmanager"])
def deployment(request: pytest.FixtureRequest, clock: FixedClock) -> DeploymentSecrets:
    if request.param == "memory":
        return InMemoryDeploymentSecrets(administrator_key="the key", signing_key=b"signs")
    client = request.getfixturevalue("secrets_manager")
    client.create_secret(Name="admin-key", SecretString="the key")
    client.create_secret(Name="signing-key", SecretString="signs")
    return SecretsManagerDeploymentSecrets(
        client, clock, admin_key_secret="admin-key", signing_key_secret="signing-key"
    )


class TestTokenVault:
    """Each account's tokens."""

    def test_newest_tokens_are_kept(self, tokens: TokenVault) -> None:
        """Tokens come back whole, and the newest replace the older ones."""
        tokens.write(ACCOUNT_ID, make_tokens())
        assert tokens.read(ACCOUNT_ID) == make_tokens()

        renewed = make_tokens(access_token="access-2", expires_at=NOW + timedelta(hours=2))
        tokens.write(ACCOUNT_ID, renewed)

        assert tokens.read(ACCOUNT_ID) == renewed

    def test_account_without_tokens_needs_its_owner(self, tokens: TokenVault) -> None:
        """Nobody but the owner can make up for tokens that are not there."""
        tokens.write(OTHER_ACCOUNT_ID, make_tokens())

        with pytest.raises(ReauthRequired):
            tokens.read(ACCOUNT_ID)

    def test_deleted_tokens_are_gone_at_once(self, tokens: TokenVault) -> None:
        """A person may disconnect and connect again in the same minute."""
        tokens.write(ACCOUNT_ID, make_tokens())

        tokens.delete(ACCOUNT_ID)
        tokens.delete(ACCOUNT_ID)

        with pytest.raises(ReauthRequired):
            tokens.read(ACCOUNT_ID)
        tokens.write(ACCOUNT_ID, make_tokens(access_token="anew"))
        assert tokens.read(ACCOUNT_ID).access_token == "anew"


class TestClientSecretVault:
    """The client secret of each provider config."""

    def test_newest_secret_is_kept(self, client_secrets: ClientSecretVault) -> None:
        """A rotated secret counts at once for whoever rotated it."""
        client_secrets.write(ProviderName.GOOGLE, "first")
        assert client_secrets.read(ProviderName.GOOGLE) == "first"

        client_secrets.write(ProviderName.GOOGLE, "second")

        assert client_secrets.read(ProviderName.GOOGLE) == "second"
        with pytest.raises(Misconfigured) as missing:
            client_secrets.read(ProviderName.MICROSOFT)
        assert missing.value.flaw is ConfigFlaw.SECRET_MISSING

    def test_other_clients_have_secrets_of_their_own(
        self, client_secrets: ClientSecretVault
    ) -> None:
        """Each is kept and forgotten by itself."""
        client_secrets.write(ProviderName.GOOGLE, "the config's")
        client_secrets.write(ProviderName.GOOGLE, "another's", "registration-1")

        assert client_secrets.read(ProviderName.GOOGLE, "registration-1") == "another's"
        client_secrets.delete(ProviderName.GOOGLE, "registration-1")

        assert client_secrets.read(ProviderName.GOOGLE) == "the config's"
        with pytest.raises(Misconfigured):
            client_secrets.read(ProviderName.GOOGLE, "registration-1")

    def test_deleted_secret_is_gone(self, client_secrets: ClientSecretVault) -> None:
        """A deleted secret can be neither read nor in the way of a new one."""
        client_secrets.write(ProviderName.GOOGLE, "first")
        client_secrets.read(ProviderName.GOOGLE)

        client_secrets.delete(ProviderName.GOOGLE)
        client_secrets.delete(ProviderName.GOOGLE)

        with pytest.raises(Misconfigured):
            client_secrets.read(ProviderName.GOOGLE)
        client_secrets.write(ProviderName.GOOGLE, "second")
        assert client_secrets.read(ProviderName.GOOGLE) == "second"


class TestDeploymentSecrets:
    """The secrets that are made with the deployment."""

    def test_secrets_are_told(self, deployment: DeploymentSecrets) -> None:
        """The key as text, for comparing; the signing key as bytes, for signing."""
        assert deployment.administrator_key() == "the key"
        assert deployment.signing_key() == b"signs"


def test_secret_rotated_elsewhere_counts_within_five_minutes(
    secrets_manager: "SecretsManagerClient", clock: FixedClock
) -> None:
    """One function keeps a secret for some minutes, and not longer, after another changed it."""
    here = SecretsManagerClientSecretVault(secrets_manager, clock, prefix=PREFIX)
    elsewhere = SecretsManagerClientSecretVault(secrets_manager, clock, prefix=PREFIX)
    here.write(ProviderName.GOOGLE, "first")
    here.read(ProviderName.GOOGLE)

    elsewhere.write(ProviderName.GOOGLE, "second")

    assert here.read(ProviderName.GOOGLE) == "first"
    clock.advance(CACHED_FOR)
    assert here.read(ProviderName.GOOGLE) == "second"


def test_secret_that_an_operator_is_deleting_counts_as_gone(
    secrets_manager: "SecretsManagerClient",
) -> None:
    """A secret deleted in the AWS console is refused in words of its own, not as unknown."""
    vault = SecretsManagerTokenVault(secrets_manager, prefix=PREFIX)
    vault.write(ACCOUNT_ID, make_tokens())

    secrets_manager.delete_secret(SecretId=f"{PREFIX}tokens/{ACCOUNT_ID}")

    with pytest.raises(ReauthRequired):
        vault.read(ACCOUNT_ID)


@pytest.mark.parametrize(
    "answers",
    [
        {"put_secret_value": "InvalidRequestException"},
        {
            "put_secret_value": "ResourceNotFoundException",
            "create_secret": "InvalidRequestException",
        },
    ],
)
def test_secret_that_is_still_being_deleted_can_be_written_later(
    secrets_manager: "SecretsManagerClient", answers: dict[str, str]
) -> None:
    """Disconnected and connected again within seconds, a person saw a mistake of ours.

    On AWS a deletion at once goes on for a while after its answer: the secret is refused, or is
    gone while its name is not free yet.
    """
    vault = SecretsManagerTokenVault(secrets_manager, prefix=PREFIX)
    with Stubber(secrets_manager) as aws_says:
        for operation, code in answers.items():
            aws_says.add_client_error(operation, code)

        with pytest.raises(Retryable) as refusal:
            vault.write(ACCOUNT_ID, make_tokens())

    assert refusal.value.retry_after == timedelta(seconds=5)


def test_secret_that_is_being_deleted_may_be_deleted(
    secrets_manager: "SecretsManagerClient",
) -> None:
    """An erasure that is repeated has nothing left to do."""
    vault = SecretsManagerTokenVault(secrets_manager, prefix=PREFIX)
    with Stubber(secrets_manager) as aws_says:
        aws_says.add_client_error("delete_secret", "InvalidRequestException")

        vault.delete(ACCOUNT_ID)


def test_secrets_stand_below_the_prefix(
    secrets_manager: "SecretsManagerClient", clock: FixedClock
) -> None:
    """The functions' permissions name these patterns, and nothing else."""
    SecretsManagerTokenVault(secrets_manager, prefix=PREFIX).write(ACCOUNT_ID, make_tokens())
    SecretsManagerClientSecretVault(secrets_manager, clock, prefix=PREFIX).write(
        ProviderName.GOOGLE, "first"
    )

    names = {secret["Name"] for secret in secrets_manager.list_secrets()["SecretList"]}

    assert names == {f"{PREFIX}tokens/{ACCOUNT_ID}", f"{PREFIX}provider-config/google"}
