"""What conversations are marked with on the console: Gmail's labels, Outlook's categories."""

from typing import Any

from playwright.sync_api import Locator, expect

from tests.e2e.browsing import Visit, Visitor
from tests.e2e.conftest import SimulatedProvider, wait_for
from tests.e2e.console_steps import connect, invite, letter


def _marks(provider: SimulatedProvider, owner: str, subject: str) -> set[str]:
    message = provider.message(owner, subject=subject)
    assert message is not None
    if provider.name == "microsoft":
        return set(message["categories"])
    names = provider.folder_names(owner)
    return {names[folder] for folder in message["folders"]} - {"INBOX", "UNREAD"}


def _owner(
    administrator: Visitor, visit: Visit, owner: str, provider: SimulatedProvider, *subjects: str
) -> Visitor:
    """Open a mailbox with one conversation of each subject."""
    provider.call("POST", "mailboxes", json={"address": owner})
    for subject in subjects:
        provider.deliver(owner, letter(owner, subject=subject))
    invite(administrator, owner)
    visitor = visit()
    visitor.open()
    connect(visitor, provider, owner)
    expect(visitor.page.locator(".row")).to_have_count(len(subjects))
    return visitor


def _row(visitor: Visitor, subject: str) -> Locator:
    return visitor.page.locator(".row", has_text=subject)


def _ask(place: Locator) -> Locator:
    place.get_by_role("button", name="Labels").or_(
        place.get_by_role("button", name="Categories")
    ).click()
    dialog = place.page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Apply")).to_be_visible()
    return dialog


def test_conversations_are_labelled_alone_and_in_bulk(
    administrator: Visitor, visit: Visit, provider: SimulatedProvider
) -> None:
    """Marks are shown at once, are the provider's own, and come off again; both undo."""
    # Given
    owner = provider.address("labels")
    visitor = _owner(administrator, visit, owner, provider, "Invoice", "Receipt")
    page = visitor.page
    tools, head = page.locator(".tools"), page.locator(".conversation-head")

    def are(**wanted: set[str]) -> Any:
        return wait_for(
            lambda: all(_marks(provider, owner, name) == marks for name, marks in wanted.items())
        )

    # When: one, by a new name, in its conversation
    _row(visitor, "Invoice").locator("a").click()
    expect(page.get_by_role("button", name="Reply", exact=True)).to_be_visible()
    dialog = _ask(head)
    dialog.get_by_role("textbox").fill("Work")
    dialog.get_by_role("button", name="Apply").click()
    # Then
    expect(head.locator(".chip")).to_have_text(["Work"])
    # The provider has it before the copy: the next dialog is made from the copy.
    expect(page.locator(".toast", has_text="Marking changed")).to_be_visible()
    are(Invoice={"Work"}, Receipt=set())
    expect(_row(visitor, "Invoice").locator(".chip")).to_have_text(["Work"])
    if provider.name == "google":
        expect(page.locator(".side a", has_text="Work")).to_be_visible()

    # When: both, of which one has it
    for subject in ("Invoice", "Receipt"):
        _row(visitor, subject).locator("input").check()
    dialog = _ask(tools)
    known = dialog.get_by_role("checkbox", name="Work")
    assert known.evaluate("box => box.indeterminate")
    known.check()
    dialog.get_by_role("textbox").fill("Taxes")
    dialog.get_by_role("textbox").press("Enter")
    expect(dialog.get_by_role("checkbox", name="Taxes")).to_be_checked()
    dialog.get_by_role("button", name="Apply").click()
    # Then
    expect(page.get_by_text("Marking of 2 conversations changed")).to_be_visible()
    are(Invoice={"Work", "Taxes"}, Receipt={"Work", "Taxes"})
    expect(head.locator(".chip")).to_have_text(["Taxes", "Work"])
    expect(_row(visitor, "Receipt").locator(".chip")).to_have_text(["Taxes", "Work"])

    # When: taken away, and that is taken back
    expect(page.locator(".toast")).to_have_count(0)
    dialog = _ask(head)
    dialog.get_by_role("checkbox", name="Work").uncheck()
    dialog.get_by_role("button", name="Apply").click()
    offered = page.locator(".toast", has_text="Marking changed")
    offered.hover()  # while the mouse is on it, it stays
    for place in (head, _row(visitor, "Invoice")):
        expect(place.locator(".chip")).to_have_text(["Taxes"])
    are(Invoice={"Taxes"}, Receipt={"Work", "Taxes"})
    offered.get_by_role("button", name="Undo").click()
    # Then
    expect(page.get_by_text("Undone")).to_be_visible()
    are(Invoice={"Work", "Taxes"})
    expect(head.locator(".chip")).to_have_text(["Taxes", "Work"])


def test_a_label_that_is_refused_is_shown_as_it_was(
    administrator: Visitor, visit: Visit, provider: SimulatedProvider
) -> None:
    """What the provider did not take does not stand on the page."""
    # Given
    owner = provider.address("unlabelled")
    visitor = _owner(administrator, visit, owner, provider, "Invoice")
    page = visitor.page
    _row(visitor, "Invoice").locator("a").click()
    expect(page.get_by_role("button", name="Reply", exact=True)).to_be_visible()
    page.route(
        "**/v3/grants/*/messages/*",
        lambda route: route.abort() if route.request.method == "PUT" else route.continue_(),
    )
    head = page.locator(".conversation-head")
    # When
    dialog = _ask(head)
    dialog.get_by_role("textbox").fill("Work")
    dialog.get_by_role("button", name="Apply").click()
    # Then
    expect(page.get_by_text("It did not work")).to_be_visible()
    expect(head.locator(".chip")).to_have_count(0)
    expect(page.locator(".row .chip")).to_have_count(0)
    assert not _marks(provider, owner, "Invoice")


def test_undo_of_a_label_touches_nothing_but_the_label(
    administrator: Visitor, visit: Visit, provider: SimulatedProvider
) -> None:
    """What had been archived meanwhile came back to the inbox with the label's undo."""
    # Given
    owner = provider.address("both")
    visitor = _owner(administrator, visit, owner, provider, "Invoice")
    page = visitor.page
    _row(visitor, "Invoice").locator("input").check()
    dialog = _ask(page.locator(".tools"))
    dialog.get_by_role("textbox").fill("Work")
    # Made once, however often one presses.
    dialog.get_by_role("textbox").press("Enter")
    dialog.get_by_role("button", name="Apply").click()
    marking = page.locator(".toast", has_text="Marking changed")
    expect(marking).to_be_visible()
    marking.hover()
    _row(visitor, "Invoice").locator("input").check()
    page.locator(".tools").get_by_role("button", name="Archive").click()
    expect(page.get_by_text("Conversation archived")).to_be_visible()
    # When
    marking.get_by_role("button", name="Undo").click()
    # Then
    expect(page.get_by_text("Undone")).to_be_visible()
    message = provider.message(owner, subject="Invoice")
    assert message is not None
    assert not _marks(provider, owner, "Invoice") & {"Work"}
    names = provider.folder_names(owner)
    assert not {names[folder] for folder in message["folders"]} & {"INBOX", "Inbox"}
