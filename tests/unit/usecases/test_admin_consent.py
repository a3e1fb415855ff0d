"""Organisations whose people may connect nothing until their administrator allows it."""

import pytest

from postroom.domain.account import ProviderName
from postroom.domain.errors import InvalidRequest
from postroom.usecases.manage_provider_configs import (
    ProviderConfigChange,
    update_provider_config,
)
from tests.world import CALLBACK_URL, World

ADDRESS = "rosa@mail.example"


@pytest.fixture
def world() -> World:
    """A deployment for one organisation that lets no one but its administrator decide."""
    world = World(provider=ProviderName.MICROSOFT)
    world.simulator.add_mailbox(ADDRESS)
    world.simulator.control("POST", "settings", json={"consent": "admin_required"})
    update_provider_config(
        provider=world.provider,
        change=ProviderConfigChange(tenant="mail.example"),
        configs=world.configs,
        client_secrets=world.client_secrets,
        clock=world.clock,
    )
    return world


def test_the_person_is_told_where_the_administrator_has_to_go(world: World) -> None:
    """Elsewhere they read a number, and nobody knew what to do about it."""
    # When one of them connects
    answer = world.come_back(*world.consent(ADDRESS, state="s"))
    # Then they are told what is missing, and nothing is kept
    assert answer["error"] == "admin_consent_required"
    assert answer["state"] == "s"
    assert list(world.accounts.all()) == []
    # And once the administrator has been there it works
    words = answer["error_description"].split()
    (address,) = [word for word in words if word.startswith("http")]
    back = world.simulator.get(address).headers["Location"]
    assert back.startswith(f"{CALLBACK_URL}?admin_consent=True")
    assert "code" in world.come_back(*world.consent(ADDRESS))


def test_an_administrator_is_sent_there_and_comes_back_to_the_application(world: World) -> None:
    """The SDK's address for administrators connects no mailbox, and the application is told."""
    # When the application sends the administrator
    back, cookie = world.consent(ADDRESS, state="theirs", for_organisation=True)
    # Then they come back with the news, and people can connect
    assert "admin_consent=True" in back
    answer = world.come_back(back, cookie)
    assert (answer["admin_consent"], answer["state"]) == ("True", "theirs")
    assert list(world.accounts.all()) == []
    assert "code" in world.come_back(*world.consent(ADDRESS))


def test_an_administrator_may_say_no(world: World) -> None:
    """The application is told so, with its state."""
    back, cookie = world.consent(ADDRESS, state="theirs", for_organisation=True)
    declined = back.replace("admin_consent=True", "error=access_denied&admin_consent=True")
    answer = world.come_back(declined, cookie)
    assert (answer["error"], answer["state"]) == ("access_denied", "theirs")


def test_googles_administrators_have_a_console_of_their_own() -> None:
    """Where there is no such page the application is told so at once."""
    world = World(provider=ProviderName.GOOGLE)
    world.simulator.add_mailbox(ADDRESS)
    with pytest.raises(InvalidRequest) as refusal:
        world.consent(ADDRESS, for_organisation=True)
    assert refusal.value.field == "response_type"
