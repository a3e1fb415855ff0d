"""What the functions write down while they work: enough to find a fault, nothing of anybody's."""

import json
from collections.abc import Callable

import httpx
from nylas import Client

from local.running_stack import RunningStack
from tests.e2e.conftest import SimulatedProvider, wait_for
from tests.world import make_mail

ADDRESS = "canary.address@mail.example"
SECRETS = ("canary.address", "canary-subject", "canary-body", "canary-filename", "canary-secret")


def test_nothing_personal_is_logged(
    stack: RunningStack,
    postroom: Client,
    http: httpx.Client,
    google: SimulatedProvider,
    connect: Callable[[str], str],
) -> None:
    """Connect, sync, read, fail and send: no address, subject, body, key or token in the logs."""
    # Given a mailbox whose every part can be recognised
    google.call("POST", "mailboxes", json={"address": ADDRESS})
    google.deliver(ADDRESS, make_mail(to=ADDRESS, subject="canary-subject", text="canary-body"))
    # When it goes all the way, with some mistakes
    grant = connect(ADDRESS)
    message = wait_for(lambda: postroom.messages.list(grant).data)[0]
    for sent in (
        {"to": [{"email": ADDRESS}], "subject": "canary-subject", "body": "canary-body"},
        {"to": [{"email": "canary.address"}], "subject": "canary-subject\r\nX: y"},
    ):
        http.post(f"/v3/grants/{grant}/messages/send", json=sent)
    http.get(f"/v3/grants/{grant}/messages", params={"subject": "canary-subject", "in": "nowhere"})
    http.get(f"/v3/grants/{ADDRESS}/messages/{message.id}", params={"page_token": "canary-secret"})
    http.patch("/v3/connectors/google", json={"settings": {"client_secret": "canary-secret"}})
    http.get("/v3/grants", headers={"authorization": "Bearer canary-secret"})
    # Then the logs tell what was done, and to which account
    log = (stack.plan.state / "log" / "ministack.log").read_text()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert any(
        line.get("message") == "account_connected" and line.get("account_id") == grant
        for line in lines
    )
    # But nothing that was in them
    said = log + (stack.plan.state / "log" / "gateway.log").read_text()
    for secret in (*SECRETS, stack.api_key):
        assert secret not in said
