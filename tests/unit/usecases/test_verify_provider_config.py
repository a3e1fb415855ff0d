"""Whether a provider config can work, found out before anybody tries."""

from collections.abc import Sequence

import pytest

from postroom.domain.errors import ConfigFlaw, NotFound, Retryable
from postroom.domain.provider_config import ConfigProblem
from postroom.usecases.manage_provider_configs import (
    ProviderConfigChange,
    delete_provider_config,
    update_provider_config,
)
from postroom.usecases.verify_provider_config import verify_provider_config
from tests.world import CALLBACK_URL, World


def _verify(world: World) -> Sequence[ConfigProblem]:
    return verify_provider_config(
        provider=world.provider,
        callback_url=CALLBACK_URL,
        configs=world.configs,
        providers=world.providers,
        application=world.application,
    )


def test_a_config_that_works_has_no_problems(world: World) -> None:
    """The provider knows the client, and there is somewhere to go back to."""
    assert _verify(world) == []


@pytest.mark.parametrize(
    "change",
    [ProviderConfigChange(client_id="bad-id"), ProviderConfigChange(client_secret="bad-s")],
)
def test_a_client_that_the_provider_refuses_is_told(
    world: World, change: ProviderConfigChange
) -> None:
    """A mistyped id or secret shows at once, and not to the first person who signs in."""
    update_provider_config(
        provider=world.provider,
        change=change,
        configs=world.configs,
        client_secrets=world.client_secrets,
        clock=world.clock,
    )
    (problem,) = _verify(world)
    assert "bad-" not in problem.sentence
    assert problem.flaw in {
        ConfigFlaw.CLIENT_REFUSED,
        ConfigFlaw.CLIENT_UNKNOWN,
        ConfigFlaw.SECRET_WRONG,
    }
    assert problem.provider_code in {"invalid_client", "700016", "7000215"}


def test_a_missing_secret_and_return_address_are_told(world: World) -> None:
    """Everything at once."""
    world.client_secrets.delete(world.provider)
    for address in world.application.redirect_uris():
        world.application.delete_redirect_uri(address.id)
    problems = _verify(world)
    assert [each.flaw for each in problems] == [
        ConfigFlaw.SECRET_MISSING,
        ConfigFlaw.NO_RETURN_ADDRESS,
    ]
    assert "return address" in problems[1].sentence


def test_a_provider_without_an_answer_is_no_problem_of_the_config(world: World) -> None:
    """Nothing is known then."""
    world.simulator.fail({"path": "/token", "status": 503, "times": 20})
    with pytest.raises(Retryable):
        _verify(world)


def test_there_is_nothing_to_verify_without_a_config(world: World) -> None:
    """It is not found."""
    delete_provider_config(
        provider=world.provider, configs=world.configs, client_secrets=world.client_secrets
    )
    with pytest.raises(NotFound):
        _verify(world)
