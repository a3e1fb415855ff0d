"""ProviderConfigStore, in memory and in the table."""

from datetime import timedelta

import pytest

from postroom.domain.account import ProviderName
from postroom.domain.errors import Conflict, NotFound
from postroom.ports import ProviderConfigStore
from postroom.storage.dynamodb.provider_configs import DynamoProviderConfigStore
from tests.builders import NOW, make_provider_config, make_registration
from tests.fakes import InMemoryProviderConfigStore


@pytest.fixture(params=["memory", "dynamodb"])
def configs(request: pytest.FixtureRequest) -> ProviderConfigStore:
    if request.param == "memory":
        return InMemoryProviderConfigStore()
    return DynamoProviderConfigStore(request.getfixturevalue("table"))


class TestProviderConfigStore:
    """Provider configs, one per provider."""

    def test_config_is_kept_whole(self, configs: ProviderConfigStore) -> None:
        """A config comes back as it was stored."""
        config = make_provider_config(scopes=("openid", "email"), topic_name="projects/p/topics/t")

        configs.create(config)

        assert configs.get(ProviderName.GOOGLE) == config

    def test_provider_has_one_config(self, configs: ProviderConfigStore) -> None:
        """A second config of a provider is refused, and the first stays."""
        configs.create(make_provider_config())

        with pytest.raises(Conflict):
            configs.create(make_provider_config(client_id="another"))

        assert configs.get(ProviderName.GOOGLE) == make_provider_config()

    def test_all_are_listed_by_provider(self, configs: ProviderConfigStore) -> None:
        """The order does not depend on which was made first."""
        microsoft = make_provider_config(provider=ProviderName.MICROSOFT, tenant="common")
        configs.create(microsoft)
        configs.create(make_provider_config())

        assert list(configs.all()) == [make_provider_config(), microsoft]

    def test_config_is_replaced(self, configs: ProviderConfigStore) -> None:
        """A replacement takes the place of what was there."""
        configs.create(make_provider_config())

        configs.replace(make_provider_config(client_id="rotated"))

        assert configs.get(ProviderName.GOOGLE).client_id == "rotated"

    def test_deleted_config_is_gone(self, configs: ProviderConfigStore) -> None:
        """What is not there can be neither read nor replaced nor deleted."""
        configs.create(make_provider_config())

        configs.delete(ProviderName.GOOGLE)

        assert list(configs.all()) == []
        with pytest.raises(NotFound):
            configs.get(ProviderName.GOOGLE)
        with pytest.raises(NotFound):
            configs.replace(make_provider_config())
        with pytest.raises(NotFound):
            configs.delete(ProviderName.GOOGLE)

    def test_other_clients_are_kept_by_provider(self, configs: ProviderConfigStore) -> None:
        """Oldest first; one comes back as it was stored, or as it was changed."""
        later = NOW + timedelta(seconds=1)
        second = make_registration(id="a-second", created_at=later, tenant="t.example")
        configs.put_registration(second)
        configs.put_registration(make_registration())
        configs.put_registration(make_registration(provider=ProviderName.MICROSOFT))

        assert configs.registrations(ProviderName.GOOGLE) == [make_registration(), second]
        assert configs.registration(ProviderName.GOOGLE, "a-second") == second

        renamed = make_registration(name="Renamed")
        configs.put_registration(renamed)
        assert configs.registration(ProviderName.GOOGLE, renamed.id) == renamed

    @pytest.mark.parametrize("registration_id", ["registration-1", "", "\ud800", "x" * 3_000])
    def test_a_client_that_is_not_there_is_not_found(
        self, configs: ProviderConfigStore, registration_id: str
    ) -> None:
        """Neither one that is gone, nor what never was an id."""
        configs.put_registration(make_registration())
        configs.delete_registration(ProviderName.GOOGLE, "registration-1")

        with pytest.raises(NotFound):
            configs.registration(ProviderName.GOOGLE, registration_id)
        with pytest.raises(NotFound):
            configs.delete_registration(ProviderName.GOOGLE, registration_id)
        assert configs.registrations(ProviderName.GOOGLE) == []

    def test_the_active_client_is_kept(self, configs: ProviderConfigStore) -> None:
        """A config names the client that new connections use."""
        config = make_provider_config(active_registration_id="registration-1")
        configs.create(config)
        assert configs.get(ProviderName.GOOGLE) == config
