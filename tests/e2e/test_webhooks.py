"""Events reach the application: from a consent that ends to a signed request at its webhook."""

import gzip
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from nylas import Client
from nylas.models.webhooks import Webhook
from playwright.sync_api import expect

from tests.e2e.browsing import Visitor
from tests.e2e.conftest import SimulatedProvider, wait_for

DELIVERED_SECONDS = 180
"""A limit, not a delay. Half a minute passes for certain: a consent that has just been refused is
asked once more when it has settled, and only then has ended; then come the retries of a webhook."""


@dataclass(frozen=True)
class Heard:
    """One request, as it came over the wire."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Application:
    """The application's server: answers in turn, the last answer for ever."""

    answers: list[int]
    url: str = ""
    heard: list[Heard] = field(default_factory=list)

    def answer(self, heard: Heard) -> int:
        """Keep a request; answers the status."""
        self.heard.append(heard)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def application(answers: Sequence[int]) -> Iterator[Application]:
    """Run the application on this machine."""
    running = Application(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            names = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(running.answer(Heard(names, body)))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        running.url = f"http://127.0.0.1:{server.server_port}/hooks"
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def hook(postroom: Client) -> Iterator[Callable[..., Webhook]]:
    """Make webhooks with the SDK."""
    made: list[str] = []

    def making(url: str) -> Any:
        request: Any = {"trigger_types": ["grant.expired"], "webhook_url": url}
        answer = postroom.webhooks.create(request).data
        made.append(answer.id)
        return answer

    yield making
    for webhook_id in made:
        postroom.webhooks.destroy(webhook_id)


def consent_ends(provider: SimulatedProvider, address: str, grant: str, http: httpx.Client) -> None:
    """Have an owner take the consent back, and somebody look."""
    for what in ("access_tokens", "consents"):
        provider.call("POST", "expire", json={"what": what, "address": address})
    http.post(f"/v3/grants/{grant}/sync", json={}).raise_for_status()


def heard_by(server: Application) -> list[Heard]:
    """Return what has come so far."""
    return [*server.heard]


def deliveries_of(made: Any, http: httpx.Client) -> list[dict[str, Any]]:
    """Return what was delivered to a webhook."""
    found: list[dict[str, Any]] = http.get(f"/v3/webhooks/{made.id}/deliveries").json()["data"]
    return found


def test_an_event_arrives_signed_and_once(
    postroom: Client,
    http: httpx.Client,
    provider: SimulatedProvider,
    connect: Callable[[SimulatedProvider, str], str],
    hook: Callable[[str], Any],
) -> None:
    """Two webhooks hear of one event: one plain, one compressed; both can trust it."""
    address = provider.address("leaving")
    provider.call("POST", "mailboxes", json={"address": address})
    grant = connect(provider, address)
    with application([200]) as plain, application([204]) as zipped:
        hooks = [(plain, hook(plain.url)), (zipped, hook(zipped.url))]
        http.put(f"/v3/webhooks/{hooks[1][1].id}", json={"compressed_delivery": True})
        consent_ends(provider, address, grant, http)
        for server, made in hooks:
            (heard,) = wait_for(partial(heard_by, server), seconds=DELIVERED_SECONDS)
            signed = hmac.new(made.webhook_secret.encode(), heard.body, hashlib.sha256)
            assert heard.headers["x-nylas-signature"] == signed.hexdigest()
        body = gzip.decompress(zipped.heard[0].body)
        assert json.loads(body) == json.loads(plain.heard[0].body)
        # The record follows the answer.
        for server, made in hooks:
            (record,) = wait_for(partial(deliveries_of, made, http))
            assert (record["state"], record["attempt"]) == ("delivered", 1)
            assert record["status_code"] == (200 if server is plain else 204)
            assert len(server.heard) == 1

    envelope = json.loads(plain.heard[0].body)
    assert plain.heard[0].headers["content-type"] == "application/json"
    assert (envelope["specversion"], envelope["type"]) == ("1.0", "grant.expired")
    assert envelope["data"]["application_id"] == postroom.applications.info().data.application_id
    told = envelope["data"]["object"]
    assert (told["grant_id"], told["email"], told["code"]) == (grant, address, 25009)
    assert told["provider"] == provider.name


def test_a_busy_webhook_hears_again_and_its_owner_sees_it(
    http: httpx.Client,
    google: SimulatedProvider,
    connect: Callable[[SimulatedProvider, str], str],
    hook: Callable[[str], Any],
    administrator: Visitor,
) -> None:
    """500 twice, then 200: three attempts of one event, which stand in the console."""
    address = google.address("hooked")
    google.call("POST", "mailboxes", json={"address": address})
    grant = connect(google, address)
    with application([500, 500, 200]) as server:
        made = hook(server.url)
        consent_ends(google, address, grant, http)
        wait_for(lambda: len(deliveries_of(made, http)) == 3, seconds=DELIVERED_SECONDS)

    envelopes = [json.loads(each.body) for each in server.heard]
    assert [each["webhook_delivery_attempt"] for each in envelopes] == [1, 2, 3]
    assert len({each["id"] for each in envelopes}) == 1
    path = f"/v3/webhooks/{made.id}/deliveries"
    first = http.get(path, params={"limit": 2}).json()
    rest = http.get(path, params={"limit": 2, "page_token": first["next_cursor"]}).json()
    records = [*first["data"], *rest["data"]]
    assert [(each["attempt"], each["status_code"], each["state"]) for each in records] == [
        (3, 200, "delivered"),
        (2, 500, "retrying"),
        (1, 500, "retrying"),
    ]
    assert "next_cursor" not in rest

    page = administrator.page
    administrator.open("#/admin/webhooks")
    page.get_by_role("button", name=f"Recent deliveries to {made.webhook_url}").press("Enter")
    dialog = page.get_by_role("dialog", name="Recent deliveries")
    rows = dialog.get_by_role("row").filter(has_text="grant.expired")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("Delivered")
    expect(rows.nth(0)).to_contain_text("It answered 200.")
    expect(rows.nth(2)).to_contain_text("Retrying")
    expect(rows.nth(2)).to_contain_text("It answered 500.")
    assert administrator.serious_problems() == []
    administrator.picture("deliveries")
    page.set_viewport_size({"width": 360, "height": 740})
    administrator.picture("deliveries-narrow")
    wide = "element => element.scrollWidth > element.clientWidth"
    assert not dialog.evaluate(wide)
    assert administrator.serious_problems() == []
    page.set_viewport_size({"width": 1280, "height": 800})
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Recent deliveries to")).to_be_focused()
    assert administrator.complaints == []
