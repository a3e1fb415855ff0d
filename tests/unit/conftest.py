"""Unit tests reach nothing: a socket is an error."""

from collections.abc import Iterator

import pytest
from pytest_socket import disable_socket, enable_socket

from tests.world import World


@pytest.fixture(autouse=True)
def _no_sockets() -> Iterator[None]:
    disable_socket()
    yield
    enable_socket()


@pytest.fixture
def world() -> World:
    """A deployment with a configured provider and no account."""
    return World()
