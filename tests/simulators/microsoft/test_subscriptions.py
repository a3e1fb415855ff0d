"""Subscriptions: the handshake, renewals, notifications and lifecycle events."""

import json
import queue
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from werkzeug import Request, Response

from local.simulators.microsoft.app import create_app
from local.simulators.microsoft.identity import tenant_of
from tests.simulators.conftest import FRIEND, OWNER, WITHOUT_TLS, Control, Running
from tests.simulators.letters import letter

IMMUTABLE = {"Prefer": 'IdType="ImmutableId"'}


@dataclass
class Receiver:
    """The product's two addresses; it notes what comes and can be made to fail."""

    graph: httpx.Client | None = None
    """With a client, it asks Graph for its subscriptions while hands are shaken."""
    handshake_status: int = 200
    handshake_type: str = "text/plain"
    handshake_text: str | None = None
    refusals: int = 0
    handshakes: list[str] = field(default_factory=list)
    posts: "queue.Queue[tuple[str, list[dict[str, Any]]]]" = field(default_factory=queue.Queue)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer Graph."""
        request = Request(environ)
        token = request.args.get("validationToken")
        if token is not None:
            self.handshakes.append(request.path)
            if self.graph is not None:
                self.graph.get("/v1.0/subscriptions").raise_for_status()
            text = token if self.handshake_text is None else self.handshake_text
            answer = Response(text, self.handshake_status, mimetype=self.handshake_type)
            return answer(environ, start_response)
        self.posts.put((request.path, json.loads(request.get_data())["value"]))
        self.refusals -= 1
        return Response(status=503 if self.refusals >= 0 else 202)(environ, start_response)

    def next_post(self) -> tuple[str, list[dict[str, Any]]]:
        """Wait for a POST and return its path and items."""
        return self.posts.get(timeout=5)

    def next_items(self, count: int = 1) -> list[dict[str, Any]]:
        """Wait for so many notifications, in however many requests."""
        items: list[dict[str, Any]] = []
        while len(items) < count:
            path, more = self.next_post()
            assert path == "/notifications"
            items += more
        return items

    def next_event(self) -> dict[str, Any]:
        """Wait for a lifecycle event."""
        path, items = self.next_post()
        assert path == "/lifecycle"
        (item,) = items
        return item


@dataclass
class World:
    """A simulator with two mailboxes, a receiver, and Graph for the owner's mailbox."""

    control: Control
    graph: httpx.Client
    receiver: Receiver
    receiver_url: str

    def request(self, **changes: Any) -> dict[str, Any]:
        """Return the body of a usual subscription; what is None is left out."""
        usual = {
            "changeType": "created,updated,deleted",
            "notificationUrl": f"{self.receiver_url}/notifications",
            "lifecycleNotificationUrl": f"{self.receiver_url}/lifecycle",
            "resource": "me/messages",
            "expirationDateTime": in_minutes(10_000),
            "clientState": "a secret",
        }
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def subscribe(self, **changes: Any) -> httpx.Response:
        """Ask for a subscription."""
        return self.graph.post("/v1.0/subscriptions", json=self.request(**changes))

    def subscribed(self, **changes: Any) -> dict[str, Any]:
        """Return a subscription that was made."""
        answer = self.subscribe(**changes)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def token(self, address: str, client_id: str = "client-1") -> str:
        """Return an access token."""
        client = {"client_id": client_id, "redirect_uri": "https://product.example/back"}
        query = {"response_type": "code", "scope": "openid Mail.ReadWrite", "login_hint": address}
        authorize = "/common/oauth2/v2.0/authorize"
        back = self.control.http.get(authorize, params={**client, **query})
        code = parse_qs(urlsplit(back.headers["Location"]).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "client_secret": "secret"}
        answer = self.control.http.post("/common/oauth2/v2.0/token", data={**client, **form})
        return str(answer.json()["access_token"])


def in_minutes(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def minutes_left(subscription: dict[str, Any]) -> float:
    expiry = datetime.fromisoformat(subscription["expirationDateTime"].replace("0Z", "+00:00"))
    return (expiry - datetime.now(UTC)).total_seconds() / 60


@pytest.fixture
def world(running: Running) -> Iterator[World]:
    receiver = Receiver()
    with (
        running(create_app(reorder_wait_seconds=60)) as url,
        running(receiver) as receiver_url,
        httpx.Client(base_url=url, timeout=10, verify=WITHOUT_TLS) as http,
        httpx.Client(base_url=url, timeout=10, verify=WITHOUT_TLS, headers=IMMUTABLE) as graph,
    ):
        control = Control(http)
        for address in (OWNER, FRIEND):
            control.post("mailboxes", {"address": address})
        control.settings(auto_consent=True)
        world = World(control, graph, receiver, receiver_url)
        graph.headers["Authorization"] = f"Bearer {world.token(OWNER)}"
        yield world


def test_hands_are_shaken_with_both_addresses(world: World) -> None:
    """Each address repeats the token before the subscription is made."""
    made = world.subscribed()

    assert world.receiver.handshakes == ["/notifications", "/lifecycle"]
    assert made["clientState"] == "a secret"
    assert made["resource"] == "me/messages"
    assert made["applicationId"] == "client-1"
    assert world.graph.get(f"/v1.0/subscriptions/{made['id']}").json() == made
    listed = world.graph.get("/v1.0/subscriptions").json()["value"]
    assert [each["id"] for each in listed] == [made["id"]]


def test_receiver_may_call_back_during_the_handshake(world: World) -> None:
    """The simulator answers others while it waits for the receiver."""
    world.receiver.graph = world.graph

    assert world.subscribe().status_code == 201


@pytest.mark.parametrize(
    "wrong",
    [
        {"handshake_status": 202},
        {"handshake_type": "application/json"},
        {"handshake_text": "something else"},
    ],
)
def test_failed_handshake_makes_nothing(world: World, wrong: dict[str, Any]) -> None:
    """Anything but 200, plain text and the very token is refused."""
    for name, value in wrong.items():
        setattr(world.receiver, name, value)

    answer = world.subscribe()

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ValidationError")
    assert world.graph.get("/v1.0/subscriptions").json()["value"] == []


def test_nobody_at_the_address_makes_nothing(world: World) -> None:
    """An address that nobody answers at is refused."""
    answer = world.subscribe(lifecycleNotificationUrl="http://127.0.0.1:1/")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ValidationError")


@pytest.mark.parametrize(
    "changes",
    [
        {"changeType": "moved"},
        {"changeType": None},
        {"resource": "me/events"},
        {"resource": None},
        {"notificationUrl": "not an address"},
        {"notificationUrl": None},
        {"clientState": "x" * 129},
        {"clientState": 5},
        {"expirationDateTime": None},
        {"expirationDateTime": "soon"},
        {"includeResourceData": True},
    ],
)
def test_senseless_subscriptions_are_refused(world: World, changes: dict[str, Any]) -> None:
    """What Graph cannot do is a 400, before anybody is called."""
    answer = world.subscribe(**changes)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ValidationError")
    assert world.receiver.handshakes == []


@pytest.mark.parametrize("minutes", [-1, 10_081])
def test_a_life_that_is_over_or_too_long_is_refused(world: World, minutes: int) -> None:
    """Counted from now: made when the tests were collected, one of them was long enough by then."""
    answer = world.subscribe(expirationDateTime=in_minutes(minutes))

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "ValidationError")
    assert world.receiver.handshakes == []


def test_others_mail_cannot_be_watched(world: World) -> None:
    """Another user's messages are not for this token; a folder that is not there is a 404."""
    strange = world.subscribe(resource=f"users/{FRIEND}/messages")
    lost = world.subscribe(resource="me/mailFolders('nowhere')/messages")

    assert (strange.status_code, lost.status_code) == (403, 404)


def test_short_lives_are_lengthened(world: World) -> None:
    """Less than 45 minutes becomes 45."""
    made = world.subscribed(expirationDateTime=in_minutes(5))

    assert 44 < minutes_left(made) < 46


def test_second_one_of_a_kind_conflicts(world: World) -> None:
    """Application, resource and change types together are unique; each alone is not."""
    world.subscribed()

    again = world.subscribe(changeType="deleted,updated,created", resource="/me/messages")
    other_types = world.subscribe(changeType="created")
    other_resource = world.subscribe(resource="me/mailFolders('inbox')/messages")
    token = world.token(OWNER, "client-2")
    headers = {"Authorization": f"Bearer {token}"}
    other_client = world.graph.post("/v1.0/subscriptions", json=world.request(), headers=headers)

    assert again.status_code == 409
    statuses = {other_types.status_code, other_resource.status_code, other_client.status_code}
    assert statuses == {201}
    assert len(world.graph.get("/v1.0/subscriptions").json()["value"]) == 3


def test_renewal_and_end(world: World) -> None:
    """An end can be moved within limits; what was deleted or has run out is a 404."""
    path = f"/v1.0/subscriptions/{world.subscribed()['id']}"

    renewed = world.graph.patch(path, json={"expirationDateTime": in_minutes(100)})
    too_long = world.graph.patch(path, json={"expirationDateTime": in_minutes(20_000)})
    reauthorized = world.graph.post(f"{path}/reauthorize")
    deleted = world.graph.delete(path)

    assert 99 < minutes_left(renewed.json()) < 101
    assert (too_long.status_code, reauthorized.status_code, deleted.status_code) == (400, 204, 204)
    for gone in (
        world.graph.get(path),
        world.graph.delete(path),
        world.graph.patch(path, json={"expirationDateTime": in_minutes(100)}),
        world.graph.post(f"{path}/reauthorize"),
    ):
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "ResourceNotFound")


def test_subscriptions_belong_to_their_application(world: World) -> None:
    """Another application neither sees nor ends them."""
    made = world.subscribed()
    headers = {"Authorization": f"Bearer {world.token(OWNER, 'client-2')}"}

    assert world.graph.get("/v1.0/subscriptions", headers=headers).json()["value"] == []
    path = f"/v1.0/subscriptions/{made['id']}"
    assert world.graph.delete(path, headers=headers).status_code == 404


def test_arrival_rings(world: World) -> None:
    """A notification names the subscription, its secret, its tenant and the message."""
    made = world.subscribed()
    message_id = world.control.deliver(OWNER, letter())

    (item,) = world.receiver.next_items()

    assert item["subscriptionId"] == made["id"]
    assert (item["clientState"], item["changeType"]) == ("a secret", "created")
    assert item["subscriptionExpirationDateTime"] == made["expirationDateTime"]
    assert item["tenantId"] == tenant_of(OWNER)
    assert item["resourceData"]["id"] == message_id
    assert item["resource"] == item["resourceData"]["@odata.id"]
    assert world.graph.get(f"/v1.0/{item['resource']}").json()["id"] == message_id


def test_ids_in_notifications_are_of_the_kind_that_was_asked_for(world: World) -> None:
    """Without the preference at its making, a subscription tells ids that change with a move."""
    del world.graph.headers["Prefer"]
    world.subscribed()
    lasting_id = world.control.deliver(OWNER, letter())

    (item,) = world.receiver.next_items()

    told = item["resourceData"]["id"]
    assert told != lasting_id
    (listed,) = world.graph.get("/v1.0/me/messages").json()["value"]
    assert listed["id"] == told


def test_changes_and_deletions_ring(world: World) -> None:
    """Each kind of change is told by its name, only to who wants it."""
    message_id = world.control.deliver(OWNER, letter())
    everything = world.subscribed()["id"]
    deletions = world.subscribed(changeType="deleted")["id"]

    for op in ("read", "delete"):
        world.control.post(f"mailboxes/{OWNER}/changes", [{"op": op, "id": message_id}])

    told = sorted((i["subscriptionId"], i["changeType"]) for i in world.receiver.next_items(3))
    assert told == sorted(
        [(everything, "updated"), (everything, "deleted"), (deletions, "deleted")]
    )


def test_folder_subscription_rings_for_its_folder(world: World) -> None:
    """Mail elsewhere is not told, nor is what comes quietly or to others."""
    world.subscribed(resource="me/mailFolders('inbox')/messages")
    world.control.deliver(OWNER, letter(), folder="archive")
    world.control.deliver(OWNER, letter(), quiet=True)
    world.control.deliver(FRIEND, letter())
    message_id = world.control.deliver(OWNER, letter())

    (item,) = world.receiver.next_items()

    assert item["resourceData"]["id"] == message_id
    assert world.receiver.posts.empty()


def test_refused_notification_comes_once_more(world: World) -> None:
    """The second attempt says the same."""
    world.subscribed()
    world.receiver.refusals = 1
    world.control.deliver(OWNER, letter())

    assert world.receiver.next_items() == world.receiver.next_items()


def test_lost_notifications_are_confessed(world: World) -> None:
    """After two failures nothing is sent again, but `missed` follows the next that arrives."""
    made = world.subscribed()
    world.receiver.refusals = 2
    world.control.deliver(OWNER, letter())
    world.receiver.next_items(2)
    arriving = world.control.deliver(OWNER, letter())

    (item,) = world.receiver.next_items()
    event = world.receiver.next_event()

    assert item["resourceData"]["id"] == arriving
    assert event["lifecycleEvent"] == "missed"
    assert (event["subscriptionId"], event["clientState"]) == (made["id"], "a secret")


def test_push_modes(world: World) -> None:
    """Notifications can be lost, doubled, or arrive in the wrong order."""
    world.subscribed()

    world.control.settings(push="off")
    world.control.deliver(OWNER, letter())
    world.control.settings(push="duplicate")
    twice = world.control.deliver(OWNER, letter())
    doubled = [item["resourceData"]["id"] for item in world.receiver.next_items(2)]
    world.control.settings(push="reorder")
    first = world.control.deliver(OWNER, letter())
    second = world.control.deliver(OWNER, letter())
    swapped = [item["resourceData"]["id"] for item in world.receiver.next_items(2)]

    assert doubled == [twice, twice]
    assert swapped == [second, first]
    assert world.receiver.posts.empty()


def test_removed_subscription_says_so(world: World) -> None:
    """`expire watches` ends subscriptions, tells it, and they ring no more."""
    made = world.subscribed()

    world.control.post("expire", {"what": "watches", "address": OWNER})
    event = world.receiver.next_event()
    world.control.deliver(OWNER, letter())

    assert event["lifecycleEvent"] == "subscriptionRemoved"
    assert event["subscriptionId"] == made["id"]
    assert world.graph.get(f"/v1.0/subscriptions/{made['id']}").status_code == 404
    assert world.receiver.posts.empty()


def test_authorization_that_ends_soon_is_told_once(world: World) -> None:
    """Shortly before the access token's end comes `reauthorizationRequired`; a renewal heeds it."""
    made = world.subscribed()
    world.control.post("clock", {"advance_seconds": 5000})

    event = world.receiver.next_event()
    world.control.deliver(OWNER, letter())
    world.receiver.next_items()
    world.graph.headers["Authorization"] = f"Bearer {world.token(OWNER)}"
    path = f"/v1.0/subscriptions/{made['id']}"
    world.graph.post(f"{path}/reauthorize").raise_for_status()
    world.control.post("clock", {"advance_seconds": 5000})
    again = world.receiver.next_event()

    for told in (event, again):
        assert told["lifecycleEvent"] == "reauthorizationRequired"
        assert told["subscriptionId"] == made["id"]
    assert world.receiver.posts.empty()


def test_what_has_run_out_rings_no_more(world: World) -> None:
    """After its end a subscription is gone, without a word."""
    made = world.subscribed(lifecycleNotificationUrl=None)
    world.control.post("clock", {"advance_seconds": 8 * 24 * 3600})
    world.control.deliver(OWNER, letter())
    world.graph.headers["Authorization"] = f"Bearer {world.token(OWNER)}"

    gone = world.graph.get(f"/v1.0/subscriptions/{made['id']}")

    assert gone.status_code == 404
    assert world.receiver.posts.empty()
