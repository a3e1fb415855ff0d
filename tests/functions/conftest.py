"""The functions as they are deployed, but for AWS, which is moto, and Google, which is simulated.

Nothing of ours is replaced: settings come from the environment, bootstrap wires the real stores,
and an event file goes in as Lambda would hand it over. The names in the event files are samples;
`Deployment.invoke` puts this deployment's own in their place.

moto permits everything, so what a function's role does not permit is refused here (permissions.py).
"""

import hashlib
import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from moto import mock_aws
from werkzeug.serving import make_server

from local.simulators.google.app import create_app
from local.simulators.signing_key import SigningKey
from postroom.bootstrap.clock import clock
from postroom.domain.ids import AccountId
from postroom.domain.sync import Lane, Watch
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore
from postroom.storage.dynamodb.table import Table
from tests.contract import aws
from tests.functions.permissions import SUFFIX_OF_SECRETS, Roles
from tests.functions.routes import function_of, request, template
from tests.world import make_mail

EVENTS = Path(__file__).parents[2] / "events"
ADDRESS = "ada+mail@example.com"
WORKERS = {
    "sync": "sync_worker.sync_one_account",
    "backfill": "sync_worker.backfill",
    "send": "send_worker.look_up_send",
}
"""Who takes what waits in a queue, by the event of such a call."""

SAMPLE_GRANT = "3f1c7a52-0d4e-4b7e-9a3c-5a1f6f0c2d11"
SAMPLE_MESSAGE = "q0W8s3l1Zr5Vt7bXy2Na4Kc6Dee"
ADMINISTRATOR_KEY = "administrator-key"
APPLICATION_ID = "6f1f3f5e-8a3c-4d27-9d2c-0f6c1a7b9e11"
PUBLIC_URL = "https://postroom.example"
STACK = "test"
SCHEDULE_GROUP = f"postroom-{STACK}"
SCHEDULE_ROLE = "arn:aws:iam::123456789012:role/schedules"
PLACE = f"{aws.REGION}:123456789012"
ARN = f"arn:aws:sqs:{PLACE}"
PUSH_SERVICE_ACCOUNT = "gmail-push@simulator.iam.gserviceaccount.com"
WATCHED_ACCOUNT = AccountId("5e0a7c1b-9f7d-4b55-8a57-0f8f0b1f7c3e")
"""The account of Microsoft's event files, of which there is nothing but its sync state."""

ROLES = Roles(
    template(),
    place=PLACE,
    names={
        "AWS::Partition": "aws",
        "AWS::Region": aws.REGION,
        "AWS::AccountId": "123456789012",
        "AWS::StackName": STACK,
        "Table.Arn": f"arn:aws:dynamodb:{PLACE}:table/{aws.TABLE}",
        "Table.StreamArn": f"arn:aws:dynamodb:{PLACE}:table/{aws.TABLE}/stream/2026-01-01",
        "Bucket.Arn": f"arn:aws:s3:::{aws.BUCKET}",
        **{
            f"{queue.title()}Queue.Arn": f"{ARN}:{queue}"
            for queue in ("sync", "backfill", "send", "event")
        },
        **{
            f"{key.title()}KeySecret": f"arn:aws:secretsmanager:{PLACE}:secret:"
            f"postroom/{STACK}/{key}-key{SUFFIX_OF_SECRETS}"
            for key in ("admin", "signing")
        },
        "SendSchedules": SCHEDULE_GROUP,
        "SendScheduleRole.Arn": SCHEDULE_ROLE,
        "FunctionLogGroup.Arn": f"arn:aws:logs:{PLACE}:log-group:functions:*",
    },
)
"""What each function may do in the deployment below."""


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

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        status: int = 200,
        bearer: str = ADMINISTRATOR_KEY,
        query: str = "",
    ) -> dict[str, Any]:
        """Make a request to the function that has its route; answers its JSON."""
        function = function_of(method, path)
        module = importlib.import_module(f"functions.{function}.app")
        event = request(method, path, bearer=bearer, body=body, query=query)
        response = module.handler(event, LambdaContext(function))
        assert response["statusCode"] == status, response
        answer: dict[str, Any] = json.loads(response["body"])
        return answer

    def work_off(self, queues: Iterable[str] = WORKERS) -> None:
        """Hand the calls that wait in queues to the workers, as the event source mappings do."""
        for _ in range(20):
            handled = 0
            for name in queues:
                case = WORKERS[name]
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, object, object]:
    """Fail what a test builds upon where a function did more than its role permits."""
    return (yield from ROLES.enforced())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Fail a test whose function did more than its role permits, and hid that it was stopped."""
    return (yield from ROLES.enforced())


@pytest.fixture(scope="session")
def roles() -> Roles:
    """The roles that the deployment's functions are held to."""
    return ROLES


@pytest.fixture(scope="module")
def simulator() -> Iterator[httpx.Client]:
    """A Google simulator behind a socket, with Ada's and Charles's mailboxes."""
    server = make_server("127.0.0.1", 0, create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        with httpx.Client(base_url=url, timeout=60) as client:
            client.post("/_sim/settings", json={"auto_consent": True}).raise_for_status()
            for address in (ADDRESS, "charles@example.org"):
                client.post("/_sim/mailboxes", json={"address": address}).raise_for_status()
            mail = make_mail(
                to=ADDRESS, subject="Notes on the engine", Message_ID="<n@example.org>"
            )
            client.post(
                f"/_sim/mailboxes/{ADDRESS}/messages",
                content=mail,
                params={"unread": "true"},
                headers={"content-type": "message/rfc822"},
            ).raise_for_status()
            yield client
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def deployment(simulator: httpx.Client, roles: Roles) -> Iterator[Deployment]:
    """A deployment with a provider config, a return address, and Ada's account, synced."""
    with mock_aws(), roles.judging():
        sqs, secrets = aws.client("sqs"), aws.client("secretsmanager")
        watch(aws.create_table(aws.client("dynamodb")), WATCHED_ACCOUNT, "watch-secret")
        aws.create_bucket(aws.client("s3"))
        aws.client("scheduler").create_schedule_group(Name=SCHEDULE_GROUP)
        queues = {
            name: sqs.create_queue(QueueName=name)["QueueUrl"]
            for name in ("sync", "backfill", "send", "event")
        }
        secrets.create_secret(Name=f"postroom/{STACK}/admin-key", SecretString=ADMINISTRATOR_KEY)
        secrets.create_secret(Name=f"postroom/{STACK}/signing-key", SecretString="s" * 43)
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
            "POSTROOM_SEND_QUEUE_ARN": f"{ARN}:send",
            "POSTROOM_SEND_DEAD_LETTER_QUEUE_ARN": f"{ARN}:dead-sends",
            "POSTROOM_SEND_SCHEDULE_GROUP": SCHEDULE_GROUP,
            "POSTROOM_SEND_SCHEDULE_ROLE_ARN": SCHEDULE_ROLE,
            "POSTROOM_EVENT_QUEUE_URL": queues["event"],
            "POSTROOM_WEBHOOK_RETRY_SECONDS": "120",
            "POSTROOM_LOCAL_WEBHOOK_HOST": "",
            "POSTROOM_UNDO_SECONDS": "0",
            "POSTROOM_PUBLIC_URL": PUBLIC_URL,
            "POSTROOM_PUBLIC_URL_PARAMETER": f"/{STACK}/public-url",
            "POSTROOM_APPLICATION_ID": APPLICATION_ID,
            "POSTROOM_ADMIN_KEY_SECRET": f"postroom/{STACK}/admin-key",
            "POSTROOM_SIGNING_KEY_SECRET": f"postroom/{STACK}/signing-key",
            "POSTROOM_SECRET_PREFIX": f"postroom/{STACK}/",
            "POSTROOM_SIGN_UP": "invited",
            "POSTROOM_GOOGLE_SIMULATOR_URL": str(simulator.base_url),
            "POSTROOM_MICROSOFT_SIMULATOR_URL": "",
            "POSTROOM_GMAIL_UNITS_PER_MINUTE": "6000",
            "POSTROOM_GMAIL_UNITS_PER_DAY": "80000000",
            "POSTROOM_POLL_INTERVAL_SECONDS": "300",
            "POSTROOM_SILENT_POLL_INTERVAL_SECONDS": "1800",
            "POSTROOM_GOOGLE_PUSH_SERVICE_ACCOUNT": PUSH_SERVICE_ACCOUNT,
        }
        forget_earlier_wiring()
        try:
            made = Deployment(simulator, queues, sqs)
            _set_up(made)
            yield made
        finally:
            os.environ.clear()
            os.environ.update(before)


def forget_earlier_wiring() -> None:
    """Load functions and wiring anew, as a new process would: they keep what they made."""
    for name in list(sys.modules):
        if name.startswith(("functions.", "postroom.bootstrap", "postroom.config")):
            del sys.modules[name]


def _set_up(deployment: Deployment) -> None:
    """Walk the way of the first mailbox with the event files themselves."""
    deployment.answer("provider_configs.create_connector", status=201)
    deployment.answer("application.create_redirect_uri", status=201)
    start = deployment.invoke("oauth_start.connect")
    assert start["statusCode"] == 302, start
    consent = deployment.simulator.get(location(start))
    deployment.names["one-time-code"] = returned(deployment, start, consent)["code"]
    issued = deployment.answer("oauth_token.exchange")
    deployment.names[SAMPLE_GRANT] = issued["grant_id"]
    deployment.work_off()
    (message,) = deployment.answer("mail.list_messages", rawQueryString="")["data"]
    deployment.names[SAMPLE_MESSAGE] = message["id"]
    deployment.names["google-push-token"] = push_token()


def push_token(**changes: Any) -> str:
    """Return a token as the simulated Pub/Sub signs it; a change to None leaves a claim out."""
    now = int(time.time())
    claims = {
        "iss": "https://accounts.google.com",
        "aud": f"{PUBLIC_URL}/push/google",
        "email": PUSH_SERVICE_ACCOUNT,
        "email_verified": True,
        "iat": now,
        "exp": now + 3_600,
    }
    changed = {name: value for name, value in (claims | changes).items() if value is not None}
    return SigningKey().sign(changed)


def watch(table: Table, account_id: AccountId, secret: str) -> str:
    """Give an account a watch; answers the `clientState` of its pushes. Nothing is due for long."""
    states = DynamoSyncStateStore(table, clock)
    later = datetime.now(UTC) + timedelta(days=7)
    states.create(account_id, due_at=later)
    lease = states.acquire(
        account_id, Lane.PRESENT, now=datetime.now(UTC), lifetime=timedelta(seconds=30)
    )
    assert lease is not None
    client_state = f"{account_id}.{secret}"
    secret_hash = hashlib.sha256(client_state.encode()).hexdigest()
    made = Watch(id=f"watch-of-{account_id}", expires_at=later, secret_hash=secret_hash)
    states.save_watch(lease, made, due_at=later)
    assert states.release(lease, synced_at=None, due_at=later)
    return client_state


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
