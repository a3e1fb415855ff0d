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

from postroom.domain.errors import CursorExpired, Misconfigured, NotFound, Rejected, Retryable
from postroom.domain.folder import FolderRole
from postroom.domain.ids import (
    FolderId,
    InternetMessageId,
    ProviderMessageId,
    ProviderThreadId,
)
from postroom.domain.message import Address, Message, MessageChange
from postroom.domain.outgoing import OutgoingAttachment
from postroom.domain.sync import Cursor, MessageRef
from postroom.providers.google.mailbox import MAILBOX, MAX_MESSAGE_BYTES, GmailMailbox
from tests.builders import make_message, make_outgoing_message
from tests.unit.providers.google.gmail import (
    ACCOUNT_ID,
    Gmail,
    batch_answer,
    called,
    message,
    refusal,
)

SENT = httpx.Response(200, json={"id": "s1", "threadId": "t1", "labelIds": ["SENT"]})
REF = MessageRef(provider_id=ProviderMessageId("a"), provider_thread_id=ProviderThreadId("t"))


EMPTY_PAGES = [
    httpx.Response(200, json={"nextPageToken": f"p{n}", "historyId": "20"}) for n in range(40)
]


def mailbox(gmail: Gmail) -> GmailMailbox:
    return GmailMailbox(gmail.client(), ACCOUNT_ID, gmail.clock)


def query(request: httpx.Request) -> dict[str, list[str]]:
    return parse_qs(request.url.query.decode())


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
    mailbox(gmail).apply(mail, change)
    # Then
    assert json.loads(gmail.requests[0].content) == {"addLabelIds": add, "removeLabelIds": remove}


@pytest.mark.parametrize("change", [MessageChange(), MessageChange(folders=(FolderId("SENT"),))])
def test_a_change_that_changes_nothing_asks_gmail_nothing(change: MessageChange) -> None:
    """A sent mail left where it was: Gmail refuses a modify without labels, and so did we."""
    # Given
    gmail = Gmail([])
    mail = make_message(folders=(FolderId("SENT"),), unread=True, starred=True)
    # When
    edit = mailbox(gmail).apply(mail, change)
    # Then
    assert mail.edited(edit) == mail
    assert gmail.requests == []


def test_a_change_ends_with_the_labels_that_gmail_names() -> None:
    """The copy takes over what the mailbox has now, also what others changed meanwhile."""
    # Given
    gmail = Gmail([json_answer(id="a", labelIds=["INBOX", "STARRED", "Label_7"])])
    mail = make_message(folders=(FolderId("INBOX"), FolderId("UNREAD"), FolderId("Label_2")))
    # When
    edit = mailbox(gmail).apply(mail, MessageChange(unread=False))
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


def test_a_message_is_sent_into_its_thread() -> None:
    """Threading needs Gmail's thread besides the headers; Bcc is how Gmail learns of them."""
    # Given
    gmail = Gmail([SENT])
    outgoing = make_outgoing_message(
        provider_thread_id=ProviderThreadId("t1"), bcc=(Address(email="b@x.example"),)
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


def test_a_large_message_is_uploaded() -> None:
    """Above 3.5 MB a JSON call is too small; the upload keeps the thread."""
    # Given
    gmail = Gmail([SENT])
    file = OutgoingAttachment(filename="a", content_type="a/b", content=b"x" * 3_600_000)
    # When
    mailbox(gmail).send(
        make_outgoing_message(attachments=(file,), provider_thread_id=ProviderThreadId("t1"))
    )
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
        filename="a", content_type="a/b", content=b"x" * (MAX_MESSAGE_BYTES * 3 // 4)
    )
    with pytest.raises(Rejected, match="36700160"):
        mailbox(gmail).send(make_outgoing_message(attachments=(file,)))


def test_an_answer_to_a_deleted_thread_is_sent_all_the_same() -> None:
    """Gmail refuses a thread that is gone; nothing was sent, so it is sent without."""
    gmail = Gmail([refusal(404, "notFound"), SENT])
    mailbox(gmail).send(make_outgoing_message(provider_thread_id=ProviderThreadId("gone")))
    assert "threadId" not in json.loads(gmail.requests[1].content)


def test_what_was_sent_is_found_by_its_message_id() -> None:
    """Wherever it lies now, also in the trash; never a copy that was received."""
    # Given
    gmail = Gmail([json_answer(messages=[{"id": "s1", "threadId": "t1"}]), json_answer()])
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


# ── Sync ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "error",
    [
        {"errors": [{"reason": "accessNotConfigured"}], "status": "PERMISSION_DENIED"},
        {
            "errors": [{"reason": "forbidden"}],
            "status": "PERMISSION_DENIED",
            "details": [{"reason": "SERVICE_DISABLED", "domain": "googleapis.com"}],
        },
    ],
)
def test_an_api_that_is_not_enabled_is_the_operators_business(error: dict[str, Any]) -> None:
    """The probe of a new connection: its owner was told that there was no mailbox."""
    gmail = Gmail([httpx.Response(403, json={"error": error})])
    with pytest.raises(Misconfigured, match="not enabled"):
        mailbox(gmail).pin_cursors()
    assert len(gmail.requests) == 1


def test_an_expired_history_is_no_missing_message() -> None:
    """404 on history means that the mailbox has to be read anew."""
    with pytest.raises(CursorExpired):
        mailbox(Gmail([refusal(404, "notFound")])).changes(MAILBOX, Cursor("1"))


def test_an_empty_page_with_more_behind_it_is_passed() -> None:
    """Gmail answers pages without records in the middle (lieer #24, #120); they end nothing."""
    # Given
    record = {"id": "9", "messagesAdded": [{"message": {"id": "a", "threadId": "t"}}]}
    gmail = Gmail(
        [
            json_answer(nextPageToken="p2", historyId="20"),
            json_answer(history=[record], nextPageToken="p3", historyId="20"),
        ]
    )
    # When
    page = mailbox(gmail).changes(MAILBOX, Cursor("5"))
    # Then
    assert [query(r).get("pageToken") for r in gmail.requests] == [None, ["p2"]]
    assert [query(r)["startHistoryId"] for r in gmail.requests] == [["5"], ["5"]]
    assert (page.next_cursor, page.more, len(page.fetch)) == ("9", True, 1)


def test_twenty_empty_pages_are_passed() -> None:
    """The pages are followed as far as that, and nothing behind them is lost."""
    gmail = Gmail([*EMPTY_PAGES[:20], json_answer(historyId="99")])
    assert mailbox(gmail).changes(MAILBOX, Cursor("5")).next_cursor == "99"


def test_empty_pages_without_end_are_left_for_later() -> None:
    """A token that led to itself kept a worker asking until its function was killed."""
    gmail = Gmail([*EMPTY_PAGES])
    with pytest.raises(Retryable):
        mailbox(gmail).changes(MAILBOX, Cursor("5"))
    assert len(gmail.requests) == 21


def test_a_page_of_history_is_work_for_seconds() -> None:
    """A page of 500 new messages outlasted lease and function, and began anew for ever."""
    gmail = Gmail([json_answer(historyId="20")])
    mailbox(gmail).changes(MAILBOX, Cursor("5"))
    assert query(gmail.requests[0])["maxResults"] == ["100"]


def test_listing_goes_on_from_its_position() -> None:
    """Everything is listed, spam and trash too; the first page tells how much there is."""
    # Given
    pages = [
        json_answer(messages=[{"id": "a", "threadId": "t"}], nextPageToken="p2"),
        json_answer(messagesTotal=2, historyId="1"),
        json_answer(messages=[{"id": "b", "threadId": "t"}]),
    ]
    gmail = Gmail([*pages])
    box = mailbox(gmail)
    # When
    first = box.backfill("")
    second = box.backfill(first.next_position or "")
    # Then
    assert (first.total_estimate, second.total_estimate) == (2, None)
    assert [ref.provider_id for ref in (*first.refs, *second.refs)] == ["a", "b"]
    assert second.next_position is None
    assert query(gmail.requests[2])["pageToken"] == ["p2"]
    assert query(gmail.requests[0])["includeSpamTrash"] == ["true"]


def test_a_lost_page_token_is_replaced_by_the_time_it_stood_at() -> None:
    """A backfill of days must not begin again because a token has ended."""
    # Given a position whose last message is gone, but not the one before it
    listed = [{"id": each, "threadId": "t"} for each in "abc"]
    gmail = Gmail(
        [
            json_answer(messages=listed, nextPageToken="p2"),
            json_answer(messagesTotal=9, historyId="1"),
            refusal(400, "invalidArgument"),
            refusal(404, "notFound"),
            json_answer(id="b", internalDate="1795248005999"),
            json_answer(messages=[{"id": "d", "threadId": "t"}], nextPageToken="p3"),
            json_answer(),
        ]
    )
    box = mailbox(gmail)
    position = box.backfill("").next_position or ""
    # When
    page = box.backfill(position)
    box.backfill(page.next_position or "")
    # Then listing goes on in the same second, and keeps to that window
    assert [ref.provider_id for ref in page.refs] == ["d"]
    assert query(gmail.requests[5])["q"] == ["before:1795248006"]
    assert "pageToken" not in query(gmail.requests[5])
    assert query(gmail.requests[6])["q"] == ["before:1795248006"]
    assert query(gmail.requests[6])["pageToken"] == ["p3"]


def test_labels_become_folders_with_counts_and_parents() -> None:
    """A label `a/b` lies in `a`; a label whose count Gmail does not give has none."""
    # Given
    labels: list[dict[str, Any]] = [
        {"id": "INBOX", "name": "INBOX", "type": "system"},
        {"id": "Label_1", "name": "Work", "type": "user"},
        {"id": "Label_2", "name": "Work/Invoices", "type": "user"},
    ]
    counted = {**labels[0], "messagesTotal": 7, "messagesUnread": 2}
    colored = {**labels[1], "color": {"backgroundColor": "#ffffff", "textColor": "#000000"}}
    gmail = Gmail(
        [
            json_answer(labels=labels),
            batch_answer([(2, 429, {}), (1, 200, colored), (0, 200, counted)]),
        ]
    )
    # When
    inbox, work, invoices = mailbox(gmail).folders()
    # Then
    assert called(gmail.requests[1]) == ["labels/INBOX", "labels/Label_1", "labels/Label_2"]
    assert (inbox.role, inbox.is_system) == (FolderRole.INBOX, True)
    assert (inbox.total_count, inbox.unread_count) == (7, 2)
    assert (work.background_color, work.child_count, work.is_system) == ("#ffffff", 1, False)
    assert (invoices.parent_id, invoices.total_count) == ("Label_1", None)


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
