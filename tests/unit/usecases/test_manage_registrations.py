"""Other clients of the administrator's: which one a connection uses, and who stays with which."""

from typing import Any

import pytest

from postroom.domain.account import Account
from postroom.domain.errors import Conflict, InvalidRequest, Misconfigured, NotFound
from postroom.domain.provider_config import ClientRegistration
from postroom.ports import AuthorizationRequest
from postroom.usecases.disconnect_account import disconnect_account
from postroom.usecases.manage_provider_configs import (
    ProviderConfigChange,
    delete_provider_config,
    update_provider_config,
)
from postroom.usecases.manage_registrations import (
    RegistrationChange,
    RegistrationTools,
    create_registration,
    delete_registration,
    list_registrations,
    update_registration,
)
from tests.world import World, make_mail

ROSA = "rosa@mail.example"
ANA = "ana@mail.example"


@pytest.fixture(autouse=True)
def _mailboxes(world: World) -> None:
    for address in (ROSA, ANA):
        world.simulator.add_mailbox(address)


@pytest.fixture
def tools(world: World) -> RegistrationTools:
    return RegistrationTools(
        configs=world.configs,
        client_secrets=world.client_secrets,
        accounts=world.accounts,
        clock=world.clock,
    )


def _register(world: World, tools: RegistrationTools, **changed: Any) -> ClientRegistration:
    values = {
        "name": "The new one",
        "kind": "connector",
        "client_id": "another-client",
        "client_secret": "another-secret",
        "tenant": "",
    }
    return create_registration(provider=world.provider, tools=tools, **(values | changed))


def _activate(world: World, registration_id: str) -> None:
    update_provider_config(
        provider=world.provider,
        change=ProviderConfigChange(active_registration_id=registration_id),
        configs=world.configs,
        client_secrets=world.client_secrets,
        clock=world.clock,
    )


def _stored(world: World, account: Account) -> list[str]:
    world.sync(account)
    world.work_off()
    return world.subjects(account.id)


def test_accounts_stay_with_the_client_they_were_connected_with(
    world: World, tools: RegistrationTools
) -> None:
    """The administrator moves to another client: nobody has to sign in again.

    Each provider renews a token for the client alone that it was given to.
    """
    # Given Rosa, connected with the first client
    rosa = world.connect(ROSA)
    # When new connections use another one
    registration = _register(world, tools)
    _activate(world, registration.id)
    ana = world.connect(ANA)
    # Then each of them is synced for long, with renewed tokens
    assert (rosa.registration_id, ana.registration_id) == ("", registration.id)
    world.simulator.control("POST", "expire", json={"what": "access_tokens"})
    for account, address in ((rosa, ROSA), (ana, ANA)):
        world.simulator.deliver(address, make_mail(to=address, subject=f"To {address}"))
        assert _stored(world, account) == [f"To {address}"]
    # And whoever signs in again moves along
    assert world.connect(ROSA).registration_id == registration.id
    world.simulator.control("POST", "expire", json={"what": "access_tokens"})
    assert _stored(world, world.accounts.get(rosa.id)) == [f"To {ROSA}"]


def test_one_connection_may_use_another_client(world: World, tools: RegistrationTools) -> None:
    """`credential_id` chooses for one sign-in; one that there is not is named."""
    registration = _register(world, tools)
    consent = world.consent(ROSA, registration_id=registration.id)
    assert "client_id=another-client" in _consent_page(world, registration.id)
    assert "code" in world.come_back(*consent)
    (account_id,) = world.accounts.by_email(ROSA)
    assert world.accounts.get(account_id).registration_id == registration.id

    with pytest.raises(InvalidRequest) as refusal:
        world.consent(ROSA, registration_id="nothing")
    assert refusal.value.field == "credential_id"


def _consent_page(world: World, registration_id: str) -> str:
    """Return the consent page's address for a client."""
    request = AuthorizationRequest(
        redirect_uri="https://p.example", state="s", nonce="n", code_challenge="c"
    )
    return world.providers.get(world.provider, registration_id).authorization_url(request)


def test_a_client_in_use_is_not_removed(world: World, tools: RegistrationTools) -> None:
    """Neither the active one, nor one that an account lives on; afterwards it is gone."""
    registration = _register(world, tools)
    _activate(world, registration.id)
    account = world.connect(ROSA)

    def delete() -> None:
        delete_registration(provider=world.provider, registration_id=registration.id, tools=tools)

    with pytest.raises(Conflict):
        delete()
    _activate(world, "")
    with pytest.raises(Conflict):
        delete()
    disconnect_account(account=account, tools=world.tools)
    delete()

    with pytest.raises(NotFound):
        delete()
    with pytest.raises(Misconfigured):
        world.providers.get(world.provider, registration.id)
    with pytest.raises(Misconfigured):
        world.client_secrets.read(world.provider, registration.id)


def test_a_client_that_is_not_there_cannot_be_active(world: World) -> None:
    """The config stays as it was."""
    with pytest.raises(InvalidRequest) as refusal:
        _activate(world, "nothing")
    assert refusal.value.field == "active_credential_id"
    assert world.configs.get(world.provider).active_registration_id == ""


def test_what_is_not_named_stays(world: World, tools: RegistrationTools) -> None:
    """A new name leaves id and secret alone; a new secret is the one from then on."""
    registration = _register(world, tools)

    def change(**parts: str) -> ClientRegistration:
        return update_registration(
            provider=world.provider,
            registration_id=registration.id,
            change=RegistrationChange(**parts),
            tools=tools,
        )

    renamed = change(name="Renamed")
    assert (renamed.name, renamed.client_id) == ("Renamed", "another-client")
    assert world.client_secrets.read(world.provider, registration.id) == "another-secret"
    change(client_secret="rotated")
    assert world.client_secrets.read(world.provider, registration.id) == "rotated"
    assert world.client_secrets.read(world.provider) == "client-secret"
    listed = list_registrations(
        provider=world.provider, by_update=True, newest_first=True, offset=0, limit=9, tools=tools
    )
    assert [each.name for each in listed] == ["Renamed"]


def test_the_clients_go_with_their_config(world: World, tools: RegistrationTools) -> None:
    """No secret stays behind."""
    registration = _register(world, tools)
    delete_provider_config(
        provider=world.provider, configs=world.configs, client_secrets=world.client_secrets
    )
    assert world.configs.registrations(world.provider) == []
    for registration_id in ("", registration.id):
        with pytest.raises(Misconfigured):
            world.client_secrets.read(world.provider, registration_id)
    with pytest.raises(NotFound):
        _register(world, tools)
