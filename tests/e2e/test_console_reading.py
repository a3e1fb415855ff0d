"""Reading a conversation on the console: nothing that a mail carries is out of reach."""

import base64
import re
from collections.abc import Iterator
from contextlib import ExitStack
from email.message import EmailMessage
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from local.running_stack import RunningStack
from tests.e2e.browsing import Visitor, visiting
from tests.e2e.conftest import SimulatedProvider, wait_for
from tests.e2e.console_steps import connect, invite, letter

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC"
)

_SHORT = b"Charles Babbage <charles@example.org>"
_LONG = (
    b"Augusta Ada King Countess of Lovelace and of Ockham Park "
    b"<augusta.ada.king.countess.of.lovelace@analytical-engines.example.org>"
)


def _with_a_picture(to: str, subject: str, *, html: str = "") -> EmailMessage:
    """A mail with an inline picture: as Apple Mail writes it, or inside of HTML."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Charles <charles@example.org>", to, subject
    mail["Message-ID"] = f"<{subject.replace(' ', '-')}@example.org>"
    if html:
        mail.set_content(html, subtype="html")
        mail.add_related(PNG, "image", "png", cid="<one@apple>", filename="one.png")
        return mail
    mail.set_content("See the photo.")
    mail.make_mixed()
    mail.add_attachment(
        PNG, "image", "png", cid="<one@apple>", filename="one.png", disposition="inline"
    )
    return mail


def _with_a_file(to: str, subject: str) -> EmailMessage:
    mail = _with_a_picture(to, subject, html='<p>Signed</p><img src="cid:one@apple">')
    mail["Cc"] = "Ada Lovelace <ada@example.org>, mary@example.net"
    mail.make_mixed()
    mail.add_attachment(b"%PDF-1.7", "application", "pdf", filename="plan.pdf")
    return mail


def _mailbox(page: Page) -> dict[str, Any]:
    session = page.evaluate("async () => (await (await fetch('/console/session')).json()).data")
    return dict(session["mailboxes"][0])


@pytest.fixture(scope="module")
def owner_of_mail(
    administrator: Visitor, browser: Browser, stack: RunningStack, google: SimulatedProvider
) -> Iterator[Visitor]:
    """Somebody whose mail has arrived."""
    owner = google.address("reader")
    google.call("POST", "mailboxes", json={"address": owner})
    for mail in (
        _with_a_picture(owner, "Photo"),
        _with_a_picture(owner, "Logo", html='<p>Signed</p><img src="cid:one@apple">'),
        _with_a_picture(owner, "Encoded", html='<p>Signed</p><img src="cid:one%40apple">'),
        _with_a_picture(owner, "Unnamed", html="<p>Signed</p>"),
        _with_a_file(owner, "Drawings"),
    ):
        google.deliver(owner, mail.as_bytes(), unread="true")
    google.deliver(owner, letter(owner, subject="Invoice"), unread="true")
    google.deliver(owner, letter(owner, subject="Titles").replace(_SHORT, _LONG), unread="true")
    invite(administrator, owner)
    with ExitStack() as opened:
        visitor = opened.enter_context(visiting(browser, stack.api_uri))
        visitor.open()
        connect(visitor, google, owner)
        wait_for(lambda: _mailbox(visitor.page)["sync"]["state"] == "synced" or None)
        yield visitor


@pytest.fixture
def reader(owner_of_mail: Visitor) -> Visitor:
    """The same, in front of a page that was loaded just now."""
    page = owner_of_mail.page
    page.unroute_all()
    page.goto("about:blank")
    owner_of_mail.open("#/mail")
    expect(page.locator(".row").first).to_be_visible()
    return owner_of_mail


def _open(page: Page, subject: str) -> None:
    page.locator(".row", has_text=subject).locator("a").click()
    expect(page.locator(".conversation-head h2")).to_have_text(subject)


def test_a_file_that_is_inline_beside_a_text_can_be_downloaded(reader: Visitor) -> None:
    """Apple Mail's photos stood neither in the text nor below it."""
    page = reader.page
    _open(page, "Photo")
    file = page.locator(".message-body a.file")
    expect(file).to_contain_text("one.png")
    with page.expect_download() as downloading:
        file.click()
    assert downloading.value.path().read_bytes() == PNG


def test_a_picture_that_the_text_shows_is_no_file(reader: Visitor) -> None:
    """One that the text does not show is."""
    page = reader.page
    _open(page, "Logo")
    picture = page.frame_locator(".message-body iframe").locator("img")
    expect(picture).to_be_visible()
    expect(page.locator(".message-body a.file")).to_have_count(0)
    _open(page, "Encoded")
    expect(page.frame_locator(".message-body iframe").locator("img")).to_be_visible()
    expect(page.locator(".message-body a.file")).to_have_count(0)
    _open(page, "Unnamed")
    expect(page.locator(".message-body a.file")).to_contain_text("one.png")


def test_a_picture_that_the_provider_does_not_give_is_offered(
    reader: Visitor, google: SimulatedProvider
) -> None:
    """It was left out of the text in silence."""
    page = reader.page
    google.call("POST", "faults", json=[{"path": "/attachments", "status": 404, "times": 1}])
    _open(page, "Logo")
    expect(page.locator(".message-body a.file")).to_contain_text("one.png")


def test_a_conversation_that_did_not_load_is_tried_again(reader: Visitor) -> None:
    """It said "Loading" for ever, and opening it again did nothing."""
    page = reader.page
    # No look at the list tries again before the button is pressed.
    page.route("**/v3/grants/*/threads?**", lambda route: route.abort())
    asked = "**/messages?thread_id*"
    page.route(asked, lambda route: route.abort())
    _open(page, "Invoice")
    line = page.locator(".reading").get_by_role("alert")
    expect(line).to_contain_text("There is no connection")
    assert reader.serious_problems() == []
    line.get_by_role("button", name="Try again").click()
    expect(line).to_contain_text("There is no connection")
    assert "Invoice" in page.evaluate("document.activeElement.textContent")
    page.unroute(asked)
    line.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Reply", exact=True)).to_be_visible()
    expect(page.locator(".row.unread", has_text="Invoice")).to_have_count(0)


def test_a_text_that_did_not_load_is_tried_again(reader: Visitor) -> None:
    """Its first words stood in a red box, as if they were what was wrong."""
    # Given
    page = reader.page
    page.route("**/messages/*/view", lambda route: route.abort())
    _open(page, "Invoice")
    line = page.locator(".message-body").get_by_role("alert")
    expect(line).to_contain_text("There is no connection")
    expect(line).not_to_contain_text("How are you?")
    assert reader.serious_problems() == []
    # When
    page.unroute_all()
    line.get_by_role("button", name="Try again").click()
    # Then
    expect(page.locator(".message-body .plain-text")).to_contain_text("How are you?")
    expect(line).to_have_count(0)
    expect(page.locator(".message-head")).to_be_focused()


def test_the_next_look_at_the_list_tries_too(reader: Visitor) -> None:
    """Whoever waits need not press anything, and the keyboard stays where it was."""
    page = reader.page
    page.route("**/messages?thread_id*", lambda route: route.abort())
    _open(page, "Photo")
    again = page.locator(".reading").get_by_role("button", name="Try again")
    again.focus()
    with page.expect_event("requestfailed", lambda each: "/messages?thread_id" in each.url):
        pass
    expect(again).to_be_focused()
    page.unroute_all()
    expect(page.locator(".message-body a.file")).to_be_visible()
    expect(page.locator(".conversation-head h2")).to_be_focused()


def test_the_paperclip_stands_for_files(reader: Visitor) -> None:
    """Every mail with a logo in its signature had one, but none among what was found."""
    page = reader.page

    def marked(subject: str) -> bool:
        row = page.locator(".row", has_text=subject)
        expect(row).to_be_visible()
        return row.locator(".has-file").count() > 0

    assert (marked("Logo"), marked("Drawings")) == (False, True)
    page.get_by_role("searchbox").fill("Signed")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator(".row", has_text="Invoice")).to_have_count(0)
    assert (marked("Logo"), marked("Drawings")) == (False, True)


def test_an_open_message_says_when_and_to_whom(reader: Visitor) -> None:
    """The hour and the addresses stood where only a mouse reads them, or nowhere."""
    page = reader.page
    _open(page, "Drawings")
    expect(page.locator(".message-head time")).to_have_text(re.compile(r"20\d\d.* \d{1,2}:\d\d"))
    page.get_by_text("Addresses").click()
    message = page.locator(".message-body")
    expect(message).to_contain_text("Cc: Ada Lovelace <ada@example.org>, mary@example.net")
    expect(message).to_contain_text("To: reader@google.example")
    assert reader.serious_problems() == []


@pytest.mark.parametrize("width", [360, 1100])
def test_a_long_name_and_a_long_address_take_a_line_each(reader: Visitor, width: int) -> None:
    """The address stood on four lines of ten letters, and the date beside them.

    The second width is that of a page with three columns at its narrowest.
    """
    page = reader.page
    page.set_viewport_size({"width": width, "height": 740})
    try:
        _open(page, "Titles")
        expect(page.locator(".message-body")).to_contain_text("How are you?")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            reader.picture(f"long-names-{width}-{scheme}")
        assert page.locator(".message-head").evaluate(
            """(head) => {
              const line = (name) => head.querySelector(name).getBoundingClientRect();
              const [name, address, time, to] =
                [".from strong", ".from span", "time", ".second"].map(line);
              const right = head.getBoundingClientRect().right - 12;
              return {
                oneLineEach: [name, address, time, to].every((each) => each.height < 30),
                inside: [name, address, time, to].every((each) => each.right <= right + 1),
                addressIsBelow: address.top >= name.bottom - 4,
                apart: time.left >= to.right || time.bottom <= to.top + 4,
              };
            }"""
        ) == {"oneLineEach": True, "inside": True, "addressIsBelow": True, "apart": True}
    finally:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(color_scheme="light")
