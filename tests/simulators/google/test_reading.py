"""Reading mail with Google's own client."""

import base64
from collections.abc import Iterator
from email import message_from_bytes
from typing import Any

import httpx
import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import BatchHttpRequest

from tests.simulators.conftest import FRIEND, OWNER, Control
from tests.simulators.letters import PICTURE, letter, letter_with_everything


def decoded(data: str) -> bytes:
    return base64.urlsafe_b64decode(data)


def parts_of(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield payload
    for part in payload.get("parts", []):
        yield from parts_of(part)


def test_profile_counts_messages_and_threads(control: Control, gmail: Any) -> None:
    """The profile shows the address, both totals and the newest history id."""
    control.deliver(OWNER, letter(message_id="<1@x.example>"))
    control.deliver(
        OWNER, letter("Re: Lunch?", message_id="<2@x.example>", answers="<1@x.example>")
    )

    profile = gmail.getProfile(userId="me").execute()

    assert profile["emailAddress"] == OWNER
    assert (profile["messagesTotal"], profile["threadsTotal"]) == (2, 1)
    assert int(profile["historyId"]) > 0


def test_listing_is_newest_first_and_pages_survive_new_mail(control: Control, gmail: Any) -> None:
    """Pages continue where they stopped, although a message arrived in between."""
    delivered = [control.deliver(OWNER, letter(), received_at=1_700_000_000 + i) for i in range(5)]

    first = gmail.messages().list(userId="me", maxResults=2).execute()
    control.deliver(OWNER, letter("News"))
    token = first["nextPageToken"]
    second = gmail.messages().list(userId="me", maxResults=9, pageToken=token).execute()

    listed = [message["id"] for message in first["messages"] + second["messages"]]
    assert listed == delivered[::-1]
    assert "nextPageToken" not in second


def test_message_in_all_formats(control: Control, gmail: Any) -> None:
    """Each format gives what Gmail gives in it, from the same message."""
    raw = letter_with_everything()
    message_id = control.deliver(OWNER, raw, received_at=1_700_000_000)

    def get(form: str, **more: Any) -> Any:
        return gmail.messages().get(userId="me", id=message_id, format=form, **more).execute()

    minimal, full = get("minimal"), get("full")
    metadata = get("metadata", metadataHeaders=["subject", "Message-ID"])

    assert minimal["internalDate"] == "1700000000000"
    assert minimal["labelIds"] == ["INBOX", "UNREAD"]
    assert minimal["snippet"] == "Tea &amp; &lt;biscuits&gt; isn&#39;t far"
    assert minimal["sizeEstimate"] == len(raw)
    assert "payload" not in minimal
    assert decoded(get("raw")["raw"]) == raw
    assert {header["name"] for header in metadata["payload"]["headers"]} == {
        "Subject",
        "Message-ID",
    }
    assert [(p["partId"], p["mimeType"], p["filename"]) for p in parts_of(full["payload"])] == [
        ("", "multipart/mixed", ""),
        ("0", "multipart/alternative", ""),
        ("0.0", "text/plain", ""),
        ("0.1", "multipart/related", ""),
        ("0.1.0", "text/html", ""),
        ("0.1.1", "image/png", ""),
        ("1", "image/png", "großes bild.png"),
        ("2", "text/csv", "table.csv"),
    ]


@pytest.mark.parametrize("charset", ["utf-8", "cp1252"])
@pytest.mark.parametrize(
    "field",
    [
        'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="büg €.pdf"',
        'Content-Type: application/pdf; name="büg €.pdf"',
    ],
)
def test_a_file_name_of_raw_bytes_is_read(
    control: Control, gmail: Any, field: str, charset: str
) -> None:
    """Gmail reads `büg.pdf` without any encoding; the simulator answered `b\ufffd\ufffdg.pdf`."""
    raw = (
        f"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{field}\r\n\r\nx\r\n--b--\r\n"
    ).encode(charset)
    message_id = control.deliver(OWNER, raw)

    full = gmail.messages().get(userId="me", id=message_id).execute()

    assert [part["filename"] for part in full["payload"]["parts"]] == ["büg €.pdf"]


def test_attachment_ids_change_and_keep_working(control: Control, gmail: Any) -> None:
    """Two fetches name the same attachment differently, and both names give its bytes."""
    message_id = control.deliver(OWNER, letter_with_everything())

    def attachment_id() -> str:
        full = gmail.messages().get(userId="me", id=message_id).execute()
        part = next(p for p in parts_of(full["payload"]) if p["partId"] == "1")
        assert "data" not in part["body"]
        assert part["body"]["size"] == len(PICTURE)
        return str(part["body"]["attachmentId"])

    ids = {attachment_id(), attachment_id()}

    assert len(ids) == 2
    for each in ids:
        got = gmail.messages().attachments().get(userId="me", messageId=message_id, id=each)
        assert decoded(got.execute()["data"]) == PICTURE


@pytest.mark.parametrize(
    ("text", "body", "subject"),
    [
        ("verbatim", "café".encode("latin-1"), "=?utf-8?q?caf=C3=A9?="),
        ("decoded", b"caf\xc3\xa9", "café"),
    ],
)
def test_text_keeps_its_charset_or_is_decoded(
    control: Control, gmail: Any, text: str, body: bytes, subject: str
) -> None:
    """The setting `text` chooses between the two readings of Gmail's behaviour."""
    control.settings(text=text)
    raw = (
        b"From: a@x.example\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n"
        b"Content-Type: text/plain; charset=iso-8859-1\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9"
    )
    message_id = control.deliver(OWNER, raw)

    payload = gmail.messages().get(userId="me", id=message_id).execute()["payload"]

    assert decoded(payload["body"]["data"]) == body
    assert {"name": "Subject", "value": subject} in payload["headers"]


def test_threads_gather_answers_with_the_same_subject(control: Control, gmail: Any) -> None:
    """An answer joins its thread; the same subject alone, or another subject, does not."""
    first = control.deliver(OWNER, letter(message_id="<1@x.example>"), received_at=1_700_000_000)
    answer = control.deliver(OWNER, letter("Re: Lunch?", "Yes!", answers="<1@x.example>"))
    stranger = control.deliver(OWNER, letter("Lunch?"))
    renamed = control.deliver(OWNER, letter("Dinner?", answers="<1@x.example>"))

    thread = gmail.threads().get(userId="me", id=first, format="minimal").execute()
    listed = gmail.threads().list(userId="me").execute()["threads"]

    assert [message["id"] for message in thread["messages"]] == [first, answer]
    assert {each["id"] for each in listed} == {first, stranger, renamed}
    assert next(each for each in listed if each["id"] == first)["snippet"] == "Yes!"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("rfc822msgid:everything@simulated.example", {"rich"}),
        ("rfc822msgid:<everything@simulated.example> in:anywhere", {"rich"}),
        ("has:attachment", {"rich"}),
        ("is:unread", {"plain", "rich"}),
        ("is:read", {"old"}),
        ("in:inbox -has:attachment", {"plain"}),
        ("in:trash", {"binned"}),
        ("from:grace subject:lunch", {"plain"}),
        ('"by the fountain"', {"plain", "old"}),
        ("fountain noon", {"plain", "old"}),
        ("before:1600000000", {"old"}),
        ("after:1600000000 lunch", {"plain"}),
        ("nowhere", set()),
    ],
)
def test_search(control: Control, gmail: Any, query: str, found: set[str]) -> None:
    """The search box's terms narrow a listing; spam and trash need naming."""
    ids = {
        control.deliver(OWNER, letter()): "plain",
        control.deliver(OWNER, letter_with_everything()): "rich",
        control.deliver(OWNER, letter("Bin me"), folder="trash", unread=False): "binned",
        control.deliver(
            OWNER, letter("Old"), folder="archive", unread=False, received_at=1_500_000_000
        ): "old",
    }

    answer = gmail.messages().list(userId="me", q=query).execute()

    assert {ids[message["id"]] for message in answer.get("messages", [])} == found


def test_label_filters_are_all_needed(control: Control, gmail: Any) -> None:
    """`labelIds` must all be on a message; an unknown label is an error of the caller."""
    control.deliver(OWNER, letter(), unread=False)
    unread = control.deliver(OWNER, letter())

    both = gmail.messages().list(userId="me", labelIds=["INBOX", "UNREAD"]).execute()
    with pytest.raises(HttpError) as failure:
        gmail.messages().list(userId="me", labelIds=["Label_77"]).execute()

    assert [message["id"] for message in both["messages"]] == [unread]
    assert failure.value.status_code == 400


def test_batch_answers_each_part_on_its_own(control: Control, service: Any, gmail: Any) -> None:
    """One missing message fails alone; the others arrive under their own request's id."""
    ids = [control.deliver(OWNER, letter(f"Number {number}")) for number in range(3)]
    answers: dict[str, Any] = {}
    failures: dict[str, int] = {}

    def note(request_id: str, answer: Any, error: Any) -> None:
        if error is None:
            answers[request_id] = answer
        else:
            failures[request_id] = error.status_code

    batch = service.new_batch_http_request(callback=note)
    for message_id in [*ids, "00000000000000ff"]:
        batch.add(gmail.messages().get(userId="me", id=message_id), request_id=message_id)
    batch.execute()

    assert {name: answer["id"] for name, answer in answers.items()} == {i: i for i in ids}
    assert failures == {"00000000000000ff": 404}


def test_batch_changes_mail_and_refuses_more_than_a_hundred(
    simulator_url: str, control: Control, gmail: Any, http: httpx.Client
) -> None:
    """Posted bodies work inside a batch; a batch of 101 is refused whole."""
    message_id = control.deliver(OWNER, letter())
    batch = BatchHttpRequest(batch_uri=f"{simulator_url}/batch/gmail/v1")
    batch.add(
        gmail.messages().modify(userId="me", id=message_id, body={"removeLabelIds": ["UNREAD"]})
    )
    batch.execute()
    part = "--b\r\nContent-Type: application/http\r\n\r\nGET /gmail/v1/users/me/profile\r\n\r\n"

    refused = http.post(
        "/batch/gmail/v1",
        content=part * 101 + "--b--",
        headers={"Content-Type": "multipart/mixed; boundary=b"},
    )

    assert not control.get(f"mailboxes/{OWNER}")["messages"][0]["unread"]
    assert refused.status_code == 400
    assert "Received: 101, Limit: 100" in refused.json()["error"]["message"]


def test_partial_answers_and_compression(control: Control, http: httpx.Client) -> None:
    """`fields` leaves out what was not asked for, and large answers are compressed."""
    message_id = control.deliver(OWNER, letter(text="word " * 2000))

    thin = http.get(
        f"/gmail/v1/users/me/messages/{message_id}", params={"fields": "id,payload(headers/name)"}
    )
    whole = http.get(f"/gmail/v1/users/{OWNER}/messages/{message_id}")

    assert thin.json()["id"] == message_id
    assert set(thin.json()) == {"id", "payload"}
    assert {"name": "Subject"} in thin.json()["payload"]["headers"]
    assert whole.headers["Content-Encoding"] == "gzip"
    assert whole.json()["payload"]["body"]["size"] >= 10_000


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("users/me/messages/00000000000000ff", 404, "notFound"),
        ("users/me/messages/not-an-id", 400, "invalidArgument"),
        ("users/me/threads/00000000000000ff", 404, "notFound"),
        ("users/me/labels/Label_9", 404, "notFound"),
        ("users/me/messages?pageToken=x", 400, "invalidArgument"),
        ("users/me/messages?maxResults=x", 400, "invalidArgument"),
        ("users/me/history", 400, "invalidArgument"),
        ("users/me/history?startHistoryId=1", 404, "notFound"),
        (f"users/{FRIEND}/profile", 403, "forbidden"),
        ("users/me/nonsense", 404, "notFound"),
    ],
)
def test_errors_look_like_gmails(http: httpx.Client, path: str, status: int, reason: str) -> None:
    """Every refusal has Google's body, with its code, status and reason."""
    answer = http.get(f"/gmail/v1/{path}")

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, status)
    assert error["errors"][0]["reason"] == reason
    assert error["status"]


def test_raw_is_the_message_that_arrived(control: Control, http: httpx.Client) -> None:
    """What was delivered can be parsed again from the raw format."""
    message_id = control.deliver(OWNER, letter("Exact"))

    answer = http.get(f"/gmail/v1/users/me/messages/{message_id}?format=raw")

    assert message_from_bytes(decoded(answer.json()["raw"]))["Subject"] == "Exact"
