"""Every function in a process of its own: what it reads once and keeps, no other reads for it."""

import importlib
import json
import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.contract import aws
from tests.functions.conftest import (
    ADMINISTRATOR_KEY,
    EVENTS,
    PUBLIC_URL,
    SAMPLE_GRANT,
    SAMPLE_MESSAGE,
    STACK,
    Deployment,
    LambdaContext,
    forget_earlier_wiring,
)
from tests.functions.routes import request, routes

FUNCTIONS = sorted({path.name.partition(".")[0] for path in EVENTS.glob("*.json")})
DELETING = ["accounts", "provider_configs"]
"""The last, for their events delete what the others look at."""
FUNCTIONS.sort(key=lambda function: function in DELETING)


@pytest.fixture(scope="module")
def address(deployment: Deployment) -> Iterator[None]:
    """The deployment has no address of its own but API Gateway's, which stands in a parameter."""
    name = f"/{STACK}/public-url"
    aws.client("ssm").put_parameter(Name=name, Value=PUBLIC_URL, Type="String")
    os.environ["POSTROOM_PUBLIC_URL"] = ""
    yield


@pytest.fixture
def expired_tokens(deployment: Deployment) -> None:
    """Whoever calls a provider has to renew an access token, and to keep the new one."""
    secrets = aws.client("secretsmanager")
    for listed in secrets.list_secrets()["SecretList"]:
        if listed["Name"].startswith(f"postroom/{STACK}/tokens/"):
            found = secrets.get_secret_value(SecretId=listed["Name"])
            tokens = json.loads(found["SecretString"])
            tokens["expires_at"] = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
            secrets.put_secret_value(SecretId=listed["Name"], SecretString=json.dumps(tokens))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_do_all_that_it_does_when_it_starts(
    deployment: Deployment, address: None, expired_tokens: None, function: str
) -> None:
    """Keys, tokens and the address are kept for a while, so that only one function asks for them.

    Only the calls to AWS are looked at, which are held against the function's role.
    """
    forget_earlier_wiring()

    module = importlib.import_module(f"functions.{function}.app")
    names = {
        "grant_id": deployment.names[SAMPLE_GRANT],
        "message_id": deployment.names[SAMPLE_MESSAGE],
        "provider": "google",
    }
    for route in routes():
        if (route.function, route.method) == (function, "GET"):
            path = route.path.format_map(defaultdict(lambda: "none", names))
            read = request("GET", path, bearer=ADMINISTRATOR_KEY)
            module.handler(read, LambdaContext(function))
    for event in sorted(EVENTS.glob(f"{function}.*.json")):
        deployment.invoke(event.stem)
    if function in ("sync_worker", "accounts"):
        deployment.work_off()  # what the functions before have rung for; the erasure of an account
