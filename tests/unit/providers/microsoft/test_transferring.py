"""Large files into a draft, piece by piece: what Outlook's answers mean, and where files go."""

from typing import Any

import httpx
import pytest

from postroom.domain.errors import OutcomeUnknown, Rejected, Retryable
from postroom.domain.upload import TransferMark
from postroom.providers.microsoft.client import UPLOAD_CHUNK_BYTES
from postroom.providers.microsoft.mailbox import GraphMailbox
from tests.builders import ACCOUNT_ID
from tests.unit.providers.microsoft.graph import Graph
from tests.unit.providers.piece_sender import PieceSender

UPLOAD = "https://outlook.office.com/api/v2.0/AttachmentSessions('s')?authtoken=secret"
FILM = bytes(range(256)) * 20_000
NONE_LEFT = httpx.Response(200, json={"value": []})
DRAFT = httpx.Response(201, json={"id": "D", "conversationId": "C"})
STILL_A_DRAFT = httpx.Response(200, json={"id": "D", "conversationId": "C", "isDraft": True})
LEFT = httpx.Response(200, json={"id": "D", "conversationId": "C", "isDraft": False})
SESSION = httpx.Response(201, json={"uploadUrl": UPLOAD})
MORE = httpx.Response(200, json={"nextExpectedRanges": [str(UPLOAD_CHUNK_BYTES)]})
ATTACHED = httpx.Response(201)
ACCEPTED = httpx.Response(202)
DELETED = httpx.Response(204)
GONE = httpx.Response(404, json={"error": {"code": "ErrorItemNotFound"}})


class Sender(PieceSender):
    """Somebody who hands one message over to a scripted Graph."""

    def __init__(self, *answers: Any, **changes: Any) -> None:
        self.graph = Graph(list(answers))
        mailbox = GraphMailbox(self.graph.client(), ACCOUNT_ID)
        super().__init__(mailbox, self.graph.clock, FILM, **changes)

    @property
    def calls(self) -> list[str]:
        """What was called, without hosts."""
        return [f"{each.method} {each.url.path}" for each in self.graph.requests]


def marks() -> list[TransferMark]:
    """Return what is noted on the way of one message: draft, session, attached, leaving."""
    sender = Sender(NONE_LEFT, DRAFT, SESSION, MORE, ATTACHED, ACCEPTED)
    assert sender.send() is not None
    return sender.noted


def test_pieces_go_to_the_session_without_a_token() -> None:
    """In multiples of 320 KiB; the draft leaves when the file is whole."""
    sender = Sender(NONE_LEFT, DRAFT, SESSION, MORE, ATTACHED, ACCEPTED)

    sent = sender.send()

    assert sent is not None
    assert (sent.provider_id, sent.provider_thread_id) == ("D", "C")
    puts = [each for each in sender.graph.requests if each.method == "PUT"]
    assert [str(each.url) for each in puts] == [UPLOAD] * 2
    assert [each.headers["Content-Range"] for each in puts] == [
        f"bytes 0-{UPLOAD_CHUNK_BYTES - 1}/{len(FILM)}",
        f"bytes {UPLOAD_CHUNK_BYTES}-{len(FILM) - 1}/{len(FILM)}",
    ]
    assert UPLOAD_CHUNK_BYTES % (320 * 1024) == 0
    assert ["Authorization" in each.headers for each in puts] == [False, False]
    assert sender.calls[-1] == "POST /v1.0/me/messages/D/send"


def test_no_file_follows_an_address_elsewhere() -> None:
    """A session's address comes with an answer, and is looked at like any other."""
    elsewhere = httpx.Response(201, json={"uploadUrl": "https://evil.example/upload"})
    sender = Sender(NONE_LEFT, DRAFT, elsewhere)

    with pytest.raises(Retryable):
        sender.send()

    assert "PUT /upload" not in sender.calls


def test_who_goes_on_asks_where() -> None:
    """A session that has taken a piece gets the next one; the draft is not made again."""
    _, begun, *_ = marks()
    sender = Sender(STILL_A_DRAFT, NONE_LEFT, MORE, ATTACHED, ACCEPTED)

    assert sender.send(begun) is not None

    (put,) = [each for each in sender.graph.requests if each.method == "PUT"]
    assert put.headers["Content-Range"].startswith(f"bytes {UPLOAD_CHUNK_BYTES}-")
    assert not [call for call in sender.calls if call == "POST /v1.0/me/messages"]


def test_a_session_that_has_ended_is_opened_again() -> None:
    """The file begins anew, in the same draft."""
    _, begun, *_ = marks()
    sender = Sender(STILL_A_DRAFT, NONE_LEFT, GONE, SESSION, MORE, ATTACHED, ACCEPTED)

    assert sender.send(begun) is not None


def test_a_file_that_is_there_is_not_put_in_again() -> None:
    """Whoever died after the last piece had not heard of it."""
    _, begun, *_ = marks()
    attached = httpx.Response(200, json={"value": [{"id": "film"}]})
    sender = Sender(STILL_A_DRAFT, attached, ACCEPTED)

    assert sender.send(begun) is not None

    assert "PUT" not in {call.partition(" ")[0] for call in sender.calls}


def test_a_draft_that_has_left_is_not_sent_again() -> None:
    """Whoever died after it has nothing to do."""
    sender = Sender(LEFT)

    sent = sender.send(marks()[-1])

    assert sent is not None
    assert sender.calls == ["GET /v1.0/me/messages/D"]


def test_a_draft_that_is_gone_is_made_again_unless_it_may_have_left() -> None:
    """Its owner may have deleted it, or the mail that it became: that has to be looked up."""
    noted = marks()
    before, leaving = Sender(GONE), Sender(GONE)

    with pytest.raises(Retryable):
        before.send(noted[0])
    with pytest.raises(OutcomeUnknown):
        leaving.send(noted[-1])

    assert (before.noted, leaving.noted) == ([""], [""])


def test_a_draft_that_goes_between_two_looks_is_not_called_refused() -> None:
    """The send was given up for good: of a mail that may have left, or of one to be made again."""
    noted = marks()
    before, leaving = Sender(STILL_A_DRAFT, GONE), Sender(STILL_A_DRAFT, GONE)
    unopened = Sender(STILL_A_DRAFT, NONE_LEFT, GONE)

    with pytest.raises(Retryable):
        before.send(noted[0])
    with pytest.raises(Retryable):
        unopened.send(noted[0])
    with pytest.raises(OutcomeUnknown):
        leaving.send(noted[-1])

    assert (before.noted, unopened.noted, leaving.noted) == ([""], [""], [""])


def test_a_refusal_leaves_no_draft() -> None:
    """Neither with the file, nor with the send."""
    refused = httpx.Response(400, json={"error": {"code": "ErrorInvalidRequest"}})
    still = httpx.Response(200, json={"id": "D", "isDraft": True})
    sender = Sender(NONE_LEFT, DRAFT, SESSION, MORE, ATTACHED, refused, still, DELETED)

    with pytest.raises(Rejected):
        sender.send()

    assert sender.calls[-1].endswith("/D/permanentDelete")
    assert sender.noted[-1] == ""
