"""One running stack for all end-to-end tests: the built template, the real functions, over HTTP."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from nylas import Client
from playwright.sync_api import Browser, expect

from local.provider_simulators import SIMULATORS
from local.running_stack import RunningStack, plan_on_free_ports, running_stack
from tests.e2e.browsing import Visit, Visitor, chromium, visiting

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


@dataclass(frozen=True, eq=False)
class SimulatedProvider:
    """The control interface of a running simulator, whose mailboxes agree to be connected."""

    name: str
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

    def address(self, person: str) -> str:
        """Return an address of this provider alone."""
        return f"{person}@{self.name}.example"

    def folder_names(self, address: str) -> dict[str, str]:
        """Return the names of a mailbox's folders, by their ids at the provider."""
        folders = self.call("GET", f"mailboxes/{address}")["folders"]
        return {folder["id"]: folder["name"] for folder in folders}

    def folder_name(self, address: str, role: str) -> str:
        """Return the name of the folder that is for something."""
        folders = self.call("GET", f"mailboxes/{address}")["folders"]
        (name,) = (folder["name"] for folder in folders if folder["role"] == role)
        return str(name)

    def message(self, address: str, **known: str) -> dict[str, Any] | None:
        """Return the one message that has these values."""
        for message in self.messages(address):
            if all(message[name] == value for name, value in known.items()):
                return message
        return None


@pytest.fixture(scope="session")
def google(stack: RunningStack) -> Iterator[SimulatedProvider]:
    """The Google simulator; people agree at once when their address is given."""
    with _agreeing(stack, "google") as simulated:
        yield simulated


@pytest.fixture(scope="session")
def microsoft(stack: RunningStack) -> Iterator[SimulatedProvider]:
    """The Microsoft simulator; people agree at once when their address is given."""
    with _agreeing(stack, "microsoft") as simulated:
        yield simulated


@pytest.fixture(params=["google", "microsoft"])
def provider(
    request: pytest.FixtureRequest, google: SimulatedProvider, microsoft: SimulatedProvider
) -> SimulatedProvider:
    """Each provider in turn: what is told of one is true of both."""
    return google if request.param == "google" else microsoft


@pytest.fixture
def new_connector(http: httpx.Client, provider: SimulatedProvider) -> Iterator[None]:
    """Let a test make a provider's connector anew; then it is again what the stack began with.

    One without a topic was left, and no mail came by itself to Gmail's mailboxes of later tests.
    """
    yield
    (settings,) = (each.provider_config for each in SIMULATORS if each.provider == provider.name)
    http.delete(f"/v3/connectors/{provider.name}")
    whole = {"name": "Ours", "provider": provider.name, "settings": settings}
    http.post("/v3/connectors", json=whole).raise_for_status()


@contextmanager
def _agreeing(stack: RunningStack, name: str) -> Iterator[SimulatedProvider]:
    with httpx.Client(base_url=stack.simulators[name], timeout=60) as client:
        simulated = SimulatedProvider(name, client)
        simulated.call("POST", "settings", json={"auto_consent": True})
        yield simulated


@pytest.fixture(scope="session")
def return_address(postroom: Client) -> str:
    """The application's registered return address."""
    postroom.applications.redirect_uris.create({"url": RETURN_ADDRESS, "platform": "web"})
    return RETURN_ADDRESS


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def administrator(browser: Browser, stack: RunningStack) -> Iterator[Visitor]:
    """Whoever runs the deployment, signed in with its first key."""
    with visiting(browser, stack.api_uri) as visitor:
        visitor.use_key(stack.api_key)
        expect(visitor.page.get_by_role("heading", name="Providers")).to_be_visible()
        yield visitor


@pytest.fixture
def visit(browser: Browser, stack: RunningStack) -> Iterator[Visit]:
    """Open browsers of other people."""
    with ExitStack() as opened:
        yield lambda **how: opened.enter_context(visiting(browser, stack.api_uri, **how))


def wait_for(look: Callable[[], Seen | None], *, seconds: float = WAIT_SECONDS) -> Seen:
    """Look until there is something to see."""
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        seen = look()
        if seen:
            return seen
        time.sleep(0.1)
    raise AssertionError(f"nothing came within {seconds} s")


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
    stack: RunningStack, postroom: Client, return_address: str
) -> Callable[[SimulatedProvider, str], str]:
    """Connect a simulated mailbox the whole way; answers its grant."""

    def connecting(provider: SimulatedProvider, address: str) -> str:
        url = postroom.auth.url_for_oauth2(
            {
                "client_id": stack.client_id,
                "redirect_uri": return_address,
                "provider": provider.name,
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
