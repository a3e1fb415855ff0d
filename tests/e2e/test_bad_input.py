"""What the stack answers to wrong requests: the contract's error shape, naming the field."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.running_stack import RunningStack
from tests.e2e.conftest import RETURN_ADDRESS, SimulatedProvider, come_back


@pytest.mark.parametrize("key", ["", "Bearer wrong", "Basic abc", "Bearer"])
def test_without_a_valid_key_nobody_enters(stack: RunningStack, key: str) -> None:
    """A wrong or missing API key is 401 in the contract's shape, with a request id."""
    headers = {"authorization": key} if key else {}
    answer = httpx.get(f"{stack.api_uri}/v3/grants", headers=headers, timeout=60)
    assert answer.status_code == 401
    body = answer.json()
    assert body["error"]["type"]
    assert body["error"]["message"]
    assert body["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "request_parts", "status", "named"),
    [
        ("GET", "/v3/grants/00000000-0000-4000-8000-000000000000", {}, 404, ""),
        ("GET", "/v3/nothing/here", {}, 404, ""),
        ("POST", "/v3/connectors", {"content": "{not json"}, 400, ""),
        (
            "POST",
            "/v3/connectors",
            {
                "json": {
                    "provider": "fastmail",
                    "settings": {"client_id": "id", "client_secret": "secret"},
                }
            },
            400,
            "provider",
        ),
        ("POST", "/v3/connectors", {"json": {"provider": "google"}}, 400, "settings"),
        ("GET", "/v3/connectors/fastmail", {}, 400, "provider"),
        ("POST", "/v3/applications/redirect-uris", {"json": {"url": "nowhere"}}, 400, "url"),
        ("POST", "/v3/connect/revoke", {}, 400, "token"),
    ],
)
def test_bad_requests_are_named(
    http: httpx.Client,
    method: str,
    path: str,
    request_parts: dict[str, Any],
    status: int,
    named: str,
) -> None:
    """Unknown accounts and routes are 404; bad JSON, providers and addresses 400 with the field."""
    answer = http.request(method, path, **request_parts)
    assert answer.status_code == status, answer.text
    assert named in answer.text


def test_requests_on_an_account_are_checked(
    http: httpx.Client,
    provider: SimulatedProvider,
    connect: Callable[[SimulatedProvider, str], str],
) -> None:
    """Bad cursors, limits, addresses and ids on a real account are 400 or 404, nothing is sent."""
    address = provider.address("checked")
    provider.call("POST", "mailboxes", json={"address": address})
    grant = connect(provider, address)
    base = f"/v3/grants/{grant}"
    recipient = [{"email": address}]
    cases: list[tuple[str, str, dict[str, Any], int, str]] = [
        ("GET", "/messages?page_token=forged", {}, 400, "page_token"),
        ("GET", "/messages?limit=0", {}, 400, "limit"),
        ("GET", "/messages?limit=many", {}, 400, "limit"),
        ("GET", "/messages?unread=maybe", {}, 400, "unread"),
        ("GET", "/messages/unknown", {}, 404, ""),
        ("PUT", "/messages/unknown", {"json": {"unread": False}}, 404, ""),
        ("GET", "/attachments/unknown", {}, 404, ""),
        ("GET", "/folders/unknown", {}, 404, ""),
        ("POST", "/sync", {"json": {"mode": "sideways"}}, 400, "mode"),
        ("POST", "/messages/send", {"json": {"to": []}}, 400, "to"),
        ("POST", "/messages/send", {"json": {"to": [{"email": "no address"}]}}, 400, "email"),
        (
            "POST",
            "/messages/send",
            {"json": {"to": recipient, "subject": "a\r\nBcc: x@y.example"}},
            400,
            "subject",
        ),
        ("POST", "/messages/send", {"content": b"\xff\xfe"}, 400, ""),
    ]
    for method, path, parts, status, named in cases:
        answer = http.request(method, base + path, **parts)
        assert answer.status_code == status, (method, path, answer.text)
        assert named in answer.json()["error"]["message"]
    assert provider.messages(address) == []


def _start(stack: RunningStack, provider: SimulatedProvider, address: str) -> str:
    query = {
        "client_id": stack.client_id,
        "redirect_uri": RETURN_ADDRESS,
        "response_type": "code",
        "provider": provider.name,
        "login_hint": address,
    }
    return str(httpx.URL(f"{stack.api_uri}/v3/connect/auth", params=query))


@pytest.mark.usefixtures("return_address")
def test_a_forged_state_shows_a_page(stack: RunningStack) -> None:
    """A state that is not ours leads nowhere: a page says what to do."""
    answer = httpx.get(f"{stack.api_uri}/v3/connect/callback?state=forged&code=x", timeout=60)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "content-security-policy" in answer.headers


@pytest.mark.usefixtures("return_address")
def test_a_consent_of_another_browser_makes_no_account(
    stack: RunningStack, http: httpx.Client, provider: SimulatedProvider
) -> None:
    """A callback without the cookie of the browser that began is refused, and so is its replay."""
    address = provider.address("victim")
    provider.call("POST", "mailboxes", json={"address": address})
    with httpx.Client(timeout=60) as attacker:
        consent = attacker.get(_start(stack, provider, address)).headers["location"]
        callback = attacker.get(consent).headers["location"]
    assert httpx.get(callback, timeout=60).status_code == 400
    grants = http.get("/v3/grants", params={"email": address}).json()
    assert grants["data"] == []


@pytest.mark.usefixtures("return_address")
@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"consent": "deny"}, "access_denied"),
        (
            {"deny_scopes": ["https://www.googleapis.com/auth/gmail.modify", "Mail.Send"]},
            "scopes_missing",
        ),
    ],
)
def test_a_consent_that_is_not_enough_is_told_to_the_return_address(
    stack: RunningStack,
    http: httpx.Client,
    provider: SimulatedProvider,
    settings: dict[str, Any],
    error: str,
) -> None:
    """Refused or partial consent: the documented error, no account."""
    address = provider.address(error)
    provider.call("POST", "mailboxes", json={"address": address})
    provider.call("POST", "settings", json=settings)
    try:
        with httpx.Client(timeout=60) as browser:
            answer = come_back(browser, _start(stack, provider, address))
    finally:
        provider.call("POST", "settings", json={"consent": "grant", "deny_scopes": []})
    assert answer["error"] == error
    assert answer["error_description"]
    assert http.get("/v3/grants", params={"email": address}).json()["data"] == []
