"""Unit tests reach nothing: a socket is an error."""

from collections.abc import Iterator

import pytest
from pytest_socket import disable_socket, enable_socket

from postroom.domain.account import ProviderName
from tests.world import World


@pytest.fixture(autouse=True)
def _no_sockets() -> Iterator[None]:
    disable_socket()
    yield
    enable_socket()


@pytest.fixture(params=ProviderName)
def world(request: pytest.FixtureRequest) -> World:
    """A deployment with one provider and no account; each provider in turn."""
    return World(provider=request.param)
