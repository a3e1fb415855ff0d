"""Sending with Google's own client: JSON, and all three kinds of upload."""

import base64
import io
import json
from email import message_from_bytes
from email.message import Message
from typing import Any

import httpx
import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseUpload

from local.simulators.google.app import create_app
from local.simulators.settings import Settings
from tests.simulators.conftest import FRIEND, OWNER, Control, Running
from tests.simulators.letters import letter


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def raw_of(http: httpx.Client, message_id: str) -> Message:
    answer = http.get(f"/gmail/v1/users/me/messages/{message_id}?format=raw")
    return message_from_bytes(base64.urlsafe_b64decode(answer.json()["raw"]))


def inbox(control: Control, address: str) -> list[dict[str, Any]]:
    messages = control.get(f"mailboxes/{address}")["messages"]
    return [message for message in messages if "INBOX" in message["folders"]]


def test_sent_mail_is_kept_and_arrives(control: Control, gmail: Any, http: httpx.Client) -> None:
    """The sender keeps a copy with SENT and the Bcc; the friend gets one without it."""
    raw = letter(sender=OWNER, to=FRIEND, message_id="<mine@x.example>", Bcc="hidden@x.example")

    sent = gmail.messages().send(userId="me", body={"raw": encoded(raw)}).execute()

    assert sent["labelIds"] == ["SENT"]
    copy = raw_of(http, sent["id"])
    assert (copy["Bcc"], copy["Message-ID"]) == ("hidden@x.example", "<mine@x.example>")
    assert copy["Date"]
    arrived = inbox(control, FRIEND)
    assert [(m["internet_message_id"], m["unread"]) for m in arrived] == [
        ("<mine@x.example>", True)
    ]


def test_who_has_sent_too_much_reads_on(control: Control, gmail: Any, http: httpx.Client) -> None:
    """Until the time that is named; only the end of the text says that it is about sending."""
    control.settings(sending_free_at=4_102_444_800.5)

    with pytest.raises(HttpError) as refused:
        gmail.messages().send(userId="me", body={"raw": encoded(letter(to=FRIEND))}).execute()

    assert refused.value.resp.status == 429
    error = json.loads(refused.value.content)["error"]
    assert error["message"].endswith("Retry after 2100-01-01T00:00:00.500Z (Mail sending)")
    assert error["errors"][0]["reason"] == "rateLimitExceeded"
    assert inbox(control, FRIEND) == []
    assert http.get("/gmail/v1/users/me/messages").is_success
    control.settings(sending_free_at=0)
    gmail.messages().send(userId="me", body={"raw": encoded(letter(to=FRIEND))}).execute()


def test_another_sender_is_replaced(gmail: Any, http: httpx.Client) -> None:
    """From becomes the account's own address, and a Message-ID is made when there is none."""
    raw = letter(sender="Boss <boss@x.example>", to=FRIEND)

    sent = gmail.messages().send(userId="me", body={"raw": encoded(raw)}).execute()

    copy = raw_of(http, sent["id"])
    assert OWNER in copy["From"]
    assert "boss" not in copy["From"]
    assert copy["Message-ID"].endswith("@mail.gmail.com>")


def test_mail_to_oneself_is_one_message(control: Control, gmail: Any) -> None:
    """A message to oneself is sent and received at once, not twice there."""
    raw = letter(sender=OWNER, to=OWNER)

    gmail.messages().send(userId="me", body={"raw": encoded(raw)}).execute()

    messages = control.get(f"mailboxes/{OWNER}")["messages"]
    assert [message["folders"] for message in messages] == [["INBOX", "SENT", "UNREAD"]]


@pytest.mark.parametrize("resumable", [False, True])
@pytest.mark.parametrize("threaded", [False, True])
def test_uploads_arrive_byte_for_byte(
    control: Control, gmail: Any, http: httpx.Client, *, resumable: bool, threaded: bool
) -> None:
    """Simple, multipart and resumable uploads send a large message and keep its thread."""
    first = control.deliver(OWNER, letter(message_id="<1@x.example>"))
    text = "A line of text.\n" * 40_000
    raw = letter("Re: Lunch?", text, sender=OWNER, to=FRIEND, answers="<1@x.example>")
    media = MediaIoBaseUpload(
        io.BytesIO(raw), "message/rfc822", chunksize=256 * 1024, resumable=resumable
    )
    body = {"threadId": first} if threaded else None

    sent = gmail.messages().send(userId="me", body=body, media_body=media).execute()

    assert sent["threadId"] == first
    assert raw_of(http, sent["id"]).get_payload() == text
    assert len(inbox(control, FRIEND)) == 1


class TestResumableUploads:
    """Messages in pieces, as the vendor's own client sends them."""

    RAW = letter("Large", "A line of text.\n" * 40_000, sender=OWNER, to=FRIEND)

    def begun(self, http: httpx.Client, **headers: str) -> str:
        """Begin an upload; answers where it goes on."""
        answer = http.post(
            "/upload/gmail/v1/users/me/messages/send?uploadType=resumable", headers=headers
        )
        assert answer.status_code == 200, answer.text
        return answer.headers["Location"]

    def put(self, http: httpx.Client, url: str, start: int, content: bytes) -> httpx.Response:
        """Put a piece."""
        reach = f"bytes {start}-{start + len(content) - 1}/{len(self.RAW)}"
        return http.put(url, content=content, headers={"Content-Range": reach})

    def asked(self, http: httpx.Client, url: str) -> httpx.Response:
        """Ask how much has come."""
        return http.put(url, headers={"Content-Range": f"bytes */{len(self.RAW)}"})

    def test_the_vendors_client_goes_on_after_a_failure(self, control: Control, gmail: Any) -> None:
        """A piece whose answer was lost is asked about, and the rest follows: one mail arrives."""
        unit = 256 * 1024
        media = MediaIoBaseUpload(
            io.BytesIO(self.RAW), "message/rfc822", chunksize=unit, resumable=True
        )
        request = gmail.messages().send(userId="me", media_body=media)
        status, _ = request.next_chunk()
        assert status.resumable_progress == unit
        control.post(
            "faults", [{"path": "/upload/", "status": 503, "after_effect": True, "times": 1}]
        )
        with pytest.raises(HttpError):
            request.next_chunk()

        _, sent = request.next_chunk()  # asks, as it has failed before, and goes on

        assert sent["labelIds"] == ["SENT"]
        assert len(inbox(control, FRIEND)) == 1

    def test_what_was_done_can_be_asked(self, control: Control, http: httpx.Client) -> None:
        """Whoever did not hear the last answer hears it again; nothing is sent twice."""
        url = self.begun(http)
        done = self.put(http, url, 0, self.RAW)

        answers = [self.asked(http, url), self.put(http, url, 0, self.RAW)]

        assert done.status_code == 200
        assert [each.json() for each in answers] == [done.json()] * 2
        assert len(inbox(control, FRIEND)) == 1

    def test_how_much_has_come_can_be_asked(self, http: httpx.Client) -> None:
        """In the beginning nothing; what comes twice counts once; a gap is refused."""
        unit = 256 * 1024
        url = self.begun(http)
        nothing = self.asked(http, url)
        for _ in range(2):
            assert self.put(http, url, 0, self.RAW[:unit]).status_code == 308
        some = self.asked(http, url)

        assert (nothing.status_code, nothing.headers.get("Range")) == (308, None)
        assert (some.status_code, some.headers["Range"]) == (308, f"bytes=0-{unit - 1}")
        assert self.put(http, url, 2 * unit, self.RAW[2 * unit :]).status_code == 400

    def test_pieces_are_multiples_of_256_kib(self, http: httpx.Client) -> None:
        """All but the last one."""
        assert self.put(http, self.begun(http), 0, self.RAW[:1000]).status_code == 400

    def test_the_announced_size_binds(self, http: httpx.Client) -> None:
        """Too large a one is refused at once, and another one later."""
        too_large = {"X-Upload-Content-Length": str(36_700_161)}
        refused = http.post(
            "/upload/gmail/v1/users/me/messages/send?uploadType=resumable", headers=too_large
        )
        url = self.begun(http, **{"X-Upload-Content-Length": "5"})

        assert refused.status_code == 413
        assert self.put(http, url, 0, self.RAW).status_code == 400

    def test_an_unknown_upload_is_not_found(self, http: httpx.Client) -> None:
        """As after a week."""
        url = self.begun(http)

        assert self.asked(http, url + "x").status_code == 404


@pytest.mark.parametrize(
    ("subject", "answers", "joins"),
    [
        ("Re: Lunch?", "<1@x.example>", True),
        ("Re: Lunch?", None, False),
        ("Dinner?", "<1@x.example>", False),
    ],
)
def test_thread_id_needs_subject_and_references(
    control: Control, gmail: Any, subject: str, answers: str | None, *, joins: bool
) -> None:
    """A wanted thread is joined only when subject and references fit it."""
    first = control.deliver(OWNER, letter(message_id="<1@x.example>"))
    raw = letter(subject, sender=OWNER, to=FRIEND, answers=answers)

    body = {"raw": encoded(raw), "threadId": first}
    sent = gmail.messages().send(userId="me", body=body).execute()

    assert (sent["threadId"] == first) is joins


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"raw": "*"}, 400),
        ({"raw": encoded(b"Subject: nobody\r\n\r\nhello")}, 400),
        ({"raw": encoded(letter(to=FRIEND)), "threadId": "00000000000000ff"}, 404),
        ({"raw": "A" * (5 * 1024 * 1024)}, 413),
    ],
)
def test_what_cannot_be_sent_is_refused(
    control: Control, gmail: Any, body: dict[str, str], status: int
) -> None:
    """Nothing is stored or delivered of a refused message."""
    with pytest.raises(HttpError) as failure:
        gmail.messages().send(userId="me", body=body).execute()

    assert failure.value.status_code == status
    assert control.get(f"mailboxes/{OWNER}")["messages"] == []
    assert inbox(control, FRIEND) == []


def test_insert_and_import_store_without_sending(control: Control, gmail: Any) -> None:
    """Import dates a message by its Date field, insert by its arrival; neither delivers it."""
    raw = letter(to=FRIEND, Date="Mon, 01 Jan 2024 12:00:00 +0000")
    body = {"raw": encoded(raw), "labelIds": ["INBOX"]}

    inserted = gmail.messages().insert(userId="me", body=body).execute()
    imported = gmail.messages().import_(userId="me", body=body).execute()

    messages = {m["id"]: m for m in control.get(f"mailboxes/{OWNER}")["messages"]}
    assert messages[imported["id"]]["received_at"] == 1_704_110_400
    assert messages[inserted["id"]]["received_at"] > 1_704_110_400
    assert inbox(control, FRIEND) == []


def test_mail_reaches_the_other_simulator(
    control: Control, gmail: Any, simulator_url: str, running: Running
) -> None:
    """An address that is not known here is looked for at the peer."""
    with running(create_app(settings=Settings())) as peer_url, httpx.Client() as http:
        http.post(f"{peer_url}/_sim/mailboxes", json={"address": "far@other.example"})
        control.settings(peer=peer_url)
        raw = letter(sender=OWNER, to="far@other.example, nobody@other.example")

        gmail.messages().send(userId="me", body={"raw": encoded(raw)}).execute()

        seen = http.get(f"{peer_url}/_sim/mailboxes/far@other.example").json()
    assert [message["subject"] for message in seen["messages"]] == ["Lunch?"]


def test_send_as_lists_the_own_address(gmail: Any) -> None:
    """The account's own address is its primary sender."""
    listed = gmail.settings().sendAs().list(userId="me").execute()["sendAs"]

    assert [(each["sendAsEmail"], each["isPrimary"]) for each in listed] == [(OWNER, True)]
