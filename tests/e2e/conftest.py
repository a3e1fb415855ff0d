"""One running stack for all end-to-end tests: the built template, the real functions, over HTTP."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from nylas import Client

from local.running_stack import RunningStack, plan_on_free_ports, running_stack

Seen = TypeVar("Seen")

RETURN_ADDRESS = "http://localhost:8000/connected"
WAIT_SECONDS = 60
"""A limit, not a delay: whatever is waited for usually comes within a second or two."""


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The stack, on free ports, with a state of its own and empty simulators."""
    plan = plan_on_free_ports(tmp_path_factory.mktemp("stack"), seed=False)
    with running_stack(plan) as running:
        yield running


@pytest.fixture(scope="session")
def postroom(stack: RunningStack) -> Client:
    """The official SDK with the administrator's key."""
    return Client(api_key=stack.api_key, api_uri=stack.api_uri)


@pytest.fixture(scope="session")
def http(stack: RunningStack) -> Iterator[httpx.Client]:
    """A plain HTTP client with the administrator's key."""
    headers = {"authorization": f"Bearer {stack.api_key}"}
    with httpx.Client(base_url=stack.api_uri, headers=headers, timeout=60) as client:
        yield client


@dataclass(frozen=True)
class SimulatedProvider:
    """The control interface of a running simulator."""

    client: httpx.Client

    def call(self, method: str, path: str, **request: Any) -> Any:
        """Make a control call; answers its JSON."""
        response = self.client.request(method, f"/_sim/{path}", **request)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def deliver(self, address: str, mail: bytes, **query: Any) -> str:
        """Deliver a mail; answers the provider's id."""
        path = f"mailboxes/{address}/messages"
        headers = {"content-type": "message/rfc822"}
        answer = self.call("POST", path, content=mail, params=query, headers=headers)
        return str(answer["id"])

    def messages(self, address: str) -> list[dict[str, Any]]:
        """Return the truth about the first thousand messages of a mailbox."""
        found: list[dict[str, Any]] = self.call("GET", f"mailboxes/{address}")["messages"]
        return found

    def message(self, address: str, **known: str) -> dict[str, Any] | None:
        """Return the one message that has these values."""
        for message in self.messages(address):
            if all(message[name] == value for name, value in known.items()):
                return message
        return None


@pytest.fixture(scope="session")
def google(stack: RunningStack) -> Iterator[SimulatedProvider]:
    """The Google simulator; people agree at once when their address is given."""
    with httpx.Client(base_url=stack.simulators["google"], timeout=60) as client:
        simulated = SimulatedProvider(client)
        simulated.call("POST", "settings", json={"auto_consent": True})
        yield simulated


@pytest.fixture(scope="session")
def return_address(postroom: Client) -> str:
    """The application's registered return address."""
    postroom.applications.redirect_uris.create({"url": RETURN_ADDRESS, "platform": "web"})
    return RETURN_ADDRESS


def wait_for(look: Callable[[], Seen | None]) -> Seen:
    """Look until there is something to see."""
    give_up_at = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < give_up_at:
        seen = look()
        if seen:
            return seen
        time.sleep(0.1)
    raise AssertionError(f"nothing came within {WAIT_SECONDS} s")


def come_back(
    browser: httpx.Client, connect_url: str, *, return_address: str = RETURN_ADDRESS
) -> dict[str, str]:
    """Walk a browser from /v3/connect/auth to the return address; answers what it is told."""
    url = connect_url
    while not url.startswith(return_address):
        response = browser.get(url, follow_redirects=False)
        assert response.status_code == 302, response.text
        url = response.headers["location"]
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.fixture
def connect(
    stack: RunningStack, postroom: Client, google: SimulatedProvider, return_address: str
) -> Callable[[str], str]:
    """Connect a simulated mailbox the whole way; answers its grant."""

    def connecting(address: str) -> str:
        url = postroom.auth.url_for_oauth2(
            {
                "client_id": stack.client_id,
                "redirect_uri": return_address,
                "provider": "google",
                "login_hint": address,
            }
        )
        with httpx.Client(timeout=60) as browser:
            code = come_back(browser, url)["code"]
        answer = postroom.auth.exchange_code_for_token(
            {"client_id": stack.client_id, "redirect_uri": return_address, "code": code}
        )
        assert answer.grant_id
        return str(answer.grant_id)

    return connecting
