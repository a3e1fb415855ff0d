"""Unit tests reach nothing: a socket is an error."""

import pytest
from pytest_socket import disable_socket

from tests.world import World


@pytest.fixture(autouse=True)
def _no_sockets() -> None:
    disable_socket()


@pytest.fixture
def world() -> World:
    """A deployment with a configured provider and no account."""
    return World()
