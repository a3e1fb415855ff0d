"""Both simulators as the stack runs them: sample mail in each, and mail between them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from werkzeug.serving import make_server

from local.child import START_SECONDS
from local.ports import free_port, free_ports
from local.progress import StackFailed
from local.provider_simulators import SIMULATORS, is_ready, mailboxes, running_simulator
from local.running_stack import plan_on_free_ports
from tests.local_stack.test_child import eventually
from tests.simulators.conftest import OWNER, Control
from tests.simulators.google.conftest import Consent
from tests.simulators.letters import letter
from tests.template.conftest import read_template

AUTHORIZE = "/common/oauth2/v2.0/authorize"
TOKEN = "/common/oauth2/v2.0/token"


@pytest.fixture
def simulators(tmp_path: Path, socket_enabled: None) -> Iterator[Mapping[str, str]]:
    """Both simulators with sample mail, by provider."""
    plan = plan_on_free_ports(tmp_path)
    with ExitStack() as parts:
        for simulator in SIMULATORS:
            name = simulator.provider
            child = parts.enter_context(
                running_simulator(
                    simulator,
                    port=plan.simulator_ports[name],
                    peer=plan.peer_of(name),
                    state=tmp_path / f"{name}.state",
                    seed=True,
                    log=tmp_path / f"{name}.log",
                )
            )
            child.wait_until(partial(is_ready, plan.simulators[name]), START_SECONDS)
        yield plan.simulators


@contextmanager
def outlook(url: str, address: str) -> Iterator[httpx.Client]:
    """Give Graph for a mailbox whose owner agrees."""
    client = {"client_id": "client-1", "redirect_uri": "https://product.example/back"}
    query = {"response_type": "code", "scope": "Mail.ReadWrite Mail.Send", "login_hint": address}
    form = {"grant_type": "authorization_code", "client_secret": "secret"}
    with httpx.Client(base_url=url, timeout=10, trust_env=False) as http:
        http.post("/_sim/settings", json={"auto_consent": True}).raise_for_status()
        back = http.get(AUTHORIZE, params={**client, **query}).headers["Location"]
        code = parse_qs(urlsplit(back).query)["code"][0]
        answer = http.post(TOKEN, data={**client, **form, "code": code})
        http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield http


def test_sample_mail_lies_in_both(simulators: Mapping[str, str]) -> None:
    """Each has three mailboxes, with conversations that both sides have."""
    subjects: dict[str, set[str]] = {}
    for name, url in simulators.items():
        for address in mailboxes(url):
            truth = httpx.get(f"{url}/_sim/mailboxes/{address}", trust_env=False).json()
            assert len(truth["messages"]) >= 8
            assert any(message["attachments"] for message in truth["messages"])
            subjects[name] = subjects.get(name, set()) | {m["subject"] for m in truth["messages"]}

    assert [len(mailboxes(url)) for url in simulators.values()] == [3, 3]
    assert "Re: Poster, second version" in subjects["google"] & subjects["microsoft"]


def test_mail_goes_from_outlook_to_gmail(simulators: Mapping[str, str]) -> None:
    """What one simulator does not know, the other delivers."""
    sender, recipient = mailboxes(simulators["microsoft"])[0], mailboxes(simulators["google"])[0]
    message = {
        "subject": "Across",
        "body": {"contentType": "text", "content": "From one to the other."},
        "toRecipients": [{"emailAddress": {"address": recipient}}],
    }
    with outlook(simulators["microsoft"], sender) as graph:
        graph.post("/v1.0/me/sendMail", json={"message": message}).raise_for_status()

    def arrived() -> bool:
        truth = f"{simulators['google']}/_sim/mailboxes/{recipient}"
        messages = httpx.get(truth, trust_env=False).json()["messages"]
        return "Across" in {message["subject"] for message in messages}

    eventually(arrived, START_SECONDS)


def test_pushes_go_to_the_api(tmp_path: Path, socket_enabled: None) -> None:
    """`make run` has the simulated Gmail ring where the template has its door."""
    [google] = [each for each in SIMULATORS if each.push_path]
    [port, api], rings = free_ports(2), list[str]()

    def answer(environ: Any, start_response: Any) -> Iterable[bytes]:
        rings.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        start_response("204 No Content", [])
        return []

    routes = {
        f"{event['Properties']['Method']} {event['Properties']['Path']}"
        for resource in read_template()["Resources"].values()
        for event in resource["Properties"].get("Events", {}).values()
        if "Path" in event.get("Properties", {})
    }
    server = make_server("127.0.0.1", api, answer)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with running_simulator(
            google,
            port=port,
            peer=None,
            state=tmp_path / "state",
            seed=False,
            log=tmp_path / "log",
            api_uri=f"http://127.0.0.1:{api}",
        ) as child:
            url = f"http://127.0.0.1:{port}"
            child.wait_until(partial(is_ready, url), START_SECONDS)
            with httpx.Client(base_url=url, trust_env=False) as http:
                control = Control(http)
                control.post("mailboxes", {"address": OWNER})
                control.settings(auto_consent=True)
                token = Consent(http).connect(OWNER)["access_token"]
                http.post(
                    "/gmail/v1/users/me/watch",
                    json={"topicName": google.provider_config["topic_name"]},
                    headers={"Authorization": f"Bearer {token}"},
                ).raise_for_status()
                control.deliver(OWNER, letter())
            eventually(lambda: bool(rings), START_SECONDS)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

    assert rings[0] in routes


def test_state_of_another_version_is_told_in_one_sentence(tmp_path: Path) -> None:
    """An old state file stops the start, with its name and what to do."""
    state = tmp_path / "old.state"
    state.write_bytes(b"\x80\x04K\x00\x85.")  # pickled (0,)

    with (
        running_simulator(
            SIMULATORS[0],
            port=free_port(),
            peer=None,
            state=state,
            seed=False,
            log=tmp_path / "log",
        ) as child,
        pytest.raises(StackFailed, match="from another version: remove it to start empty"),
    ):
        child.wait_until(lambda: False, START_SECONDS)
    assert "Traceback" not in (tmp_path / "log").read_text()
