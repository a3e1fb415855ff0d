"""One Google simulator for all its tests, emptied before each; and Google's own client for it."""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import get_static_doc

from local.simulators.google.app import create_app
from tests.simulators.conftest import FRIEND, OWNER, WITHOUT_TLS, Control, Running

MODIFY = "https://www.googleapis.com/auth/gmail.modify"
FULL = "https://mail.google.com/"
REDIRECT = "https://product.example/callback"


@pytest.fixture(scope="session")
def simulator_url(running: Running) -> Iterator[str]:
    with running(create_app(reorder_wait_seconds=60)) as url:
        yield url


@pytest.fixture
def control(simulator_url: str) -> Iterator[Control]:
    """The control interface of an emptied simulator with two mailboxes."""
    with httpx.Client(base_url=simulator_url, timeout=10, verify=WITHOUT_TLS) as http:
        control = Control(http)
        control.post("reset")
        control.post("mailboxes", {"address": OWNER, "name": "Ada Örn"})
        control.post("mailboxes", {"address": FRIEND, "name": "Grace Ho"})
        control.settings(auto_consent=True)
        yield control


@dataclass(frozen=True)
class Consent:
    """The product's side of OAuth, by hand."""

    http: httpx.Client
    verifier: str = "v" * 64

    def authorize(self, address: str, scope: str = FULL, **parameters: str) -> dict[str, str]:
        """Return the query that the browser brings back to the redirect address."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        query = {
            "client_id": "client-1",
            "redirect_uri": REDIRECT,
            "response_type": "code",
            "scope": f"openid email {scope}",
            "state": secrets.token_hex(8),
            "access_type": "offline",
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            "login_hint": address,
            **parameters,
        }
        answer = self.http.get("/o/oauth2/v2/auth", params=query)
        assert answer.status_code == 302, answer.text
        back = {n: v[0] for n, v in parse_qs(urlsplit(answer.headers["Location"]).query).items()}
        assert back["state"] == query["state"]
        return back

    def token(self, **form: str) -> httpx.Response:
        """Call the token endpoint."""
        client = {"client_id": "client-1", "client_secret": "secret"}
        return self.http.post("/token", data={**client, **form})

    def exchange(self, code: str, **form: str) -> httpx.Response:
        """Exchange a code for tokens."""
        usual = {"grant_type": "authorization_code", "redirect_uri": REDIRECT}
        return self.token(**{**usual, "code": code, "code_verifier": self.verifier, **form})

    def connect(self, address: str, scope: str = FULL) -> dict[str, Any]:
        """Return the token answer for a mailbox."""
        answer = self.exchange(self.authorize(address, scope, prompt="consent")["code"])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
def consent(control: Control) -> Consent:
    return Consent(control.http)


def gmail_client(url: str, access_token: str) -> Any:
    """Return Google's own client with its bundled discovery document and another base address.

    `api_endpoint` alone would leave uploads on https and batches at Google.
    """
    document = json.loads(get_static_doc("gmail", "v1"))
    document["rootUrl"] = document["baseUrl"] = f"{url}/"
    credentials = Credentials(token=access_token)  # type: ignore[no-untyped-call]
    return build_from_document(document, credentials=credentials)


@pytest.fixture
def service(simulator_url: str, consent: Consent) -> Iterator[Any]:
    """Google's client, which also makes batches."""
    with gmail_client(simulator_url, consent.connect(OWNER)["access_token"]) as client:
        yield client


@pytest.fixture
def gmail(service: Any) -> Iterator[Any]:
    """Google's client for the owner's mailbox."""
    with service.users() as users:
        yield users


@pytest.fixture
def http(control: Control, consent: Consent) -> Iterator[httpx.Client]:
    """A plain client for the owner's mailbox."""
    token = consent.connect(OWNER)["access_token"]
    with httpx.Client(
        base_url=f"{control.http.base_url}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
        verify=WITHOUT_TLS,
    ) as client:
        yield client
