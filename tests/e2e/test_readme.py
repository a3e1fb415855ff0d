"""README's example, word for word, as a reader would run it."""

import re
from pathlib import Path

import httpx
import pytest

from local.running_stack import RunningStack
from local.stack import write_description
from tests.e2e.conftest import SimulatedProvider, come_back, wait_for
from tests.world import make_mail

README = Path(__file__).parents[2] / "README.md"
ADDRESS = "reader@mail.example"


def test_the_example_connects_a_mailbox_and_lists_its_mail(
    stack: RunningStack,
    google: SimulatedProvider,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Copied into a shell beside `.local`, it prints where to go, and then the newest mail."""
    # Given a reader with the stack's description, and a mailbox with mail
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    (tmp_path / ".local").mkdir()
    write_description(stack, tmp_path / ".local" / "stack.json")
    monkeypatch.chdir(tmp_path)
    google.call("POST", "mailboxes", json={"address": ADDRESS})
    google.deliver(ADDRESS, make_mail(to=ADDRESS, subject="Welcome, reader"))

    # When they run it, and sign in where it tells them to
    def sign_in(_prompt: str) -> str:
        url = httpx.URL(capsys.readouterr().out.split()[-1])
        hinted = str(url.copy_merge_params({"login_hint": ADDRESS}))
        with httpx.Client(timeout=60) as browser:
            return come_back(browser, hinted, return_address="http://localhost:8000/welcome")[
                "code"
            ]

    connect, found, listing = example.partition("for message in")
    names = {"input": sign_in}
    exec(connect, names)  # noqa: S102 - it is ours, and this is the test of it

    # Then it lists the mail once it is there
    def listed() -> bool:
        exec(found + listing, names)  # noqa: S102
        return "Welcome, reader" in capsys.readouterr().out

    assert wait_for(listed)
