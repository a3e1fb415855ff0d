"""A send is a draft with an id: whatever happens on the way, it is known or it is asked for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest

from postroom.domain.errors import InvalidRequest, OutcomeUnknown, Rejected, Retryable, TooLarge
from postroom.domain.ids import InternetMessageId, ProviderMessageId, ProviderThreadId
from postroom.domain.message import Address, Header
from postroom.domain.outgoing import Answered, AnswerKind, OutgoingAttachment, SentMessage
from postroom.domain.sender import Sender
from postroom.providers.http_calls import LARGEST_ANSWER_BYTES
from postroom.providers.message_limits import OUTLOOK
from postroom.providers.microsoft import outgoing
from postroom.providers.microsoft.mailbox import GraphMailbox
from tests.builders import ACCOUNT_ID, make_outgoing_message
from tests.unit.providers.microsoft.graph import Graph, refusal

SENT = SentMessage(
    provider_id=ProviderMessageId("D"), provider_thread_id=ProviderThreadId("conversation")
)
DRAFT = {"id": "D", "conversationId": "conversation", "parentFolderId": "drafts", "isDraft": True}
FILE = OutgoingAttachment(filename="a.pdf", content_type="application/pdf; x=y", content=b"pdf")
UPLOAD = "https://outlook.office.com/api/v2.0/AttachmentSessions('s')?authtoken=t"


@dataclass
class Outbox:
    """Answers as Graph does while a message is sent; what `answers` holds comes instead."""

    answers: Mapping[str, Any] = field(default_factory=dict)
    """By method and path below `/me/messages`, such as `POST /D/send`."""
    calls: list[str] = field(default_factory=list)
    bodies: dict[str, Any] = field(default_factory=dict)

    def mailbox(self) -> GraphMailbox:
        """Return a mailbox whose calls are answered here."""
        return GraphMailbox(Graph([self._answer] * 50).client(), ACCOUNT_ID)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/v1.0").removeprefix("/me/messages")
        call = f"{request.method} {path}"
        self.calls.append(call)
        if request.headers.get("Content-Type") == "application/json":
            self.bodies[call] = json.loads(request.content)
        given = self.answers.get(call)
        if isinstance(given, Exception):
            raise given
        if isinstance(given, httpx.Response):
            return given
        usual = {
            "POST ": httpx.Response(201, json=DRAFT),
            "POST /M/createReply": httpx.Response(201, json=DRAFT),
            "POST /M/createForward": httpx.Response(201, json=DRAFT),
            "PATCH /D": httpx.Response(200, json=DRAFT),
            "GET /D/attachments": httpx.Response(200, json={"value": [{"id": "old"}]}),
            "DELETE /D/attachments/old": httpx.Response(204),
            "POST /D/attachments": httpx.Response(201, json={"id": "new"}),
            "POST /D/attachments/createUploadSession": httpx.Response(
                201, json={"uploadUrl": UPLOAD}
            ),
            "PUT /api/v2.0/AttachmentSessions('s')": httpx.Response(201),
            "POST /D/send": httpx.Response(202),
            "POST /D/permanentDelete": httpx.Response(204),
            "GET ": httpx.Response(200, json={"value": []}),
        }
        return usual[call]


def answer_to(kind: AnswerKind) -> Answered:
    return Answered(
        kind=kind,
        provider_id=ProviderMessageId("M"),
        provider_thread_id=ProviderThreadId("conversation"),
    )


def state(**changes: Any) -> httpx.Response:
    return httpx.Response(200, json={**DRAFT, **changes})


def test_a_message_is_a_draft_that_is_sent_by_its_id() -> None:
    """All that its author wrote stands in the draft, the Message-ID too."""
    # Given
    outbox = Outbox()
    message = make_outgoing_message(
        cc=(Address(email="bo@example.org"),),
        reply_to=(Address(email="replies@example.com", name="Replies"),),
        custom_headers=(Header(name="X-Campaign", value="7"),),
    )
    # When
    sent = outbox.mailbox().send(message)
    # Then
    assert sent == SENT
    assert outbox.calls == ["POST ", "POST /D/send"]
    assert outbox.bodies["POST "] == {
        "internetMessageId": "<answer-1@example.com>",
        "subject": message.subject,
        "body": {"contentType": "html", "content": message.body},
        "toRecipients": [
            {"emailAddress": {"address": "charles@example.org", "name": "Charles Babbage"}}
        ],
        "ccRecipients": [{"emailAddress": {"address": "bo@example.org"}}],
        "bccRecipients": [],
        "replyTo": [{"emailAddress": {"address": "replies@example.com", "name": "Replies"}}],
        "internetMessageHeaders": [{"name": "X-Campaign", "value": "7"}],
    }


def test_only_an_alias_is_named_as_the_sender() -> None:
    """Of some mailboxes we know the sign-in name alone: nobody may send from that."""
    outbox = Outbox()
    alias = Address(email="shop@example.com", name="Shop")
    outbox.mailbox().send(make_outgoing_message(from_=alias, from_alias=True))
    assert outbox.bodies["POST "]["from"] == {
        "emailAddress": {"address": "shop@example.com", "name": "Shop"}
    }
    answer = answer_to(AnswerKind.REPLY)
    outbox.mailbox().send(make_outgoing_message(answered=answer))
    assert "from" not in outbox.bodies["PATCH /D"]


def test_files_are_posted_and_large_ones_uploaded() -> None:
    """The border is what a request may have in base64."""
    # Given
    outbox = Outbox()
    picture = OutgoingAttachment(
        filename="logo.png",
        content_type="image/png",
        content=b"p",
        content_id="<logo>",
        is_inline=True,
    )
    border = outgoing.LARGEST_POSTED_BYTES
    large = replace(FILE, filename="large.pdf", content=b"x" * (border + 1))
    mail = replace(FILE, filename="mail.eml", content_type="message/rfc822")
    # When
    outbox.mailbox().send(make_outgoing_message(attachments=(picture, large)))
    # Then
    assert outbox.calls == [
        "POST ",
        "POST /D/attachments",
        "POST /D/attachments/createUploadSession",
        "PUT /api/v2.0/AttachmentSessions('s')",
        "POST /D/send",
    ]
    assert outbox.bodies["POST /D/attachments"] == {
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": "logo.png",
        "contentType": "image/png",
        "isInline": True,
        "contentId": "logo",
        "contentBytes": "cA==",
    }
    assert outbox.bodies["POST /D/attachments/createUploadSession"] == {
        "AttachmentItem": {
            "attachmentType": "file",
            "name": "large.pdf",
            "contentType": "application/pdf",
            "size": border + 1,
            "isInline": False,
        }
    }
    # And a mail as a file is bytes: nothing of it may change
    described = outgoing.attachment_of(mail, is_plaintext=False)
    assert described["contentType"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("kind", "call"),
    [(AnswerKind.REPLY, "createReply"), (AnswerKind.FORWARD, "createForward")],
)
def test_an_answer_is_made_by_outlook_and_says_what_its_author_wrote(
    kind: AnswerKind, call: str
) -> None:
    """Only so it joins the conversation; what Outlook put in besides is taken out."""
    # Given
    outbox = Outbox()
    headers = (Header(name="x-a", value="b"),)
    message = make_outgoing_message(answered=answer_to(kind), custom_headers=headers)
    # When
    sent = outbox.mailbox().send(message)
    # Then
    assert sent == SENT
    assert outbox.calls == [
        f"POST /M/{call}",
        "GET /D/attachments",
        "DELETE /D/attachments/old",
        "PATCH /D",
        "POST /D/send",
    ]
    assert outbox.bodies[f"POST /M/{call}"] == {
        "message": {"internetMessageHeaders": [{"name": "x-a", "value": "b"}]}
    }
    written = outbox.bodies["PATCH /D"]
    assert written["internetMessageId"] == message.message_id
    assert (written["ccRecipients"], written["body"]["content"]) == ([], message.body)


def test_no_file_of_a_forwarded_message_goes_along_unasked() -> None:
    """The eleventh did, and whatever came after it: only the first page of files was taken out."""
    # Given
    link = "https://graph.microsoft.com/v1.0/me/messages/D/attachments/more?$skip=1"
    first = {"value": [{"id": "old"}], "@odata.nextLink": link}
    outbox = Outbox(
        {
            "GET /D/attachments": httpx.Response(200, json=first),
            "GET /D/attachments/more": httpx.Response(200, json={"value": [{"id": "older"}]}),
            "DELETE /D/attachments/older": httpx.Response(204),
        }
    )
    # When
    outbox.mailbox().send(make_outgoing_message(answered=answer_to(AnswerKind.FORWARD)))
    # Then
    assert outbox.calls[1:5] == [
        "GET /D/attachments",
        "GET /D/attachments/more",
        "DELETE /D/attachments/old",
        "DELETE /D/attachments/older",
    ]


def test_an_answer_to_a_deleted_message_is_sent_all_the_same() -> None:
    """As a message of its own."""
    outbox = Outbox({"POST /M/createReply": refusal(404, "ErrorItemNotFound")})
    message = make_outgoing_message(answered=answer_to(AnswerKind.REPLY))
    assert outbox.mailbox().send(message) == SENT
    assert outbox.calls == ["POST /M/createReply", "POST ", "POST /D/send"]


def test_an_answer_to_a_deleted_message_joins_the_conversation_of_whom_it_answers() -> None:
    """It bore neither In-Reply-To nor References: with everybody it began a new conversation."""
    first, last = InternetMessageId("<1@x.example>"), InternetMessageId("<2@x.example>")
    answered = replace(
        answer_to(AnswerKind.REPLY), internet_message_id=last, references=(first, last)
    )
    outbox = Outbox({"POST /M/createReply": refusal(404, "ErrorItemNotFound")})
    outbox.mailbox().send(make_outgoing_message(answered=answered))
    assert outbox.bodies["POST "]["singleValueExtendedProperties"] == [
        {"id": "String 0x1042", "value": last},
        {"id": "String 0x1039", "value": f"{first} {last}"},
    ]


@pytest.mark.parametrize(
    ("call", "failure", "error"),
    [
        ("POST /D/attachments", refusal(503), Retryable),
        ("POST /D/attachments", refusal(413, "ErrorMessageSizeExceeded"), Rejected),
        ("POST /D/attachments", httpx.ReadTimeout("lost"), Retryable),
        ("POST /D/send", refusal(400, "ErrorInvalidRecipients"), Rejected),
        ("POST /D/send", refusal(403, "ErrorSendAsDenied"), Rejected),
        ("POST /D/send", refusal(403, "ErrorAccessDenied"), Rejected),
        ("POST /D/send", refusal(429, "ApplicationThrottled"), Retryable),
        ("POST /D/send", httpx.ConnectError("down"), Retryable),
    ],
)
def test_what_does_not_leave_leaves_no_draft(
    call: str, failure: Any, error: type[Exception]
) -> None:
    """Drafts that nobody wrote filled the mailbox of whoever could not send."""
    outbox = Outbox({call: failure, "GET /D": httpx.Response(200, json=DRAFT)})
    with pytest.raises(error):
        outbox.mailbox().send(make_outgoing_message(attachments=(FILE,)))
    assert outbox.calls[-1] == "POST /D/permanentDelete"


def test_a_draft_that_its_owner_has_sent_meanwhile_has_left() -> None:
    """Graph refuses to send it again; its sent copy was then deleted for good."""
    has_left = httpx.Response(200, json={**DRAFT, "isDraft": False})
    refused = refusal(400, "ErrorInvalidOperation")
    outbox = Outbox({"POST /D/send": refused, "GET /D": has_left})
    assert outbox.mailbox().send(make_outgoing_message()) == SENT
    assert "POST /D/permanentDelete" not in outbox.calls


def test_a_refused_draft_that_cannot_be_looked_at_is_left_alone() -> None:
    """Somebody may have sent it: that is found out later, by its Message-ID."""
    refused = refusal(400, "ErrorInvalidOperation")
    outbox = Outbox({"POST /D/send": refused, "GET /D": refusal(503)})
    with pytest.raises(OutcomeUnknown):
        outbox.mailbox().send(make_outgoing_message())
    assert "POST /D/permanentDelete" not in outbox.calls


def test_a_429_of_a_draft_that_has_left_deletes_no_sent_mail() -> None:
    """Outlook asked for fewer calls of a send that it had made.

    The id was the sent mail's by then: it was deleted for good, and a new draft was sent.
    """
    throttled = refusal(429, "ApplicationThrottled")
    outbox = Outbox({"POST /D/send": throttled, "GET /D": state(isDraft=False)})
    assert outbox.mailbox().send(make_outgoing_message()) == SENT
    assert "POST /D/permanentDelete" not in outbox.calls


def test_a_429_of_a_draft_that_cannot_be_looked_at_deletes_nothing() -> None:
    """A mailbox that asks for fewer calls often answers no other one either."""
    throttled = refusal(429, "ApplicationThrottled")
    outbox = Outbox({"POST /D/send": throttled, "GET /D": throttled})
    with pytest.raises(OutcomeUnknown):
        outbox.mailbox().send(make_outgoing_message())
    assert "POST /D/permanentDelete" not in outbox.calls


LEFT_BEHIND = {
    "GET ": httpx.Response(200, json={"value": [DRAFT]}),
    "GET /D/attachments": httpx.Response(200, json={"value": []}),
}


def test_a_draft_of_an_earlier_attempt_that_is_gone_is_not_made_again() -> None:
    """That attempt may have sent it, and its owner deleted the mail.

    It was called "deleted before it could be sent", and another one was made and sent, unasked.
    """
    gone = refusal(404, "ErrorItemNotFound")
    outbox = Outbox({**LEFT_BEHIND, "POST /D/send": gone, "GET /D": gone})
    with pytest.raises(OutcomeUnknown):
        outbox.mailbox().send(make_outgoing_message(), again=True)
    assert "POST " not in outbox.calls


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (refusal(429, "ApplicationThrottled"), Retryable),
        (httpx.ConnectError("down"), Retryable),
    ],
)
def test_a_draft_of_an_earlier_attempt_stays_until_it_is_refused(
    failure: Any, error: type[Exception]
) -> None:
    """Whoever sends again takes the same one: it can be sent only once."""
    outbox = Outbox({**LEFT_BEHIND, "POST /D/send": failure, "GET /D": state()})
    with pytest.raises(error):
        outbox.mailbox().send(make_outgoing_message(), again=True)
    assert "POST /D/permanentDelete" not in outbox.calls


def test_a_draft_of_an_earlier_attempt_that_is_refused_is_deleted() -> None:
    """It surely is a draft still, and nobody goes on with it."""
    refused = refusal(400, "ErrorInvalidRecipients")
    outbox = Outbox({**LEFT_BEHIND, "POST /D/send": refused, "GET /D": state()})
    with pytest.raises(Rejected):
        outbox.mailbox().send(make_outgoing_message(), again=True)
    assert outbox.calls[-1] == "POST /D/permanentDelete"


def test_a_draft_whose_answer_nobody_can_hold_is_deleted() -> None:
    """Graph answers with all that the author wrote; nobody looked for the draft then."""
    endless = httpx.Response(201, content=bytes(LARGEST_ANSWER_BYTES + 1))
    listed = httpx.Response(200, json={"value": [DRAFT]})
    outbox = Outbox({"POST ": endless, "GET ": listed})
    with pytest.raises(TooLarge):
        outbox.mailbox().send(make_outgoing_message())
    assert outbox.calls == ["POST ", "GET ", "POST /D/permanentDelete"]


@pytest.mark.parametrize("failure", [refusal(503), httpx.RemoteProtocolError("cut")])
def test_a_draft_of_which_no_answer_came_is_looked_for_and_deleted(failure: Any) -> None:
    """It bears our Message-ID; what was sent with it once is left alone."""
    # Given
    listed = [DRAFT, {**DRAFT, "id": "sent", "isDraft": False}]
    outbox = Outbox({"POST ": failure, "GET ": httpx.Response(200, json={"value": listed})})
    # When
    with pytest.raises(Retryable):
        outbox.mailbox().send(make_outgoing_message())
    # Then
    assert outbox.calls == ["POST ", "GET ", "POST /D/permanentDelete"]


def test_a_draft_that_disappears_was_not_sent() -> None:
    """Its owner found and deleted it while its files were on their way."""
    outbox = Outbox({"POST /D/attachments": refusal(404, "ErrorItemNotFound")})
    with pytest.raises(Retryable):
        outbox.mailbox().send(make_outgoing_message(attachments=(FILE,)))


LOST = [refusal(502), refusal(504), httpx.ReadTimeout("lost"), httpx.RemoteProtocolError("cut")]


@pytest.mark.parametrize("lost", LOST, ids=lambda each: getattr(each, "status_code", str(each)))
def test_a_lost_answer_is_settled_by_the_draft(lost: Any) -> None:
    """No draft any more: it left. Still one: nobody can say, and nothing is deleted.

    Exchange was still at it when we looked: the mail left a moment later, its copy was deleted as
    a draft, and the same key sent it again.
    """
    # When it has left
    moved = state(isDraft=False, parentFolderId="sent")
    outbox = Outbox({"POST /D/send": lost, "GET /D": moved})
    assert outbox.mailbox().send(make_outgoing_message()) == SENT
    assert outbox.calls.count("POST /D/send") == 1
    # When it has not
    outbox = Outbox({"POST /D/send": lost, "GET /D": state()})
    with pytest.raises(OutcomeUnknown):
        outbox.mailbox().send(make_outgoing_message())
    assert outbox.calls == ["POST ", "POST /D/send", "GET /D"]


@pytest.mark.parametrize(
    ("then", "answer"),
    [
        ("GET /D", refusal(404, "ErrorItemNotFound")),
        ("GET /D", refusal(503)),
        ("GET /D", state(parentFolderId="outbox")),
    ],
)
def test_what_cannot_be_settled_is_unknown_and_no_draft_is_touched(then: str, answer: Any) -> None:
    """It may be on its way: to delete it, or to send it again, would be wrong."""
    lost = httpx.ReadTimeout("lost")
    outbox = Outbox({"GET /D": state(), "POST /D/send": lost, then: answer})
    with pytest.raises(OutcomeUnknown):
        outbox.mailbox().send(make_outgoing_message())
    assert outbox.calls[-1] == then
    assert outbox.calls.count("POST /D/send") == 1


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"custom_headers": (Header(name="List-Unsubscribe", value="x"),)}, "custom_headers"),
        ({"custom_headers": (Header(name="X-A", value="a\r\nBcc: b@c.example"),)}, "headers"),
        ({"subject": "a\r\nBcc: b@c.example"}, "subject"),
        ({"to": (Address(email="nobody"),)}, "to"),
        ({"body": "half \ud83d"}, "body"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_there_is_a_draft(
    changes: dict[str, Any], named: str
) -> None:
    """Naming what has to be changed."""
    outbox = Outbox()
    with pytest.raises(InvalidRequest, match=named):
        outbox.mailbox().send(make_outgoing_message(**changes))
    assert outbox.calls == []


def test_what_is_too_large_is_refused_before_there_is_a_draft() -> None:
    """No mailbox takes more, and an upload would be in vain."""
    half = replace(FILE, content=bytes(OUTLOOK.message_bytes // 2))
    outbox = Outbox()
    with pytest.raises(Rejected, match="bytes"):
        outbox.mailbox().send(make_outgoing_message(attachments=(half, half)))
    assert outbox.calls == []


def test_a_sent_message_is_found_by_its_message_id() -> None:
    """A draft with it has not left, and a quotation mark breaks no filter."""
    # Given
    graph = Graph(
        [
            httpx.Response(200, json={"value": [DRAFT]}),
            httpx.Response(200, json={"value": [DRAFT, {**DRAFT, "isDraft": False}]}),
        ]
    )
    mailbox = GraphMailbox(graph.client(), ACCOUNT_ID)
    # When / Then
    assert mailbox.find_sent(InternetMessageId("<o'brien@x.example>")) is None
    assert mailbox.find_sent(InternetMessageId("<o'brien@x.example>")) == SENT
    asked = graph.requests[0].url.params["$filter"]
    assert asked == "internetMessageId eq '<o''brien@x.example>'"


def test_of_a_mail_to_oneself_the_sent_copy_is_found() -> None:
    """The received one bears the same Message-ID."""
    # Given
    received = {**DRAFT, "id": "received", "isDraft": False, "parentFolderId": "in"}
    sent = {**DRAFT, "isDraft": False, "parentFolderId": "sent-1"}
    known = [
        {"id": str(n), "status": 200, "body": {"id": each}}
        for n, each in enumerate(("in", "sent-1", "drafts", "archive", "bin", "junk"))
    ]
    graph = Graph(
        [
            httpx.Response(200, json={"value": [received, sent]}),
            httpx.Response(200, json={"responses": known}),
        ]
    )
    # When / Then
    assert GraphMailbox(graph.client(), ACCOUNT_ID).find_sent(InternetMessageId("<x@y>")) == SENT


def test_a_mailbox_sends_from_its_address_and_aliases() -> None:
    """The main address first; addresses of other systems are none."""
    me = {
        "mail": "Ada@example.com",
        "userPrincipalName": "ada@tenant.onmicrosoft.com",
        "displayName": "Ada Lovelace",
        "proxyAddresses": [
            "smtp:lovelace@example.com",
            "SMTP:ada@example.com",
            "X500:/o=x",
            "sip:ada@example.com",
        ],
    }
    graph = Graph([httpx.Response(200, json=me)])
    senders = GraphMailbox(graph.client(), ACCOUNT_ID).senders()
    assert senders == [
        Sender(email="Ada@example.com", name="Ada Lovelace", is_default=True),
        Sender(email="lovelace@example.com", name="Ada Lovelace"),
    ]


@pytest.mark.parametrize(
    "refused",
    [
        refusal(403, "Authorization_RequestDenied"),
        refusal(403, "ErrorAccessDenied"),
        refusal(400, "Request_BadRequest"),
    ],
)
def test_a_mailbox_whose_aliases_are_not_told_sends_from_its_own_address(
    refused: httpx.Response,
) -> None:
    """Personal accounts have no such property, and some organisations hide it."""
    me = {"mail": None, "userPrincipalName": "ada@outlook.example", "displayName": "Ada"}
    graph = Graph([refused, httpx.Response(200, json=me)])
    senders = GraphMailbox(graph.client(), ACCOUNT_ID).senders()
    assert senders == [Sender(email="ada@outlook.example", name="Ada", is_default=True)]
