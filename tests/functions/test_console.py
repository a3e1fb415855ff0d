"""The console's page and the ways in and out, as a browser walks them."""

import base64
import importlib
import json
import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.contract.aws import BUCKET
from tests.functions.conftest import (
    ADDRESS,
    ADMINISTRATOR_KEY,
    PUBLIC_URL,
    Deployment,
    LambdaContext,
    location,
)
from tests.functions.routes import function_of, request

OURS = {"x-postroom-console": "1", "sec-fetch-site": "same-origin"}
STRANGER = "charles@example.org"


@dataclass
class Browser:
    """A browser with its cookies, in front of the deployment."""

    deployment: Deployment
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: str = "",
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Make a request, and keep the cookies of the answer."""
        function = function_of(method, path)
        module = importlib.import_module(f"functions.{function}.app")
        event = request(method, path, body=body, query=query)
        event["headers"] |= OURS if headers is None else headers
        event["cookies"] = [f"{name}={value}" for name, value in self.cookies.items()]
        answer: dict[str, Any] = module.handler(event, LambdaContext(function))
        for each in answer.get("cookies", []):
            ((name, morsel),) = SimpleCookie(each).items()
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
        return answer

    def data(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """Make a request; answers the data of its JSON."""
        answer = self.ask(method, path, body)
        assert answer["statusCode"] == status, answer
        return json.loads(answer["body"]).get("data")

    def connect(self, address: str, **given: str) -> str:
        """Connect a mailbox; answers where in the console one arrives."""
        asked = {"provider": "google", "email": address, **given}
        departure = self.data("POST", "/console/connections", asked)
        consent = self.deployment.simulator.get(departure["consent_url"])
        return self.come_back(consent.headers["location"])

    def come_back(self, address: str) -> str:
        """Follow a redirect into the deployment, and those that come after it."""
        while "#" not in address:
            parts = urlsplit(address)
            assert address.startswith(PUBLIC_URL), address
            answer = self.ask("GET", parts.path, query=parts.query, headers={})
            assert answer["statusCode"] == 302, answer
            address = location(answer)
        return address

    def use_key(self) -> None:
        """Sign in as an administrator."""
        self.data("POST", "/console/session", {"api_key": ADMINISTRATOR_KEY})


@pytest.fixture
def browser(deployment: Deployment) -> Browser:
    return Browser(deployment)


class TestPage:
    """What a browser loads."""

    def test_nothing_comes_from_elsewhere_and_nothing_runs_that_is_no_file(
        self, browser: Browser
    ) -> None:
        """A strict policy, and a page that needs no exception from it."""
        answer = browser.ask("GET", "/console", headers={})
        policy = answer["headers"]["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        (reached,) = re.findall(r"connect-src ([^;]*);", policy)
        own, uploads = reached.split()
        assert own == "'self'"
        assert uploads == f"https://{BUCKET}.s3.amazonaws.com/uploads/"
        assert not re.findall(r"<script>|\son\w+=|style=|<style|https?://", answer["body"])

    def test_every_file_is_there_and_stays(self, browser: Browser) -> None:
        """A script, a style and an icon, to be kept for ever, and small on the wire."""
        body = browser.ask("GET", "/console", headers={})["body"]
        named = re.findall(r'(?:href|src)="(/console/assets/[^"]+)"', body)
        assert {path.rpartition(".")[2] for path in named} == {"js", "css", "svg"}
        carried = 0
        for path in named:
            answer = browser.ask("GET", path, headers={"accept-encoding": "gzip"})
            assert answer["statusCode"] == 200, path
            assert "immutable" in answer["headers"]["Cache-Control"]
            carried += len(base64.b64decode(answer["body"]))
        assert carried < 75_000

    def test_a_browser_that_has_the_page_is_told_so(self, browser: Browser) -> None:
        """The page is asked for each time, and sent once."""
        first = browser.ask("GET", "/console", headers={})
        etag = first["headers"]["ETag"]
        again = browser.ask("GET", "/console", headers={"if-none-match": f"W/{etag}"})
        assert (again["statusCode"], again["body"]) == (304, "")

    @pytest.mark.parametrize("name", ["missing.js", "index.html", "..%2Fapp.py", "app.py"])
    def test_other_files_are_not_there(self, browser: Browser, name: str) -> None:
        """Neither what never was, nor what lies beside."""
        assert browser.ask("GET", f"/console/assets/v/{name}", headers={})["statusCode"] == 404

    def test_the_address_alone_leads_to_the_console(self, browser: Browser) -> None:
        """People type no paths."""
        assert location(browser.ask("GET", "/", headers={})) == "/console"


class TestSigningIn:
    """With a key, with a mailbox, with both."""

    def test_a_stranger_is_nobody(self, browser: Browser) -> None:
        """The page is told which providers there are, and no more."""
        assert browser.data("GET", "/console/session") == {
            "is_administrator": False,
            "is_person": False,
            "mailboxes": [],
            "providers": ["google"],
            "sign_up": "invited",
            "undo_seconds": 0,
        }

    def test_the_cookie_is_out_of_reach(self, browser: Browser) -> None:
        """For this host, over https, not for scripts; and it holds no key."""
        answer = browser.ask("POST", "/console/session", {"api_key": ADMINISTRATOR_KEY})
        (cookie,) = answer["cookies"]
        name, *attributes = cookie.split("; ")
        assert name.startswith("__Host-postroom_session=")
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes)
        assert ADMINISTRATOR_KEY not in str(answer)

    def test_an_administrator_comes_in_and_leaves(self, browser: Browser) -> None:
        """In between, the session is what the key is."""
        browser.use_key()
        assert browser.data("GET", "/console/session")["is_administrator"]
        assert browser.data("GET", "/v3/connectors")
        kept = dict(browser.cookies)
        browser.data("DELETE", "/console/session")
        assert browser.cookies == {}
        browser.cookies = kept
        assert browser.ask("GET", "/v3/connectors")["statusCode"] == 401

    @pytest.mark.parametrize("key", ["wrong", "postroom_wrong", "x" * 1000])
    def test_a_wrong_key_is_refused(self, browser: Browser, key: str) -> None:
        """And leaves no cookie."""
        browser.data("POST", "/console/session", {"api_key": key}, status=401)
        assert browser.cookies == {}

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/console/session"),
            ("DELETE", "/console/session"),
            ("POST", "/console/connections"),
        ],
    )
    def test_other_sites_sign_nobody_in_or_out(
        self, browser: Browser, method: str, path: str
    ) -> None:
        """A form of another site can send cookies, but not our header."""
        browser.use_key()
        cross = {"sec-fetch-site": "cross-site"}
        answer = browser.ask(method, path, {"api_key": "x", "provider": "google"}, headers=cross)
        assert answer["statusCode"] == 403
        assert browser.data("GET", "/console/session")["is_administrator"]

    def test_a_stranger_is_not_invited(self, browser: Browser) -> None:
        """They are told so, are nobody, and leave no account."""
        assert browser.connect(STRANGER) == "/console#/refused/not_invited"
        assert not browser.data("GET", "/console/session")["is_person"]
        grants = browser.deployment.call("GET", "/v3/grants")["data"]
        assert STRANGER not in {grant["email"] for grant in grants}

    def test_an_owner_signs_in_with_a_mailbox_that_an_application_connected(
        self, browser: Browser
    ) -> None:
        """They see it with its progress, and reach it through the API."""
        arrived = browser.connect(ADDRESS)
        session = browser.data("GET", "/console/session")
        (mailbox,) = session["mailboxes"]
        assert arrived == f"/console#/mail/{mailbox['id']}"
        assert (session["is_person"], session["is_administrator"]) == (True, False)
        assert mailbox["email"] == ADDRESS
        assert mailbox["sync"]["stored"] > 0
        grant = mailbox["id"]
        assert browser.data("GET", f"/v3/grants/{grant}/messages")
        assert [each["id"] for each in browser.data("GET", "/v3/grants")] == [grant]
        assert browser.ask("GET", "/v3/connectors")["statusCode"] == 403

    def test_a_link_brings_somebody_in_once(self, browser: Browser) -> None:
        """The administrator gets it once; it is listed without its secret, and used up."""
        browser.use_key()
        made = browser.data("POST", "/v3/invitations", {"kind": "link", "value": "C"}, status=201)
        token = made["url"].partition("#/join/")[2]
        assert token
        (listed,) = browser.data("GET", "/v3/invitations")
        assert token not in str(listed)

        charles = Browser(browser.deployment)
        assert charles.connect(STRANGER, invitation=token).startswith("/console#/mail/")
        assert browser.data("GET", "/v3/invitations") == []
        emails = {
            mailbox["email"]
            for person in browser.data("GET", "/v3/people")
            for mailbox in person["mailboxes"]
        }
        assert STRANGER in emails

    def test_the_return_is_worth_nothing_in_another_browser(self, browser: Browser) -> None:
        """Whoever follows a prepared link is not signed in as somebody else."""
        asked = {"provider": "google", "email": ADDRESS}
        departure = browser.data("POST", "/console/connections", asked)
        consent = browser.deployment.simulator.get(departure["consent_url"])
        parts = urlsplit(consent.headers["location"])
        back = browser.ask("GET", parts.path, query=parts.query, headers={})

        victim = Browser(browser.deployment)
        assert victim.come_back(location(back)) == "/console#/refused/state_invalid"
        assert victim.cookies == {}

    def test_what_comes_back_in_the_address_leads_nowhere_else(self, browser: Browser) -> None:
        """The reason is one of our words, or the request is wrong."""
        for query in ("error=//evil.example&state=s", "error=%0d%0aSet-Cookie:x&state=s"):
            answer = browser.ask("GET", "/console/connected", query=query, headers={})
            assert answer["statusCode"] == 400

    def test_the_tokens_of_a_sign_in_stand_in_no_address(self, browser: Browser) -> None:
        """Neither the session's, nor the browser's secrets."""
        browser.connect(ADDRESS)
        departure = browser.data("POST", "/console/connections", {"provider": "google"})
        for secret in browser.cookies.values():
            assert secret not in departure["consent_url"]


class TestMessageView:
    """A message in a shape that can be looked at."""

    def test_a_message_is_shown_as_text_and_as_a_document(self, browser: Browser) -> None:
        """The document is shut in whichever way it is opened."""
        browser.connect(ADDRESS)
        (mailbox,) = browser.data("GET", "/console/session")["mailboxes"]
        (message, *_) = browser.data("GET", f"/v3/grants/{mailbox['id']}/messages")
        path = f"/v3/grants/{mailbox['id']}/messages/{message['id']}"
        view = browser.data("GET", f"{path}/view")
        assert "How are you?" in str(view.get("text") or view.get("html"))
        frame = browser.ask("GET", f"{path}/frame", headers={})
        policy = frame["headers"]["Content-Security-Policy"]
        assert frame["statusCode"] == 200
        assert policy.startswith("sandbox allow-same-origin allow-popups ")
        assert "default-src 'none'" in policy
        assert "https:" not in policy
        assert frame["headers"]["Cache-Control"] == "no-store"
        asked = browser.ask("GET", f"{path}/frame", query="remote_pictures=true", headers={})
        assert "img-src data: https:" in asked["headers"]["Content-Security-Policy"]
