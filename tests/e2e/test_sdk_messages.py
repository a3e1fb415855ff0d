"""Messages through the official SDK: every method, every parameter, at both providers."""

import base64
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from nylas import Client
from nylas.models.errors import NylasApiError

from tests.e2e.conftest import SimulatedProvider, wait_for

FRIEND = "Ana Lima <ana@elsewhere.example>"
BODY = "<p>Tuesday suits me.</p>"
QUOTED = (
    '<div class="gmail_quote"><div class="gmail_attr">On Tue, 3 Nov 2026 at 10:00, Ana wrote:'
    "<br></div><blockquote><p>What I quote.</p></blockquote></div>"
)


@dataclass(frozen=True)
class Mailbox:
    """A connected mailbox with some mail that differs in everything that can be asked for."""

    postroom: Client
    provider: SimulatedProvider
    address: str
    grant: str

    def subjects(self, **query: Any) -> list[str]:
        """The subjects of a list, in its order."""
        listed = self.postroom.messages.list(self.grant, query_params=query)
        return [str(message.subject) for message in listed.data]

    def id_of(self, subject: str) -> str:
        """The id of the message with a subject."""
        found = self.postroom.messages.list(self.grant, query_params={"subject": subject})
        (message,) = found.data
        assert message.id
        return str(message.id)

    def refused(self, **query: Any) -> str:
        """What the error says that a list with such a query is refused by."""
        with pytest.raises(NylasApiError) as refusal:
            self.subjects(**query)
        assert (refusal.value.status_code, refusal.value.type) == (400, "invalid_request_error")
        return str(refusal.value)


def mail(subject: str, *, to: str, html: str = "", **headers: str) -> EmailMessage:
    """Make a mail; `In_Reply_To` becomes a header like any other."""
    made = EmailMessage()
    made["Subject"], made["To"] = subject, to
    made["From"] = headers.pop("From", FRIEND)
    made["Message-ID"] = f"<{uuid.uuid4().hex}@elsewhere.example>"
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content("Plain words")
    if html:
        made.add_alternative(html, subtype="html")
    return made


@pytest.fixture
def mailbox(
    postroom: Client, provider: SimulatedProvider, connect: Callable[[SimulatedProvider, str], str]
) -> Mailbox:
    address = provider.address(f"messages-{uuid.uuid4().hex[:6]}")
    provider.call("POST", "mailboxes", json={"address": address})
    now = int(time.time())
    first = mail("Invoice one", to=address, Cc="Carl <carl@x.example>", html=BODY + QUOTED)
    reply = mail(
        "Re: Invoice one",
        to=address,
        In_Reply_To=str(first["Message-ID"]),
        References=str(first["Message-ID"]),
    )
    third = mail("Drawings", to=address, From="Berta <berta@x.example>", Bcc="dora@x.example")
    third.add_attachment(b"%PDF-1.4", "application", "pdf", filename="mill.pdf")
    lunch = mail("Lunch", to=f"{address}, ana@elsewhere.example")
    for age_seconds, unread, each in (
        (400, "true", first),
        (300, "false", reply),
        (200, "false", third),
        (100, "true", lunch),
    ):
        provider.deliver(address, each.as_bytes(), received_at=now - age_seconds, unread=unread)
    made = Mailbox(postroom, provider, address, connect(provider, address))
    wait_for(lambda: made.subjects() == ALL)
    return made


ALL = ["Lunch", "Drawings", "Re: Invoice one", "Invoice one"]


def test_messages_are_listed_by_every_parameter(mailbox: Mailbox) -> None:
    """Alone and together, newest first; what cannot be asked is a clear 400."""
    subjects, postroom, grant = mailbox.subjects, mailbox.postroom, mailbox.grant
    everything = postroom.messages.list(grant).data
    assert [message.subject for message in everything] == ALL
    by_subject = {str(message.subject): message for message in everything}
    inbox = (by_subject["Drawings"].folders or [""])[0]

    assert subjects(subject="invoice") == ["Re: Invoice one", "Invoice one"]
    assert subjects(any_email=["berta@x.example", "carl@x.example"]) == ["Drawings", "Invoice one"]
    assert subjects(**{"from": ["BERTA@x.example"]}) == ["Drawings"]
    assert subjects(to=["ana@elsewhere.example"]) == ["Lunch"]
    assert subjects(cc=["carl@x.example", "x@x.example"]) == ["Invoice one"]
    assert subjects(bcc=["nobody@x.example"]) == []
    assert set(subjects(**{"in": inbox})) == set(ALL)
    assert set(subjects(unread=True)) == {"Lunch", "Invoice one"}
    assert subjects(unread=False) == ["Drawings", "Re: Invoice one"]
    assert subjects(starred=True) == []
    assert subjects(has_attachment=True) == ["Drawings"]
    assert subjects(thread_id=by_subject["Invoice one"].thread_id) == [
        "Re: Invoice one",
        "Invoice one",
    ]
    assert subjects(received_after=by_subject["Drawings"].date) == ["Lunch"]
    assert subjects(received_before=by_subject["Re: Invoice one"].date) == ["Invoice one"]
    assert subjects(**{"in": inbox, "unread": True, "subject": "invoice"}) == ["Invoice one"]
    assert subjects(search_query_native="subject:invoice") == ["Re: Invoice one", "Invoice one"]
    assert subjects(search_query_native="subject:invoice", unread=True) == ["Invoice one"]
    assert set(subjects(page_token=None, limit=None, thread_id=None, unread=None)) == set(ALL)

    short = postroom.messages.list(grant, query_params={"select": "id,subject", "limit": 1}).data
    assert (short[0].subject, short[0].body, short[0].grant_id) == ("Lunch", None, grant)

    assert "in" in mailbox.refused(**{"in": "Inbox folder"})
    assert "limit" in mailbox.refused(limit=201)
    assert "fields" in mailbox.refused(fields="everything")
    assert "metadata_pair" in mailbox.refused(metadata_pair={"case": "17"})
    assert "page_token" in mailbox.refused(page_token="none-of-ours")


@pytest.mark.parametrize("query", [{}, {"search_query_native": "subject:page"}], ids=str)
def test_pages_hold_everything_once(mailbox: Mailbox, query: dict[str, Any]) -> None:
    """Page by page, with limits that change, from the store and from the provider's search."""
    for number in range(5):
        page_mail = mail(f"Page {number}", to=mailbox.address)
        mailbox.provider.deliver(mailbox.address, page_mail.as_bytes())
    wait_for(lambda: len(mailbox.subjects(subject="page")) == 5)
    seen: list[str] = []
    token, limits = None, iter([2, 1, 3, 200, 200])
    while True:
        asked = {**query, "subject": "page", "limit": next(limits), "page_token": token}
        page = mailbox.postroom.messages.list(mailbox.grant, query_params=asked)
        assert len(page.data) <= asked["limit"]
        seen += [str(message.subject) for message in page.data]
        token = page.next_cursor
        if not token:
            break
    assert sorted(seen) == [f"Page {number}" for number in range(5)]
    first = mailbox.postroom.messages.list(
        mailbox.grant, query_params={**query, "subject": "page", "limit": 1}
    )
    assert "page_token" in mailbox.refused(subject="other", page_token=first.next_cursor)


def test_a_message_is_found_with_every_kind_of_fields(mailbox: Mailbox) -> None:
    """Typed models come back, whichever part of a message was asked for."""
    message_id = mailbox.id_of("Drawings")

    def find(**query: Any) -> Any:
        return mailbox.postroom.messages.find(
            mailbox.grant, message_id, query_params=query or None
        ).data

    standard = find()
    assert (standard.object, standard.id, standard.subject) == ("message", message_id, "Drawings")
    assert standard.from_ == [{"email": "berta@x.example", "name": "Berta"}]
    assert standard.attachments[0].filename == "mill.pdf"
    assert "Plain words" in standard.body
    assert standard.headers is None
    assert {header.name for header in find(fields="include_headers").headers} >= {"Subject", "From"}
    basic = [header.name.lower() for header in find(fields="include_basic_headers").headers]
    assert basic == ["message-id"]
    tracking = find(fields="include_tracking_options").tracking_options
    assert (tracking.opens, tracking.links, tracking.thread_replies) == (False, False, False)
    raw = base64.urlsafe_b64decode(find(fields="raw_mime").raw_mime)
    assert b"mill.pdf" in raw
    assert find(select="id,subject").subject == "Drawings"
    listed = mailbox.postroom.messages.list(mailbox.grant, query_params={"fields": "raw_mime"})
    assert [message.id for message in listed.data if message.raw_mime] == [
        message.id for message in mailbox.postroom.messages.list(mailbox.grant).data
    ]
    with pytest.raises(NylasApiError) as gone:
        mailbox.postroom.messages.find(mailbox.grant, "no-such-message")
    assert (gone.value.status_code, gone.value.type) == (404, "not_found_error")


def test_a_message_is_changed(mailbox: Mailbox) -> None:
    """Flags and folders at the provider, metadata here; the answer is the changed message."""
    postroom, grant, message_id = mailbox.postroom, mailbox.grant, mailbox.id_of("Lunch")

    def update(**change: Any) -> Any:
        return postroom.messages.update(grant, message_id, change).data

    changed = update(unread=False, starred=True)
    assert (changed.unread, changed.starred) == (False, True)
    truth = mailbox.provider.message(mailbox.address, subject="Lunch")
    assert truth
    assert (truth["unread"], truth["starred"]) == (False, True)
    assert mailbox.subjects(starred=True) == ["Lunch"]

    folder = postroom.folders.create(grant, {"name": "Meals"}).data
    assert set(update(folders=[folder.id]).folders) - {"STARRED"} == {folder.id}
    assert mailbox.subjects(**{"in": folder.id}) == ["Lunch"]

    noted = update(metadata={"key1": "case-17", "snake_key": "v"})
    assert noted.metadata == {"key1": "case-17", "snake_key": "v"}
    pairs = {"metadata_pair": {"key1": "case-17"}}
    wait_for(lambda: mailbox.subjects(**pairs) == ["Lunch"])
    assert mailbox.subjects(metadata_pair={"key1": "case-18"}) == []
    assert update(starred=False).metadata == {"key1": "case-17", "snake_key": "v"}
    assert update(metadata={}).metadata is None
    for change, named in (
        ({"metadata": {"key1": 7}}, "metadata"),
        ({"metadata": {"k" * 41: "v"}}, "metadata"),
        ({"folders": ["nowhere"]}, "folders"),
        ({"unread": "perhaps"}, "unread"),
    ):
        with pytest.raises(NylasApiError) as refusal:
            update(**change)
        assert refusal.value.status_code == 400
        assert named in str(refusal.value)
    assert update().metadata is None


def test_a_message_goes_to_the_trash_and_for_good(mailbox: Mailbox, http: httpx.Client) -> None:
    """The SDK moves to the trash; deleting for good is the contract's own parameter."""
    message_id = mailbox.id_of("Lunch")
    assert mailbox.postroom.messages.destroy(mailbox.grant, message_id).request_id
    trash = mailbox.provider.folder_name(mailbox.address, "trash")
    truth = mailbox.provider.message(mailbox.address, subject="Lunch")
    assert truth
    names = mailbox.provider.folder_names(mailbox.address)
    assert trash in [names[each] for each in truth["folders"]]
    answer = http.delete(
        f"/v3/grants/{mailbox.grant}/messages/{message_id}", params={"hard_delete": "true"}
    )
    if mailbox.provider.name == "google":  # it wants a scope that nobody is asked for by default
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["type"] == "provider_error"
        return
    assert answer.status_code == 200, answer.text
    assert mailbox.provider.message(mailbox.address, subject="Lunch") is None
    with pytest.raises(NylasApiError) as gone:
        mailbox.postroom.messages.find(mailbox.grant, message_id)
    assert gone.value.status_code == 404


def test_messages_are_cleaned(mailbox: Mailbox) -> None:
    """What their authors wrote themselves, as HTML and as Markdown; nothing is changed."""
    ids = [mailbox.id_of("Drawings"), mailbox.postroom.messages.list(mailbox.grant).data[-1].id]

    def clean(**wanted: Any) -> list[Any]:
        asked: Any = {"message_id": ids, **wanted}
        return list(mailbox.postroom.messages.clean_messages(mailbox.grant, asked).data)

    drawings, invoice = clean()
    assert [drawings.id, invoice.id] == ids
    assert invoice.conversation == "<p>Tuesday suits me.</p>"
    assert "What I quote." in invoice.body
    assert "Plain words" in drawings.conversation
    _, as_markdown = clean(
        html_as_markdown=True,
        ignore_links=False,
        ignore_images=False,
        images_as_markdown=True,
        ignore_tables=False,
        remove_conclusion_phrases=False,
    )
    assert as_markdown.conversation == "Tuesday suits me."
    for wrong, status, named in (
        ({"message_id": ["no-such-message"]}, 404, "no-such-message"),
        ({"message_id": []}, 400, "message_id"),
        ({"message_id": ids * 11}, 400, "message_id"),
        ({"ignore_links": "perhaps"}, 400, "ignore_links"),
    ):
        with pytest.raises(NylasApiError) as refusal:
            clean(**wrong)
        assert refusal.value.status_code == status
        assert named in str(refusal.value)


def test_metadata_of_a_send_is_found(mailbox: Mailbox) -> None:
    """What an application notes with a mail stands beside it once it has been sent."""
    sent = mailbox.postroom.messages.send(
        mailbox.grant,
        {
            "to": [{"email": mailbox.provider.address("friend"), "name": "Friend"}],
            "subject": "With notes",
            "body": "<p>Hello</p>",
            "metadata": {"key2": "case-18"},
            # Through what it leaves is the provider's matter.
            "use_draft": True,
        },
    ).data
    pairs = {"metadata_pair": {"key2": "case-18"}}
    wait_for(lambda: mailbox.subjects(**pairs) == ["With notes"])
    # A send that takes 20 seconds is answered with its schedule, and the message has an id later.
    message_id = mailbox.id_of("With notes") if sent.schedule_id else str(sent.id)
    found = mailbox.postroom.messages.find(mailbox.grant, message_id).data
    assert found.metadata == {"key2": "case-18"}
