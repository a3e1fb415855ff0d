"""What people do on the console again and again in its tests, and the mail that they get."""

from email.message import EmailMessage

from playwright.sync_api import expect

from tests.e2e.browsing import Visitor
from tests.e2e.conftest import SimulatedProvider


def letter(to: str, *, subject: str, html: str = "", text: str = "How are you?") -> bytes:
    """Write a mail to somebody."""
    mail = EmailMessage()
    mail["From"] = "Charles Babbage <charles@example.org>"
    mail["To"] = to
    mail["Subject"] = subject
    mail["Message-ID"] = f"<{abs(hash((to, subject)))}@example.org>"
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    return mail.as_bytes()


def invite(administrator: Visitor, address: str) -> None:
    """Let the owner of an address sign in."""
    _invite(administrator, "address", address)
    expect(administrator.page.get_by_role("cell", name=address)).to_be_visible()


def invite_by_link(administrator: Visitor, note: str) -> str:
    """Let whoever has a link sign in; answers the link."""
    _invite(administrator, "link", note)
    page = administrator.page
    link = page.get_by_role("textbox", name="Invitation link").input_value()
    page.get_by_role("button", name="Close").click()
    return link


def _invite(administrator: Visitor, kind: str, value: str) -> None:
    page = administrator.page
    administrator.open("#/admin/people")
    page.get_by_role("button", name="Invite").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Invite").select_option(kind)
    dialog.locator("input").fill(value)
    dialog.get_by_role("button", name="Invite").click()


def consent(visitor: Visitor, provider: SimulatedProvider, address: str) -> None:
    """Press the button of a provider; its consent page then asks for the address."""
    visitor.page.locator(f".connect.{provider.name}").click()
    visitor.page.locator("label", has_text=address).click()
    visitor.page.get_by_role("button", name="Allow").click()


def connect(visitor: Visitor, provider: SimulatedProvider, address: str) -> None:
    """Connect a mailbox, whose list is shown then."""
    consent(visitor, provider, address)
    visitor.page.wait_for_url("**/console#/mail**")
    # The provider's own page was asked for on the way.
    visitor.requests.clear()
