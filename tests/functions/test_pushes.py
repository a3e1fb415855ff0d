"""The push functions as they are deployed: what they answer, what they touch, and how fast.

The simulated providers push over a socket to the same gateway that stands in for API Gateway.
"""

import base64
import importlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import boto3
import httpx
import pytest
from botocore.exceptions import ConnectionClosedError
from hypothesis import given
from hypothesis import strategies as st

import local.simulators.microsoft.app
from local.gateway.app import Gateway
from local.gateway.routes import Route, RouteTable
from local.gateway.server import serving
from local.ports import free_port
from local.simulators.transport import SimulatorTransport
from postroom.bootstrap.clock import clock
from postroom.domain.ids import AccountId
from postroom.storage.dynamodb.sync_state import DynamoSyncStateStore
from postroom.storage.dynamodb.table import Table
from tests.contract import aws
from tests.functions.conftest import (
    ADDRESS,
    PUBLIC_URL,
    SAMPLE_GRANT,
    WATCHED_ACCOUNT,
    Deployment,
    LambdaContext,
    push_token,
    watch,
)
from tests.simulators.conftest import OWNER, Control
from tests.simulators.google.conftest import Consent
from tests.simulators.letters import letter
from tests.simulators.microsoft.conftest import Graph, access_token, prepared

GOOGLE, MICROSOFT = "push_google.change", "push_microsoft.change"
LIFECYCLE = "push_microsoft.lifecycle"
OTHER = AccountId("9e2d4c6a-1b3f-4a5d-8c7e-0f1a2b3c4d5e")
_WAIT_SECONDS = 10.0


@dataclass
class AwsCalls:
    """What the push functions ask AWS, and what does not answer."""

    made: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def note(self, model: Any, **_: Any) -> None:
        """Note a call by its name."""
        self.made.append(model.name)

    def cut(self, request: Any, event_name: str, **_: Any) -> None:
        """Cut the connection to a service that is broken."""
        if event_name.split(".")[1] in self.broken:
            raise ConnectionClosedError(endpoint_url=request.url)


@pytest.fixture(scope="module")
def watched_aws(deployment: Deployment) -> AwsCalls:
    """Every call of the push functions, and of nobody else."""
    boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION is not None
    calls = AwsCalls()
    events: Any = boto3.DEFAULT_SESSION.events
    events.register("before-call", calls.note)
    events.register_first("before-send", calls.cut)
    for function in ("push_google", "push_microsoft"):
        importlib.import_module(f"functions.{function}.app").bootstrap.services()
    boto3.setup_default_session()  # everybody else's clients are made without
    assert deployment.invoke(GOOGLE)["statusCode"] == 204
    return calls


@pytest.fixture
def calls(watched_aws: AwsCalls, deployment: Deployment) -> AwsCalls:
    """The calls of this test, whose queue is empty."""
    drained(deployment)
    watched_aws.made.clear()
    watched_aws.broken.clear()
    return watched_aws


@pytest.fixture(scope="module")
def table(deployment: Deployment) -> Table:
    """The deployment's table, for whoever looks behind the functions."""
    return Table(aws.client("dynamodb"), aws.TABLE)


@pytest.fixture
def dirty(table: Table) -> Callable[[str], int]:
    """Return what tells an account's dirty mark."""
    states = DynamoSyncStateStore(table, clock)
    return lambda account_id: states.get(AccountId(account_id)).dirty


def drained(deployment: Deployment) -> list[dict[str, Any]]:
    """Take all that waits for the sync worker."""
    bodies: list[dict[str, Any]] = []
    url = deployment.queues["sync"]
    while messages := deployment.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
        "Messages"
    ):
        for message in messages:
            bodies.append(json.loads(message["Body"]))
            deployment.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def rung(deployment: Deployment) -> list[str]:
    """Take whom workers were called for."""
    return [body["account_id"] for body in drained(deployment)]


def push_items(deployment: Deployment, *items: Any, case: str = MICROSOFT) -> Any:
    """Invoke the function with other notifications."""
    return deployment.invoke(case, body=json.dumps({"value": items}))


def items_of(deployment: Deployment, case: str = MICROSOFT) -> list[dict[str, Any]]:
    """Return the notifications of an event file."""
    items: list[dict[str, Any]] = json.loads(deployment.event(case)["body"])["value"]
    return items


# ── Google ───────────────────────────────────────────────────────────────────────────────────


def test_googles_push_rings(
    deployment: Deployment, calls: AwsCalls, dirty: Callable[[str], int]
) -> None:
    """The mark goes up, the worker is called, and Pub/Sub is told that it has delivered."""
    grant = deployment.names[SAMPLE_GRANT]
    before = dirty(grant)

    answer = deployment.invoke(GOOGLE)

    assert answer["statusCode"] == 204
    assert dirty(grant) == before + 1
    assert rung(deployment) == [grant]
    assert Counter(calls.made) == {"Query": 1, "GetItem": 1, "UpdateItem": 1, "SendMessage": 1}


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("Bearer forged", 401),
        ({"exp": int(time.time()) - 120}, 401),
        ({"aud": f"{PUBLIC_URL}/push/microsoft"}, 403),
        ({"email": "push@somebody.iam.gserviceaccount.com"}, 403),
        ({"email_verified": False}, 403),
    ],
)
def test_a_push_that_is_not_googles_touches_nothing(
    deployment: Deployment,
    calls: AwsCalls,
    capsys: pytest.CaptureFixture[str],
    authorization: str | dict[str, Any] | None,
    status: int,
) -> None:
    """Forged, expired, for somebody else, of somebody else, or unsigned."""
    headers = deployment.event(GOOGLE)["headers"]
    if isinstance(authorization, dict):
        headers["authorization"] = f"Bearer {push_token(**authorization)}"
    elif authorization is None:
        del headers["authorization"]
    else:
        headers["authorization"] = authorization

    answer = deployment.answer(GOOGLE, status=status, headers=headers)

    assert answer["error"]["message"]
    assert answer["request_id"]
    assert calls.made == []
    printed = "".join(capsys.readouterr())
    assert ADDRESS not in printed
    assert headers.get("authorization", "Bearer") not in printed


@pytest.mark.parametrize("body", ["", "null", "{}", '{"message": {"data": "!"}}'], ids=len)
def test_a_body_that_is_not_googles_is_refused(
    deployment: Deployment, calls: AwsCalls, body: str
) -> None:
    """Malformed bodies, though the sender is who may push."""
    answer = deployment.answer(GOOGLE, status=400, body=body)

    assert answer["error"]["type"] == "invalid_request_error"
    assert calls.made == []


def test_a_mailbox_of_nobody_is_no_reason_to_come_again(
    deployment: Deployment, calls: AwsCalls
) -> None:
    """Pub/Sub would deliver for seven days what nobody will ever want."""
    data = base64.b64encode(b'{"emailAddress": "nobody@example.com", "historyId": 1}').decode()

    answer = deployment.invoke(GOOGLE, body=json.dumps({"message": {"data": data}}))

    assert answer["statusCode"] == 204
    assert rung(deployment) == []
    assert calls.made == ["Query"]


# ── Microsoft ────────────────────────────────────────────────────────────────────────────────


def test_graphs_push_is_one_write_and_one_queue_call(
    deployment: Deployment,
    calls: AwsCalls,
    dirty: Callable[[str], int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Graph drops notifications of applications that answer slowly: two calls, and no more.

    The write is the check of the secret at the same time, so nothing has to be read before.
    """
    before = dirty(WATCHED_ACCOUNT)
    started = time.perf_counter()

    answer = deployment.invoke(MICROSOFT)

    milliseconds = (time.perf_counter() - started) * 1_000
    assert answer["statusCode"] == 202
    assert calls.made == ["UpdateItem", "SendMessage"]
    assert dirty(WATCHED_ACCOUNT) == before + 1
    [one, *_] = items_of(deployment)
    [call] = drained(deployment)
    assert call["account_id"] == WATCHED_ACCOUNT
    assert call["hints"] == [one["resourceData"]["id"]]
    with capsys.disabled():
        print(f"\na push of Graph's is answered in {milliseconds:.1f} ms, AWS being moto")  # noqa: T201


def test_a_batch_is_one_write_and_one_queue_call_per_account(
    deployment: Deployment, calls: AwsCalls, table: Table
) -> None:
    """However many items one POST has, and in whatever order."""
    [one, *_] = items_of(deployment)
    other = one | {"clientState": watch(table, OTHER, "other-secret")}

    answer = push_items(deployment, *(one if n % 3 else other for n in range(300)))

    assert answer["statusCode"] == 202
    assert Counter(calls.made) == {"UpdateItem": 2, "SendMessage": 2}
    assert sorted(rung(deployment)) == sorted([WATCHED_ACCOUNT, OTHER])


def test_one_forged_item_is_dropped(deployment: Deployment, calls: AwsCalls) -> None:
    """The good ones ring; whoever sent the bad one learns nothing of it."""
    [one, *_] = items_of(deployment)
    bad = [
        None,
        {},
        one | {"clientState": f"{WATCHED_ACCOUNT}.guessed"},
        one | {"clientState": "7b0f6f0e-2f7f-4c43-9a57-1f1f7a4e0c55.watch-secret"},
    ]

    answer = push_items(deployment, *bad, one)

    assert answer["statusCode"] == 202
    assert rung(deployment) == [WATCHED_ACCOUNT]
    assert calls.made.count("SendMessage") == 1


@pytest.mark.parametrize("case", [MICROSOFT, LIFECYCLE])
def test_a_push_without_one_genuine_item_touches_nothing(
    deployment: Deployment, calls: AwsCalls, dirty: Callable[[str], int], case: str
) -> None:
    """Nothing is raised and nobody is called by whoever knows no secret."""
    before = dirty(WATCHED_ACCOUNT)
    [one, *_] = items_of(deployment, case)

    answer = push_items(
        deployment, one | {"clientState": f"{WATCHED_ACCOUNT}.guessed"}, {}, case=case
    )

    assert answer["statusCode"] == 403
    assert dirty(WATCHED_ACCOUNT) == before
    assert rung(deployment) == []
    assert calls.made == ["UpdateItem"]


@pytest.mark.parametrize("body", ["", "null", "{}", '{"value": []}'], ids=len)
def test_a_body_that_is_not_graphs_is_refused(
    deployment: Deployment, calls: AwsCalls, body: str
) -> None:
    """Malformed bodies."""
    answer = deployment.answer(MICROSOFT, status=400, body=body)

    assert answer["error"]["type"] == "invalid_request_error"
    assert calls.made == []


@pytest.mark.parametrize(
    ("case", "limit_bytes", "status"), [(GOOGLE, 256_000, 204), (MICROSOFT, 1_000_000, 202)]
)
def test_a_push_may_be_as_large_as_its_limit(
    deployment: Deployment, calls: AwsCalls, case: str, limit_bytes: int, status: int
) -> None:
    """A genuine one with a letter more is refused before it is read."""
    genuine = deployment.event(case)["body"]

    too_large = deployment.invoke(case, body=genuine.ljust(limit_bytes + 1))
    assert (too_large["statusCode"], calls.made) == (400, [])

    assert deployment.invoke(case, body=genuine.ljust(limit_bytes))["statusCode"] == status


@pytest.mark.parametrize(
    ("event", "is_due"),
    [("reauthorizationRequired", True), ("subscriptionRemoved", True), ("missed", False)],
)
def test_lifecycle_events_ring(
    deployment: Deployment, calls: AwsCalls, table: Table, event: str, *, is_due: bool
) -> None:
    """What ends has the worker look at the watch at once; what was missed, at the folders."""
    soon = datetime.now(UTC) + timedelta(minutes=1)
    secret = watch(table, WATCHED_ACCOUNT, "watch-secret")
    item = {"clientState": secret, "lifecycleEvent": event, "subscriptionId": "s"}

    answer = push_items(deployment, item, case=LIFECYCLE)

    assert answer["statusCode"] == 202
    assert calls.made == ["UpdateItem", "SendMessage"]
    assert rung(deployment) == [WATCHED_ACCOUNT]
    due_at = DynamoSyncStateStore(table, clock).get(WATCHED_ACCOUNT).watch_due_at
    assert due_at is not None
    assert (due_at < soon) is is_due


@pytest.mark.parametrize("path", ["/push/microsoft", "/push/microsoft/lifecycle"])
def test_hands_are_shaken_without_becoming_a_page(
    deployment: Deployment, calls: AwsCalls, path: str
) -> None:
    """The token comes back as it is, as text that no browser reads as anything else."""
    token = "Validation: <script>alert(1)</script> & ö+"
    query = f"validationToken={quote(token)}"

    answer = deployment.invoke("push_microsoft.handshake", rawPath=path, rawQueryString=query)

    assert (answer["statusCode"], answer["body"]) == (200, token)
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    assert headers["content-type"] == "text/plain"
    assert headers["x-content-type-options"] == "nosniff"
    assert calls.made == []


# ── Both ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("case", [GOOGLE, MICROSOFT, LIFECYCLE])
@pytest.mark.parametrize("service", ["dynamodb", "sqs"])
def test_what_could_not_be_kept_has_to_come_again(
    deployment: Deployment,
    calls: AwsCalls,
    capsys: pytest.CaptureFixture[str],
    case: str,
    service: str,
) -> None:
    """Providers deliver again what is answered with 5xx; then it rings."""
    calls.broken.add(service)

    answer = deployment.invoke(case)

    assert 500 <= answer["statusCode"] < 600
    assert rung(deployment) == []
    assert '"UnexpectedErrors":[1.0]' in capsys.readouterr().out
    calls.broken.clear()
    assert deployment.invoke(case)["statusCode"] in (202, 204)
    assert len(rung(deployment)) == 1


@pytest.mark.parametrize(
    "fault",
    [{"status": 503}, {"status": 404}, {"drop": True}, {"drop": True, "after_effect": True}],
)
def test_without_googles_keys_a_push_comes_again(
    deployment: Deployment, calls: AwsCalls, simulator: httpx.Client, fault: dict[str, Any]
) -> None:
    """Nobody's word is taken while it cannot be checked, and nothing is lost by that."""
    app = importlib.import_module("functions.push_google.app")
    app.bootstrap.services.cache_clear()  # a new process, which has no keys yet
    faults = [{"path": "/oauth2/v3/certs", **fault}]
    simulator.post("/_sim/faults", json=faults).raise_for_status()
    try:
        answer = deployment.invoke(GOOGLE)
    finally:
        simulator.delete("/_sim/faults").raise_for_status()

    assert answer["statusCode"] == 503
    assert int(answer["headers"]["Retry-After"]) > 0
    assert calls.made == []
    assert deployment.invoke(GOOGLE)["statusCode"] == 204


@given(data=st.data())
def test_no_body_is_a_mistake_of_ours(deployment: Deployment, data: st.DataObject) -> None:
    """Whatever comes, from whomever: only what AWS does not do is a 5xx."""
    case = data.draw(st.sampled_from([GOOGLE, MICROSOFT, LIFECYCLE]))
    content: bytes = data.draw(st.binary(max_size=300))
    encoded = base64.b64encode(content).decode()

    answer = deployment.invoke(case, body=encoded, isBase64Encoded=True)

    assert answer["statusCode"] in (400, 403)


# ── The simulated providers push ─────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def api(deployment: Deployment) -> Iterator[str]:
    """The address of an API whose functions run in this process."""

    def invoke(function: str, event: bytes) -> bytes:
        module = importlib.import_module(f"functions.{function}.app")
        answer: Any = module.handler(json.loads(event), LambdaContext(function))
        return json.dumps(answer).encode()

    routes = [
        Route("POST", "/push/google", "push_google"),
        Route("POST", "/push/microsoft", "push_microsoft"),
        Route("POST", "/push/microsoft/lifecycle", "push_microsoft"),
    ]
    port = free_port()
    assert deployment.invoke(GOOGLE)["statusCode"] == 204
    with serving(Gateway(RouteTable(routes), invoke), port):
        yield f"http://127.0.0.1:{port}"


def eventually_rung(deployment: Deployment) -> list[str]:
    """Wait until somebody rings."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        if found := rung(deployment):
            return found
        time.sleep(0.02)
    raise AssertionError("nobody rang")


def test_the_simulated_pub_sub_is_let_in(
    deployment: Deployment, api: str, simulator: httpx.Client
) -> None:
    """What Google's simulator signs and wraps is what the function reads."""
    drained(deployment)
    settings = {"push_endpoint": f"{api}/push/google", "push_audience": f"{PUBLIC_URL}/push/google"}
    control = Control(simulator)
    control.settings(**settings)
    token = Consent(simulator).connect(ADDRESS)["access_token"]
    started = simulator.post(
        "/gmail/v1/users/me/watch",
        json={"topicName": "projects/postroom-mail/topics/gmail"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert started.status_code == 200, started.text

    control.deliver(ADDRESS, letter())

    assert eventually_rung(deployment) == [deployment.names[SAMPLE_GRANT]]
    control.settings(push_endpoint=None)


def test_the_simulated_graph_is_let_in(deployment: Deployment, api: str, table: Table) -> None:
    """Handshake, notification and lifecycle event, as Microsoft's simulator sends them."""
    drained(deployment)
    transport = SimulatorTransport(local.simulators.microsoft.app.create_app())
    with httpx.Client(transport=transport, base_url="http://graph.example") as http:
        control = prepared(Control(http))
        graph = Graph(http, access_token(http, OWNER))
        expires_at = datetime.now(UTC) + timedelta(minutes=10_000)
        graph.post(
            "/v1.0/subscriptions",
            {
                "changeType": "created,updated,deleted",
                "notificationUrl": f"{api}/push/microsoft",
                "lifecycleNotificationUrl": f"{api}/push/microsoft/lifecycle",
                "resource": "me/messages",
                "expirationDateTime": expires_at.isoformat(),
                "clientState": watch(table, WATCHED_ACCOUNT, "secret-of-graph"),
            },
        )

        control.deliver(OWNER, letter())
        assert eventually_rung(deployment) == [WATCHED_ACCOUNT]

        control.post("expire", {"what": "watches", "address": OWNER})
        assert eventually_rung(deployment) == [WATCHED_ACCOUNT]

    due_at = DynamoSyncStateStore(table, clock).get(WATCHED_ACCOUNT).watch_due_at
    assert due_at is not None
    assert due_at <= datetime.now(UTC)
