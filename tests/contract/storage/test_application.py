"""ApplicationStore, in memory and in the table."""

from datetime import timedelta

import pytest

from postroom.domain.application import ApplicationProfile
from postroom.domain.errors import NotFound
from postroom.ports import ApplicationStore
from postroom.storage.dynamodb.application import DynamoApplicationStore
from tests.builders import NOW, make_redirect_uri
from tests.fakes import InMemoryApplicationStore


@pytest.fixture(params=["memory", "dynamodb"])
def application(request: pytest.FixtureRequest) -> ApplicationStore:
    if request.param == "memory":
        return InMemoryApplicationStore()
    return DynamoApplicationStore(request.getfixturevalue("table"))


class TestApplicationStore:
    """The application's profile and return addresses."""

    def test_profile_is_empty_before_it_is_saved(self, application: ApplicationStore) -> None:
        """A new deployment has a profile that says nothing."""
        assert application.profile() == ApplicationProfile()

    def test_profile_is_kept_whole(self, application: ApplicationStore) -> None:
        """Whatever JSON the administrator sets comes back, fractions and nothing included."""
        profile = ApplicationProfile(
            branding={"name": "Engine", "icon_url": None},
            hosted_authentication={"spacing": 1.5, "colors": ["#fff", ""]},
            idp_settings={"origins": [{"url": "https://app.example.com"}]},
            domain="mail.example.com",
        )

        application.save_profile(profile)

        assert application.profile() == profile

    def test_return_addresses_are_listed_oldest_first(self, application: ApplicationStore) -> None:
        """The list is in the order in which they were registered."""
        newer = make_redirect_uri(id="a", created_at=NOW + timedelta(seconds=1))
        older = make_redirect_uri(id="b", settings={"origin": "https://app.example.com", "n": 0.5})
        application.put_redirect_uri(newer)
        application.put_redirect_uri(older)
        application.save_profile(ApplicationProfile())

        assert list(application.redirect_uris()) == [older, newer]
        assert application.redirect_uri("b") == older

    def test_return_address_is_replaced_by_its_id(self, application: ApplicationStore) -> None:
        """The same id is the same return address."""
        application.put_redirect_uri(make_redirect_uri())

        changed = make_redirect_uri(url="https://app.example.com/elsewhere")
        application.put_redirect_uri(changed)

        assert list(application.redirect_uris()) == [changed]

    def test_deleted_return_address_is_gone(self, application: ApplicationStore) -> None:
        """What is not there can be neither read nor deleted."""
        application.put_redirect_uri(make_redirect_uri())

        application.delete_redirect_uri("redirect-1")

        assert list(application.redirect_uris()) == []
        with pytest.raises(NotFound):
            application.redirect_uri("redirect-1")
        with pytest.raises(NotFound):
            application.delete_redirect_uri("redirect-1")
        with pytest.raises(NotFound):
            application.redirect_uri("x" * 2_000)
