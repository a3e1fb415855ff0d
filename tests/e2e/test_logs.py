"""What the functions write down while they work: enough to find a fault, nothing of anybody's."""

import json
from collections.abc import Callable

import httpx
from nylas import Client

from local.running_stack import RunningStack
from tests.e2e.conftest import SimulatedProvider, wait_for
from tests.world import make_mail

SECRETS = ("canary.address", "canary-subject", "canary-body", "canary-filename", "canary-secret")


def test_nothing_personal_is_logged(
    stack: RunningStack,
    postroom: Client,
    http: httpx.Client,
    provider: SimulatedProvider,
    connect: Callable[[SimulatedProvider, str], str],
) -> None:
    """Connect, sync, read, fail and send: no address, subject, body, key or token in the logs."""
    # Given a mailbox whose every part can be recognised
    address = provider.address("canary.address")
    provider.call("POST", "mailboxes", json={"address": address})
    provider.deliver(address, make_mail(to=address, subject="canary-subject", text="canary-body"))
    # When it goes all the way, with some mistakes
    grant = connect(provider, address)
    message = wait_for(lambda: postroom.messages.list(grant).data)[0]
    for sent in (
        {"to": [{"email": address}], "subject": "canary-subject", "body": "canary-body"},
        {"to": [{"email": "canary.address"}], "subject": "canary-subject\r\nX: y"},
    ):
        http.post(f"/v3/grants/{grant}/messages/send", json=sent)
    http.get(f"/v3/grants/{grant}/messages", params={"subject": "canary-subject", "in": "nowhere"})
    http.get(f"/v3/grants/{address}/messages/{message.id}", params={"page_token": "canary-secret"})
    http.patch(
        f"/v3/connectors/{provider.name}", json={"settings": {"client_secret": "canary-secret"}}
    )
    http.get("/v3/grants", headers={"authorization": "Bearer canary-secret"})
    # Then the logs tell what was done, and to which account
    logs = stack.plan.state / "log"

    def told() -> bool:
        # What a function wrote last may lie in its pipe until it is called again.
        http.get("/v3/connect/callback", params={"state": "forged", "code": "x"})
        whole, _, _ = (logs / "ministack.log").read_text().rpartition("\n")
        lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return any(
            line.get("message") == "account_connected" and line.get("account_id") == grant
            for line in lines
        )

    wait_for(told)
    # But nothing that was in them
    said = (logs / "ministack.log").read_text() + (logs / "gateway.log").read_text()
    for secret in (*SECRETS, stack.api_key):
        assert secret not in said
