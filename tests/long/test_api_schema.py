"""The running API keeps to its own description, whatever it is sent (schemathesis).

    the administrator's key, on a Gmail mailbox ─┐
    an access token, on an Outlook mailbox      ─┴─ at the same time; then what ends things

Every check of schemathesis is on: no status from 500 on, no status, media type, header or shape
that the document does not name, what fits the document is taken, what does not is refused, nobody
enters without a key, and other methods are 405. And each operation has served somebody at least
once: one that refuses everything keeps to its description, too.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from local.running_stack import RunningStack
from tests.e2e.conftest import RETURN_ADDRESS, SimulatedProvider, come_back, wait_for

pytestmark = pytest.mark.long

OWNERS_ENDS = (
    "remove_draft|post_draft_send|remove_folder|stop_schedule|remove_message|remove_thread"
)

ADMINISTRATORS_ENDS = (
    "delete_webhook|delete_redirect_uri|delete_credential|delete_invitation|revoke_api_key"
)
"""Operations after which the others would not find what the ids in their paths name."""

ENDINGS = r"delete_grant|delete_connector|create_connector|update_connector_\w+|update_application"
"""Operations after which the others would find neither mailbox nor provider nor address."""

ENDS = f"{OWNERS_ENDS}|{ADMINISTRATORS_ENDS}"


@dataclass(frozen=True)
class Excuse:
    """Why operations may refuse what fits the document, and how."""

    reason: str
    statuses: tuple[int, ...]
    operations: str
    """Their ids, separated by spaces or bars."""


EXCUSES = (
    Excuse(
        "a token, code, consent or proof that is none",
        (400, 401, 403),
        "start finish token tokeninfo revoke connect update_grant push_google push_microsoft"
        " push_microsoft_lifecycle",
    ),
    Excuse(
        "a cursor that is none of ours, or a folder in the query that is none",
        (400,),
        "get_messages get_threads get_drafts get_draft get_folders list_connectors list_deliveries",
    ),
    Excuse(
        "a folder or message in the body that there is not, and what a provider does not do",
        (400, 404),
        "put_message put_thread post_folder put_folder clean send post_draft put_draft",
    ),
    Excuse("a file that is larger than its provider sends", (413,), "offer_upload"),
    Excuse("an idempotency key that was of another message", (409,), "send post_draft"),
    Excuse("`type=mime` goes with a form: a parameter and a body", (415,), "send"),
    Excuse("what is no address, type or time but looks like one", (400,), "offer_upload detect"),
    Excuse(
        "an address that the DNS does not know, or that browsers must not be sent to",
        (400,),
        "create_redirect_uri update_redirect_uri update_application create_webhook update_webhook",
    ),
    Excuse(
        "a client, scope, invitation or time that only looks like one",
        (400,),
        "create_credential update_credential update_connector_put update_connector_patch"
        " create_connector post_invitation create_api_key",
    ),
    Excuse(
        "what is there already", (409,), "create_redirect_uri update_redirect_uri create_connector"
    ),
    Excuse(
        "what it, or an ending before it, has removed",
        (404,),
        f"{ENDS}|delete_grant|delete_connector",
    ),
)

SERVED_ELSEWHERE = {
    "connect": "takes a token that its provider gave to somebody: tests/e2e/test_sdk_settings.py",
    "push_google": "takes a proof that only its provider can give: tests/e2e/test_pushes.py",
}
"""Operations that nobody here can make succeed, and who sees them do."""

OF_THEIR_OWN = (
    ("post_draft_send", "draft_id", "sent_draft_id"),
    ("complete_upload", "attachment_id", "upload_id"),
    ("get_credential", "provider", "credential_provider"),
    ("update_credential", "provider", "credential_provider"),
    ("delete_credential", "provider", "credential_provider"),
)
"""Ids that one operation has to itself: the operation, its parameter, and what is known."""

HOOKS = Path(__file__).with_name("nothing_in_queries.py")

OF_A_MAILBOX = r"^/v3/grants/\{grant_id\}/"

Known = dict[str, str]
"""Ids of what there is, by the names of parameters."""


class Served:
    """The operations that have served somebody: answered with what was asked for, or a redirect."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._routes = [
            (method.upper(), re.compile(re.sub(r"{\w+}", "[^/]+", path)), each["operationId"])
            # Names before parameters that would match them, too.
            for path, methods in sorted(
                document["paths"].items(), key=lambda item: item[0].count("{")
            )
            for method, each in methods.items()
            if "operationId" in each
        ]
        self.operations: set[str] = set()

    @property
    def missing(self) -> set[str]:
        """Those of the document that have served nobody."""
        return {operation for _, _, operation in self._routes} - self.operations

    def note(self, method: str, url: str, status: int) -> None:
        """Note an answer."""
        path = urlsplit(url).path
        served = (
            operation
            for of_route, pattern, operation in self._routes
            if of_route == method and pattern.fullmatch(path)
        )
        if 200 <= status < 400:
            self.operations |= {next(served, "")}

    def note_response(self, response: httpx.Response) -> None:
        """Note an answer to a client of this test."""
        self.note(response.request.method, str(response.url), response.status_code)

    def note_archive(self, archive: Path) -> None:
        """Note all answers of a run (HAR 1.2, `log.entries`)."""
        for each in json.loads(archive.read_text())["log"]["entries"]:
            request = each["request"]
            self.note(request["method"], request["url"], each["response"]["status"])


def _letter(address: str, number: int) -> bytes:
    letter = EmailMessage()
    letter["From"] = "Charles Babbage <charles@example.org>"
    letter["To"] = address
    letter["Subject"] = f"Notes {number}"
    letter["Date"] = f"Mon, 02 Nov 2026 10:0{number}:00 +0000"
    letter["Message-ID"] = f"<notes-{number}@example.org>"
    letter.set_content("Please find my notes attached.")
    letter.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="notes.pdf")
    return letter.as_bytes()


@pytest.fixture
def served(stack: RunningStack, http: httpx.Client) -> Iterator[Served]:
    """What has served somebody; also what this test's own client asks for counts."""
    document = httpx.get(f"{stack.api_uri}/openapi.json", timeout=60).json()
    # Started by a caller without a key, one by one: with everything else at once, the start of a
    # function can take longer than the gateway waits for an answer.
    for path, methods in document["paths"].items():
        for method in (name for name, each in methods.items() if "operationId" in each):
            url = stack.api_uri + re.sub(r"{\w+}", "none", path)
            httpx.request(method, url, timeout=60)
    served = Served(document)
    http.event_hooks = {"response": [served.note_response]}
    yield served
    http.event_hooks = {}


@pytest.fixture
def mailbox(
    stack: RunningStack, http: httpx.Client, return_address: str, served: Served
) -> Callable[[SimulatedProvider], Known]:
    """Connect a mailbox with some mail; answers an access token and ids of what is in it."""

    def connecting(provider: SimulatedProvider) -> Known:
        address = provider.address("described")
        provider.call("POST", "mailboxes", json={"address": address})
        for number in range(5):
            provider.deliver(address, _letter(address, number))
        start = httpx.URL(
            f"{stack.api_uri}/v3/connect/auth",
            params={
                "client_id": stack.client_id,
                "redirect_uri": return_address,
                "response_type": "code",
                "provider": provider.name,
                "login_hint": address,
            },
        )
        heard = {"response": [served.note_response]}
        with httpx.Client(timeout=60, event_hooks=heard) as browser:
            code = come_back(browser, str(start))["code"]
        tokens = http.post(
            "/v3/connect/token",
            json={
                "client_id": stack.client_id,
                "client_secret": stack.api_key,
                "grant_type": "authorization_code",
                "redirect_uri": RETURN_ADDRESS,
                "code": code,
            },
        ).json()
        grant = tokens["grant_id"]

        def synced() -> list[dict[str, Any]] | None:
            found: list[dict[str, Any]] = http.get(f"/v3/grants/{grant}/messages").json()["data"]
            return found if len(found) == 5 else None

        newest = wait_for(synced)[0]
        cleaned = {"message_id": [newest["id"]]}
        assert http.put(f"/v3/grants/{grant}/messages/clean", json=cleaned).is_success
        told = {"access_token": tokens["access_token"]}
        assert http.get("/v3/connect/tokeninfo", params=told).is_success

        def made(path: str, **wanted: Any) -> dict[str, Any]:
            answer = http.post(f"/v3/grants/{grant}/{path}", json=wanted)
            assert answer.is_success, answer.text
            data: dict[str, Any] = answer.json()["data"]
            return data

        to = [{"email": "charles@example.org"}]
        later = {"to": to, "subject": "Notes 8", "send_at": int(time.time()) + 7_200}
        upload = made("attachment-uploads", filename="n.txt", content_type="text/plain", size=1)
        put = httpx.put(upload["url"], content=b"n", headers=upload["headers"], timeout=60)
        assert put.is_success, put.text
        return {
            "token": tokens["access_token"],
            "grant_id": grant,
            "message_id": newest["id"],
            "thread_id": newest["thread_id"],
            "attachment_id": newest["attachments"][0]["id"],
            "draft_id": made("drafts", subject="Notes 6")["id"],
            "sent_draft_id": made("drafts", to=to, subject="Notes 7")["id"],
            "folder_id": made("folders", name="Notes")["id"],
            "schedule_id": made("messages/send", **later)["schedule_id"],
            "upload_id": upload["attachment_id"],
        }

    return connecting


@pytest.fixture
def belongings(http: httpx.Client) -> Known:
    """What an administrator has made: ids of one of each."""

    def made(path: str, **wanted: Any) -> str:
        answer = http.post(f"/v3/{path}", json=wanted)
        assert answer.is_success, answer.text
        return str(answer.json()["data"]["id"])

    client = {"client_id": "another", "client_secret": "secret"}
    return {
        "credential_provider": "google",
        "webhook_id": made(
            "webhooks",
            trigger_types=["message.created"],
            webhook_url="https://93.184.215.14/hook",
        ),
        "redirect_uri_id": made("applications/redirect-uris", url="https://a.example/back"),
        "credential_id": made(
            "connectors/google/creds",
            name="Second client",
            credential_type="connector",
            credential_data=client,
        ),
        "invitation_id": made("invitations", kind="domain", value="invited.example"),
        "api_key_id": made("api-keys", name="Importer"),
    }


def excused() -> dict[str, list[str]]:
    """Return the statuses that an operation may answer with to what fits the document."""
    found: dict[str, list[str]] = {}
    for excuse in EXCUSES:
        for operation in re.split(r"[ |]", excuse.operations):
            statuses = found.setdefault(operation, ["2xx", "3xx"])
            statuses += [str(status) for status in excuse.statuses]
    return found


def _configuration(known: Known, *, grant: str, walked_by_others: str = "") -> str:
    """Return schemathesis' settings: the ids that there are, and what may be refused by them.

    Every value of every field is tried once, and not where somebody else does.
    """
    known = {**known, "grant_id": grant}
    others = {"token", *(known_as for _, _, known_as in OF_THEIR_OWN)}
    ids = [f'"path.{name}" = "{known[name]}"' for name in known if name not in others]
    lines = [
        "seed = 1",
        "workers = 1",
        "continue-on-failure = true",
        "request-timeout = 60",
        # Functions stop at 25 s; how fast they are is for `make bench` to say.
        "checks.max_response_time = 30",
        'checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx"]',
        f'hooks = "{HOOKS}"',
        "[generation]",
        "max-examples = 5",
        "deterministic = true",
        'database = "none"',
        "[phases.stateful]",
        "max-steps = 3",
        "[phases.coverage]",
        'unexpected-methods = ["TRACE"]',
        "[parameters]",
        *ids,
    ]
    if walked_by_others:
        lines += [
            "[[operations]]",
            f"include-path-regex = '{walked_by_others}'",
            "phases.coverage.enabled = false",
        ]
    for operation, statuses in excused().items():
        lines += [
            "[[operations]]",
            f'include-operation-id = "{operation}"',
            f"checks.positive_data_acceptance.expected-statuses = {json.dumps(statuses)}",
        ]
    for operation, name, known_as in (each for each in OF_THEIR_OWN if each[2] in known):
        lines += [
            "[[operations]]",
            f'include-operation-id = "{operation}"',
            f'parameters = {{ "path.{name}" = "{known[known_as]}" }}',
        ]
    return "\n".join(lines)


def _described(
    folder: Path, stack: RunningStack, *selection: str, key: str, configuration: str
) -> str:
    """Hold the API to its document; answers what was found, or nothing."""
    folder.mkdir()
    document, settings = folder / "openapi.json", folder / "schemathesis.toml"
    document.write_text(httpx.get(f"{stack.api_uri}/openapi.json", timeout=60).text)
    settings.write_text(configuration)
    done = subprocess.run(  # noqa: S603 - our own arguments
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(settings)),
            *("run", str(document), "--url", stack.api_uri),
            *("--header", f"Authorization: Bearer {key}"),
            *("--checks", "all", "--no-color", *selection),
            *("--report", "har", "--report-har-path", str(folder / "run.har")),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_api_is_what_its_document_says(
    stack: RunningStack,
    google: SimulatedProvider,
    microsoft: SimulatedProvider,
    mailbox: Callable[[SimulatedProvider], Known],
    belongings: Known,
    served: Served,
    tmp_path: Path,
) -> None:
    """For the administrator and for a mailbox's owner, until everything is removed."""
    gmail, outlook = mailbox(google) | belongings, mailbox(microsoft)
    of_gmail = _configuration(gmail, grant=gmail["grant_id"], walked_by_others=OF_A_MAILBOX)
    of_outlook = _configuration(outlook, grant="me")

    def run(name: str, *selection: str, key: str, configuration: str) -> str:
        return _described(tmp_path / name, stack, *selection, key=key, configuration=configuration)

    not_yet = ("--exclude-operation-id-regex", f"{ENDS}|{ENDINGS}")
    owners = {"key": outlook["token"], "configuration": of_outlook}
    administrators = {"key": stack.api_key, "configuration": of_gmail}
    with ThreadPoolExecutor() as both:
        administrator = both.submit(run, "administrator", *not_yet, **administrators)
        of_grants = (*not_yet, "--include-path-regex", "/v3/grants/")
        owner = both.submit(run, "owner", *of_grants, **owners)
        found = [administrator.result(), owner.result()]
    only = "--include-operation-id-regex"
    found += [
        run("owners-ends", only, OWNERS_ENDS, **owners),
        run("administrators-ends", only, ENDS, **administrators),
        run("endings", only, ENDINGS, **administrators),
    ]
    assert not any(found), "\n".join(found)

    for archive in tmp_path.glob("*/run.har"):
        served.note_archive(archive)
    assert served.missing == set(SERVED_ELSEWHERE)
