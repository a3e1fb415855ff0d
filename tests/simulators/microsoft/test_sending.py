"""Drafts, answers and sending, and the mail that comes of them."""

import base64
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import httpx
import pytest

from local.simulators.google.app import create_app as create_google
from local.simulators.microsoft.app import create_app
from local.simulators.transport import SimulatorTransport
from tests.simulators.conftest import FRIEND, OWNER, Control
from tests.simulators.letters import PICTURE, letter, letter_with_everything
from tests.simulators.microsoft.conftest import ALIAS, Graph, access_token, prepared

STRANGER = "stranger@elsewhere.example"
FILE: dict[str, Any] = {"@odata.type": "#microsoft.graph.fileAttachment"}


def to(*addresses: str, name: str = "") -> list[dict[str, Any]]:
    return [{"emailAddress": {"address": address, "name": name}} for address in addresses]


def inbox(control: Control, address: str) -> list[dict[str, Any]]:
    truth = control.get(f"mailboxes/{address}")
    folder = next(f["id"] for f in truth["folders"] if f["role"] == "inbox")
    return [message for message in truth["messages"] if message["folders"] == [folder]]


def mime(graph: Graph, message_id: str) -> EmailMessage:
    raw = graph.call("GET", f"messages/{message_id}/$value").content
    parsed = message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def received(control: Control, graph: Graph, address: str) -> EmailMessage:
    """Return the newest message in an inbox."""
    return mime(graph, inbox(control, address)[0]["id"])


def test_a_json_draft_becomes_real_mail(control: Control, graph: Graph, friend: Graph) -> None:
    """Names, both bodies, files, an inline picture and custom headers arrive; Bcc does not."""
    draft = graph.post(
        "messages",
        {
            "subject": "Grüße",
            "importance": "high",
            "body": {"contentType": "HTML", "content": "<p>Über <img src='cid:logo'> & so</p>"},
            "toRecipients": to(FRIEND, name="Grâce, Ho"),
            "bccRecipients": to(STRANGER),
            "internetMessageId": "<mine.1@product.example>",
            "internetMessageHeaders": [{"name": "X-Ours", "value": "yes"}],
            "attachments": [
                {
                    **FILE,
                    "name": "logo.png",
                    "contentType": "image/png",
                    "contentBytes": base64.b64encode(PICTURE).decode(),
                    "contentId": "logo",
                    "isInline": True,
                },
                {**FILE, "name": "blätter.csv", "contentType": "text/csv", "contentBytes": "YTti"},
            ],
        },
    )
    answer = graph.call("POST", f"messages/{draft['id']}/send")

    mail = received(control, friend, FRIEND)
    assert (answer.status_code, answer.content) == (202, b"")
    assert mail["Subject"] == "Grüße"
    assert mail["From"] == f"Ada Örn <{OWNER}>"
    assert mail["To"].addresses[0].display_name == "Grâce, Ho"
    assert (mail["Message-ID"], mail["X-Ours"]) == ("<mine.1@product.example>", "yes")
    assert mail["Importance"] == "high"
    assert mail["Date"] is not None
    assert mail["Bcc"] is None
    bodies = {kind: mail.get_body((kind,)) for kind in ("plain", "html")}
    assert all(bodies.values())
    assert "Über" in bodies["html"].get_content()  # type: ignore[union-attr]
    files = {p.get_filename(): p for p in mail.walk() if p.get_filename()}
    assert files["logo.png"]["Content-ID"] == "<logo>"
    assert files["logo.png"].get_content() == PICTURE
    assert files["blätter.csv"].get_content() == "a;b"
    assert mime(graph, draft["id"])["Bcc"] == STRANGER


def test_a_sent_draft_keeps_its_id(control: Control, graph: Graph) -> None:
    """It moves to Sent Items, read, with the time of sending; it cannot be sent twice."""
    draft = graph.post("messages", {"subject": "Once", "toRecipients": to(FRIEND)})
    _, drafts_link = graph.delta("mailFolders/drafts/messages/delta")
    control.post("clock", {"advance_seconds": 1800})
    path = f"messages/{draft['id']}"

    graph.call("POST", f"{path}/send")
    sent = graph.get(path)
    left, _ = graph.delta(drafts_link)

    assert draft["isDraft"]
    assert not sent["isDraft"]
    assert sent["parentFolderId"] == graph.folder_id("sentitems")
    assert sent["sentDateTime"] == sent["receivedDateTime"] > draft["createdDateTime"]
    assert sent["internetMessageId"] == draft["internetMessageId"]
    assert left[0]["@removed"] == {"reason": "deleted"}
    assert graph.refused("POST", f"{path}/send") == (400, "ErrorInvalidOperation")
    assert len(inbox(control, FRIEND)) == 1


def test_drafts_are_written_step_by_step(control: Control, graph: Graph) -> None:
    """What a patch names is replaced; the rest stays, attachments too."""
    draft = graph.post("messages", {"subject": "One", "toRecipients": to(FRIEND)})
    path = f"messages/{draft['id']}"
    graph.post(f"{path}/attachments", {**FILE, "name": "a.txt", "contentBytes": "YQ=="})

    after = graph.patch(
        path,
        {
            "subject": "Two",
            "body": {"contentType": "text", "content": "Plain\nwords"},
            "ccRecipients": to(STRANGER),
            "isReadReceiptRequested": False,
        },
    )

    assert (after["subject"], after["hasAttachments"]) == ("Two", True)
    assert after["toRecipients"] == to(FRIEND, name=FRIEND)
    assert after["conversationId"] != draft["conversationId"]
    mail = mime(graph, draft["id"])
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == ["Plain", "words"]
    assert mail["Cc"] == STRANGER


def test_a_refused_patch_changes_nothing(graph: Graph) -> None:
    """A good property beside a bad one is not written either."""
    draft = graph.post("messages", {"subject": "One"})
    path = f"messages/{draft['id']}"
    for bad in ({"toRecipients": "me"}, {"flag": 1}, {"body": "text"}, {"isDraft": False}):
        assert (
            graph.refused("PATCH", path, json={"subject": "Two", "isRead": False, **bad})[0] == 400
        )

    after = graph.get(path)
    assert {**after, "@odata.context": ""} == {**draft, "@odata.context": ""}


def test_mime_drafts_are_sent_as_they_are(control: Control, graph: Graph, friend: Graph) -> None:
    """Base64 in, the same message out, threads included; only what is missing is added."""
    earlier = control.deliver(OWNER, letter(message_id="<1@x.example>"))
    raw = letter("Re: Lunch?", "Yes!", sender=OWNER, to=FRIEND, answers="<1@x.example>", Bcc=ALIAS)
    mail = {"content": base64.b64encode(raw), "headers": {"Content-Type": "text/plain"}}

    draft = graph.call("POST", "messages", **mail).json()
    graph.call("POST", f"messages/{draft['id']}/send")

    arrived = received(control, friend, FRIEND)
    assert draft["conversationId"] == graph.get(f"messages/{earlier}")["conversationId"]
    assert arrived["In-Reply-To"] == "<1@x.example>"
    assert arrived["Message-ID"] == draft["internetMessageId"]
    assert arrived["Bcc"] is None
    assert raw.split(b"\n\n", 1)[1] in bytes(arrived)
    assert [each["subject"] for each in inbox(control, OWNER)] == ["Re: Lunch?", "Lunch?"]


def test_a_draft_may_be_replaced_as_mime(graph: Graph) -> None:
    """`PUT $value` writes a draft anew; what is no MIME is refused."""
    draft = graph.post("messages", {"subject": "One"})
    path = f"messages/{draft['id']}/$value"
    plain = {"Content-Type": "text/plain"}

    after = graph.call("PUT", path, content=base64.b64encode(letter("Two")), headers=plain)

    assert after.json()["subject"] == "Two"
    assert graph.refused("PUT", path, content=b"!!!", headers=plain)[0] == 400
    assert graph.refused("POST", "messages", content=b"", headers=plain)[0] == 400


@pytest.mark.parametrize("form", ["json", "mime"])
def test_send_mail_without_a_draft(control: Control, graph: Graph, form: str) -> None:
    """202 with nothing in it; a copy in Sent Items, and nothing left among the drafts."""
    if form == "json":
        message = {"subject": "Hi", "toRecipients": to(FRIEND), "body": {"content": "x"}}
        answer = graph.call("POST", "sendMail", json={"message": message})
    else:
        content = base64.b64encode(letter("Hi", sender=OWNER, to=FRIEND))
        headers = {"Content-Type": "text/plain"}
        answer = graph.call("POST", "sendMail", content=content, headers=headers)

    assert (answer.status_code, answer.content) == (202, b"")
    assert [message["subject"] for message in inbox(control, FRIEND)] == ["Hi"]
    assert graph.get("mailFolders/sentitems")["totalItemCount"] == 1
    assert graph.get("mailFolders/drafts")["totalItemCount"] == 0


def test_send_mail_without_a_copy(control: Control, graph: Graph) -> None:
    """`saveToSentItems: false` keeps none."""
    message = {"subject": "Hi", "toRecipients": to(FRIEND)}
    graph.call("POST", "sendMail", json={"message": message, "saveToSentItems": False})

    assert len(inbox(control, FRIEND)) == 1
    assert control.get(f"mailboxes/{OWNER}")["messages"] == []


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        ({"subject": "x"}, 400, "ErrorInvalidRecipients"),
        ({"toRecipients": to("no address")}, 400, "ErrorInvalidRecipients"),
        ({"toRecipients": to(FRIEND), "from": to(FRIEND)[0]}, 403, "ErrorSendAsDenied"),
        ({"toRecipients": "x"}, 400, "BadRequest"),
        (
            {"toRecipients": to(FRIEND), "internetMessageHeaders": [{"name": "To", "value": "x"}]},
            400,
            "InvalidInternetMessageHeader",
        ),
        ({"toRecipients": to(FRIEND), "nonsense": 1}, 400, "RequestBroker--ParseUri"),
    ],
)
def test_what_is_not_sent(
    control: Control, graph: Graph, message: dict[str, Any], status: int, code: str
) -> None:
    """Refused before anything left, and nothing stays behind."""
    assert graph.refused("POST", "sendMail", json={"message": message}) == (status, code)
    assert control.get(f"mailboxes/{OWNER}")["messages"] == []
    assert inbox(control, FRIEND) == []


def test_an_alias_may_be_the_author(control: Control, graph: Graph, friend: Graph) -> None:
    """Mail goes out as the alias, and answers to it come back to the mailbox."""
    message = {"subject": "Hi", "toRecipients": to(FRIEND), "from": to(ALIAS)[0]}
    graph.call("POST", "sendMail", json={"message": message})
    answer = {"subject": "Re: Hi", "toRecipients": to(ALIAS, OWNER)}
    friend.call("POST", "sendMail", json={"message": answer})

    assert received(control, friend, FRIEND)["From"] == f"Ada Örn <{ALIAS}>"
    assert [each["subject"] for each in inbox(control, OWNER)] == ["Re: Hi"]


def test_who_has_sent_too_much_reads_on(control: Control, graph: Graph) -> None:
    """Refused in each form, without a time; the draft stays one and leaves when it may."""
    message = {"subject": "Hi", "toRecipients": to(FRIEND)}
    draft = graph.post("messages", message)
    control.settings(sending_free_at=4_102_444_800)

    refused = (429, "ErrorExceededMessageLimit")
    assert graph.refused("POST", "sendMail", json={"message": message}) == refused
    assert graph.refused("POST", f"messages/{draft['id']}/send") == refused
    assert graph.call("GET", f"messages/{draft['id']}").json()["isDraft"]
    assert inbox(control, FRIEND) == []
    control.settings(sending_free_at=0)
    assert graph.call("POST", f"messages/{draft['id']}/send").is_success


def test_extended_properties_become_the_headers_that_they_are(
    control: Control, graph: Graph, friend: Graph
) -> None:
    """In JSON there is no other way to say what a mail answers."""
    said = {"String 0x1042": "<2@x.example>", "String 0x1039": "<1@x.example> <2@x.example>"}
    listed = [{"id": name, "value": value} for name, value in said.items()]
    message = {"subject": "Hi", "toRecipients": to(FRIEND), "singleValueExtendedProperties": listed}

    graph.call("POST", "sendMail", json={"message": message})

    arrived = received(control, friend, FRIEND)
    assert arrived["In-Reply-To"] == "<2@x.example>"
    assert arrived["References"].split() == ["<1@x.example>", "<2@x.example>"]


def test_an_alias_that_is_withdrawn_sends_nothing(control: Control, graph: Graph) -> None:
    """Outlook refuses, in each form, and keeps the draft."""
    message = {"subject": "Hi", "toRecipients": to(FRIEND), "from": to(ALIAS)[0]}
    draft = graph.call("POST", "messages", json=message).json()
    aliases: dict[str, list[str]] = {"aliases": []}
    assert control.http.put(f"/_sim/mailboxes/{OWNER}/aliases", json=aliases).is_success

    refused = (403, "ErrorSendAsDenied")
    assert graph.refused("POST", "sendMail", json={"message": message}) == refused
    assert graph.refused("POST", f"messages/{draft['id']}/send") == refused
    assert graph.call("GET", f"messages/{draft['id']}").json()["isDraft"]
    assert inbox(control, FRIEND) == []


def test_mail_to_oneself_is_two_messages(control: Control, graph: Graph) -> None:
    """One sent, one received, with the same Message-ID and conversation's subject."""
    graph.call("POST", "sendMail", json={"message": {"subject": "Note", "toRecipients": to(OWNER)}})

    messages = control.get(f"mailboxes/{OWNER}")["messages"]
    assert len(messages) == 2
    assert len({message["internet_message_id"] for message in messages}) == 1


def test_replies_stay_in_the_conversation(control: Control, graph: Graph, friend: Graph) -> None:
    """To the author, with references, the quoted text and the inline picture, but no files."""
    original = control.deliver(OWNER, letter_with_everything())

    reply = graph.post(f"messages/{original}/createReply", {"comment": "Nice <one>"})
    graph.call("POST", f"messages/{reply['id']}/send")

    mail = received(control, friend, FRIEND)
    page = mail.get_body(("html",))
    assert reply["subject"] == mail["Subject"] == "RE: Ünïcode & pictures"
    assert reply["conversationId"] == graph.get(f"messages/{original}")["conversationId"]
    assert mail["In-Reply-To"] == mail["References"] == "<everything@simulated.example>"
    assert page is not None
    assert "Nice &lt;one&gt;" in page.get_content()
    assert "Tea &amp; biscuits" in page.get_content()
    files = graph.get(f"messages/{reply['id']}/attachments")["value"]
    assert [(file["contentId"], file["isInline"]) for file in files] == [("logo", True)]


def test_reply_to_all_leaves_out_oneself(control: Control, graph: Graph) -> None:
    """Author and other recipients, each once, and none of the account's own addresses."""
    original = control.deliver(
        OWNER,
        letter(to=f"{OWNER}, {STRANGER}", Cc=f"{ALIAS}, {FRIEND}, third@simulated.example"),
    )

    reply = graph.post(f"messages/{original}/createReplyAll")

    assert [r["emailAddress"]["address"] for r in reply["toRecipients"]] == [FRIEND, STRANGER]
    assert [r["emailAddress"]["address"] for r in reply["ccRecipients"]] == [
        "third@simulated.example"
    ]


def test_reply_to_is_obeyed_and_a_reply_may_be_given_whole(control: Control, graph: Graph) -> None:
    """Reply-To beats From; a message beside replaces what it names; body and comment exclude."""
    original = control.deliver(OWNER, letter(**{"Reply-To": STRANGER}))
    path = f"messages/{original}/createReply"
    own = {"body": {"contentType": "HTML", "content": "<p>mine</p>"}, "ccRecipients": to(FRIEND)}

    reply = graph.post(path, {"message": own})

    assert reply["toRecipients"] == to(STRANGER, name=STRANGER)
    assert reply["body"]["content"] == "<p>mine</p>"
    assert reply["ccRecipients"] == to(FRIEND, name=FRIEND)
    assert graph.refused("POST", path, json={"message": own, "comment": "x"})[0] == 400


def test_forwards_take_attachments_along(control: Control, graph: Graph, friend: Graph) -> None:
    """Files and inline pictures; the conversation and references hold."""
    original = control.deliver(OWNER, letter_with_everything())

    answer = graph.call(
        "POST", f"messages/{original}/forward", json={"toRecipients": to(FRIEND), "comment": "Look"}
    )

    mail = received(control, friend, FRIEND)
    assert answer.status_code == 202
    assert mail["Subject"] == "FW: Ünïcode & pictures"
    names = {part.get_filename() for part in mail.walk() if part.get_filename()}
    assert {"großes bild.png", "table.csv"} <= names
    sent = graph.get("mailFolders/sentitems/messages")["value"][0]
    assert sent["conversationId"] == graph.get(f"messages/{original}")["conversationId"]


def test_another_subject_is_another_conversation(control: Control, graph: Graph) -> None:
    """As in Exchange: a reply whose subject is changed leaves the conversation."""
    original = control.deliver(OWNER, letter(message_id="<1@x.example>"))
    reply = graph.post(f"messages/{original}/createReply")

    changed = graph.patch(f"messages/{reply['id']}", {"subject": "Dinner"})
    back = graph.patch(f"messages/{reply['id']}", {"subject": "Re: lunch?"})

    assert changed["conversationId"] != reply["conversationId"] == back["conversationId"]


def test_a_thread_goes_to_the_other_simulator_and_back() -> None:
    """A mail, its answer and the answer to that are one thread on both sides."""
    google_app, person = create_google(), "person@gmail.example"
    to_microsoft: dict[str, httpx.BaseTransport] = {}

    class Later(httpx.BaseTransport):
        """Reaches the simulator that is made second."""

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return to_microsoft["app"].handle_request(request)

    google_app = create_google(outbound=Later())
    microsoft_app = create_app(outbound=SimulatorTransport(google_app))
    to_microsoft["app"] = SimulatorTransport(microsoft_app)
    with (
        httpx.Client(transport=SimulatorTransport(google_app), base_url="http://google") as google,
        httpx.Client(transport=to_microsoft["app"], base_url="http://graph") as http,
    ):
        gmail, outlook = Control(google), prepared(Control(http))
        gmail.post("mailboxes", {"address": person})
        outlook.settings(peer="http://google")
        graph = Graph(http, access_token(http, OWNER))
        message = {"subject": "Hi", "toRecipients": to(person)}
        graph.call("POST", "sendMail", json={"message": message})
        first = gmail.get(f"mailboxes/{person}")["messages"][0]

        answer = letter("Re: Hi", message_id="<2@x>", answers=first["internet_message_id"])
        outlook.deliver(OWNER, answer)
        answered = inbox(outlook, OWNER)[0]["id"]
        graph.call("POST", f"messages/{answered}/reply", json={"comment": "And again"})
        forwarded = graph.post(f"messages/{answered}/createForward", {"toRecipients": to(person)})
        graph.call("POST", f"messages/{forwarded['id']}/send")

        arrived = gmail.get(f"mailboxes/{person}")["messages"]
        assert [each["subject"] for each in arrived] == ["FW: Hi", "Hi"]
        assert len({each["thread_id"] for each in arrived}) == 1
        ours = outlook.get(f"mailboxes/{OWNER}")["messages"]
        assert len({each["thread_id"] for each in ours}) == 1
