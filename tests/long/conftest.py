"""The long tests that need a whole stack share the end-to-end tests' own."""

from tests.e2e.conftest import (  # noqa: F401 - fixtures
    connect,
    google,
    http,
    microsoft,
    postroom,
    return_address,
    stack,
)
