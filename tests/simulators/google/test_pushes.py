"""Watches and the Pub/Sub pushes they cause."""

import base64
import json
import queue
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from googleapiclient.errors import HttpError
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug import Request, Response

from tests.simulators.conftest import OWNER, Control, Running
from tests.simulators.letters import letter

TOPIC = "projects/product/topics/mail"


@dataclass
class Doorbell:
    """An endpoint that notes its rings, and first refuses as many as told."""

    refusals: int = 0
    rings: "queue.Queue[tuple[str, dict[str, Any]]]" = field(default_factory=queue.Queue)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer a push."""
        request = Request(environ)
        authorization = request.headers.get("Authorization", "")
        self.rings.put((authorization.removeprefix("Bearer "), json.loads(request.get_data())))
        self.refusals -= 1
        return Response(status=503 if self.refusals >= 0 else 204)(environ, start_response)

    def next_ring(self) -> tuple[str, dict[str, Any]]:
        """Wait for a push and return its token and body."""
        return self.rings.get(timeout=5)


@pytest.fixture
def doorbell(running: Running, control: Control) -> Iterator[Doorbell]:
    bell = Doorbell()
    with running(bell) as url:
        control.settings(push_endpoint=f"{url}/push", push_audience="https://product.example")
        yield bell


def data_of(body: dict[str, Any]) -> dict[str, Any]:
    return dict(json.loads(base64.b64decode(body["message"]["data"])))


def start_watch(gmail: Any, **more: Any) -> Any:
    return gmail.watch(userId="me", body={"topicName": TOPIC, **more}).execute()


def test_arrival_rings_with_a_signed_push(control: Control, gmail: Any, doorbell: Doorbell) -> None:
    """The push is wrapped as Pub/Sub does and carries a token signed by the published key."""
    registration = start_watch(gmail)
    control.deliver(OWNER, letter())

    token, body = doorbell.next_ring()

    keys = KeySet.import_key_set(control.http.get("/oauth2/v3/certs").json())
    claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
    assert claims["aud"] == "https://product.example"
    assert claims["email"] == "gmail-push@simulator.iam.gserviceaccount.com"
    assert claims["email_verified"] is True
    data = data_of(body)
    assert data["emailAddress"] == OWNER
    assert data["historyId"] > int(registration["historyId"])
    assert body["subscription"].startswith("projects/")
    assert int(registration["expiration"]) > 0


def test_unacknowledged_push_comes_again(control: Control, gmail: Any, doorbell: Doorbell) -> None:
    """A refused push is delivered again with the same message id."""
    doorbell.refusals = 1
    start_watch(gmail)
    control.deliver(OWNER, letter())

    _, first = doorbell.next_ring()
    _, second = doorbell.next_ring()

    assert first["message"]["messageId"] == second["message"]["messageId"]
    assert (first["deliveryAttempt"], second["deliveryAttempt"]) == (1, 2)


def test_push_modes(control: Control, gmail: Any, doorbell: Doorbell) -> None:
    """Pushes can be lost, doubled, or arrive in the wrong order."""
    start_watch(gmail)

    control.settings(push="off")
    control.deliver(OWNER, letter())
    control.settings(push="duplicate")
    control.deliver(OWNER, letter())
    doubled = [doorbell.next_ring()[1]["message"]["messageId"] for _ in range(2)]
    control.settings(push="reorder")
    control.deliver(OWNER, letter())
    control.deliver(OWNER, letter())
    swapped = [data_of(doorbell.next_ring()[1])["historyId"] for _ in range(2)]

    assert doubled[0] == doubled[1]
    assert swapped[0] > swapped[1]
    assert doorbell.rings.empty()


def test_nothing_rings_without_cause(control: Control, gmail: Any, doorbell: Doorbell) -> None:
    """Quiet deliveries, other labels, ended and expired watches ring nothing."""
    start_watch(gmail, labelIds=["INBOX"], labelFilterBehavior="include")
    control.deliver(OWNER, letter(), quiet=True)
    control.deliver(OWNER, letter(), folder="archive")
    gmail.stop(userId="me").execute()
    control.deliver(OWNER, letter())
    start_watch(gmail)
    control.post("expire", {"what": "watches"})
    control.deliver(OWNER, letter())
    start_watch(gmail)
    last = control.deliver(OWNER, letter())

    _, only = doorbell.next_ring()

    history = control.get(f"mailboxes/{OWNER}")["messages"]
    assert last in {message["id"] for message in history}
    assert doorbell.rings.empty()
    assert data_of(only)["historyId"] == int(gmail.getProfile(userId="me").execute()["historyId"])


@pytest.mark.parametrize(
    "body", [{}, {"topicName": "mail"}, {"topicName": TOPIC, "labelIds": ["Label_9"]}]
)
def test_senseless_watches_are_refused(gmail: Any, body: dict[str, Any]) -> None:
    """The topic must be named in full, and the labels must exist."""
    with pytest.raises(HttpError) as failure:
        gmail.watch(userId="me", body=body).execute()

    assert failure.value.status_code == 400


def test_a_second_topic_needs_a_stop_first(gmail: Any, http: httpx.Client) -> None:
    """One developer has one topic per mailbox; the same one again renews the watch."""
    start_watch(gmail)
    start_watch(gmail)

    with pytest.raises(HttpError, match="Only one user push notification client"):
        gmail.watch(userId="me", body={"topicName": "projects/p/topics/other"}).execute()
    gmail.stop(userId="me").execute()
    again = http.post("/gmail/v1/users/me/watch", json={"topicName": "projects/p/topics/other"})

    assert again.status_code == 200
