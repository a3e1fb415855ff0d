"""The console by keyboard alone: from signing in to an answered mail and an archived one."""

from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.browsing import Visit, Visitor
from tests.e2e.conftest import SimulatedProvider, wait_for
from tests.e2e.console_steps import invite, letter

_STOPS = 120
"""More than the longest page of these tests has."""

_FOCUSED = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const style = getComputedStyle(at);
  const label = at.labels?.length ? at.labels[0].textContent : "";
  return {
    tag: at.tagName.toLowerCase(),
    name: at.getAttribute("aria-label") || label || at.textContent.trim(),
    part: at.dataset.part ?? "",
    row: at.closest(".row")?.textContent ?? "",
    ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
    inside: Boolean(at.closest("dialog")),
    seen: at.getBoundingClientRect().height > 0,
  };
}"""


@dataclass
class Keyboard:
    """Whoever has no mouse: Tab, arrows, Enter, Space and Escape, and nothing else."""

    page: Page

    def focused(self) -> dict[str, Any]:
        """Describe what has the focus; an empty description when nothing has."""
        return self.page.evaluate(_FOCUSED) or {}

    def tab_to(self, name: str, *, back: bool = False) -> None:
        """Press Tab until something has the focus that is called so; it shows that it has it."""
        met = []
        for _ in range(_STOPS):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            at = self.focused()
            met.append(at.get("name", "-"))
            if at.get("name") == name:
                assert at["ring"], at
                assert at["seen"], at
                return
        raise AssertionError(f"Tab never came to {name!r}, but to {met}")

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def write(self, text: str) -> None:
        """Write where one is."""
        self.page.keyboard.type(text)


def test_from_signing_in_to_an_answered_mail_and_an_archived_one(
    administrator: Visitor, visit: Visit, google: SimulatedProvider
) -> None:
    """No step needs a mouse, and after each the focus is where one goes on."""
    owner = google.address("keys")
    google.call("POST", "mailboxes", json={"address": owner})
    for number in range(4):
        google.deliver(owner, letter(owner, subject=f"Note {number}"), unread="true")
    invite(administrator, owner)
    visitor = visit()
    page = visitor.page
    keyboard = Keyboard(page)
    visitor.open()
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    # Signing in; the provider's own page is a form like any other.
    keyboard.tab_to("Connect Gmail")
    keyboard.press("Enter")
    page.wait_for_url("**/o/oauth2/**")
    keyboard.press("Tab", "Space")
    chosen = page.locator("label", has_text=owner).locator("input")
    for _ in range(page.get_by_role("radio").count()):
        if chosen.is_checked():
            break
        keyboard.press("ArrowDown")
    assert chosen.is_checked()
    keyboard.tab_to("Allow")
    keyboard.press("Enter")
    rows = page.locator(".row")
    expect(rows).to_have_count(4)

    # Past the head and the folders at once, and through the list by its arrows.
    keyboard.tab_to("Skip to the content")
    keyboard.press("Enter")
    assert keyboard.focused()["part"] == "open"
    assert "Note 3" in keyboard.focused()["row"]
    keyboard.press("ArrowDown")
    assert "Note 2" in keyboard.focused()["row"]
    assert keyboard.focused()["ring"]

    # Reading: the focus is at the conversation's subject, and its answer is a few stops away.
    keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Note 2")).to_be_focused()
    keyboard.tab_to("Reply")
    keyboard.press("Enter")
    composer = page.get_by_role("dialog", name="Reply")
    expect(composer).to_be_visible()
    assert keyboard.focused()["inside"]
    keyboard.write("Very well.")
    keyboard.tab_to("Send")
    keyboard.press("Enter")
    expect(composer).to_have_count(0)
    wait_for(lambda: google.message(owner, subject="Re: Note 2"))
    expect(page.locator(".message")).to_have_count(2)
    assert keyboard.focused()["name"] == "Reply"

    # Archived while it is read: one goes on with the next of the list.
    keyboard.tab_to("Archive", back=True)
    keyboard.press("Enter")
    expect(page.get_by_text("Conversation archived")).to_be_visible()
    expect(rows).to_have_count(3)
    expect(page.locator(".row", has_text="Note 1").locator("[data-part=open]")).to_be_focused()

    # Archived from the list.
    keyboard.press("ArrowUp")
    keyboard.press("Shift+Tab", "Space")
    expect(page.get_by_text("1 selected")).to_be_visible()
    assert keyboard.focused()["part"] == "select"
    keyboard.tab_to("Archive", back=True)
    keyboard.press("Space")
    expect(rows).to_have_count(2)
    expect(page.locator(".row", has_text="Note 1").locator("[data-part=open]")).to_be_focused()
    inbox = google.folder_name(owner, "inbox")

    def archived() -> bool:
        gone = [google.message(owner, subject=subject) for subject in ("Note 2", "Note 3")]
        return all(each and inbox not in each["folders"] for each in gone)

    wait_for(archived)

    # A dialog keeps the focus, and gives it back when it is closed.
    keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Note 1")).to_be_focused()
    keyboard.tab_to("Move to a folder", back=True)
    keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Move to")).to_be_visible()
    assert keyboard.focused()["inside"]
    keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Move to")).to_have_count(0)
    assert keyboard.focused()["name"] == "Move to a folder"
    assert visitor.complaints == []
