"""Gmail accepts anything: so does the simulator."""

import base64
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.conftest import OWNER, Control

CORPUS = Path(__file__).parents[3].parent / "shared" / "corpus" / "malformed"
FILES = sorted(CORPUS.glob("*.eml"))
OWN_SAMPLES = {
    "empty": b"",
    "no headers": b"just text",
    "only headers": b"Subject: x",
    "bare line": b"Subject: x\nnot a header\n\nbody",
    "unknown charset": b"Content-Type: text/plain; charset=x-none\r\n\r\n\xff\xfe",
    "broken base64": b"Content-Transfer-Encoding: base64\r\n\r\n!!!!=",
    "broken word": b"Subject: =?utf-8?b?/////?= =?x?q?a?=\r\n\r\nx",
    "raw bytes in headers": b"Subject: caf\xe9 \x00\r\nFrom: \xff\r\n\r\nx",
    "very deep": b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n)
        for n in range(500)
    ),
    "endless references": b"References: " + b"<a@b> " * 20_000 + b"\r\n\r\nx",
}


@pytest.mark.skipif(not FILES, reason="../shared/corpus is not on this machine")
def test_the_corpus_is_there() -> None:
    """The folder of malformed messages holds them."""
    assert len(FILES) >= 23


@pytest.mark.parametrize(
    "raw",
    [
        *(pytest.param(path.read_bytes(), id=path.name) for path in FILES),
        *(pytest.param(raw, id=name) for name, raw in OWN_SAMPLES.items()),
    ],
)
def test_malformed_messages_can_be_read_in_all_formats(
    control: Control, gmail: Any, raw: bytes
) -> None:
    """No message fails a format, the thread, a search or the ground truth; raw is as it was."""
    message_id = control.deliver(OWNER, raw)

    answers = {
        form: gmail.messages().get(userId="me", id=message_id, format=form).execute()
        for form in ("minimal", "metadata", "full", "raw")
    }
    thread = gmail.threads().get(userId="me", id=message_id).execute()
    found = gmail.messages().list(userId="me", q="unlikely-word").execute()

    assert base64.urlsafe_b64decode(answers["raw"]["raw"]) == raw
    assert answers["full"]["payload"]["mimeType"]
    assert thread["messages"][0]["id"] == message_id
    assert "messages" not in found
    assert len(control.get(f"mailboxes/{OWNER}")["messages"]) == 1
