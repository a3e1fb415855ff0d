"""Lists of conversations on the console: what is done to them, and what new mail does to them."""

import re
import time
from collections.abc import Callable
from email.parser import BytesParser
from email.policy import default
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.browsing import Visit, Visitor
from tests.e2e.conftest import SimulatedProvider, wait_for
from tests.e2e.console_steps import connect, invite, letter


def _owner(
    administrator: Visitor, visit: Visit, provider: SimulatedProvider, person: str, **how: Any
) -> tuple[Visitor, str]:
    """Open the mailbox of somebody whose mail has arrived; answers its grant, too."""
    owner = provider.address(person)
    invite(administrator, owner)
    visitor = visit(**how)
    visitor.open()
    connect(visitor, provider, owner)
    page = visitor.page
    wait_for(lambda: _mailbox(page)["sync"]["state"] == "synced" or None, seconds=120)
    page.reload()
    expect(page.locator(".row").first).to_be_visible()
    return visitor, str(_mailbox(page)["id"])


def _mailbox(page: Page) -> dict[str, Any]:
    session = page.evaluate("async () => (await (await fetch('/console/session')).json()).data")
    return dict(session["mailboxes"][0])


def _delivered(provider: SimulatedProvider, person: str, *subjects: str) -> str:
    """Make a mailbox with unread mail; answers its address."""
    owner = provider.address(person)
    provider.call("POST", "mailboxes", json={"address": owner})
    for subject in subjects:
        provider.deliver(owner, letter(owner, subject=subject), unread="true")
    return owner


def test_what_is_found_is_archived_and_moved_from_where_it_is(
    administrator: Visitor, visit: Visit, provider: SimulatedProvider, http: httpx.Client
) -> None:
    """A move out of a search changed nothing and said it was done: the inbox was its source."""
    owner = _delivered(provider, "found", "Invoice", "Another")
    visitor, grant = _owner(administrator, visit, provider, "found")
    page = visitor.page
    for name in ("Projects", "Receipts"):
        http.post(f"/v3/grants/{grant}/folders", json={"name": name}).raise_for_status()
    page.reload()
    expect(page.locator(".side a", has_text="Receipts")).to_be_visible()
    page.get_by_role("searchbox").fill("Invoice")
    page.get_by_role("searchbox").press("Enter")
    row = page.locator(".row")
    expect(row).to_have_count(1)
    names = provider.folder_names(owner)

    def places() -> set[str]:
        message = provider.message(owner, subject="Invoice")
        assert message
        return {names[folder] for folder in message["folders"]} - {"UNREAD"}

    def moved_to(name: str) -> None:
        row.locator("input").check()
        page.locator(".tools").get_by_role("button", name="Move to a folder").click()
        page.get_by_role("dialog").get_by_role("button", name=name).click()

    moved_to("Projects")
    expect(page.get_by_text("Conversation moved")).to_be_visible()
    assert places() == {"Projects"}
    expect(row).to_have_count(1)
    moved_to("Projects")
    expect(page.get_by_text("Nothing was changed")).to_be_visible()
    moved_to("Receipts")
    wait_for(lambda: "Receipts" in places())
    if provider.name == "microsoft":
        expect(row).to_have_count(1)
        row.locator("input").check()
        page.locator(".tools").get_by_role("button", name="Archive").click()
        wait_for(lambda: places() == {"Archive"})
    assert visitor.complaints == []


def test_an_undo_that_failed_says_so_and_is_there_again(
    administrator: Visitor, visit: Visit, google: SimulatedProvider, http: httpx.Client
) -> None:
    """It said "Undone" without a connection, and a half-written answer stayed in the trash."""
    owner = _delivered(google, "undo", "Other", "Half answered")
    visitor, grant = _owner(administrator, visit, google, "undo")
    page = visitor.page
    messages = http.get(f"/v3/grants/{grant}/messages", params={"subject": "Half answered"})
    answer = {"subject": "Re: Half answered", "body": "Not yet", "to": [{"email": "a@b.example"}]}
    http.post(
        f"/v3/grants/{grant}/drafts",
        json=answer | {"reply_to_message_id": messages.json()["data"][0]["id"]},
    ).raise_for_status()
    row = page.locator(".row", has_text="Half answered")
    expect(row.locator(".draft")).to_be_visible()
    row.locator("input").check()
    page.locator(".tools").get_by_role("button", name="Move to trash").click()
    offered = page.locator(".toast", has_text="Conversation moved to trash")
    offered.hover()  # while the mouse is on it, it stays
    trash = google.folder_name(owner, "trash")

    def in_trash() -> list[str]:
        return [each["subject"] for each in google.messages(owner) if trash in each["folders"]]

    assert in_trash() == ["Half answered"]

    def cut(route: Route) -> None:
        if route.request.method == "PUT":
            route.abort()
        else:
            route.continue_()

    page.route("**/v3/grants/*/messages/*", cut)
    page.keyboard.press("z")
    expect(page.get_by_text("There is no connection")).to_be_visible()
    expect(page.get_by_text("Undone")).to_have_count(0)
    page.unroute("**/v3/grants/*/messages/*", cut)
    offered.hover()
    # Whoever writes takes back letters.
    page.get_by_role("searchbox").focus()
    page.keyboard.press("Control+z")
    page.keyboard.type("z")
    expect(page.get_by_role("searchbox")).to_have_value("z")
    page.get_by_role("button", name="Look for new mail").focus()
    page.keyboard.press("Control+z")
    expect(page.get_by_text("Undone")).to_be_visible()
    expect(row).to_be_visible()
    assert in_trash() == []
    assert visitor.complaints == []


def test_a_star_is_for_the_newest_message(
    administrator: Visitor, visit: Visit, google: SimulatedProvider
) -> None:
    """It was set at the oldest one of the conversation."""
    owner = _delivered(google, "stars")
    first = letter(owner, subject="Thread")
    google.deliver(owner, first)
    answered = BytesParser(policy=default).parsebytes(first)["message-id"]
    later = letter(owner, subject="Re: Thread")
    google.deliver(owner, f"In-Reply-To: {answered}\nReferences: {answered}\n".encode() + later)
    visitor, _ = _owner(administrator, visit, google, "stars")
    row = visitor.page.locator(".row")
    expect(row).to_have_count(1)
    row.locator(".star").click()
    expect(row.locator(".star")).to_have_class("star on")

    def starred() -> list[str]:
        return [each["subject"] for each in google.messages(owner) if each["starred"]]

    assert wait_for(starred) == ["Re: Thread"]


MANY = 45
"""More than a page of a list has, which is thirty."""


def _long_list(
    administrator: Visitor, visit: Visit, provider: SimulatedProvider, person: str, **how: Any
) -> tuple[Visitor, str, str]:
    """Open a list of which two pages are loaded; answers the address and the grant, too."""
    owner = provider.address(person)
    provider.call("POST", "mailboxes", json={"address": owner})
    began = time.time() - 86_400
    for number in range(MANY):
        mail = letter(owner, subject=f"Mail {number:02}")
        provider.deliver(owner, mail, unread="true", quiet="true", received_at=began + 60 * number)
    visitor, grant = _owner(administrator, visit, provider, person, **how)
    page = visitor.page
    page.get_by_role("button", name="more").click()
    expect(page.locator(".row")).to_have_count(MANY)
    return visitor, owner, grant


def _subjects(page: Page) -> list[str]:
    return page.locator(".row .subject").all_inner_texts()


@pytest.mark.parametrize("width", [360, 1440])
def test_new_mail_disturbs_neither_the_list_nor_whoever_writes(
    administrator: Visitor, visit: Visit, google: SimulatedProvider, width: int
) -> None:
    """Rows that were loaded went with the next look, the list jumped, and a search was cut off."""
    visitor, owner, _ = _long_list(administrator, visit, google, f"calm-{width}", width=width)
    page = visitor.page
    rows = page.locator(".row")
    read = page.locator(".row", has_text="Mail 10")
    read.evaluate("(row) => row.scrollIntoView({ block: 'center' })")
    scrolled = read.evaluate(_SCROLLED)
    assert page.evaluate("document.scrollingElement.scrollTop") == 0  # folders stay in sight
    before = read.bounding_box()
    google.deliver(owner, letter(owner, subject="Brand new"), unread="true")
    expect(rows).to_have_count(MANY + 1)
    after = read.bounding_box()
    assert before
    assert after
    assert abs(after["y"] - before["y"]) < 2
    assert scrolled > 0
    # It stands still because its list has moved by the height of the new row.
    assert read.evaluate(_SCROLLED) > scrolled

    # Whoever writes a search goes on with it; whoever stands in the folders stays there.
    search = page.get_by_role("searchbox")
    search.focus()
    page.keyboard.type("inv")
    google.deliver(owner, letter(owner, subject="Newer still"), unread="true")
    expect(rows).to_have_count(MANY + 2)
    expect(search).to_be_focused()
    page.keyboard.type("oice")
    expect(search).to_have_value("invoice")
    if width == 360:
        page.get_by_role("button", name="Folders").click()
    inbox = page.locator(".side a", has_text="Inbox")
    inbox.focus()
    google.deliver(owner, letter(owner, subject="Newest"), unread="true")
    expect(rows).to_have_count(MANY + 3)
    expect(inbox.locator(".count")).to_have_text(f"{MANY + 3} Unread")
    expect(inbox).to_be_focused()
    assert visitor.complaints == []


_SCROLLED = """(row) => {
  const scrolls = (each) => each.scrollHeight > each.clientHeight
    && /auto|scroll/.test(getComputedStyle(each).overflowY);
  let at = row.parentElement;
  while (at && !scrolls(at)) at = at.parentElement;
  return (at ?? document.scrollingElement).scrollTop;
}"""
"""How far whatever really scrolls has been scrolled."""


def test_pages_and_news_become_one_list(
    administrator: Visitor, visit: Visit, provider: SimulatedProvider, http: httpx.Client
) -> None:
    """Nothing twice and nothing lost; what is gone from a later page goes, too."""
    visitor, owner, grant = _long_list(administrator, visit, provider, "merge")
    page = visitor.page
    expected = [f"Mail {number:02}" for number in reversed(range(MANY))]
    assert _subjects(page) == expected
    # The first of those that were asked for has the focus.
    expect(page.locator(".row", has_text=expected[30]).get_by_role("link")).to_be_focused()
    # An answer to what stands on the second page brings it to the top.
    first = letter(owner, subject="Mail 05")
    answered = BytesParser(policy=default).parsebytes(first)["message-id"]
    later = letter(owner, subject="Re: Mail 05")
    provider.deliver(owner, f"In-Reply-To: {answered}\nReferences: {answered}\n".encode() + later)
    top = page.locator(".row").first
    expect(top.locator(".subject")).to_contain_text("Mail 05")
    expected.remove("Mail 05")
    assert [each.removeprefix("Re: ") for each in _subjects(page)] == ["Mail 05", *expected]

    # Somebody else deletes what stands there: opened, it says so and goes.
    ids = [(provider.message(owner, subject=each) or {})["id"] for each in ("Mail 03", "Mail 02")]
    deleted = [{"op": "delete", "id": each} for each in ids]
    news = "**/v3/grants/*/threads?**"
    page.route(news, lambda route: route.abort())  # else the list learns of it before one opens it
    provider.call("POST", f"mailboxes/{owner}/changes", json=deleted)
    found = f"/v3/grants/{grant}/messages"
    wait_for(lambda: not http.get(found, params={"subject": "Mail 03"}).json()["data"])
    page.locator(".row", has_text="Mail 03").get_by_role("link").click()
    expect(page.get_by_text("This conversation is not here any more")).to_be_visible()
    page.unroute(news)
    expect(page.locator(".row", has_text="Mail 03")).to_have_count(0)
    expect(page.locator(".toast.error")).to_have_count(0)
    # The other one goes by itself, soon.
    expect(page.locator(".row", has_text="Mail 02")).to_have_count(0, timeout=120_000)
    gone = {"Mail 03", "Mail 02"}
    expected = ["Mail 05", *(each for each in expected if each not in gone)]
    assert [each.removeprefix("Re: ") for each in _subjects(page)] == expected
    assert visitor.complaints == []


def test_a_list_that_failed_says_so(
    administrator: Visitor, visit: Visit, google: SimulatedProvider
) -> None:
    """A search without a connection said that nothing was found."""
    _delivered(google, "cut", "Invoice")
    visitor, _ = _owner(administrator, visit, google, "cut")
    page = visitor.page
    search = "**/v3/grants/*/messages?**"
    page.route(search, lambda route: route.abort())
    page.get_by_role("searchbox").fill("Invoice")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_text("This list could not be loaded")).to_be_visible()
    expect(page.get_by_text("Nothing found")).to_have_count(0)
    page.unroute(search)
    page.locator(".listing").get_by_role("button", name="Try again").click()
    expect(page.locator(".row", has_text="Invoice")).to_be_visible()
    expect(page.get_by_text("This list could not be loaded")).to_have_count(0)


def test_the_keyboard_stays_where_it_was_at_work(
    administrator: Visitor, visit: Visit, google: SimulatedProvider
) -> None:
    """After selecting all, or marking what was selected, it was nowhere."""
    owner = _delivered(google, "at-work", "One", "Two")
    visitor, _ = _owner(administrator, visit, google, "at-work")
    page = visitor.page
    every = page.get_by_role("checkbox", name="Select all that are shown")
    every.focus()
    page.keyboard.press("Space")
    tools = page.locator(".tools")
    expect(tools.get_by_role("button", name="Clear selection")).to_be_focused()
    tools.get_by_role("button", name="Mark as read").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 marked as read")).to_be_visible()
    expect(every).to_be_focused()

    # Several get a star; those that are not alike can be made alike in either way.
    page.keyboard.press("Space")
    tools.get_by_role("button", name="Star", exact=True).click()
    expect(page.locator(".row .star.on")).to_have_count(2)
    wait_for(lambda: [each["starred"] for each in google.messages(owner)] == [True, True])
    page.locator(".row", has_text="Two").locator(".star").click()
    expect(page.locator(".row .star.on")).to_have_count(1)
    page.locator(".row", has_text="One").get_by_role("checkbox").check()
    expect(tools.get_by_role("button", name="Mark as read")).to_have_count(0)
    tools.get_by_role("button", name="Mark as unread").click()
    expect(page.locator(".row.unread")).to_have_count(1)
    every.click()
    expect(tools.get_by_role("button", name="Mark as unread")).to_be_visible()
    expect(tools.get_by_role("button", name="Star", exact=True)).to_be_visible()
    tools.get_by_role("button", name="Remove star").click()
    expect(page.locator(".row .star.on")).to_have_count(0)
    every.click()
    tools.get_by_role("button", name="Mark as read").click()
    expect(page.locator(".row.unread")).to_have_count(0)
    wait_for(lambda: [each["starred"] for each in google.messages(owner)] == [False, False])

    every.focus()
    page.keyboard.press("Space")
    tools.get_by_role("button", name="Archive").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 conversations archived")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_a_change_shows_until_it_is_answered(
    administrator: Visitor, visit: Visit, google: SimulatedProvider
) -> None:
    """A look at the list came between, and showed as unread for good what was being marked."""
    _delivered(google, "between", "One", "Two")
    visitor, _ = _owner(administrator, visit, google, "between")
    page = visitor.page
    expect(page.locator(".row.unread")).to_have_count(2)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/v3/grants/*/threads/*", hold)
    page.get_by_role("checkbox", name="Select all that are shown").click()
    page.locator(".tools").get_by_role("button", name="Mark as read").click()
    expect(page.locator(".row.unread")).to_have_count(0)
    with page.expect_response("**/v3/grants/*/threads?**"):
        page.locator(".tools").get_by_role("button", name="Look for new mail").click()
    page.locator(".row", has_text="One").locator(".star").click()
    expect(page.locator(".row .star.on")).to_have_count(1)
    expect(page.locator(".row.unread")).to_have_count(0)

    # A list that is opened meanwhile shows it as well, and so does the first one afterwards.
    page.locator(".side").get_by_role("link", name="All mail").click()
    expect(page.locator(".row")).to_have_count(2)
    expect(page.locator(".row.unread")).to_have_count(0)
    for route in held:
        route.continue_()
    expect(page.get_by_text("2 marked as read")).to_be_visible()
    expect(page.locator(".row.unread")).to_have_count(0)


def test_a_late_answer_of_another_mailbox_is_not_shown(
    administrator: Visitor, visit: Visit, google: SimulatedProvider, microsoft: SimulatedProvider
) -> None:
    """Whoever switched quickly had the folders of the mailbox that answered last."""
    _delivered(google, "quick", "At Google")
    second = _delivered(microsoft, "quick", "At Microsoft")
    visitor, first = _owner(administrator, visit, google, "quick")
    page = visitor.page
    visitor.open("#/mailboxes")
    page.locator(".connect.microsoft").click()
    page.locator("label", has_text=second).click()
    page.get_by_role("button", name="Allow").click()
    # Whoever connects another mailbox arrives in that one.
    expect(page.locator(".side select option:checked")).to_have_text(second)
    held: list[Route] = []
    folders = f"**/v3/grants/{first}/folders"
    expect(page.locator(".row", has_text="At Microsoft")).to_be_visible()

    def hold(route: Route) -> None:
        held.append(route)

    page.route(folders, hold)
    page.locator(".side select").select_option(first)
    wait_for(lambda: page.evaluate("0") or held)  # Playwright answers routes between calls alone
    page.locator(".side select").select_option(label=second)
    expect(page.locator(".row", has_text="At Microsoft")).to_be_visible()
    with page.expect_response(folders):
        held[0].continue_()
    page.unroute(folders, hold)
    expect(page.locator(".side a", has_text="Archive")).to_be_visible()
    expect(page.locator(".side a", has_text="All mail")).to_have_count(0)
    expect(page.locator(".row", has_text="At Microsoft")).to_be_visible()
    assert visitor.complaints == []


def test_refusals_are_told_in_the_readers_words(
    administrator: Visitor, visit: Visit, google: SimulatedProvider
) -> None:
    """Also the gateway's, which come without a type; one that asks for consent is looked into."""
    _delivered(google, "refused", "Refused")
    visitor, grant = _owner(administrator, visit, google, "refused")
    page = visitor.page
    page.clock.install()
    visitor.stop_clock()
    page.reload()
    star = page.locator(".row .star")
    one_message = re.compile(rf"/v3/grants/{grant}/messages/(?!schedules)[^/?]+$")
    for status, words in ((503, "The server does not answer"), (429, "too much at once")):
        answer = {"message": "Service Unavailable"}
        page.route(one_message, _answered(status, answer), times=1)
        star.click()
        toast = page.locator(".toast", has_text=words)
        expect(toast).to_be_visible()
        expect(page.get_by_text("Service Unavailable")).to_have_count(0)
    # What is read is not taken away.
    toast.hover()
    page.clock.fast_forward("00:30")
    expect(page.locator(".toast")).to_have_count(1)
    page.mouse.move(5, 5)
    page.clock.fast_forward("00:30")
    expect(page.locator(".toast")).to_have_count(0)

    gone = {"error": {"type": "grant.reauth_required", "message": ""}}
    page.reload()
    expect(star).to_be_visible()
    page.route(one_message, _answered(401, gone), times=1)
    with page.expect_request("**/console/session"):
        star.click()


def _answered(status: int, body: dict[str, Any]) -> Callable[[Route], None]:
    """Answer a request so, in the deployment's place."""
    return lambda route: route.fulfill(status=status, json=body)
