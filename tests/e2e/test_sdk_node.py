"""The official Node SDK drives the whole email scope, against both providers.

    tests/e2e/node/*.js ── checked against the SDK's types ──► what they call is its public API
             │ one process each
             ▼
         the stack ────── V8 counts which of its functions ran ──► no method is left out

Nothing of the SDK is replaced; where it has a bug of its own, the script says so and shows that the
server is right.
"""

import json
import os
import subprocess
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from nylas.models.webhooks import WebhookTriggers

from local.running_stack import RunningStack
from postroom.domain.event import EventType
from tests.e2e.conftest import SimulatedProvider
from tests.e2e.node_packages import with_packages
from tests.e2e.test_first_mailbox import PNG
from tests.sdk_requests import LEFT_OUT as LEFT_OUT_REQUESTS
from tests.sdk_requests import READ_BY, unknown_fields, unserved_values
from tests.world import make_mail

SECONDS = 600
"""A limit, not a duration: a script takes a few seconds, and waits for nothing beyond a minute."""

LAST_YEAR = 1_760_000_000
"""Unix seconds: two mails of one second have no order that a test could know."""

OF_MAIL = "grant message thread folder"
READ_BY_MACHINES = "message.intelligence."
"""Triggers for orders and parcels that a machine finds in mail; no part of the contract."""

CRUD = "list find create update destroy"
JUDGED: Mapping[str, Mapping[str, str]] = {
    "attachments.js": {"attachments": "find download downloadNodeStream downloadBytes"},
    "applications.js": {"applications": "getDetails update", "redirectUris": CRUD},
    "auth.js": {
        "auth": "urlForOAuth2 exchangeCodeForToken refreshAccessToken urlForOAuth2PKCE"
        " urlForAdminConsent customAuthentication revoke detectProvider idTokenInfo accessTokenInfo"
    },
    "cleaning.js": {"messages": "cleanMessages"},
    "connectors.js": {"connectors": CRUD, "credentials": CRUD},
    "drafts.js": {"drafts": f"{CRUD} send"},
    "folders.js": {"folders": CRUD},
    "grants.js": {"grants": "list find update destroy"},
    "messages.js": {"messages": "list find update destroy"},
    "schedules.js": {"messages": "listScheduledMessages findScheduledMessage stopScheduledMessage"},
    "sending.js": {"messages": "send"},
    "threads.js": {"threads": "list find update destroy"},
    "uploads.js": {"attachments": "createUploadSession completeUploadSession"},
    "webhooks.js": {"webhooks": f"{CRUD} rotateSecret ipAddresses extractChallengeParameter"},
}
"""Each script, and the methods that it calls, by resource."""


NO_EMAIL = (
    "availability bookings calendars configurations contacts domains events lists notetakers "
    "policies rules sessions transactionalSend workspaces"
)
"""Calendars, contacts, meetings, and mail that is sent from a domain rather than a mailbox."""

LEFT_OUT = {
    "smartCompose.composeMessage": "a language model writes; no part of the contract",
    "smartCompose.composeMessageReply": "a language model writes; no part of the contract",
}
"""Methods of email resources that nothing judges, and why."""


@dataclass(frozen=True)
class NodeSdk:
    """Runs scripts that use the SDK against a running stack."""

    stack: RunningStack
    return_address: str
    types: Mapping[str, Any]
    scratch: Path

    def judge(self, script: str, provider: str = "google", **world: str) -> None:
        """Run a script to its end, and see that it called what it judges."""
        described = self.scratch / "types.json"
        described.write_text(json.dumps(self.types))
        told = {
            "apiUri": self.stack.api_uri,
            "apiKey": self.stack.api_key,
            "clientId": self.stack.client_id,
            "returnAddress": self.return_address,
            "provider": provider,
            "simulators": self.stack.simulators,
            "modelsFile": str(described),
        }
        coverage = self.scratch / f"{uuid.uuid4()}"
        done = _run(
            "node",
            script,
            told=json.dumps(told | world),
            environment={"NODE_V8_COVERAGE": str(coverage)},
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        judged = {f"{of}.{name}" for of, names in JUDGED[script].items() for name in names.split()}
        assert judged <= called_methods(coverage)


def called_methods(coverage: Path) -> set[str]:
    """Return the methods of the SDK's resources that V8 saw run, as `messages.find`.

    The form of the files is that of the protocol's `Profiler.takePreciseCoverage`:
    https://nodejs.org/api/cli.html#node_v8_coveragedir
    """
    called = set()
    for file in coverage.iterdir():
        for script in json.loads(file.read_text())["result"]:
            path = Path(urlsplit(script["url"]).path)
            if path.parent.parts[-4:] == ("nylas", "lib", "esm", "resources"):
                called |= {
                    f"{path.stem}.{function['functionName']}"
                    for function in script["functions"]
                    if function["ranges"][0]["count"]
                }
    return called


@pytest.fixture(scope="session")
def types() -> Mapping[str, Any]:
    """What the SDK's declarations say: see node/sdk_types.js."""
    done = _run("node", "sdk_types.js")
    assert done.returncode == 0, done.stderr
    described: dict[str, Any] = json.loads(done.stdout)
    return described


@pytest.fixture(scope="session")
def node_sdk(
    stack: RunningStack,
    return_address: str,
    google: SimulatedProvider,
    microsoft: SimulatedProvider,
    types: Mapping[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> NodeSdk:
    """The SDK, installed, before a stack whose providers' people agree."""
    return NodeSdk(stack, return_address, types, tmp_path_factory.mktemp("node"))


def _run(
    *command: str, told: str = "", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        command,
        cwd=with_packages(),
        env=os.environ | (environment or {}),
        input=told,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


# ── No method is left out ────────────────────────────────────────────────────────────────────


def test_what_the_scripts_call_is_the_public_api(types: Mapping[str, Any]) -> None:
    """TypeScript's checker, strict, finds nothing wrong with any script."""
    assert types["problems"] == []


def test_every_method_of_the_email_scope_is_judged(types: Mapping[str, Any]) -> None:
    """Whatever a release of the SDK adds has to be judged, or left out for a reason."""
    judged = {
        f"{resource}.{name}"
        for resources in JUDGED.values()
        for resource, names in resources.items()
        for name in names.split()
    }
    email = {method for method in types["methods"] if method.split(".")[0] not in NO_EMAIL.split()}
    assert email == judged | set(LEFT_OUT)


# ── What an administrator and an application set up ──────────────────────────────────────────


def test_webhooks_name_every_trigger_of_mail_that_both_sdks_know(types: Mapping[str, Any]) -> None:
    """`….legacy` ones were 400; one that an SDK does not know would break its list of webhooks."""
    # Given
    of_node = {
        each["value"] for each in types["models"]["Webhook"]["members"]["triggerTypes"]["of"]["of"]
    }
    of_python = {each.value for each in WebhookTriggers}
    # When
    known = {each for each in of_node & of_python if each.split(".")[0] in OF_MAIL.split()}
    # Then
    assert set(EventType) == {each for each in known if not each.startswith(READ_BY_MACHINES)}


def test_no_field_that_callers_may_say_is_unknown(types: Mapping[str, Any]) -> None:
    """By the SDK's types of requests, as it writes their fields; a new type has to be judged."""
    requests = {name: set(fields) for name, fields in types["requests"].items()}
    assert {"use_draft", "tracking_options"} <= requests["SendMessageRequest"]
    assert set(requests) - set(LEFT_OUT_REQUESTS) - set(READ_BY) == set()
    assert unknown_fields(requests) == {}


def test_no_value_that_callers_may_say_is_unknown(types: Mapping[str, Any]) -> None:
    """What is not served, like triggers of calendars, is refused in a sentence of its own."""
    assert "message.opened.legacy" in types["values"]["CreateWebhookRequest"]["trigger_types"]
    assert unserved_values(types["values"]) == {}


def test_the_application_and_its_return_addresses(node_sdk: NodeSdk) -> None:
    """Read, changed, and removed."""
    node_sdk.judge("applications.js")


def test_webhooks(node_sdk: NodeSdk) -> None:
    """Every method, the challenge's too."""
    node_sdk.judge("webhooks.js")


def test_authentication(node_sdk: NodeSdk, provider: SimulatedProvider) -> None:
    """Mailboxes connected in every way, and what becomes of their tokens."""
    node_sdk.judge("auth.js", provider.name)


@pytest.mark.usefixtures("new_connector")
def test_connectors_and_credentials(node_sdk: NodeSdk, provider: SimulatedProvider) -> None:
    """Made anew, changed, listed to the end, with other clients beside them."""
    node_sdk.judge("connectors.js", provider.name)


# ── Mailboxes ────────────────────────────────────────────────────────────────────────────────

Connect = Callable[[SimulatedProvider, str], str]


def test_grants(node_sdk: NodeSdk, provider: SimulatedProvider, connect: Connect) -> None:
    """Found by id and by an address with a plus sign, listed with the SDK's own paging."""
    address = _mailbox(provider, "node+grants")
    node_sdk.judge("grants.js", provider.name, address=address, grant=connect(provider, address))


def test_folders(node_sdk: NodeSdk, provider: SimulatedProvider, connect: Connect) -> None:
    """Every method, with every parameter."""
    address = _mailbox(provider, "node-folders")
    node_sdk.judge("folders.js", provider.name, address=address, grant=connect(provider, address))


def test_messages(node_sdk: NodeSdk, provider: SimulatedProvider, connect: Connect) -> None:
    """Listed with every filter, read in every form, changed, and thrown away."""
    address = _mailbox(provider, "node-messages")
    for number in range(1, 5):
        provider.deliver(address, _letter(address, number), received_at=LAST_YEAR + number)
    provider.deliver(address, _newsletter(address), received_at=LAST_YEAR + 5)
    node_sdk.judge("messages.js", provider.name, address=address, grant=connect(provider, address))


def test_sending(node_sdk: NodeSdk, provider: SimulatedProvider, connect: Connect) -> None:
    """As JSON, and as a form that is sent in chunks."""
    address = _mailbox(provider, "node-sending")
    for role in ("", "cc-", "bcc-"):
        reader = {"address": f"{role}reader-of-{address}"}
        provider.call("POST", "mailboxes", json=reader)
    provider.deliver(address, _letter(address, 1))
    node_sdk.judge("sending.js", provider.name, address=address, grant=connect(provider, address))


def test_uploads(node_sdk: NodeSdk, provider: SimulatedProvider, connect: Connect) -> None:
    """A file beyond every request, sent by the id of its upload."""
    address = _mailbox(provider, "node-uploads")
    provider.call("POST", "mailboxes", json={"address": f"reader-of-{address}"})
    node_sdk.judge("uploads.js", provider.name, address=address, grant=connect(provider, address))


def test_schedules(node_sdk: NodeSdk, provider: SimulatedProvider, connect: Connect) -> None:
    """A message that is sent later, and one that is called back."""
    address = _mailbox(provider, "node-schedules")
    provider.call("POST", "mailboxes", json={"address": f"reader-of-{address}"})
    node_sdk.judge("schedules.js", provider.name, address=address, grant=connect(provider, address))


def test_drafts(node_sdk: NodeSdk, provider: SimulatedProvider, connect: Connect) -> None:
    """Written and rewritten as JSON and as a form, sent, and thrown away."""
    address = _mailbox(provider, "node-drafts")
    provider.call("POST", "mailboxes", json={"address": f"reader-of-{address}"})
    # Of last year: of two mails of one second, either is the newest of their conversation.
    provider.deliver(address, _letter(address, 1), received_at=LAST_YEAR)
    node_sdk.judge("drafts.js", provider.name, address=address, grant=connect(provider, address))


def test_threads(node_sdk: NodeSdk, provider: SimulatedProvider, connect: Connect) -> None:
    """A conversation and a letter: listed, read, answered, changed, and thrown away."""
    address = _mailbox(provider, "node-threads")
    provider.call("POST", "mailboxes", json={"address": f"reader-of-{address}"})
    first = EmailMessage()
    first["From"], first["To"], first["Subject"] = "person1@elsewhere.example", address, "Trip"
    first["Message-ID"] = "<trip@elsewhere.example>"
    first.set_content("Shall we?")
    first.add_attachment(b"a map", "application", "pdf", filename="map.pdf")
    second = make_mail(
        to=address,
        subject="Re: Trip",
        sender="person2@elsewhere.example",
        Message_ID="<trip-2@elsewhere.example>",
        In_Reply_To="<trip@elsewhere.example>",
        References="<trip@elsewhere.example>",
    )
    for age, mail in enumerate((first.as_bytes(), second, _letter(address, 1))):
        provider.deliver(address, mail, received_at=LAST_YEAR + 10 * age)
    node_sdk.judge("threads.js", provider.name, address=address, grant=connect(provider, address))


def test_cleaning(node_sdk: NodeSdk, provider: SimulatedProvider, connect: Connect) -> None:
    """A newsletter, and an answer below which the question stands again."""
    address = _mailbox(provider, "node-cleaning")
    provider.deliver(address, _newsletter(address), received_at=LAST_YEAR)
    answer = make_mail(
        to=address,
        subject="Re: Pão quente às sete",
        text="Vamos às oito!\n\n"
        "On Mon, 3 Nov 2025 at 07:00, Padaria <ola@padaria.example> wrote:\n"
        "> O pão sai às sete.\n",
    )
    provider.deliver(address, answer, received_at=LAST_YEAR + 1)
    node_sdk.judge("cleaning.js", provider.name, address=address, grant=connect(provider, address))


def test_attachments(node_sdk: NodeSdk, provider: SimulatedProvider, connect: Connect) -> None:
    """A small one, and one to whose bytes the SDK is sent on."""
    address = _mailbox(provider, "node-attachments")
    provider.deliver(address, _newsletter(address))
    large = EmailMessage()
    large["From"], large["To"], large["Subject"] = "ana@elsewhere.example", address, "Large"
    large.set_content("See the file.")
    content = (b"postroom" * 625_000)[:5_000_000]
    large.add_attachment(content, "application", "octet-stream", filename="large.bin")
    provider.deliver(address, large.as_bytes())
    node_sdk.judge(
        "attachments.js", provider.name, address=address, grant=connect(provider, address)
    )


def _mailbox(provider: SimulatedProvider, person: str) -> str:
    address = provider.address(f"{person}-{uuid.uuid4().hex[:6]}")
    provider.call("POST", "mailboxes", json={"address": address, "name": "Rosa Dias"})
    return address


def _letter(to: str, number: int) -> bytes:
    return make_mail(
        to=to,
        subject=f"Letter {number}",
        sender=f"person{number}@elsewhere.example",
        Message_ID=f"<letter-{number}@elsewhere.example>",
    )


def _newsletter(to: str) -> bytes:
    mail = EmailMessage()
    mail["Message-ID"] = "<pao@padaria.example>"
    mail["From"] = "Padaria São João <ola@padaria.example>"
    mail["To"], mail["Cc"] = f"Rosa Dias <{to}>", "ana@elsewhere.example"
    mail["Subject"] = "Pão quente às sete"
    mail.set_content("O pão sai às sete.")
    mail.add_alternative('<p>O <b>pão</b> sai. <img src="cid:forno"></p>', subtype="html")
    html = mail.get_payload()[1]  # type: ignore[index]
    html.add_related(PNG, "image", "png", cid="<forno>", filename="forno.png")  # type: ignore[union-attr]
    mail.add_attachment(b"%PDF-1.4 ...", "application", "pdf", filename="preços.pdf")
    return mail.as_bytes()
