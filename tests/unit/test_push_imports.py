"""What a push function may not load: a provider that waits too long for it delivers less."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOO_HEAVY = (
    "pydantic",
    "pydantic_core",
    "pydantic_settings",
    "httpx",
    "authlib",
    "jinja2",
    "aws_lambda_powertools.event_handler",
    "postroom.config",
    "postroom.bootstrap.aws",
    "postroom.bootstrap.providers",
    "postroom.providers.registry",
    "postroom.providers.http_calls",
    "postroom.providers.google.client",
    "postroom.providers.google.provider",
    "postroom.providers.google.mailbox",
    "postroom.providers.microsoft.client",
    "postroom.providers.microsoft.provider",
    "postroom.providers.microsoft.mailbox",
)

IMPORT_AND_LIST = """
import json, sys
import functions.{function}.app as app
app.bootstrap.services()
print(json.dumps(sorted(sys.modules)))
"""

ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "POSTROOM_TABLE_NAME": "table",
    "POSTROOM_SYNC_QUEUE_URL": "https://sqs.example/sync",
    "POSTROOM_BACKFILL_QUEUE_URL": "https://sqs.example/backfill",
    "POSTROOM_SEND_QUEUE_URL": "https://sqs.example/send",
    "POSTROOM_PUBLIC_URL": "https://postroom.example",
    "POSTROOM_PUBLIC_URL_PARAMETER": "/postroom/public-url",
    "POSTROOM_GOOGLE_SIMULATOR_URL": "",
    "POSTROOM_GOOGLE_PUSH_SERVICE_ACCOUNT": "push@project.iam.gserviceaccount.com",
}


def loaded_by(function: str) -> set[str]:
    """Return what a new process has loaded when a function is ready for its first request."""
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", IMPORT_AND_LIST.format(function=function)],
        cwd=ROOT,
        env=ENVIRONMENT | {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'common'}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return set(json.loads(ran.stdout))


@pytest.mark.parametrize("function", ["push_google", "push_microsoft"])
def test_a_push_function_loads_nothing_heavy(function: str) -> None:
    """Wired and ready, neither has pydantic, httpx, a provider's client or a resolver."""
    loaded = loaded_by(function)

    assert f"functions.{function}.app" in loaded
    assert not loaded & set(TOO_HEAVY)


def test_only_google_needs_cryptography() -> None:
    """Graph's pushes prove themselves by a hash."""
    assert "joserfc.jwt" in loaded_by("push_google")
    assert not {"joserfc", "cryptography"} & loaded_by("push_microsoft")
