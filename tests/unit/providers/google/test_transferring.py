"""Messages in pieces: what Gmail's answers mean, and where the token goes."""

import json
from typing import Any

import httpx
import pytest

from postroom.domain.errors import OutcomeUnknown, Rejected, Retryable
from postroom.domain.message import Address
from postroom.domain.outgoing import Answered
from postroom.domain.upload import TransferMark
from postroom.providers.google.mailbox import GmailMailbox
from postroom.providers.google.transferring import PIECE_BYTES
from tests.builders import ACCOUNT_ID, make_answered
from tests.unit.providers.google.gmail import Gmail, refusal
from tests.unit.providers.piece_sender import PieceSender

LINK = "https://www.googleapis.com/upload/gmail/v1/users/me/messages/send?upload_id=u"
BEGUN = httpx.Response(200, headers={"Location": LINK})
SENT = httpx.Response(200, json={"id": "s", "threadId": "t"})
FILM = bytes(range(256)) * 16_000
SHOP = Address(email="shop@example.com")
AS_SHOP: dict[str, Any] = {"from_": SHOP, "from_alias": True}


def listed(*verified: str) -> httpx.Response:
    """Gmail's answer with the addresses that an account may send from."""
    senders = [{"sendAsEmail": each, "verificationStatus": "accepted"} for each in verified]
    own = {"sendAsEmail": "ada@example.com", "isPrimary": True}
    return httpx.Response(200, json={"sendAs": [own, *senders]})


def received(size: int) -> httpx.Response:
    """Gmail's answer to a piece, or to whoever asks."""
    return httpx.Response(308, headers={"Range": f"bytes=0-{size - 1}"} if size else {})


class Sender(PieceSender):
    """Somebody who hands one message over to a scripted Gmail."""

    def __init__(self, *answers: Any, **changes: Any) -> None:
        self.gmail = Gmail(list(answers))
        mailbox = GmailMailbox(self.gmail.client(), ACCOUNT_ID, self.gmail.clock)
        super().__init__(mailbox, self.gmail.clock, FILM, **changes)

    @property
    def ranges(self) -> list[str]:
        """What was said of each piece."""
        found = (each.headers.get("Content-Range", "") for each in self.gmail.requests)
        return [each.rpartition("/")[0] for each in found if each]


def test_it_goes_in_pieces_to_the_address_that_gmail_gives() -> None:
    """The size is announced, pieces are multiples of 256 KiB, and each bears the token."""
    sender = Sender(BEGUN, received(PIECE_BYTES), SENT)

    sent = sender.send()

    assert sent is not None
    assert (sent.provider_id, sent.provider_thread_id) == ("s", "t")
    begin, first, last = sender.gmail.requests
    size = int(begin.headers["X-Upload-Content-Length"])
    assert begin.url.params["uploadType"] == "resumable"
    assert begin.headers["X-Upload-Content-Type"] == "message/rfc822"
    assert (str(first.url), str(last.url)) == (LINK, LINK)
    assert PIECE_BYTES % (256 * 1024) == 0
    assert sender.ranges == [f"bytes 0-{PIECE_BYTES - 1}", f"bytes {PIECE_BYTES}-{size - 1}"]
    assert len(first.content) + len(last.content) == size
    assert sender.gmail.authorizations == ["Bearer token-0"] * 3


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/upload/gmail/v1/users/me/messages/send?upload_id=u",
        "https://googleapis.com.evil.example/upload",
        "https://notgoogleapis.com/upload",
        "http://www.googleapis.com/upload",
        "https://www.googleapis.com:8443/upload",
        "https://user@www.googleapis.com/upload",
        "",
    ],
)
def test_neither_token_nor_mail_follow_an_address_elsewhere(link: str) -> None:
    """An upload's address comes with an answer, and is looked at like any other."""
    sender = Sender(httpx.Response(200, headers={"Location": link}))

    with pytest.raises(Retryable):
        sender.send()

    assert len(sender.gmail.requests) == 1


def test_who_goes_on_asks_first() -> None:
    """Gmail says how much it has; only the rest is handed over.

    It was the last piece: Gmail may have sent the mail, which must not be called back as if it had
    not left.
    """
    first = Sender(BEGUN, received(PIECE_BYTES), httpx.ReadError("cut"), httpx.ReadError("cut"))
    first.gmail.answers += [httpx.ReadError("cut")] * 5
    with pytest.raises(OutcomeUnknown):
        first.send()
    second = Sender(received(PIECE_BYTES), SENT)

    sent = second.send(first.noted[-1])

    assert sent is not None
    assert second.ranges[0].startswith("bytes *")
    assert second.ranges[1].startswith(f"bytes {PIECE_BYTES}-")


def test_who_did_not_hear_the_last_answer_hears_it_by_asking() -> None:
    """Nothing is handed over a second time."""
    sender = Sender(BEGUN, received(PIECE_BYTES), httpx.ReadTimeout("late"), SENT)

    assert sender.send() is not None

    assert len(sender.gmail.requests) == 4
    assert sender.ranges[-1].startswith("bytes *")


def test_an_unknown_upload_is_begun_anew_unless_its_last_piece_may_have_come() -> None:
    """Otherwise nobody knows what became of it, and the next one begins without a mark."""
    dead = Sender(BEGUN, received(PIECE_BYTES), SENT)
    dead.send()
    begun, last = dead.noted
    anew = Sender(refusal(404), BEGUN, received(PIECE_BYTES), SENT)
    unknown = Sender(refusal(404))

    assert anew.send(begun) is not None
    with pytest.raises(OutcomeUnknown):
        unknown.send(last)

    assert (json.loads(begun)["is_last"], json.loads(last)["is_last"]) == (False, True)
    assert (anew.noted[0], unknown.noted) == ("", [""])


def test_a_thread_that_is_gone_is_left_out() -> None:
    """Gmail tells it with the last piece; nothing was sent, and it is handed over again."""
    sender = Sender(
        BEGUN,
        received(PIECE_BYTES),
        refusal(404, "notFound"),
        BEGUN,
        received(PIECE_BYTES),
        SENT,
        answered=make_answered(),
    )

    assert sender.send() is not None

    assert "threadId" in json.loads(sender.gmail.requests[0].content)
    assert json.loads(sender.gmail.requests[3].content) == {}


@pytest.mark.parametrize("answered", [None, make_answered()], ids=["alone", "in a thread"])
def test_a_last_piece_that_is_handed_over_again_and_meets_404_is_unknown(
    answered: Answered | None,
) -> None:
    """Gmail had taken it and sent the mail: the upload was over, and no longer known.

    It was taken for a thread that is gone, and begun anew: two mails; or was called refused.
    """
    lost = (httpx.ReadTimeout("late"), received(PIECE_BYTES), refusal(404, "notFound"))
    sender = Sender(BEGUN, received(PIECE_BYTES), *lost, answered=answered)

    with pytest.raises(OutcomeUnknown):
        sender.send()

    assert (sender.gmail.answers, sender.noted[-1]) == ([], "")


@pytest.mark.parametrize("answered", [None, make_answered()], ids=["alone", "in a thread"])
def test_another_worker_that_meets_404_with_the_last_piece_does_not_begin_anew(
    answered: Answered | None,
) -> None:
    """The worker before had handed it over; what became of it has to be looked up."""
    dead = Sender(BEGUN, received(PIECE_BYTES), SENT, answered=answered)
    dead.send()
    second = Sender(received(PIECE_BYTES), refusal(404, "notFound"), answered=answered)

    with pytest.raises(OutcomeUnknown):
        second.send(dead.noted[-1])

    assert second.noted == [""]


def test_a_new_version_of_ours_does_not_begin_anew_what_may_have_been_sent() -> None:
    """It writes the same message in another size; the last piece of the old one may be there."""
    dead = Sender(BEGUN, received(PIECE_BYTES), SENT)
    dead.send()
    begun, last = (TransferMark(_resized(each)) for each in dead.noted)
    anew = Sender(received(PIECE_BYTES), BEGUN, received(PIECE_BYTES), SENT)
    unknown = Sender(received(PIECE_BYTES))

    assert anew.send(begun) is not None
    with pytest.raises(OutcomeUnknown):
        unknown.send(last)

    assert unknown.noted == [""]


def _resized(mark: str) -> str:
    fields = json.loads(mark)
    return json.dumps({**fields, "size_bytes": fields["size_bytes"] + 1})


def test_a_refusal_is_one() -> None:
    """What Gmail does not send is not tried again."""
    sender = Sender(BEGUN, received(PIECE_BYTES), refusal(400, "invalidArgument"))

    with pytest.raises(Rejected):
        sender.send()


def test_a_piece_that_never_arrives_is_left_to_later() -> None:
    """Each attempt is asked about; after three the rest waits for another call."""
    lost = [httpx.ReadError("cut"), received(0)]
    sender = Sender(BEGUN, *lost, *lost, *lost)

    with pytest.raises(Retryable):
        sender.send()

    assert sender.gmail.answers == []


def test_an_alias_is_looked_at_once_before_the_first_piece() -> None:
    """As long as it is one, the message goes as any other."""
    sender = Sender(BEGUN, listed("Shop@Example.com"), received(PIECE_BYTES), SENT, **AS_SHOP)

    assert sender.send() is not None

    assert sender.gmail.requests[1].url.path.endswith("/settings/sendAs")
    assert len(sender.gmail.requests) == 4


def test_no_piece_is_handed_over_for_an_alias_that_was_withdrawn() -> None:
    """Gmail would send the mail from the account's own address, and say nothing.

    Neither by who begins nor by who goes on: the alias may have been withdrawn in between.
    """
    first = Sender(BEGUN, listed(), **AS_SHOP)
    begun = Sender(BEGUN, listed(SHOP.email), received(PIECE_BYTES), SENT, **AS_SHOP)
    begun.send()
    second = Sender(received(PIECE_BYTES), listed(), **AS_SHOP)

    with pytest.raises(Rejected, match="may not send from this address"):
        first.send()
    with pytest.raises(Rejected, match="may not send from this address"):
        second.send(begun.noted[0])

    assert first.ranges == []
    assert second.ranges == ["bytes *"]


def test_what_gmail_may_have_sent_is_never_called_refused() -> None:
    """Once the last piece was handed over, an alias that is withdrawn changes nothing any more."""
    dead = Sender(BEGUN, listed(SHOP.email), received(PIECE_BYTES), SENT, **AS_SHOP)
    dead.send()
    done = Sender(SENT, **AS_SHOP)
    waiting = Sender(received(PIECE_BYTES), SENT, **AS_SHOP)

    assert done.send(dead.noted[-1]) is not None
    assert waiting.send(dead.noted[-1]) is not None
