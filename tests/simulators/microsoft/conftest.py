"""One Microsoft simulator for all its tests, emptied before each; and Microsoft's own client."""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from local.simulators.microsoft.app import create_app
from local.simulators.transport import SimulatorTransport
from tests.simulators.conftest import FRIEND, OWNER, WITHOUT_TLS, Control, Running

ALIAS = "ada.sales@simulated.example"
SCOPES = "openid offline_access User.Read Mail.ReadWrite Mail.Send"
REDIRECT = "https://product.example/callback"
VERIFIER = "v" * 64
Result = TypeVar("Result")
Json = dict[str, Any]


@pytest.fixture(scope="session")
def simulator_url(running: Running) -> Iterator[str]:
    """The simulator on a socket, for Microsoft's client."""
    with running(create_app()) as url:
        yield url


def prepared(control: Control) -> Control:
    """Empty a simulator, and give it two mailboxes."""
    control.post("reset")
    control.post("mailboxes", {"address": OWNER, "name": "Ada Örn", "aliases": [ALIAS]})
    control.post("mailboxes", {"address": FRIEND, "name": "Grace Ho"})
    control.settings(auto_consent=True)
    return control


def access_token(http: httpx.Client, address: str, scope: str = SCOPES) -> str:
    """Go through consent, and return an access token."""
    digest = hashlib.sha256(VERIFIER.encode()).digest()
    query = {
        "client_id": "client-1",
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": scope,
        "state": "state",
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
        "login_hint": address,
    }
    back = http.get("/common/oauth2/v2.0/authorize", params=query)
    assert back.status_code == 302, back.text
    code = parse_qs(urlsplit(back.headers["Location"]).query)["code"][0]
    form = {
        "client_id": "client-1",
        "client_secret": "secret",
        "grant_type": "authorization_code",
        "redirect_uri": REDIRECT,
        "code": code,
        "code_verifier": VERIFIER,
    }
    answer = http.post("/common/oauth2/v2.0/token", data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@dataclass(frozen=True)
class Graph:
    """A mailbox over plain HTTP, with ids for life unless told otherwise."""

    http: httpx.Client
    token: str

    def call(self, method: str, path: str, *prefer: str, **options: Any) -> httpx.Response:
        """Call an address below `/v1.0/me`, or a whole one."""
        url = path if path.startswith(("http", "/v1.0")) else f"/v1.0/me/{path}"
        wishes = list(prefer) or ['IdType="ImmutableId"']
        headers = {"Authorization": f"Bearer {self.token}", "Prefer": ", ".join(wishes)}
        headers |= options.pop("headers", {})
        return self.http.request(method, url, headers=headers, **options)

    def get(self, path: str, *prefer: str, **params: Any) -> Json:
        """Read; the answer must be a success."""
        answer = self.call("GET", path, *prefer, params=params or None)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def post(self, path: str, body: Any = None, *prefer: str) -> Json:
        """Post JSON; the answer must be a success."""
        answer = self.call("POST", path, *prefer, json=body if body is not None else {})
        assert answer.is_success, answer.text
        return dict(answer.json()) if answer.content else {}

    def patch(self, path: str, body: Any) -> Json:
        """Patch; the answer must be a success."""
        answer = self.call("PATCH", path, json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())

    def refused(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        """Return status and code of an error."""
        answer = self.call(method, path, **options)
        return answer.status_code, answer.json()["error"]["code"]

    def delta(self, start: str, *prefer: str, **params: Any) -> tuple[list[Json], str]:
        """Follow a delta to its end; returns all items and the deltaLink."""
        wishes = prefer or ('IdType="ImmutableId"', "odata.maxpagesize=50")
        page = self.get(start, *wishes, **params)
        items = list(page["value"])
        while "@odata.nextLink" in page:
            page = self.get(page["@odata.nextLink"], *wishes)
            items += page["value"]
        return items, str(page["@odata.deltaLink"])

    def folder_id(self, well_known: str) -> str:
        """Return the id of a well-known folder."""
        return str(self.get(f"mailFolders/{well_known}")["id"])


@pytest.fixture
def control() -> Iterator[Control]:
    """The control interface of an emptied simulator in this process."""
    transport = SimulatorTransport(create_app())
    with httpx.Client(transport=transport, base_url="http://graph.example") as http:
        yield prepared(Control(http))


@pytest.fixture
def graph(control: Control) -> Graph:
    """The owner's mailbox over plain HTTP."""
    return Graph(control.http, access_token(control.http, OWNER))


@pytest.fixture
def friend(control: Control) -> Graph:
    """The friend's mailbox."""
    return Graph(control.http, access_token(control.http, FRIEND))


@pytest.fixture
def served(simulator_url: str) -> Iterator[Control]:
    """The control interface of an emptied simulator on a socket."""
    with httpx.Client(base_url=simulator_url, timeout=10, verify=WITHOUT_TLS) as http:
        yield prepared(Control(http))


def segment(item_id: str) -> str:
    """Return an id as a segment of an address."""
    return quote(item_id, safe="")


@pytest.fixture
def with_sdk(served: Control) -> Callable[[Callable[[Any], Awaitable[Result]]], Result]:
    """Return what runs a coroutine function with Microsoft's client of the owner's mailbox."""
    from kiota_abstractions.authentication import (
        AccessTokenProvider,
        AllowedHostsValidator,
        BaseBearerTokenAuthenticationProvider,
    )
    from msgraph import GraphRequestAdapter, GraphServiceClient
    from msgraph.graph_request_adapter import options
    from msgraph_core import GraphClientFactory

    token = access_token(served.http, OWNER)

    class Signed(AccessTokenProvider):  # type: ignore[misc]
        """Gives the token to Graph alone: an upload session is on another host in reality."""

        async def get_authorization_token(self, uri: str, _context: Any = None) -> str:
            return token if urlsplit(uri).path.startswith("/v1.0") else ""

        def get_allowed_hosts_validator(self) -> AllowedHostsValidator:
            return AllowedHostsValidator([])

    async def run(work: Callable[[Any], Awaitable[Result]]) -> Result:
        async with httpx.AsyncClient(timeout=10, verify=WITHOUT_TLS) as plain:
            http = GraphClientFactory.create_with_default_middleware(client=plain, options=options)
            adapter = GraphRequestAdapter(
                BaseBearerTokenAuthenticationProvider(Signed()), client=http
            )
            adapter.base_url = f"{served.http.base_url}/v1.0"
            return await work(GraphServiceClient(request_adapter=adapter))

    return lambda work: asyncio.run(run(work))
