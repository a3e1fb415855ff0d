"""Writing on the console: nothing is lost, nothing leaves twice, and all can be called back."""

import base64
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import boto3
import httpx
import pytest
from playwright.sync_api import FilePayload, Locator, Page, Route, expect

from local.local_aws import client_options
from local.running_stack import RunningStack
from tests.e2e.browsing import Visit, Visitor
from tests.e2e.conftest import SimulatedProvider, wait_for
from tests.e2e.console_steps import connect, invite, letter

FILM = bytes(range(256)) * 24_000
"""Six megabytes: more than any request to the API carries."""

UNDO_SECONDS = 15


@pytest.fixture
def undo_window(stack: RunningStack) -> Iterator[None]:
    """A deployment whose sends wait, as with the parameter UndoSeconds."""
    with_undo = {"POSTROOM_UNDO_SECONDS": str(UNDO_SECONDS)}
    before = _change_environment(stack, with_undo)
    yield
    _change_environment(stack, before)


def _change_environment(stack: RunningStack, wanted: dict[str, str]) -> dict[str, str]:
    functions = boto3.client("lambda", **client_options(stack.endpoint_url))
    before: dict[str, str] = {}
    for page in functions.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            variables = function.get("Environment", {}).get("Variables", {})
            if re.search(r"-(Send|Console)-", function["FunctionName"]) and variables:
                before |= {name: variables[name] for name in wanted}
                functions.update_function_configuration(
                    FunctionName=function["FunctionName"],
                    Environment={"Variables": {**variables, **wanted}},
                )
    assert before, "the functions of the console and of sends have other names"
    return before


@dataclass(frozen=True)
class Writer:
    """Somebody with a mailbox that has one letter in it, from a friend."""

    visitor: Visitor
    provider: SimulatedProvider
    address: str
    friend: str

    @property
    def page(self) -> Page:
        """Their browser."""
        return self.visitor.page

    def write(self, *, subject: str, text: str) -> Locator:
        """Begin a new message to the friend; answers the composer."""
        self.page.get_by_role("button", name="Write", exact=True).click()
        composer = self.page.get_by_role("dialog", name="New message")
        composer.get_by_label("To", exact=True).fill(self.friend)
        composer.get_by_label("Subject").fill(subject)
        composer.get_by_label("Message", exact=True).fill(text)
        return composer

    def drafts(self) -> list[dict[str, Any]]:
        """Return the drafts that the provider has."""
        return self.messages_in("drafts", self.address)

    def messages_in(self, role: str, address: str) -> list[dict[str, Any]]:
        """Return what the provider has in the folder that is for something."""
        folders = self.provider.call("GET", f"mailboxes/{address}")["folders"]
        (known,) = ({each["id"], each["name"]} for each in folders if each["role"] == role)
        messages = self.provider.messages(address)
        return [each for each in messages if not known.isdisjoint(each["folders"])]

    def received(self, subject: str) -> list[dict[str, Any]]:
        """Return what has arrived at the friend's."""
        return [each for each in self.provider.messages(self.friend) if each["subject"] == subject]

    def grant(self) -> str:
        """Return the id of the mailbox in the API."""
        session = self.page.evaluate("fetch('/console/session').then((answer) => answer.json())")
        return str(session["data"]["mailboxes"][0]["id"])


@pytest.fixture
def writer(
    administrator: Visitor,
    visit: Visit,
    provider: SimulatedProvider,
    request: pytest.FixtureRequest,
) -> Writer:
    """Somebody who has just signed in, whose first mail is there."""
    test = zlib.crc32(request.node.nodeid.encode())
    owner, friend = provider.address(f"writer-{test}"), provider.address(f"friend-{test}")
    for address in (owner, friend):
        provider.call("POST", "mailboxes", json={"address": address})
    mail = letter(owner, subject="Dinner", text="Shall we?")
    provider.deliver(owner, mail.replace(b"charles@example.org", friend.encode()), unread="true")
    invite(administrator, owner)
    visitor = visit()
    visitor.open()
    connect(visitor, provider, owner)
    expect(visitor.page.locator(".row", has_text="Dinner")).to_be_visible()
    visitor.requests.clear()
    return Writer(visitor, provider, owner, friend)


def _body(composer: Locator) -> Locator:
    return composer.get_by_label("Message", exact=True)


def _press_send(composer: Locator) -> None:
    composer.get_by_role("button", name="Send", exact=True).click()


def _saved(composer: Locator) -> Locator:
    return composer.get_by_text("Saved", exact=True)


def test_what_is_written_is_kept_until_it_is_sent(writer: Writer) -> None:
    """One draft at the provider, found again after a reload and in its folder, sent once."""
    page = writer.page
    text = "Dear friend,\n\n  1 < 2 & so on.\nYours"
    composer = writer.write(subject="Plan", text=text)
    expect(_saved(composer)).to_be_visible()
    (draft,) = writer.drafts()
    assert draft["subject"] == "Plan"

    page.reload()
    again = page.get_by_role("dialog", name="Draft", exact=True)
    expect(_body(again)).to_have_value(text)
    expect(again.get_by_label("To", exact=True)).to_have_value(writer.friend)
    _body(again).fill(f"{text} truly")
    again.get_by_role("button", name="Save and close").click()
    expect(page.get_by_text("Draft saved")).to_be_visible()
    expect(again).to_have_count(0)

    page.get_by_role("link", name="Drafts").click()
    page.locator(".row", has_text="Plan").get_by_role("link").click()
    expect(_body(again)).to_have_value(f"{text} truly")
    again.locator("input[type=file]").set_input_files(
        {"name": "map.txt", "mimeType": "text/plain", "buffer": b"turn left"}
    )
    expect(_saved(again)).to_be_visible()
    (draft,) = writer.drafts()
    assert [each["filename"] for each in draft["attachments"]] == ["map.txt"]
    assert writer.visitor.serious_problems() == []

    _press_send(again)
    expect(page.get_by_text("Message sent")).to_be_visible()
    (arrived,) = wait_for(lambda: writer.received("Plan"))
    assert [each["filename"] for each in arrived["attachments"]] == ["map.txt"]
    assert writer.drafts() == []
    expect(page.locator(".row", has_text="Plan")).to_have_count(0)
    assert writer.visitor.complaints == []


def test_a_recipient_that_is_no_address_yet_is_kept(writer: Writer) -> None:
    """Of those that were being written, only whole addresses were there again."""
    # Given
    page = writer.page
    composer = writer.write(subject="Half", text="Soon.")
    composer.get_by_label("To", exact=True).fill(f"{writer.friend}, boss at example.org")
    composer.get_by_role("button", name="Cc and Bcc").click()
    composer.get_by_label("Cc", exact=True).fill("Ada")
    # When
    composer.get_by_role("button", name="Save and close").click()
    expect(page.get_by_text("Draft saved")).to_be_visible()
    page.get_by_role("link", name="Drafts").click()
    page.locator(".row", has_text="Half").get_by_role("link").click()
    # Then
    again = page.get_by_role("dialog", name="Draft", exact=True)
    expect(again.get_by_label("To", exact=True)).to_have_value(
        f"{writer.friend}, boss at example.org"
    )
    expect(again.get_by_label("Cc", exact=True)).to_have_value("Ada")
    _press_send(again)
    expect(page.get_by_text("“boss at example.org” is no e-mail address")).to_be_visible()
    again.get_by_label("To", exact=True).fill(writer.friend)
    again.get_by_label("Cc", exact=True).fill("")
    _press_send(again)
    expect(page.get_by_text("Message sent")).to_be_visible()
    wait_for(lambda: writer.received("Half"))


def test_an_answer_is_kept_in_its_conversation(writer: Writer) -> None:
    """Closed, found in the conversation, gone on with, and sent as an answer; or discarded."""
    page = writer.page
    page.locator(".row", has_text="Dinner").get_by_role("link").click()
    page.get_by_role("button", name="Reply", exact=True).click()
    composer = page.get_by_role("dialog", name="Reply")
    _body(composer).fill("Yes")
    expect(_saved(composer)).to_be_visible()
    composer.get_by_role("button", name="Save and close").click()
    page.get_by_role("button", name="Go on writing").click()
    again = page.get_by_role("dialog", name="Draft", exact=True)
    expect(_body(again)).to_have_value("Yes")
    _body(again).fill("Yes, gladly")
    _press_send(again)
    expect(page.get_by_text("Message sent")).to_be_visible()
    (arrived,) = wait_for(lambda: writer.received("Re: Dinner"))
    ours = writer.provider.messages(writer.address)
    assert len({each["thread_id"] for each in ours if "Dinner" in each["subject"]}) == 1
    assert arrived["subject"] == "Re: Dinner"
    expect(page.get_by_role("button", name="Go on writing")).to_have_count(0)

    page.get_by_role("button", name="Reply", exact=True).click()
    _body(composer).fill("No")
    expect(_saved(composer)).to_be_visible()
    wait_for(lambda: len(writer.drafts()) == 1)
    composer.get_by_role("button", name="Discard").click()
    page.get_by_role("dialog", name="Discard this message?").get_by_role(
        "button", name="Discard"
    ).click()
    expect(page.get_by_text("Draft discarded")).to_be_visible()
    assert writer.drafts() == []


@pytest.fixture
def alias(writer: Writer, http: httpx.Client) -> str:
    """Another address of the mailbox, which has sent something already."""
    alias = f"desk-{writer.address}"
    path = f"mailboxes/{writer.address}/aliases"
    writer.provider.call("PUT", path, json={"aliases": [alias]})
    message = {
        "from": [{"email": alias}],
        "to": [{"email": writer.friend}],
        "subject": "First",
        "body": "Hello",
    }
    sent = http.post(f"/v3/grants/{writer.grant()}/messages/send", json=message)
    assert sent.is_success, sent.text
    return alias


def _open_mail_to(writer: Writer, alias: str) -> None:
    """Have a mail to an alias and to somebody else arrive, and read it."""
    mail = letter(alias, subject="Offer", text="What does it cost?")
    mail = mail.replace(b"charles@example.org", writer.friend.encode())
    mail = mail.replace(b"Subject:", b"Cc: third@example.net\nSubject:")
    writer.provider.deliver(writer.address, mail)
    writer.page.locator(".row", has_text="Offer").get_by_role("link").click()


def test_an_answer_to_all_does_not_go_to_ones_own_alias(writer: Writer, alias: str) -> None:
    """Only the main address was known as one's own: an alias got a copy of each answer."""
    # Given
    _open_mail_to(writer, alias)
    # When
    writer.page.get_by_role("button", name="Reply all").click()
    # Then
    composer = writer.page.get_by_role("dialog", name="Reply")
    expect(composer.get_by_label("To", exact=True)).to_have_value(re.compile(writer.friend))
    expect(composer.get_by_label("Cc", exact=True)).to_have_value("third@example.net")


def test_whom_it_is_from_is_chosen(writer: Writer, alias: str, http: httpx.Client) -> None:
    """An alias could not write: only mailboxes were offered, and an answer named the main one."""
    page = writer.page
    composer = writer.write(subject="From the desk", text="Hello")
    sender = composer.get_by_label("From", exact=True)
    expect(sender.locator("option")).to_have_text([writer.address, alias])
    expect(sender).to_have_value(re.compile(re.escape(f" {writer.address}") + "$"))
    sender.select_option(label=alias)
    expect(_saved(composer)).to_be_visible()
    drafts = f"/v3/grants/{writer.grant()}/drafts"
    wait_for(
        lambda: [each["from"][0]["email"] for each in http.get(drafts).json()["data"]] == [alias]
    )
    composer.get_by_role("button", name="Save and close").click()
    # It is still whom it was from when the draft is opened again.
    page.get_by_role("link", name="Drafts").click()
    page.locator(".row", has_text="From the desk").get_by_role("link").click()
    again = page.get_by_role("dialog", name="Draft", exact=True)
    expect(again.get_by_label("From", exact=True).locator("option:checked")).to_have_text(alias)
    _press_send(again)
    expect(page.get_by_text("Message sent")).to_be_visible()
    wait_for(lambda: writer.received("From the desk"))
    assert [each["email"] for each in _sent(writer, http, "From the desk")["from"]] == [alias]

    # An answer comes from whom the mail was sent to, unless somebody wants it otherwise.
    page.get_by_role("link", name="Inbox").click()
    _open_mail_to(writer, alias)
    page.get_by_role("button", name="Reply", exact=True).click()
    answer = page.get_by_role("dialog", name="Reply")
    sender = answer.get_by_label("From", exact=True)
    expect(sender.locator("option:checked")).to_have_text(alias)
    sender.select_option(label=writer.address)
    _body(answer).fill("Ten.")
    _press_send(answer)
    wait_for(lambda: writer.received("Re: Offer"))
    assert [each["email"] for each in _sent(writer, http, "Re: Offer")["from"]] == [writer.address]


def test_what_is_passed_on_stays_in_its_conversation(
    writer: Writer, alias: str, http: httpx.Client
) -> None:
    """It began a conversation of its own, and came from the main address instead of the alias."""
    # Given
    _open_mail_to(writer, alias)
    writer.page.get_by_role("button", name="Forward").click()
    composer = writer.page.get_by_role("dialog", name="Forward")
    composer.get_by_label("To", exact=True).fill(writer.friend)
    expect(_saved(composer)).to_be_visible()
    composer.get_by_role("button", name="Save and close").click()
    # When
    writer.page.get_by_role("button", name="Go on writing").click()
    _press_send(writer.page.get_by_role("dialog", name="Draft", exact=True))
    # Then
    expect(writer.page.get_by_text("Message sent")).to_be_visible()
    wait_for(lambda: writer.received("Fwd: Offer"))
    listed = f"/v3/grants/{writer.grant()}/messages"
    (sent,) = http.get(listed, params={"subject": "Fwd: Offer"}).json()["data"]
    assert [each["email"] for each in sent["from"]] == [alias]
    ours = writer.provider.messages(writer.address)
    assert len({each["thread_id"] for each in ours if "Offer" in each["subject"]}) == 1


def test_another_programs_change_is_not_overwritten(writer: Writer, http: httpx.Client) -> None:
    """Its author chooses which version stays."""
    page = writer.page
    composer = writer.write(subject="Versions", text="mine")
    expect(_saved(composer)).to_be_visible()
    grant = writer.grant()
    (draft,) = http.get(f"/v3/grants/{grant}/drafts").json()["data"]
    address = f"/v3/grants/{grant}/drafts/{draft['id']}"

    assert http.put(address, json={"body": "<div>theirs</div>"}).is_success
    _body(composer).fill("mine, and more")
    expect(composer.get_by_role("alert")).to_contain_text("changed in another program")
    assert "theirs" in http.get(address).json()["data"]["body"]
    composer.get_by_role("button", name="The other one").click()
    again = page.get_by_role("dialog", name="Draft", exact=True)
    expect(_body(again)).to_have_value("theirs")

    assert http.put(address, json={"subject": "Theirs"}).is_success
    _body(again).fill("mine after all")
    again.get_by_role("button", name="This one").click()
    expect(_saved(again)).to_be_visible()
    kept = http.get(address).json()["data"]
    assert (kept["subject"], "mine after all" in kept["body"]) == ("Versions", True)
    assert len(writer.drafts()) == 1


def test_a_draft_that_was_formatted_elsewhere_stays_formatted(
    writer: Writer, http: httpx.Client
) -> None:
    """As long as nobody changes its text here."""
    page, grant = writer.page, writer.grant()
    made = {
        "subject": "Bold",
        "body": "<p>a <b>bold</b> word</p>",
        "to": [{"email": writer.friend}],
    }
    draft = http.post(f"/v3/grants/{grant}/drafts", json=made).json()["data"]
    page.get_by_role("link", name="Drafts").click()
    page.locator(".row", has_text="Bold").get_by_role("link").click()
    composer = page.get_by_role("dialog", name="Draft", exact=True)
    expect(_body(composer)).to_have_value("a bold word")
    expect(composer.get_by_text("formatted elsewhere")).to_be_visible()
    composer.get_by_label("Subject").fill("Bolder")
    expect(_saved(composer)).to_be_visible()
    kept = http.get(f"/v3/grants/{grant}/drafts/{draft['id']}").json()["data"]
    assert kept["subject"] == "Bolder"
    assert "<b>bold</b>" in kept["body"]
    _press_send(composer)
    expect(page.get_by_text("Message sent")).to_be_visible()
    wait_for(lambda: writer.received("Bolder"))


def test_a_lost_connection_loses_and_doubles_nothing(writer: Writer) -> None:
    """Saving goes on when there is one again; of one whose answer was lost there is one draft."""
    page = writer.page
    lost: list[int] = []

    def lose_the_answer(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    page.route("**/drafts", lose_the_answer)
    composer = writer.write(subject="Tunnel", text="before")
    expect(composer.get_by_text("Not saved")).to_be_visible()
    _body(composer).fill("before and after")
    expect(_saved(composer)).to_be_visible()
    assert lost == [200]
    assert len(writer.drafts()) == 1

    # The same of a send: its answer is lost, it is asked for again, and leaves once.
    sent: list[int] = []

    def lose_the_first(route: Route) -> None:
        sent.append(route.fetch().status)
        if len(sent) == 1:
            route.abort()
        else:
            route.continue_()

    page.route(
        re.compile(r"/drafts/[\w-]+$|/messages/send"),
        lambda route: (
            lose_the_first(route) if route.request.method == "POST" else route.continue_()
        ),
    )
    composer.get_by_role("button", name="Send", exact=True).dblclick()
    expect(page.get_by_text("Message sent")).to_be_visible()
    assert len(sent) == 2
    wait_for(lambda: writer.received("Tunnel"))
    quick = writer.write(subject="Quick", text="no draft yet")
    sent.clear()
    _press_send(quick)
    expect(quick).to_have_count(0)
    wait_for(lambda: writer.received("Quick"))
    assert len(sent) == 2
    assert (len(writer.received("Tunnel")), len(writer.received("Quick"))) == (1, 1)
    assert writer.drafts() == []


def test_a_message_waits_for_its_time(writer: Writer) -> None:
    """It is listed, even in another browser window; called back, it is as it was, and sent once."""
    page = writer.page
    composer = writer.write(subject="Later", text="not now")
    composer.get_by_role("button", name="Send later").click()
    choices = page.get_by_role("dialog", name="Send later")
    expect(choices.get_by_text("Times are in your time zone")).to_be_visible()
    assert writer.visitor.serious_problems() == []
    writer.visitor.picture(f"{writer.provider.name}-send-later")
    choices.get_by_role("button", name="Tomorrow morning").click()
    expect(page.get_by_text("Will be sent on")).to_be_visible()

    # Nobody can send it in another program meanwhile: it names nobody there.
    page.get_by_role("link", name="Scheduled").click()
    row = page.locator(".row", has_text="Later")
    expect(row).to_contain_text(writer.friend)
    writer.visitor.picture(f"{writer.provider.name}-scheduled")
    assert writer.visitor.serious_problems() == []
    (draft,) = writer.drafts()
    assert writer.friend not in str(draft.get("to", ""))
    page.get_by_role("link", name="Drafts").click()
    expect(page.get_by_text("Nothing here")).to_be_visible()
    assert writer.received("Later") == []

    # Loaded anew where it is listed, the page once could not be shown.
    page.get_by_role("link", name="Scheduled").click()
    expect(row).to_be_visible()
    page.reload()
    row.get_by_role("button", name="Cancel sending").click()
    again = page.get_by_role("dialog", name="Draft", exact=True)
    expect(_body(again)).to_have_value("not now")
    expect(again.get_by_label("To", exact=True)).to_have_value(writer.friend)
    _press_send(again)
    expect(page.get_by_text("Message sent")).to_be_visible()
    wait_for(lambda: writer.received("Later"))
    assert len(writer.received("Later")) == 1
    assert writer.drafts() == []
    expect(page.locator(".row", has_text="Later")).to_have_count(0)


def test_ones_own_time_is_taken_where_one_is(writer: Writer, http: httpx.Client) -> None:
    """A time of the clock on the wall, which the API is told in seconds."""
    page = writer.page
    wanted = datetime.now().astimezone() + timedelta(days=3)
    wanted = wanted.replace(hour=7, minute=30, second=0, microsecond=0)
    composer = writer.write(subject="On the day", text="hello")
    composer.get_by_role("button", name="Send later").click()
    choices = page.get_by_role("dialog", name="Send later")
    choices.get_by_label("Another time").fill(wanted.strftime("%Y-%m-%dT%H:%M"))
    choices.get_by_role("button", name="Send then").click()
    expect(page.get_by_text("Will be sent on")).to_be_visible()
    schedules = http.get(f"/v3/grants/{writer.grant()}/messages/schedules").json()["data"]
    assert [each["send_at"] for each in schedules] == [int(wanted.timestamp())]


def test_a_send_is_called_back_in_time(writer: Writer, undo_window: None) -> None:
    """Its content comes back; sent again, it leaves once, and no draft stays."""
    page = writer.page
    page.reload()
    composer = writer.write(subject="Hasty", text="too soon")
    _press_send(composer)
    expect(page.get_by_text("Sending…")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    again = page.get_by_role("dialog", name="Draft", exact=True)
    expect(_body(again)).to_have_value("too soon")
    expect(again.get_by_label("To", exact=True)).to_have_value(writer.friend)
    assert writer.received("Hasty") == []

    _body(again).fill("well considered")
    _press_send(again)
    expect(page.get_by_text("Message sent")).to_be_visible()
    assert len(writer.received("Hasty")) == 1
    wait_for(lambda: not writer.drafts())


def test_a_send_that_fails_later_is_told_and_kept(writer: Writer, undo_window: None) -> None:
    """With its reason; the message comes back to be sent again."""
    page = writer.page
    page.reload()
    composer = writer.write(subject="Refused", text="keep me")
    _press_send(composer)
    expect(page.get_by_text("Sending…")).to_be_visible()
    wait_for(lambda: len(writer.drafts()) == 1)
    body = {
        "google": {"error": {"code": 400, "errors": [{"reason": "invalidArgument"}]}},
        "microsoft": {"error": {"code": "ErrorInvalidRecipients", "message": "No."}},
    }[writer.provider.name]
    refusal = {"path": "/(send|sendMail)$", "method": "POST", "status": 400, "body": body}
    writer.provider.call("POST", "faults", json=[refusal])
    try:
        told = "“Refused” was not sent: The provider refuses this."
        expect(page.get_by_text(told)).to_be_visible()
    finally:
        writer.provider.call("DELETE", "faults")
    assert writer.received("Refused") == []
    assert len(writer.drafts()) == 1
    again = page.get_by_role("dialog", name="Draft", exact=True)
    expect(_body(again)).to_have_value("keep me")


def test_a_large_file_is_uploaded_with_progress(writer: Writer) -> None:
    """To the bucket alone; stopped by keyboard, dropped again, sent byte for byte."""
    page = writer.page
    composer = writer.write(subject="A film", text="See attached")
    held: list[Route] = []
    uploads = re.compile(r"/uploads/")

    def hold(route: Route) -> None:
        held.append(route)

    page.route(uploads, hold)
    film: FilePayload = {"name": "film.bin", "mimeType": "application/octet-stream", "buffer": FILM}
    composer.locator("input[type=file]").set_input_files(film)
    bar = composer.get_by_role("progressbar", name="Uploading film.bin")
    expect(bar).to_have_attribute("aria-valuemax", "100")
    assert writer.visitor.serious_problems() == []
    writer.visitor.picture(f"{writer.provider.name}-upload")
    _press_send(composer)
    expect(page.get_by_text("Wait until all files are uploaded")).to_be_visible()
    composer.get_by_role("button", name="Stop uploading film.bin").focus()
    page.keyboard.press("Enter")
    expect(composer.get_by_text("film.bin")).to_have_count(0)
    page.unroute(uploads)

    page.evaluate(
        """(size) => {
          const files = new DataTransfer();
          const bytes = new Uint8Array(size).map((_, at) => at % 256);
          files.items.add(new File([bytes], "film.bin", {type: "application/octet-stream"}));
          document.querySelector(".composer").dispatchEvent(
            new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true}));
        }""",
        len(FILM),
    )
    expect(composer.get_by_text("film.bin")).to_be_visible()
    expect(bar).to_have_count(0)
    expect(_saved(composer)).to_be_visible()

    # The upload is not in the draft, but the draft knows of it.
    page.reload()
    again = page.get_by_role("dialog", name="Draft", exact=True)
    expect(again.get_by_text("film.bin")).to_be_visible()
    _press_send(again)
    expect(page.get_by_text("Message sent")).to_be_visible()
    (arrived,) = wait_for(lambda: writer.received("A film"))
    assert [each["size"] for each in arrived["attachments"]] == [len(FILM)]
    wait_for(lambda: not writer.drafts())
    assert writer.visitor.complaints == []
    reached = {each.partition("?")[0] for each in writer.visitor.foreign_requests()}
    assert reached
    assert all("/uploads/" in each for each in reached)


def test_a_file_that_no_message_can_carry_is_refused_at_once(writer: Writer) -> None:
    """With the limit, before anything is uploaded."""
    page = writer.page
    composer = writer.write(subject="Too much", text="of it")
    size = 27_000_000 if writer.provider.name == "google" else 158_000_000
    page.evaluate(
        """(size) => {
          const files = new DataTransfer();
          files.items.add(new File([new Uint8Array(size)], "all.iso"));
          document.querySelector(".composer").dispatchEvent(
            new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true}));
        }""",
        size,
    )
    limit = "27 MB" if writer.provider.name == "google" else "157 MB"
    expect(
        page.get_by_text(f"all.iso does not fit: the files of a message may have {limit}")
    ).to_be_visible()
    expect(composer.get_by_text("all.iso")).to_have_count(0)
    assert not [each for each in writer.visitor.requests if "attachment-uploads" in each]


def test_a_message_is_as_tall_as_it_is(writer: Writer) -> None:
    """Its frame has no bar of its own, grows with what is unfolded, and still runs nothing."""
    page = writer.page
    paragraphs = "".join(f"<p>Paragraph {number}</p>" for number in range(80))
    html = f"{paragraphs}<script>top.ran = true</script><blockquote>{paragraphs}</blockquote>"
    writer.provider.deliver(writer.address, letter(writer.address, subject="Tall", html=html))
    page.locator(".row", has_text="Tall").get_by_role("link").click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("Paragraph 79").first).to_be_visible()

    def fits() -> int:
        heights = page.locator("iframe").evaluate(
            "(frame) => [frame.offsetHeight, frame.contentDocument.documentElement.offsetHeight]"
        )
        return int(heights[0]) if 0 <= heights[0] - heights[1] <= 1 else 0

    folded = wait_for(fits)
    assert folded > 80 * 20
    frame.locator("summary").click()
    wait_for(lambda: fits() > folded * 1.8)
    frame.locator("summary").click()
    wait_for(lambda: fits() == folded)
    assert page.evaluate("window.ran") is None
    assert page.locator("iframe").get_attribute("sandbox") == (
        "allow-same-origin allow-popups allow-popups-to-escape-sandbox"
    )


def test_writing_on_a_telephone(
    administrator: Visitor, visit: Visit, google: SimulatedProvider
) -> None:
    """The composer fills a narrow dark page; nothing is wider than it, nothing serious is wrong."""
    owner = google.address("telephone")
    google.call("POST", "mailboxes", json={"address": owner})
    google.deliver(owner, letter(owner, subject="Small"))
    invite(administrator, owner)
    visitor = visit(width=360, height=740, dark=True)
    page = visitor.page
    visitor.open()
    connect(visitor, google, owner)
    expect(page.locator(".row", has_text="Small")).to_be_visible()
    page.get_by_role("button", name="Show folders").click()
    page.get_by_role("button", name="Write", exact=True).click()
    composer = page.get_by_role("dialog", name="New message")
    composer.get_by_label("To", exact=True).fill("friend@example.org")
    composer.get_by_label("Subject").fill("From the train")
    _body(composer).fill("See you at eight.")
    composer.locator("input[type=file]").set_input_files(
        {"name": "ticket.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 ..."}
    )
    expect(_saved(composer)).to_be_visible()
    assert visitor.serious_problems() == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    visitor.picture("narrow-writing-dark")
    composer.get_by_role("button", name="Send later").click()
    expect(page.get_by_role("dialog", name="Send later")).to_be_visible()
    assert visitor.serious_problems() == []
    visitor.picture("narrow-send-later-dark")

    # One was back on the open menu, which Escape did not close.
    page.get_by_role("button", name="Cancel").click()
    composer.get_by_role("button", name="Save and close").click()
    expect(page.get_by_text("Draft saved")).to_be_visible()
    menu = page.get_by_role("button", name="Show folders")
    expect(menu).to_be_focused()
    expect(page.locator(".side")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.locator(".side")).to_be_visible()
    expect(menu).to_have_attribute("aria-expanded", "true")
    page.get_by_role("link", name="Drafts").focus()
    page.keyboard.press("Escape")
    expect(page.locator(".side")).to_be_hidden()
    expect(menu).to_be_focused()
    page.get_by_role("checkbox", name="Select all that are shown").click()
    expect(page.locator(".tools").get_by_role("button", name="Star", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    tools = "document.querySelector('.tools')"
    assert page.evaluate(f"{tools}.scrollWidth <= {tools}.clientWidth")


def _sent(writer: Writer, http: httpx.Client, subject: str) -> dict[str, Any]:
    """Return a message that has left, as the API has it."""
    address = f"/v3/grants/{writer.grant()}/messages"
    found = wait_for(lambda: http.get(address, params={"subject": subject}).json()["data"])
    (message,) = found
    assert isinstance(message, dict)
    return message


def test_what_is_sent_is_what_is_shown(writer: Writer, http: httpx.Client) -> None:
    """Another window had saved other text and another recipient: Send sent those, unseen."""
    # Given
    composer = writer.write(subject="Salary", text="for my friend")
    expect(_saved(composer)).to_be_visible()
    grant = writer.grant()
    (draft,) = http.get(f"/v3/grants/{grant}/drafts").json()["data"]
    other = {"body": "<div>for another</div>", "to": [{"email": writer.address}]}
    assert http.put(f"/v3/grants/{grant}/drafts/{draft['id']}", json=other).is_success
    # When
    _press_send(composer)
    # Then
    expect(composer.get_by_role("alert")).to_contain_text("changed in another program")
    expect(composer.get_by_role("button", name="The other one")).to_be_focused()
    # Nothing was said to whoever pressed again.
    for name in ("Send", "Send later"):
        writer.page.evaluate("document.getElementById('toasts').replaceChildren()")
        composer.get_by_role("button", name=name, exact=True).click()
        expect(writer.page.get_by_text("Choose first which version")).to_be_visible()
        expect(composer.get_by_role("button", name="The other one")).to_be_focused()
    assert len(writer.drafts()) == 1
    composer.get_by_role("button", name="This one").click()
    expect(_saved(composer)).to_be_visible()
    _press_send(composer)
    expect(writer.page.get_by_text("Message sent")).to_be_visible()
    wait_for(lambda: writer.received("Salary"))
    assert "for my friend" in _sent(writer, http, "Salary")["body"]


def test_leaving_a_window_overwrites_nothing(writer: Writer, http: httpx.Client) -> None:
    """Whoever went to another tab within two seconds of a key replaced the other one's text."""
    # Given
    composer = writer.write(subject="Tabs", text="mine")
    expect(_saved(composer)).to_be_visible()
    grant = writer.grant()
    (draft,) = http.get(f"/v3/grants/{grant}/drafts").json()["data"]
    address = f"/v3/grants/{grant}/drafts/{draft['id']}"
    assert http.put(address, json={"body": "<div>theirs, which is long</div>"}).is_success
    # When
    _body(composer).fill("mine, x")
    writer.page.evaluate(
        """() => {
          Object.defineProperty(document, "visibilityState", {value: "hidden"});
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    # Then
    expect(composer.get_by_role("alert")).to_contain_text("changed in another program")
    writer.page.evaluate("dispatchEvent(new Event('pagehide'))")
    writer.page.evaluate("fetch('/console/session').then((answer) => answer.json())")
    assert "theirs, which is long" in http.get(address).json()["data"]["body"]


def _sign_in_again(writer: Writer) -> None:
    expect(writer.page.get_by_text("You were signed out. Sign in again.")).to_be_visible()
    expect(writer.page.locator("dialog.composer")).to_have_count(0)
    connect(writer.visitor, writer.provider, writer.address)


def test_what_was_not_saved_when_the_session_ended_comes_back(writer: Writer) -> None:
    """It was lost with the page; now it waits for its writer, as a draft or before there is one."""
    # Given
    page = writer.page
    page.clock.install()
    page.reload()
    composer = writer.write(subject="Long letter", text="first words")
    expect(_saved(composer)).to_be_visible()
    # When
    writer.visitor.stop_clock()
    _body(composer).fill("first words and an hour of work")
    writer.visitor.context.clear_cookies()
    page.clock.resume()
    # Then
    _sign_in_again(writer)
    again = page.get_by_role("dialog", name="Draft", exact=True)
    expect(_body(again)).to_have_value("first words and an hour of work")
    expect(_saved(again)).to_be_visible()
    (draft,) = writer.drafts()
    assert draft["subject"] == "Long letter"
    assert page.evaluate("sessionStorage.getItem('postroom.unsaved')") is None
    again.get_by_role("button", name="Save and close").click()
    expect(again).to_have_count(0)

    # Given: not even a draft
    writer.visitor.stop_clock()
    writer.write(subject="Fresh", text="never saved")
    # When
    writer.visitor.context.clear_cookies()
    page.clock.resume()
    # Then
    _sign_in_again(writer)
    again = page.get_by_role("dialog", name="New message")
    expect(_body(again)).to_have_value("never saved")
    expect(_saved(again)).to_be_visible()
    assert len(writer.drafts()) == 2


def test_a_page_that_asks_who_is_signed_in_puts_aside_what_is_written(writer: Writer) -> None:
    """It learnt by itself that the session had ended, and then took no refusal for the end of it.

    The list said nothing more, the draft was never saved, and no one was asked to sign in.
    """
    # Given
    page = writer.page
    page.clock.install()
    page.reload()
    composer = writer.write(subject="Long letter", text="first words")
    expect(_saved(composer)).to_be_visible()
    page.route("**/v3/**", lambda route: route.abort())
    _body(composer).fill("first words and an hour of work")
    writer.visitor.context.clear_cookies()
    # When
    page.clock.fast_forward("01:10")
    # Then
    expect(page.get_by_text("You were signed out. Sign in again.")).to_be_visible()
    page.unroute("**/v3/**")
    _sign_in_again(writer)
    again = page.get_by_role("dialog", name="Draft", exact=True)
    expect(_body(again)).to_have_value("first words and an hour of work")


def test_signing_out_saves_and_closes(writer: Writer) -> None:
    """The composer stayed on the page that anybody sees; where it cannot be saved, one stays."""
    # Given
    page = writer.page
    page.route("**/drafts", lambda route: route.abort())
    composer = writer.write(subject="Private", text="words")
    # When
    page.get_by_role("button", name="Sign out").click()
    # Then
    question = page.get_by_role("dialog", name="Close without saving?")
    question.get_by_role("button", name="Cancel").click()
    expect(_body(composer)).to_have_value("words")
    # When
    page.unroute("**/drafts")
    page.get_by_role("button", name="Sign out").click()
    # Then
    expect(page.locator("main.signin")).to_be_visible()
    expect(page.locator("dialog.composer")).to_have_count(0)
    expect(page.get_by_text("You were signed out")).to_have_count(0)
    assert "words" not in page.evaluate("document.body.innerText + JSON.stringify(sessionStorage)")
    (draft,) = writer.drafts()
    assert draft["subject"] == "Private"


@pytest.fixture
def second_mailbox(writer: Writer, administrator: Visitor) -> str:
    """Another mailbox of the writer; the first one is shown."""
    page, first = writer.page, writer.grant()
    second = f"second-{writer.address}"
    writer.provider.call("POST", "mailboxes", json={"address": second})
    writer.provider.deliver(second, letter(second, subject="Other"))
    invite(administrator, second)
    writer.visitor.open("#/mailboxes")
    connect(writer.visitor, writer.provider, second)
    writer.visitor.open(f"#/mail/{first}")
    page.reload()
    expect(page.get_by_label("Mailbox", exact=True)).to_have_value(first)
    expect(page.locator(".row", has_text="Dinner")).to_be_visible()
    return second


def _sent_from(writer: Writer, address: str) -> list[str]:
    return [each["subject"] for each in writer.messages_in("sent", address)]


def test_another_mailbox_sends_it_with_its_files(writer: Writer, second_mailbox: str) -> None:
    """Its uploads vanished, Undo found no draft, and Send while it moved sent nothing."""
    page = writer.page
    composer = writer.write(subject="From the other", text="See attached")
    film: FilePayload = {"name": "film.bin", "mimeType": "application/octet-stream", "buffer": FILM}
    composer.locator("input[type=file]").set_input_files(film)
    bar = composer.get_by_role("progressbar", name="Uploading film.bin")
    expect(composer.get_by_text("film.bin")).to_be_visible()
    expect(bar).to_have_count(0)
    expect(_saved(composer)).to_be_visible()
    held: list[Route] = []
    uploads = "**/attachment-uploads"

    def hold(route: Route) -> None:
        held.append(route)

    page.route(uploads, hold)
    composer.get_by_label("From", exact=True).select_option(label=second_mailbox)
    expect(bar).to_be_visible()
    wait_for(lambda: page.evaluate("0") or held)  # Playwright answers routes between calls alone
    for route in held:
        route.continue_()
    page.unroute(uploads)
    expect(bar).to_have_count(0)
    expect(_saved(composer)).to_be_visible()
    wait_for(lambda: not writer.drafts())

    composer.get_by_role("button", name="Send later").click()
    soon = datetime.now().astimezone() + timedelta(hours=5)
    page.get_by_role("dialog", name="Send later").get_by_label("Another time").fill(
        soon.strftime("%Y-%m-%dT%H:%M")
    )
    page.get_by_role("button", name="Send then").click()
    page.get_by_role("button", name="Undo").click()
    again = page.get_by_role("dialog", name="Draft", exact=True)
    expect(_body(again)).to_have_value("See attached")
    expect(again.get_by_text("film.bin")).to_be_visible()
    _press_send(again)
    expect(page.get_by_text("Message sent")).to_be_visible()
    (arrived,) = wait_for(lambda: writer.received("From the other"))
    assert [each["size"] for each in arrived["attachments"]] == [len(FILM)]
    assert "From the other" in _sent_from(writer, second_mailbox)
    assert "From the other" not in _sent_from(writer, writer.address)


def test_it_is_sent_once_it_has_moved(writer: Writer, second_mailbox: str) -> None:
    """The first save was on its way when the mailbox was changed and Send was pressed."""
    # Given
    page = writer.page
    held: list[Route] = []
    page.route(
        "**/drafts",
        lambda route: (
            held.append(route) if route.request.method == "POST" and not held else route.continue_()
        ),
    )
    composer = writer.write(subject="Identity", text="hello")
    expect(composer.get_by_text("Saving…")).to_be_visible()
    # When
    composer.get_by_label("From", exact=True).select_option(label=second_mailbox)
    _press_send(composer)
    expect(composer.locator("form")).to_have_attribute("inert", "")
    held[0].continue_()
    # Then
    expect(page.get_by_text("Message sent")).to_be_visible()
    wait_for(lambda: writer.received("Identity"))
    assert "Identity" in _sent_from(writer, second_mailbox)
    assert "Identity" not in _sent_from(writer, writer.address)
    wait_for(lambda: not writer.drafts())


PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_pictures_of_a_text_are_passed_on_with_it(writer: Writer, http: httpx.Client) -> None:
    """They were left out without a word: inline ones, and those from elsewhere.

    Their sender does not see that somebody writes.
    """
    # Given
    page = writer.page
    html = (
        '<p>See <img src="cid:plan@home" alt="the plan"> and '
        '<img src="https://pictures.example/roof.png"></p>'
    )
    mail = message_from_bytes(letter(writer.address, subject="Drawing", html=html), policy=default)
    assert isinstance(mail, EmailMessage)
    (_, shown) = mail.iter_parts()
    assert isinstance(shown, EmailMessage)
    shown.add_related(PICTURE, "image", "png", cid="<plan@home>", filename="plan.png")
    writer.provider.deliver(writer.address, mail.as_bytes())
    page.locator(".row", has_text="Drawing").get_by_role("link").click()
    # When
    page.get_by_role("button", name="Forward").click()
    composer = page.get_by_role("dialog", name="Forward")
    expect(composer.get_by_text("plan.png")).to_be_visible()
    composer.get_by_label("To", exact=True).fill(writer.friend)
    _press_send(composer)
    # Then
    expect(page.get_by_text("Message sent")).to_be_visible()
    wait_for(lambda: writer.received("Fwd: Drawing"))
    sent = _sent(writer, http, "Fwd: Drawing")
    (picture,) = sent["attachments"]
    assert (picture["content_id"], picture["is_inline"]) == ("plan@home", True)
    assert 'src="cid:plan@home"' in sent["body"]
    assert 'src="https://pictures.example/roof.png"' in sent["body"]
    assert writer.visitor.foreign_requests() == []


def test_a_page_is_not_left_with_words_that_cannot_follow(writer: Writer) -> None:
    """With a long quotation the last words were lost: browsers carry small requests only."""
    # Given
    page = writer.page
    composer = writer.write(subject="Long", text="word " * 4000)
    expect(_saved(composer)).to_be_visible()
    held: list[Route] = []
    drafts = "**/drafts/*"

    def hold(route: Route) -> None:
        if route.request.method == "PUT":
            held.append(route)
        else:
            route.continue_()

    page.route(drafts, hold)  # it is not saved before it is left
    # When
    _body(composer).press("End")
    page.keyboard.type("last")
    with page.expect_event("dialog") as asking:
        page.close(run_before_unload=True)
    # Then
    assert asking.value.type == "beforeunload"
    asking.value.dismiss()
    wait_for(lambda: page.evaluate("0") or held)  # Playwright answers routes between calls alone
    for route in held:
        route.continue_()
    page.unroute(drafts)
    expect(_saved(composer)).to_be_visible()
