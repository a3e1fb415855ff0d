"""Answers that come late, or in another order than they were asked for, on the console."""

import re
from email.parser import BytesParser
from email.policy import default

from playwright.sync_api import APIResponse, Locator, Page, Route, expect

from tests.e2e.browsing import Visit, Visitor
from tests.e2e.conftest import SimulatedProvider, wait_for
from tests.e2e.console_steps import connect, invite, letter

SUBJECT = "Engine"
MESSAGES = re.compile(r"/messages\?thread_id=")
SCHEDULES = "**/messages/schedules"


class Late:
    """The first answer to an address from now on: as it is now, and given when the test says so."""

    def __init__(self, page: Page, address: str | re.Pattern[str], method: str = "GET") -> None:
        self._page = page
        self._address = address
        self._method = method
        self._kept: list[tuple[Route, APIResponse]] = []
        page.route(address, self._keep)

    def _keep(self, route: Route) -> None:
        if self._kept or route.request.method != self._method:
            route.continue_()
        else:
            self._kept.append((route, route.fetch()))

    def wait(self) -> None:
        """Wait until it has been asked for."""
        # Playwright answers routes between calls alone.
        wait_for(lambda: self._page.evaluate("0") or self._kept)

    def give(self) -> None:
        """Let it arrive."""
        ((route, answer),) = self._kept
        with self._page.expect_response(self._address):
            route.fulfill(response=answer)
        self._page.unroute(self._address)


def _owner(
    administrator: Visitor, visit: Visit, provider: SimulatedProvider, person: str
) -> tuple[Visitor, str]:
    """Open a mailbox that has one letter; answers its address, too."""
    owner = provider.address(person)
    provider.call("POST", "mailboxes", json={"address": owner})
    provider.deliver(owner, letter(owner, subject=SUBJECT))
    invite(administrator, owner)
    visitor = visit()
    visitor.open()
    connect(visitor, provider, owner)
    expect(_row(visitor.page)).to_be_visible()
    state = "fetch('/console/session').then((answer) => answer.json())"
    wait_for(
        lambda: visitor.page.evaluate(state)["data"]["mailboxes"][0]["sync"]["state"] == "synced"
    )
    visitor.page.reload()
    expect(_row(visitor.page)).to_be_visible()
    return visitor, owner


def _row(page: Page) -> Locator:
    return page.locator(".row", has_text=SUBJECT)


def _answer(provider: SimulatedProvider, owner: str, *, prefix: str) -> None:
    """Deliver another letter of the same conversation."""
    first = BytesParser(policy=default).parsebytes(letter(owner, subject=SUBJECT))["message-id"]
    head = f"In-Reply-To: {first}\nReferences: {first}\n".encode()
    provider.deliver(owner, head + letter(owner, subject=f"{prefix} {SUBJECT}"))


def _look(page: Page) -> None:
    """Look for new mail; answers when what came is shown."""
    with page.expect_response("**/threads?**"), page.expect_response("**/folders"):
        page.locator(".tools").get_by_role("button", name="Look for new mail").click()


def _send_later(page: Page, *, subject: str, text: str) -> None:
    page.get_by_role("button", name="Write", exact=True).click()
    composer = page.get_by_role("dialog", name="New message")
    composer.get_by_label("To", exact=True).fill("charles@example.org")
    composer.get_by_label("Subject").fill(subject)
    composer.get_by_label("Message", exact=True).fill(text)
    expect(composer.get_by_text("Saved", exact=True)).to_be_visible()
    composer.get_by_role("button", name="Send later").click()
    choices = page.get_by_role("dialog", name="Send later")
    choices.get_by_role("button", name="Tomorrow morning").click()
    expect(page.get_by_text("Will be sent on")).to_be_visible()


def test_a_send_that_waits_stays_when_an_older_answer_comes(
    administrator: Visitor, visit: Visit, google: SimulatedProvider
) -> None:
    """What had just been scheduled vanished for a minute: an older answer did not know of it."""
    # Given
    visitor, _ = _owner(administrator, visit, google, "late-waiting")
    page = visitor.page
    late = Late(page, SCHEDULES)
    page.reload()
    late.wait()
    # When
    _send_later(page, subject="Patient", text="not now")
    scheduled = page.locator(".side").get_by_role("link", name="Scheduled")
    expect(scheduled).to_be_visible()
    late.give()
    _look(page)
    # Then
    page.locator(".side").get_by_role("link", name="Drafts").click()
    expect(page.get_by_text("Nothing here")).to_be_visible()
    expect(scheduled).to_be_visible()
    assert visitor.complaints == []


def test_undo_stops_a_send_while_its_draft_is_being_saved(
    administrator: Visitor, visit: Visit, google: SimulatedProvider
) -> None:
    """Undo waited for the draft first, and the time in which a send can be undone went by."""
    # Given
    visitor, _ = _owner(administrator, visit, google, "late-draft")
    page = visitor.page
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "PUT" and "postroom-waiting" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/drafts/*", hold)
    _send_later(page, subject="Hasty", text="too soon")
    wait_for(lambda: page.evaluate("0") or held)
    # When
    undo = page.locator(".toast").get_by_role("button", name="Undo")
    with page.expect_response(re.compile(r"/schedules/")) as stopped:
        undo.click()
    # Then
    assert stopped.value.request.method == "DELETE"
    assert stopped.value.ok
    (put,) = held
    put.continue_()
    again = page.get_by_role("dialog", name="Draft", exact=True)
    expect(again.get_by_label("Message", exact=True)).to_have_value("too soon")
    expect(again.get_by_label("To", exact=True)).to_have_value("charles@example.org")
    assert visitor.complaints == []


def test_an_older_answer_takes_no_message_from_a_conversation(
    administrator: Visitor, visit: Visit, google: SimulatedProvider
) -> None:
    """Two letters came while it was open; the slower answer took the second one away again."""
    # Given
    visitor, owner = _owner(administrator, visit, google, "late-letter")
    page = visitor.page
    _row(page).get_by_role("link").click()
    shown = page.locator(".reading .message")
    expect(shown).to_have_count(1)
    late = Late(page, MESSAGES)
    _answer(google, owner, prefix="Re:")
    late.wait()
    # When
    _answer(google, owner, prefix="RE:")

    def both() -> bool:
        _look(page)  # by itself it looks again when the late one is there
        return shown.count() == 3

    wait_for(both)
    late.give()
    _look(page)
    # Then
    expect(shown).to_have_count(3)
    assert visitor.complaints == []


def test_a_letter_is_shown_that_comes_while_its_conversation_loads(
    administrator: Visitor, visit: Visit, google: SimulatedProvider
) -> None:
    """The list knew of it, and whoever read the conversation never saw it."""
    # Given
    visitor, owner = _owner(administrator, visit, google, "late-load")
    page = visitor.page
    late = Late(page, MESSAGES)
    _row(page).get_by_role("link").click()
    late.wait()
    # When
    _answer(google, owner, prefix="Re:")
    expect(_row(page).locator(".number")).to_have_text("2")
    late.give()
    # Then
    expect(page.locator(".reading .message")).to_have_count(2)
    assert visitor.complaints == []


def test_a_letter_is_shown_after_asking_for_it_has_failed_once(
    administrator: Visitor, visit: Visit, google: SimulatedProvider
) -> None:
    """Nobody asked again: it was in the list, and never in the conversation that was open."""
    # Given
    visitor, owner = _owner(administrator, visit, google, "late-again")
    page = visitor.page
    _row(page).get_by_role("link").click()
    shown = page.locator(".reading .message")
    expect(shown).to_have_count(1)
    # When
    page.route(MESSAGES, lambda route: route.abort(), times=1)
    with page.expect_event("requestfailed", lambda request: bool(MESSAGES.search(request.url))):
        _answer(google, owner, prefix="Re:")
    # Then
    expect(shown).to_have_count(2)
    assert visitor.complaints == []
