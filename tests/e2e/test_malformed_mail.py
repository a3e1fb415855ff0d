"""Mail that real parsers trip over: none stops a sync, none answers 5xx, none is lost."""

import base64
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import SimulatedProvider, wait_for

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "malformed"


@pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the corpus of malformed mail is not beside the project"
)
def test_the_whole_corpus_goes_through(
    http: httpx.Client,
    provider: SimulatedProvider,
    connect: Callable[[SimulatedProvider, str], str],
) -> None:
    """Every file is delivered, synced, listed, read, and given back in its raw form."""
    # Given a mailbox with every malformed mail, and a good one before and after
    address = provider.address("patient")
    provider.call("POST", "mailboxes", json={"address": address})
    files = sorted(CORPUS.glob("*.eml"))
    assert files
    delivered = {provider.deliver(address, path.read_bytes()): path for path in files}
    # When it is connected and synced
    grant = connect(provider, address)

    def everything() -> list[dict[str, object]] | None:
        answer = http.get(f"/v3/grants/{grant}/messages", params={"limit": 200})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, object]] = answer.json()["data"]
        return found if len(found) == len(delivered) else None

    messages = wait_for(everything)
    # Then each can be read, and its raw form is what was delivered
    raw_forms = set()
    for message in messages:
        path = f"/v3/grants/{grant}/messages/{message['id']}"
        assert http.get(path).status_code == 200
        raw = http.get(path, params={"fields": "raw_mime"}).json()["data"]["raw_mime"]
        raw_forms.add(base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4)))
    assert raw_forms == {path.read_bytes() for path in delivered.values()}
    # And those that could not be read as meant are flagged, where we are who reads them
    flagged = any(message.get("defects") for message in messages)
    assert flagged == (provider.name == "google")
