"""The local stack's own machine may be a webhook's, and nobody else's may be."""

import pytest
from pydantic import ValidationError

from deployment.environment import harmless_environment
from postroom.config import Settings

PREFIX = "POSTROOM_"
NUMBERS = {"webhook_retry_seconds": "120", "undo_seconds": "0", "sign_up": "invited"}


def settings(**changes: str) -> Settings:
    """Return what a function would read from its environment."""
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in harmless_environment().items()
        if name.startswith(PREFIX)
    }
    numbers = NUMBERS | {"silent_poll_interval_seconds": "1800"}
    return Settings.model_validate(given | numbers | changes)


@pytest.mark.parametrize("public_url", ["", "https://mail.example.com"])
def test_a_deployment_that_would_call_itself_does_not_start(public_url: str) -> None:
    """On Lambda, 127.0.0.1 is where Lambda's own runtime listens."""
    with pytest.raises(ValidationError, match="LocalWebhookHost"):
        settings(local_webhook_host="127.0.0.1", public_url=public_url)
    assert settings(public_url=public_url).local_webhook_host == ""


def test_the_local_stack_starts() -> None:
    """It alone speaks plain http."""
    local = settings(local_webhook_host="127.0.0.1", public_url="http://127.0.0.1:3000")
    assert local.local_webhook_host == "127.0.0.1"
