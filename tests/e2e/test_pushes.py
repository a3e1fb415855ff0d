"""Mail comes by itself: the provider pushes, and nobody asks for it."""

import time
from collections.abc import Callable
from email.message import EmailMessage

import httpx
from nylas import Client

from tests.e2e.conftest import SimulatedProvider, wait_for

MAILS = 4
PUSHED_SECONDS = 300
"""A limit, not a delay, far below the half hour after which a watched mailbox is polled."""


def _mail(to: str, subject: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ola@padaria.example", to, subject
    mail.set_content("O pão sai às sete.")
    return mail.as_bytes()


def test_mail_comes_with_the_push(
    postroom: Client,
    http: httpx.Client,
    provider: SimulatedProvider,
    connect: Callable[[SimulatedProvider, str], str],
) -> None:
    """Delivered at the provider, it is in the API long before anybody would have looked."""
    # Given a mailbox that is watched and has been read
    address = provider.address("rung")
    provider.call("POST", "mailboxes", json={"address": address})
    grant = connect(provider, address)

    def sync_state() -> dict[str, object]:
        found: dict[str, object] = http.get(f"/v3/grants/{grant}").json()["data"]["sync"]
        return found

    def ends_of_watch() -> object:
        state = sync_state()
        return state["state"] == "synced" and state["watch_expires_at"]

    ends_at = wait_for(ends_of_watch)
    assert isinstance(ends_at, int)
    assert 6 * 86_400 < ends_at - time.time() <= 7 * 86_400
    for number in range(MAILS):
        # When a mail arrives
        provider.deliver(address, _mail(address, f"Fornada {number}"))
        # Then it is there
        wait_for(
            lambda: len(postroom.messages.list(grant).data) == number + 1,  # noqa: B023
            seconds=PUSHED_SECONDS,
        )
