"""The functions as they are deployed, but for AWS, which is moto, and Google, which is simulated.

Nothing of ours is replaced: settings come from the environment, bootstrap wires the real stores,
and an event file goes in as Lambda would hand it over. The names in the event files are samples;
`Deployment.invoke` puts this deployment's own in their place.
"""

import importlib
import json
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from moto import mock_aws
from werkzeug.serving import make_server

from local.simulators.google.app import create_app
from tests.contract import aws
from tests.world import make_mail

EVENTS = Path(__file__).parents[2] / "events"
ADDRESS = "ada+mail@example.com"
SAMPLE_GRANT = "3f1c7a52-0d4e-4b7e-9a3c-5a1f6f0c2d11"
SAMPLE_MESSAGE = "q0W8s3l1Zr5Vt7bXy2Na4Kc6Dee"
ADMINISTRATOR_KEY = "administrator-key"
APPLICATION_ID = "6f1f3f5e-8a3c-4d27-9d2c-0f6c1a7b9e11"
PUBLIC_URL = "https://postroom.example"


@dataclass(frozen=True)
class LambdaContext:
    """What Lambda tells a function about its invocation."""

    function_name: str
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:postroom"
    aws_request_id: str = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


@dataclass
class Deployment:
    """Everything that the functions find when they start."""

    simulator: httpx.Client
    queues: dict[str, str]
    sqs: Any
    names: dict[str, str] = field(default_factory=dict)
    """The event files' sample values, and what stands for them here."""

    def event(self, case: str, **changed: Any) -> dict[str, Any]:
        """Return an event file with this deployment's names, and with some parts changed."""
        text = (EVENTS / f"{case}.json").read_text()
        for sample, name in self.names.items():
            text = text.replace(sample, name)
        event: dict[str, Any] = json.loads(text)
        return event | changed

    def invoke(self, case: str, **changed: Any) -> Any:
        """Invoke the function that an event file belongs to."""
        function = case.partition(".")[0]
        module = importlib.import_module(f"functions.{function}.app")
        return module.handler(self.event(case, **changed), LambdaContext(function))

    def answer(self, case: str, *, status: int = 200, **changed: Any) -> dict[str, Any]:
        """Invoke an API function; answers its JSON after checking the status."""
        response = self.invoke(case, **changed)
        assert response["statusCode"] == status, response
        body: dict[str, Any] = json.loads(response["body"])
        return body

    def work_off(self) -> None:
        """Hand the queued calls to the workers, as the event source mappings do."""
        cases = {
            "sync": "sync_worker.sync_one_account",
            "backfill": "sync_worker.backfill",
            "send": "send_worker.look_up_send",
        }
        for _ in range(20):
            handled = 0
            for name, case in cases.items():
                received = self.sqs.receive_message(QueueUrl=self.queues[name])
                for message in received.get("Messages", []):
                    record = self.event(case)["Records"][0] | {"body": message["Body"]}
                    assert self.invoke(case, Records=[record]) == {"batchItemFailures": []}
                    self.sqs.delete_message(
                        QueueUrl=self.queues[name], ReceiptHandle=message["ReceiptHandle"]
                    )
                    handled += 1
            if not handled:
                return
        raise AssertionError("the queues never run empty")


@pytest.fixture(scope="module")
def simulator() -> Iterator[httpx.Client]:
    """A Google simulator behind a socket, with Ada's and Charles's mailboxes."""
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}") as client:
        client.post("/_sim/settings", json={"auto_consent": True}).raise_for_status()
        for address in (ADDRESS, "charles@example.org"):
            client.post("/_sim/mailboxes", json={"address": address}).raise_for_status()
        mail = make_mail(to=ADDRESS, subject="Notes on the engine", Message_ID="<n@example.org>")
        client.post(
            f"/_sim/mailboxes/{ADDRESS}/messages",
            content=mail,
            params={"unread": "true"},
            headers={"content-type": "message/rfc822"},
        ).raise_for_status()
        yield client
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def deployment(simulator: httpx.Client) -> Iterator[Deployment]:
    """A deployment with a provider config, a return address, and Ada's account, synced."""
    with mock_aws():
        sqs, secrets = aws.client("sqs"), aws.client("secretsmanager")
        aws.create_table(aws.client("dynamodb"))
        aws.create_bucket(aws.client("s3"))
        queues = {
            name: sqs.create_queue(QueueName=name)["QueueUrl"]
            for name in ("sync", "backfill", "send")
        }
        secrets.create_secret(Name="postroom/test/admin-key", SecretString=ADMINISTRATOR_KEY)
        secrets.create_secret(Name="postroom/test/signing-key", SecretString="s" * 43)
        before = dict(os.environ)
        os.environ |= {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": aws.REGION,
            "POSTROOM_TABLE_NAME": aws.TABLE,
            "POSTROOM_BUCKET_NAME": aws.BUCKET,
            "POSTROOM_SYNC_QUEUE_URL": queues["sync"],
            "POSTROOM_BACKFILL_QUEUE_URL": queues["backfill"],
            "POSTROOM_SEND_QUEUE_URL": queues["send"],
            "POSTROOM_PUBLIC_URL": PUBLIC_URL,
            "POSTROOM_PUBLIC_URL_PARAMETER": "/postroom/public-url",
            "POSTROOM_APPLICATION_ID": APPLICATION_ID,
            "POSTROOM_ADMIN_KEY_SECRET": "postroom/test/admin-key",
            "POSTROOM_SIGNING_KEY_SECRET": "postroom/test/signing-key",
            "POSTROOM_SECRET_PREFIX": "postroom/test/",
            "POSTROOM_GOOGLE_SIMULATOR_URL": str(simulator.base_url),
            "POSTROOM_POLL_INTERVAL_SECONDS": "300",
        }
        _forget_earlier_wiring()
        try:
            made = Deployment(simulator, queues, sqs)
            _set_up(made)
            yield made
        finally:
            os.environ.clear()
            os.environ.update(before)


def _forget_earlier_wiring() -> None:
    """Load functions and wiring anew, as a new process would: they keep what they made."""
    for name in list(sys.modules):
        if name.startswith(("functions.", "postroom.bootstrap", "postroom.config")):
            del sys.modules[name]


def _set_up(deployment: Deployment) -> None:
    """Walk the way of the first mailbox with the event files themselves."""
    deployment.answer("provider_configs.create_connector", status=201)
    deployment.answer("provider_configs.create_redirect_uri", status=201)
    start = deployment.invoke("oauth_start.connect")
    assert start["statusCode"] == 302, start
    consent = deployment.simulator.get(location(start))
    deployment.names["one-time-code"] = returned(deployment, start, consent)["code"]
    issued = deployment.answer("oauth_token.exchange")
    deployment.names[SAMPLE_GRANT] = issued["grant_id"]
    deployment.work_off()
    (message,) = deployment.answer("mail.list_messages", rawQueryString="")["data"]
    deployment.names[SAMPLE_MESSAGE] = message["id"]


def returned(
    deployment: Deployment, start: dict[str, Any], consent: httpx.Response, **changed: Any
) -> dict[str, str]:
    """Follow the provider's redirect to the callback; answers what the return address is told."""
    callback = consent.headers["location"]
    cookies = [cookie.partition(";")[0] for cookie in start["cookies"]]
    query = {"rawQueryString": urlsplit(callback).query, "cookies": cookies} | changed
    finish = deployment.invoke("oauth_callback.consent", **query)
    assert finish["statusCode"] == 302, finish
    answer = parse_qs(urlsplit(location(finish)).query)
    return {name: values[0] for name, values in answer.items()}


def location(response: dict[str, Any]) -> str:
    """Return where a redirect leads."""
    headers = {name.lower(): value for name, value in response["headers"].items()}
    return str(headers["location"])
