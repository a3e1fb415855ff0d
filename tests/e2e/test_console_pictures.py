"""How the console looks: pictures of its main views with mail that people would write.

They are kept where POSTROOM_PICTURES says. Those in docs/pictures are four of them.
"""

from dataclasses import dataclass
from typing import Any, cast

from playwright.sync_api import expect

from local.simulators import provider as simulators
from local.simulators.seeds import GOOGLE_MAILBOXES, MICROSOFT_MAILBOXES, plant
from tests.e2e.browsing import Visit, Visitor
from tests.e2e.conftest import SimulatedProvider
from tests.e2e.console_steps import connect, invite

ANNA = "anna.lindqvist@gmail.example"
AMINA = "amina.diallo@outlook.example"
FIRST_SYNC_MS = 120_000
"""A limit, not a delay: two mailboxes of sample mail are read at once."""
_MAKE_KEY = """async (key) => (await fetch("/v3/api-keys", {
  method: "POST",
  headers: { "X-Postroom-Console": "1", "Content-Type": "application/json" },
  body: JSON.stringify(key),
})).ok"""


@dataclass(frozen=True)
class _Running:
    """A running simulator, into which sample mail is planted as into one of this process."""

    provider: SimulatedProvider

    def create_mailbox(self, address: str, name: str) -> None:
        self.provider.call("POST", "mailboxes", json={"address": address, "name": name})

    def deliver(self, address: str, raw: bytes, *, starred: bool = False, **how: Any) -> str:
        message_id = self.provider.deliver(address, raw, quiet=True, **how)
        if starred:
            self.change(address, [simulators.Change(op="star", id=message_id)])
        return message_id

    def change(self, address: str, changes: list[simulators.Change]) -> None:
        body = [each.model_dump() for each in changes]
        self.provider.call("POST", f"mailboxes/{address}/changes", json=body)


def test_the_main_views(
    administrator: Visitor, visit: Visit, google: SimulatedProvider, microsoft: SimulatedProvider
) -> None:
    """Ten of them, wide and narrow, light and dark; nothing in them is wrong or cut off."""
    for provider, mailboxes in ((google, GOOGLE_MAILBOXES), (microsoft, MICROSOFT_MAILBOXES)):
        plant(cast("simulators.SimulatedProvider", _Running(provider)), mailboxes)
    invite(administrator, ANNA)
    invite(administrator, AMINA)
    anna = visit()
    page = anna.page
    anna.open()
    expect(page.get_by_role("button", name="Connect Gmail")).to_be_visible()
    anna.picture("1-sign-in")
    connect(anna, google, ANNA)
    amina = visit(width=360, height=740, dark=True)
    amina.open()
    connect(amina, microsoft, AMINA)

    invitation = page.locator(".row", has_text="Exhibition in Gothenburg")
    expect(invitation).to_be_visible()
    expect(page.get_by_role("link", name="Exhibition", exact=True)).to_be_visible()
    expect(page.locator(".notice")).to_have_count(0, timeout=FIRST_SYNC_MS)
    anna.picture("2-list")

    page.locator(".row", has_text="Opening night").get_by_role("link").click()
    expect(page.get_by_role("button", name="Reply", exact=True)).to_be_visible()
    expect(page.locator(".message-body").last).not_to_contain_text("Loading")
    anna.picture("3-conversation")

    page.get_by_role("button", name="Reply all", exact=True).click()
    composer = page.locator("dialog.composer")
    composer.get_by_label("Message", exact=True).fill(
        "Thank you all!\n\nI bring the ladder and the good tape. "
        "Kenji, your lamps have arrived: eight, and not a single tear in the paper.\n\nAnna"
    )
    composer.locator("input[type=file]").first.set_input_files(
        {"name": "rooms upstairs.pdf", "mimeType": "application/pdf", "buffer": b"%PDF" * 61_000}
    )
    expect(composer.get_by_text("rooms upstairs.pdf")).to_be_visible()
    anna.picture("4-composer")

    search = visit()
    search.context.add_cookies(anna.context.cookies())  # type: ignore[arg-type]
    search.open("#/mail")
    search.page.get_by_role("searchbox").fill("lamps")
    search.page.get_by_role("searchbox").press("Enter")
    expect(search.page.get_by_role("heading", name="Results for “lamps”")).to_be_visible()
    expect(search.page.locator(".row").first).to_be_visible()
    search.picture("5-search")

    narrow = amina.page
    expect(narrow.locator(".row", has_text="Subvention")).to_be_visible()
    expect(narrow.get_by_role("heading", level=1)).to_have_text("Inbox")
    expect(narrow.locator(".notice")).to_have_count(0, timeout=FIRST_SYNC_MS)
    amina.picture("6-narrow-dark")
    narrow.locator(".row", has_text="Subvention").get_by_role("link").click()
    expect(narrow.frame_locator("iframe").locator("body")).to_contain_text("accordée")
    amina.picture("6-narrow-conversation-dark")

    keeper = administrator.page
    for name, scopes in (("Newsletter", ["mail.read"]), ("Shop", ["mail.read", "mail.send"])):
        keeper.evaluate(_MAKE_KEY, {"name": name, "scopes": scopes})
    for number, section, seen in (
        (7, "providers", "region"),
        (8, "accounts", "table"),
        (9, "people", "table"),
        (10, "keys", "table"),
    ):
        administrator.open(f"#/admin/{section}")
        expect(keeper.get_by_role(seen).first).to_be_visible()  # type: ignore[arg-type]
        administrator.picture(f"{number}-{section}")
