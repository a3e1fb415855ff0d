"""The Gmail mailbox: what it asks of Gmail, and what it makes of the answers."""

import base64
import email
import email.policy
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from postroom.domain.errors import NotFound, Rejected, Retryable
from postroom.domain.ids import (
    FolderId,
    InternetMessageId,
    ProviderMessageId,
    ProviderThreadId,
)
from postroom.domain.message import Address, Message, MessageChange
from postroom.domain.outgoing import Answered, AnswerKind, OutgoingAttachment
from postroom.domain.sender import Sender
from postroom.domain.sync import MessageRef
from postroom.providers.google.mailbox import GmailMailbox
from postroom.providers.message_limits import GMAIL
from tests.builders import make_message, make_outgoing_message
from tests.unit.providers.google.gmail import (
    ACCOUNT_ID,
    Gmail,
    message,
    refusal,
)

SENT = httpx.Response(200, json={"id": "s1", "threadId": "t1", "labelIds": ["SENT"]})
REF = MessageRef(provider_id=ProviderMessageId("a"), provider_thread_id=ProviderThreadId("t"))


def mailbox(gmail: Gmail) -> GmailMailbox:
    return GmailMailbox(gmail.client(), ACCOUNT_ID, gmail.clock)


def query(request: httpx.Request) -> dict[str, list[str]]:
    return parse_qs(request.url.query.decode())


def answered(thread_id: str, kind: AnswerKind = AnswerKind.REPLY) -> Answered:
    """An earlier message of a thread."""
    return Answered(
        kind=kind,
        provider_id=ProviderMessageId("q1"),
        provider_thread_id=ProviderThreadId(thread_id),
        internet_message_id=InternetMessageId("<q@example.org>"),
        references=(InternetMessageId("<p@example.org>"), InternetMessageId("<q@example.org>")),
    )


def json_answer(**content: Any) -> httpx.Response:
    return httpx.Response(200, json=content)


# ── Changing ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("labels", "change", "add", "remove"),
    [
        (["INBOX", "UNREAD"], MessageChange(unread=False), [], ["UNREAD"]),
        (["INBOX"], MessageChange(unread=False), [], ["UNREAD"]),
        (["INBOX"], MessageChange(unread=True, starred=True), ["STARRED", "UNREAD"], []),
        (["INBOX"], MessageChange(folders=(FolderId("Label_1"),)), ["Label_1"], ["INBOX"]),
        (
            ["INBOX", "UNREAD", "STARRED"],
            MessageChange(folders=(FolderId("TRASH"),)),
            ["TRASH"],
            ["INBOX"],
        ),
        (["SENT", "INBOX"], MessageChange(folders=(FolderId("Label_1"),)), ["Label_1"], ["INBOX"]),
        (
            ["SENT", "INBOX"],
            MessageChange(folders=(FolderId("SENT"), FolderId("INBOX"))),
            ["INBOX"],
            [],
        ),
        (["INBOX"], MessageChange(folders=()), [], ["INBOX"]),
        (
            ["INBOX"],
            MessageChange(folders=(FolderId("INBOX"), FolderId("UNREAD")), unread=False),
            ["INBOX"],
            ["UNREAD"],
        ),
    ],
)
def test_a_change_becomes_labels_to_add_and_remove(
    labels: list[str], change: MessageChange, add: list[str], remove: list[str]
) -> None:
    """Folders are replaced but for what Gmail alone sets; flags change only when they are named."""
    # Given
    gmail = Gmail([json_answer(id="a", labelIds=labels)])
    mail = make_message(folders=tuple(FolderId(label) for label in labels))
    # When
    mailbox(gmail).apply(mail, change, folders={})
    # Then
    assert json.loads(gmail.requests[0].content) == {"addLabelIds": add, "removeLabelIds": remove}


@pytest.mark.parametrize("change", [MessageChange(), MessageChange(folders=(FolderId("SENT"),))])
def test_a_change_that_changes_nothing_asks_gmail_nothing(change: MessageChange) -> None:
    """A sent mail left where it was: Gmail refuses a modify without labels, and so did we."""
    # Given
    gmail = Gmail([])
    mail = make_message(folders=(FolderId("SENT"),), unread=True, starred=True)
    # When
    edit = mailbox(gmail).apply(mail, change, folders={})
    # Then
    assert mail.edited(edit) == mail
    assert gmail.requests == []


def test_a_change_ends_with_the_labels_that_gmail_names() -> None:
    """The copy takes over what the mailbox has now, also what others changed meanwhile."""
    # Given
    gmail = Gmail([json_answer(id="a", labelIds=["INBOX", "STARRED", "Label_7"])])
    mail = make_message(folders=(FolderId("INBOX"), FolderId("UNREAD"), FolderId("Label_2")))
    # When
    edit = mailbox(gmail).apply(mail, MessageChange(unread=False), folders={})
    # Then
    after = mail.edited(edit)
    assert sorted(after.folders) == ["INBOX", "Label_7", "STARRED"]
    assert (after.unread, after.starred, after.version) == (False, True, mail.version)


def test_trash_is_a_label() -> None:
    """An answer without labels means a message without any."""
    gmail = Gmail([json_answer(id="a", labelIds=["TRASH"])])
    mail = make_message(folders=(FolderId("INBOX"),))
    assert mail.edited(mailbox(gmail).trash(mail)).folders == ("TRASH",)


def test_deleting_for_good_needs_a_scope_of_its_own() -> None:
    """The account is fine; this request is not possible, and the text says what would be."""
    gmail = Gmail([refusal(403, "insufficientPermissions")])
    with pytest.raises(Rejected, match=r"https://mail\.google\.com/"):
        mailbox(gmail).delete(make_message())


# ── Sending ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", AnswerKind)
def test_a_message_is_sent_into_its_thread(kind: AnswerKind) -> None:
    """Threading needs Gmail's thread besides the headers; Bcc is how Gmail learns of them."""
    # Given
    gmail = Gmail([SENT])
    outgoing = make_outgoing_message(
        answered=answered("t1", kind), bcc=(Address(email="b@x.example"),)
    )
    # When
    sent = mailbox(gmail).send(outgoing)
    # Then
    assert (sent.provider_id, sent.provider_thread_id) == ("s1", "t1")
    body = json.loads(gmail.requests[0].content)
    assert body["threadId"] == "t1"
    raw = base64.urlsafe_b64decode(body["raw"])
    mime = email.message_from_bytes(raw, policy=email.policy.default)
    assert (mime["Message-ID"], mime["Bcc"]) == ("<answer-1@example.com>", "b@x.example")
    assert mime["In-Reply-To"] == "<q@example.org>"
    assert mime["References"].split() == ["<p@example.org>", "<q@example.org>"]


def test_only_verified_senders_may_be_used() -> None:
    """An alias that nobody has confirmed yet is none; the account's own address comes first."""
    gmail = Gmail(
        [
            json_answer(
                sendAs=[
                    {"sendAsEmail": "new@x.example", "verificationStatus": "pending"},
                    {"sendAsEmail": "a@x.example", "verificationStatus": "accepted"},
                    {
                        "sendAsEmail": "ada@x.example",
                        "displayName": "Ada",
                        "signature": "<b>Ada</b>",
                        "isPrimary": True,
                        "isDefault": True,
                    },
                ]
            )
        ]
    )
    assert mailbox(gmail).senders() == [
        Sender(email="ada@x.example", name="Ada", signature="<b>Ada</b>", is_default=True),
        Sender(email="a@x.example"),
    ]
    assert gmail.requests[0].url.path.endswith("/users/me/settings/sendAs")


@pytest.mark.parametrize(
    "listed",
    [
        [],
        [{"sendAsEmail": "other@x.example", "verificationStatus": "accepted"}],
        [{"sendAsEmail": "shop@x.example", "verificationStatus": "pending"}],
    ],
)
def test_nothing_leaves_from_an_alias_that_is_none(listed: list[dict[str, str]]) -> None:
    """Gmail would put the account's own address into From; also where it waits to be verified."""
    gmail = Gmail([json_answer(sendAs=listed)])
    shop = Address(email="shop@x.example")
    with pytest.raises(Rejected, match="may not send from this address"):
        mailbox(gmail).send(make_outgoing_message(from_=shop, from_alias=True))
    (only,) = gmail.requests
    assert only.url.path.endswith("/users/me/settings/sendAs")


def test_senders_that_are_not_told_let_nothing_leave() -> None:
    """The message did not leave, and is sent once Gmail answers: no guess is made."""
    gmail = Gmail([refusal(503)] * 9)
    shop = Address(email="shop@x.example")
    with pytest.raises(Retryable):
        mailbox(gmail).send(make_outgoing_message(from_=shop, from_alias=True))
    assert all(each.url.path.endswith("/settings/sendAs") for each in gmail.requests)


def test_a_large_message_is_uploaded() -> None:
    """Above 3.5 MB a JSON call is too small; the upload keeps the thread."""
    # Given
    gmail = Gmail([SENT])
    file = OutgoingAttachment(filename="a", content_type="a/b", content=b"x" * 3_600_000)
    # When
    mailbox(gmail).send(make_outgoing_message(attachments=(file,), answered=answered("t1")))
    # Then
    (request,) = gmail.requests
    assert str(request.url).startswith(
        "https://gmail.googleapis.com/upload/gmail/v1/users/me/messages/send?uploadType=multipart"
    )
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    related = email.message_from_bytes(head + request.content, policy=email.policy.default)
    fields, mime = related.iter_parts()
    assert json.loads(str(fields.get_payload())) == {"threadId": "t1"}
    assert mime.get_content()["Message-ID"] == "<answer-1@example.com>"


def test_more_than_gmail_sends_is_not_tried() -> None:
    """The limit is told before tens of megabytes are sent in vain."""
    gmail = Gmail([])
    file = OutgoingAttachment(
        filename="a", content_type="a/b", content=b"x" * (GMAIL.message_bytes * 3 // 4)
    )
    with pytest.raises(Rejected, match="bytes"):
        mailbox(gmail).send(make_outgoing_message(attachments=(file,)))


def test_an_answer_to_a_deleted_thread_is_sent_all_the_same() -> None:
    """Gmail refuses a thread that is gone; nothing was sent, so it is sent without."""
    gmail = Gmail([refusal(404, "notFound"), SENT])
    mailbox(gmail).send(make_outgoing_message(answered=answered("gone")))
    assert "threadId" not in json.loads(gmail.requests[1].content)


S1 = {"id": "s1", "threadId": "t1"}


def bearing(message_id: str) -> httpx.Response:
    headers = [{"name": "Message-Id", "value": message_id}]
    return json_answer(**S1, internalDate="1795253400000", payload={"headers": headers})


@pytest.mark.parametrize("odd", ["<a|in:sent@x>", "<a b@x>", '<"a in:sent"@x>', "<(a)@x>"])
def test_a_message_id_of_search_words_finds_nothing_but_itself(odd: str) -> None:
    """An author's own one found another sent mail: theirs was said to have left."""
    gmail = Gmail([json_answer(messages=[S1]), bearing("<other@x>")])
    assert mailbox(gmail).find_sent(InternetMessageId(odd)) is None
    (asked,) = query(gmail.requests[0])["q"]
    assert (asked[:13], asked[-1], asked.count('"')) == ('rfc822msgid:"', '"', 2)
    gmail = Gmail([json_answer(messages=[S1]), bearing(odd)])
    assert mailbox(gmail).find_sent(InternetMessageId(odd)) is not None


def test_what_was_sent_is_found_by_its_message_id() -> None:
    """Wherever it lies now, also in the trash; never a copy that was received."""
    # Given
    gmail = Gmail([json_answer(messages=[S1]), bearing("<a@b>"), json_answer()])
    box = mailbox(gmail)
    # When
    sent = box.find_sent(InternetMessageId("<a@b>"))
    # Then
    assert sent is not None
    assert sent.provider_id == "s1"
    asked = query(gmail.requests[0])
    assert (asked["q"], asked["labelIds"]) == (["rfc822msgid:a@b"], ["SENT"])
    assert asked["includeSpamTrash"] == ["true"]
    assert box.find_sent(InternetMessageId("<a@b>")) is None


# ── Stubs ────────────────────────────────────────────────────────────────────────────────────


def test_a_stub_has_what_gmail_still_gives() -> None:
    """A message that cannot be read shows at least its headers, and says so."""
    # Given
    headers = [{"name": "Subject", "value": "Hi"}, {"name": "Date", "value": "1 Jan 2026 00:00 Z"}]
    gmail = Gmail([httpx.Response(200, json=message("a", payload={"headers": headers}))])
    # When
    stub = mailbox(gmail).stub(REF).message
    # Then
    assert (stub.subject, stub.version) == ("Hi", 7)
    assert "unreadable" in stub.defects
    assert query(gmail.requests[0])["format"] == ["metadata"]


def test_a_stub_needs_no_answer_at_all() -> None:
    """Where Gmail fails on the message itself, its ids remain."""
    stub = mailbox(Gmail([httpx.Response(500)] * 3)).stub(REF).message
    assert (stub.provider_id, stub.version, stub.defects) == ("a", 0, ("unreadable",))
    assert stub.received_at == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("payload", ["no tree", ["x"], {"headers": "x"}, {"headers": [7]}])
def test_a_stub_is_made_of_whatever_gmail_gives(payload: Any) -> None:
    """The stub of a message that broke the mapping broke the same way, and stopped its account."""
    gmail = Gmail([httpx.Response(200, json=message("a", payload=payload))])
    assert mailbox(gmail).stub(REF).message.defects == ("unreadable",)


def test_there_is_no_stub_of_a_message_that_is_gone() -> None:
    """Deleted while it was tried again: it is to be removed, not to be shown as unreadable."""
    with pytest.raises(NotFound):
        mailbox(Gmail([refusal(404, "notFound")])).stub(REF)


def test_a_stub_is_not_made_of_a_busy_moment() -> None:
    """Throttling and lost connections say nothing about the message."""
    with pytest.raises(Retryable):
        mailbox(Gmail([refusal(429, "rateLimitExceeded")])).stub(REF)
    with pytest.raises(Retryable):
        mailbox(Gmail([httpx.ConnectError("down")] * 3)).stub(REF)


# ── Content ──────────────────────────────────────────────────────────────────────────────────

MIXED = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nwords\r\n--b--\r\n"
)


def attached(**body: Any) -> dict[str, Any]:
    parts = [
        {"partId": "0", "mimeType": "text/plain", "body": {"data": "eA=="}},
        {"partId": "1", "mimeType": "message/rfc822", "filename": "f", "body": body},
    ]
    return {"mimeType": "multipart/mixed", "partId": "", "parts": parts}


def test_an_attachment_is_found_by_its_part() -> None:
    """Gmail's attachment ids change with every call, so the newest is asked for first."""
    # Given
    gmail = Gmail(
        [json_answer(payload=attached(attachmentId="new-id", size=3)), json_answer(data="AP_-")]
    )
    # When
    content = mailbox(gmail).attachment(make_message(provider_id="a"), "1")
    # Then
    assert content == b"\x00\xff\xfe"
    assert gmail.requests[1].url.path.endswith("/messages/a/attachments/new-id")


def test_small_content_comes_at_once() -> None:
    """A text file is in the answer already."""
    gmail = Gmail([json_answer(payload=attached(size=2, data="aGk="))])
    assert mailbox(gmail).attachment(make_message(), "1") == b"hi"


def test_an_attached_message_without_an_id_is_cut_out_of_the_raw() -> None:
    """Gmail hands some attached messages out as parts only."""
    raw = base64.urlsafe_b64encode(MIXED).decode()
    gmail = Gmail([json_answer(payload=attached(size=0)), json_answer(raw=raw)])
    inner = mailbox(gmail).attachment(make_message(), "1")
    assert email.message_from_bytes(inner)["Subject"] == "inner"


def test_a_part_that_is_not_there_is_not_found() -> None:
    """An id that somebody made up."""
    mail: Message = make_message()
    with pytest.raises(NotFound):
        mailbox(Gmail([json_answer(payload=attached(size=0))])).attachment(mail, "7.3")
