"""Provider configs and their secrets, which stand in two places."""

import pytest

from postroom.domain.account import ProviderName
from postroom.domain.errors import Retryable
from postroom.domain.provider_config import ProviderConfig
from postroom.usecases.manage_provider_configs import (
    ProviderConfigChange,
    create_provider_config,
)
from tests.fakes import FixedClock, InMemoryClientSecretVault, InMemoryProviderConfigStore


def test_a_provider_config_without_its_secret_is_not_left_behind() -> None:
    """Deleted and made again within seconds, a provider config stayed without a secret.

    The secret could not be written yet, and every further attempt was a conflict.
    """
    configs, client_secrets = InMemoryProviderConfigStore(), InMemoryClientSecretVault()

    def create() -> ProviderConfig:
        return create_provider_config(
            provider=ProviderName.GOOGLE,
            client_id="client",
            client_secret="secret",
            change=ProviderConfigChange(),
            configs=configs,
            client_secrets=client_secrets,
            clock=FixedClock(),
        )

    client_secrets.is_still_deleting = True
    with pytest.raises(Retryable):
        create()
    client_secrets.is_still_deleting = False

    assert create() == configs.get(ProviderName.GOOGLE)
    assert client_secrets.read(ProviderName.GOOGLE) == "secret"
