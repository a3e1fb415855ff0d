"""The simulator as a process: sample mail, and state that outlives it."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.simulators.google.conftest import Consent

ROOT = Path(__file__).parents[3]


@contextmanager
def server(*arguments: str) -> Iterator[httpx.Client]:
    """Run the simulator on a free port until SIGTERM, which it must obey."""
    command = [sys.executable, "-m", "local.simulators.google", "--port", "0", *arguments]
    with subprocess.Popen(  # noqa: S603 - our own module
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            address = re.search(r"http://\S+", line)
            assert address is not None, line
            with httpx.Client(base_url=address[0], timeout=10) as http:
                yield http
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0


def test_sample_mail_tokens_and_keys_outlive_a_restart(tmp_path: Path) -> None:
    """A restarted simulator has the same mail, honours old tokens, and signs with the same key."""
    state = tmp_path / "google.state"
    arguments = ("--state", str(state), "--seed", "--auto-consent")
    with server(*arguments) as http:
        mailboxes = http.get("/_sim/mailboxes").json()["mailboxes"]
        first = mailboxes[0]["address"]
        tokens = Consent(http).connect(first)
        keys = http.get("/oauth2/v3/certs").json()
        truth = http.get(f"/_sim/mailboxes/{first}").json()

    with server(*arguments) as http:
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        profile = http.get("/gmail/v1/users/me/profile", headers=headers).json()
        assert http.get("/oauth2/v3/certs").json() == keys
        assert http.get(f"/_sim/mailboxes/{first}").json() == truth

    assert profile["emailAddress"] == first
    assert state.stat().st_mode & 0o077 == 0
    assert len(mailboxes) == 3
    assert all(30 <= mailbox["messages"] <= 80 for mailbox in mailboxes)


def test_sample_mail_has_threads_labels_and_attachments() -> None:
    """The sample mailboxes show what a mail client has to cope with."""
    with server("--seed") as http:
        address = http.get("/_sim/mailboxes").json()["mailboxes"][0]["address"]
        truth = http.get(f"/_sim/mailboxes/{address}").json()

    messages = truth["messages"]
    folders = {folder["name"]: folder for folder in truth["folders"]}
    assert len({message["thread_id"] for message in messages}) < len(messages)
    assert folders["Exhibition"]["total"] > 10
    assert folders["SENT"]["total"] > 5
    assert folders["INBOX"]["unread"] > 0
    kinds = {file["content_type"] for message in messages for file in message["attachments"]}
    assert {"application/pdf", "image/png"} <= kinds
    assert any(message["starred"] for message in messages)
