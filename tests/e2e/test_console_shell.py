"""What stands around every view of the console: its head, dialogs and messages; and its pages."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from local.running_stack import RunningStack
from postroom.web.languages import LANGUAGES
from tests.e2e.browsing import Visit, Visitor, visiting
from tests.e2e.conftest import SimulatedProvider
from tests.e2e.console_steps import connect, invite, letter

ONE_LINE_PX = 46
"""What is higher has wrapped: a tab has one line of text and its padding."""


@pytest.fixture
def owner(request: pytest.FixtureRequest, google: SimulatedProvider) -> str:
    """An address that only this test uses, and that no other address ends like."""
    return google.address(f"{request.function.__name__[:50]}-owner")


@pytest.fixture
def reader(administrator: Visitor, visit: Visit, google: SimulatedProvider, owner: str) -> Visitor:
    """Somebody who sees a list of two mails."""
    google.call("POST", "mailboxes", json={"address": owner})
    for name in ("One", "Two"):
        google.deliver(owner, letter(owner, subject=name))
    invite(administrator, owner)
    visitor = visit()
    visitor.open()
    connect(visitor, google, owner)
    expect(visitor.page.locator(".row")).to_have_count(2)
    return visitor


def _become_administrator(page: Page, key: str) -> None:
    page.evaluate(
        """async (key) => { await fetch('/console/session', {method: 'POST', headers:
        {'X-Postroom-Console': '1', 'Content-Type': 'application/json'},
        body: JSON.stringify({api_key: key})}) }""",
        key,
    )


def _end_session(page: Page) -> None:
    page.evaluate(
        "fetch('/console/session', {method: 'DELETE', headers: {'X-Postroom-Console': '1'}})"
    )


def test_no_word_of_the_head_is_broken_on_a_telephone(reader: Visitor, stack: RunningStack) -> None:
    """One who has a mailbox and administers, too: no other head is as full.

    Tabs were once as narrow as a letter, and as high as their words were long.
    """
    page = reader.page
    _become_administrator(page, stack.api_key)
    page.set_viewport_size({"width": 360, "height": 740})
    wrong = []
    for language in LANGUAGES:
        reader.context.add_cookies(
            [{"name": "postroom_language", "value": language, "url": reader.api_uri}]
        )
        page.goto("about:blank")
        reader.open("#/admin/webhooks")
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        reader.picture(f"narrow-head-{language}")
        boxes = page.locator(".tab, .top > button").evaluate_all(
            "all => all.map((e) => [e.textContent, e.getBoundingClientRect()])"
        )
        assert len(boxes) == 3 + 5 + 2
        wrong += [
            (language, text)
            for text, box in boxes
            if box["height"] > ONE_LINE_PX or box["right"] > 360
        ]
        assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert wrong == []
    assert reader.serious_problems() == []


def test_dialogs_and_messages_go_with_the_session(reader: Visitor) -> None:
    """A dialog once lay over the page to sign in, and what it had to say stayed readable."""
    page = reader.page
    page.clock.install()
    reader.stop_clock()
    page.reload()
    page.locator(".row input").first.check()
    page.locator(".tools").get_by_role("button", name="Labels").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("Anything")
    _end_session(page)
    dialog.get_by_role("button", name="Apply").click()
    expect(page.locator(".signin")).to_be_visible()
    expect(page.locator("dialog")).to_have_count(0)
    page.locator("summary").click()
    page.get_by_label("API key").click()
    assert page.locator(".toast", has_text="Mark").count() == 0


def test_settings_go_with_an_administrators_session(visit: Visit, stack: RunningStack) -> None:
    """They went on being shown until the page was loaded anew: nothing on them asks the server."""
    # Given
    visitor = visit()
    page = visitor.page
    page.clock.install()
    visitor.use_key(stack.api_key)
    expect(page.get_by_role("heading", name="Providers")).to_be_visible()
    # When
    visitor.context.clear_cookies()
    page.clock.fast_forward("01:10")
    # Then: the key is asked for at once, and leads back
    expect(page.get_by_text("You were signed out. Sign in again.")).to_be_visible()
    assert visitor.serious_problems() == []
    page.get_by_label("API key").fill(stack.api_key)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Providers")).to_be_visible()


def test_a_person_whose_key_has_ended_is_asked_for_one(
    reader: Visitor, stack: RunningStack, http: httpx.Client
) -> None:
    """Whoever has a mailbox, too, stays signed in with it, and goes on writing."""
    # Given
    page = reader.page
    wanted = {"name": "For a day", "scopes": ["administration"]}
    key = http.post("/v3/api-keys", json=wanted).json()["data"]
    _become_administrator(page, key["api_key"])
    page.goto("about:blank")
    reader.open("#/mail")
    page.get_by_role("button", name="Write", exact=True).click()
    page.get_by_role("link", name="Administration").click()
    expect(page.get_by_role("heading", name="Providers")).to_be_visible()
    text = page.locator("dialog.composer").get_by_label("Message", exact=True)
    text.fill("An hour of work")
    # When
    assert http.delete(f"/v3/api-keys/{key['id']}").is_success
    page.get_by_role("button", name="Verify").first.click()
    # Then
    expect(page.get_by_role("heading", name="Administration")).to_be_visible()
    expect(page.get_by_text("Administration needs an API key")).to_be_visible()
    expect(page.get_by_role("link", name="Administration")).to_have_count(0)
    expect(text).to_have_value("An hour of work")
    assert reader.serious_problems() == []
    page.get_by_label("API key").fill("wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("This key is unknown, expired or revoked.")).to_be_visible()
    page.get_by_label("API key").fill(stack.api_key)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Providers")).to_be_visible()
    expect(text).to_have_value("An hour of work")


def test_a_dialog_goes_with_its_page(reader: Visitor) -> None:
    """The browser's Back leads away from under it; a new message stays."""
    page = reader.page
    page.locator(".side a", has_text="Sent").click()
    expect(page.get_by_role("heading", name="Sent")).to_be_visible()
    page.locator(".side a", has_text="Inbox").click()
    page.get_by_role("button", name="Write").click()
    page.locator(".row input").first.check()
    page.locator(".tools").get_by_role("button", name="Labels").click()
    expect(page.locator("dialog:modal")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Sent")).to_be_visible()
    expect(page.locator("dialog:modal")).to_have_count(0)
    expect(page.locator("dialog.composer")).to_be_visible()


def test_a_malformed_address_leads_home(reader: Visitor) -> None:
    """It is nobody's fault that the address was cut off, and the server's least."""
    reader.page.goto("about:blank")
    reader.open("#/mail/%E0%A4%A")
    expect(reader.page.locator(".row")).to_have_count(2)


def test_a_page_that_cannot_be_shown_says_so_and_leads_on(administrator: Visitor) -> None:
    """Its head stays, and so do the ways to other pages."""
    page = administrator.page
    page.goto("about:blank")
    page.route(
        "**/v3/webhooks",
        lambda route: route.fulfill(status=400, json={"error": {"type": "not_found_error"}}),
    )
    administrator.open("#/admin/webhooks")
    expect(page.get_by_role("heading", name="This page cannot be shown")).to_be_visible()
    assert administrator.serious_problems() == []
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Webhooks")).to_be_visible()


def test_an_error_is_told_in_the_dialog_it_comes_from(reader: Visitor) -> None:
    """Whatever stands outside of an open dialog is dimmed, and no reader of the screen hears it."""
    page = reader.page
    page.locator(".row input").first.check()
    page.locator(".tools").get_by_role("button", name="Labels").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("INBOX")
    dialog.get_by_role("button", name="Add").click()
    told = dialog.get_by_role("alert")
    expect(told).to_be_visible()
    told.click()  # nothing lies over it
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(told.or_(page.get_by_role("alert"))).to_be_visible()


def test_the_page_of_mailboxes_stays_as_it_is_there(reader: Visitor) -> None:
    """While the focus is in it, and after an answer was lost; the focus stays where it is.

    How many mails are here is told as long as they are counted: while all are read first.
    """
    page = reader.page
    reader.open("#/mailboxes")
    sync = page.get_by_role("button", name="Sync now")
    sync.focus()
    count = page.get_by_text("messages are here")
    expect(count).to_have_count(0)

    def first_sync(route: Route) -> None:
        answer = route.fetch()
        said = answer.json()
        said["data"]["mailboxes"][0]["sync"] |= {"state": "backfilling", "stored": 5}
        route.fulfill(response=answer, json=said)

    page.route("**/console/session", lambda route: route.abort())
    expect(page.locator(".toast.error")).to_be_visible()
    page.unroute_all()
    page.route("**/console/session", first_sync)
    expect(page.get_by_text("5 messages are here")).to_be_visible()
    expect(sync).to_be_focused()
    page.unroute_all()
    expect(page.get_by_text("Up to date")).to_be_visible()
    expect(count).to_have_count(0)
    expect(sync).to_be_focused()


def test_the_page_of_accounts_stays_as_it_is_there(
    administrator: Visitor, reader: Visitor, owner: str
) -> None:
    """While the focus is in it, after a lost answer, and with an account that cannot be read."""
    page = administrator.page
    page.goto("about:blank")
    administrator.open("#/admin/accounts")
    row = page.locator("tr", has_text=owner)
    sync = row.get_by_role("button", name="Sync", exact=True)
    sync.focus()
    page.route("**/v3/grants?*", lambda route: route.abort())
    expect(page.locator(".toast.error")).to_be_visible()
    page.unroute_all()

    grant = reader.page.evaluate(
        "async () => (await (await fetch('/console/session')).json()).data.mailboxes[0].id"
    )
    page.route(f"**/v3/grants/{grant}", lambda route: route.fulfill(status=503, json={}))
    expect(row).to_contain_text("The server does not answer")
    expect(sync).to_be_focused()
    page.unroute_all()
    expect(row).not_to_contain_text("The server does not answer")
    expect(row).to_contain_text("Up to date")
    expect(sync).to_be_focused()

    # Of an account that had never been read, "Never" and "Polled" were said.
    page.route(f"**/v3/grants/{grant}", lambda route: route.fulfill(status=503, json={}))
    page.route(f"**/v3/grants/{grant}/audit", lambda route: route.fulfill(status=503, json={}))
    page.reload()
    expect(row).to_contain_text("The server does not answer")
    expect(row.locator("td")).to_contain_text([owner, *["\u2013"] * 5, "The server", "Sync"])
    said = row.locator(".trouble").bounding_box()
    assert said
    assert said["width"] > 200
    page.unroute_all()
    counts = {"stored_count": 1203, "drift": 0, "looked_at": 1795305844}
    report = {"data": {"state": "done", "all_mail": counts}}
    page.route(f"**/v3/grants/{grant}/audit", lambda route: route.fulfill(json=report))
    expect(row).to_contain_text("1,203")
    page.unroute_all()


def test_scopes_of_ones_own_are_taken_back(administrator: Visitor) -> None:
    """An empty field means those that Postroom needs; it once kept the earlier ones."""
    page = administrator.page
    page.goto("about:blank")
    administrator.open("#/admin/providers")
    google = page.get_by_role("region", name="Google")
    scopes = google.get_by_label("Scopes")
    before = scopes.input_value()
    for text in ("openid\nhttps://mail.google.com/", "", before):
        scopes.fill(text)
        with page.expect_response(lambda answer: answer.request.method == "PATCH") as answered:
            google.get_by_role("button", name="Save").click()
        assert answered.value.json()["data"]["scope"] == text.split()
        expect(scopes).to_have_value(text)
        page.reload()
        expect(scopes).to_have_value(text)


def test_a_key_lives_until_the_end_of_its_day(browser: Browser, stack: RunningStack) -> None:
    """Of the day where its maker is: west of Greenwich it once ended the evening before.

    The focus comes back to where it was from what was shown once.
    """
    with visiting(browser, stack.api_uri, timezone_id="America/New_York") as keeper:
        page = keeper.page
        keeper.use_key(stack.api_key)
        expect(page.get_by_role("heading", name="Providers")).to_be_visible()
        keeper.open("#/admin/keys")
        create = page.get_by_role("button", name="Create a key")
        create.click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill("Until a day")
        until = dialog.get_by_label("Expires")
        assert until.get_attribute("min") == page.evaluate("new Date().toLocaleDateString('sv')")
        until.fill("2093-03-15")
        dialog.get_by_role("button", name="Create a key").click()
        expect(page.get_by_role("textbox", name="Until a day")).to_be_visible()
        page.get_by_role("button", name="Close").click()
        expect(page.locator("dialog")).to_have_count(0)
        expect(create).to_be_focused()
        expect(page.locator("tr", has_text="Until a day")).to_contain_text("March 15, 2093")


def test_events_that_are_told_are_offered_before_the_others(administrator: Visitor) -> None:
    """Nobody waits for an event that does not come yet."""
    page = administrator.page
    page.goto("about:blank")
    administrator.open("#/admin/webhooks")
    page.get_by_role("button", name="Add a webhook").click()
    dialog = page.get_by_role("dialog")
    told = dialog.get_by_role("group", name="Events").get_by_role("checkbox")
    assert told.evaluate_all("all => all.map((each) => each.value)") == [
        "grant.expired",
        "message.send_success",
        "message.send_failed",
    ]
    later = dialog.get_by_role("group", name="Not told yet")
    expect(later.get_by_role("checkbox")).to_have_count(10)
    assert administrator.serious_problems() == []


def test_more_deliveries_are_read_from_where_they_begin(administrator: Visitor) -> None:
    """The focus goes to the first that came, and not all of them are read out."""
    page = administrator.page
    page.goto("about:blank")

    def deliveries(route: Route) -> None:
        delivery = {
            "type": "grant.expired",
            "attempt": 1,
            "state": "delivered",
            "status_code": 200,
            "attempted_at": 1_800_000_000,
            "duration_ms": 12,
        }
        more = {} if "page_token" in route.request.url else {"next_cursor": "next"}
        route.fulfill(json={"data": [delivery] * 20, **more})

    hook = {
        "id": "hook",
        "webhook_url": "https://example.com/told",
        "description": "",
        "trigger_types": ["grant.expired"],
        "status": "active",
    }
    page.route("**/v3/webhooks", lambda route: route.fulfill(json={"data": [hook]}))
    page.route("**/v3/webhooks/hook/deliveries?*", deliveries)
    try:
        administrator.open("#/admin/webhooks")
        page.get_by_role("button", name="Recent deliveries to").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("status").filter(has_text="deliveries")).to_have_text(
            "20 deliveries"
        )
        dialog.get_by_role("button", name="Show more").click()
        expect(dialog.locator("tbody tr")).to_have_count(40)
        expect(dialog.locator("tbody tr").nth(20)).to_be_focused()
        expect(dialog.get_by_role("button", name="Show more")).to_have_count(0)
        assert administrator.serious_problems() == []
    finally:
        page.unroute_all()


class _Accounts:
    """Many connected mailboxes, as the API names them."""

    def __init__(self, count: int) -> None:
        self._emails = {f"grant-{number}": f"{number}@many.example" for number in range(count)}

    def answer(self, route: Route) -> None:
        """Answer a call of /v3/grants or of something below it."""
        asked = urlsplit(route.request.url)
        grant_id, _, part = asked.path.removeprefix("/v3/grants").strip("/").partition("/")
        if not grant_id:
            given = parse_qs(asked.query)
            first, limit = int(given.get("offset", ["0"])[0]), int(given["limit"][0])
            named = [self._shown(each) for each in list(self._emails)[first : first + limit]]
            route.fulfill(json={"data": named})
        elif grant_id not in self._emails:
            route.fulfill(status=404, json={"error": {"type": "not_found_error"}})
        elif part == "audit":
            route.fulfill(json={"data": {"state": "never"}})
        elif route.request.method == "DELETE":
            del self._emails[grant_id]
            route.fulfill(json={})
        else:
            route.fulfill(json={"data": self._shown(grant_id)})

    def _shown(self, grant_id: str) -> dict[str, Any]:
        return {
            "id": grant_id,
            "email": self._emails[grant_id],
            "provider": "google",
            "grant_status": "valid",
            "sync": {"state": "synced", "stored": 1, "synced_at": 1_800_000_000},
        }


def test_more_accounts_than_a_page_has(visit: Visit, stack: RunningStack) -> None:
    """One reads on from the first that came; none is missed, doubled, or taken away by a poll."""
    # Given
    visitor = visit()
    page = visitor.page
    page.clock.install()
    page.route(re.compile(r"/v3/grants\b"), _Accounts(51).answer)
    visitor.use_key(stack.api_key)
    page.get_by_role("link", name="Accounts").click()
    rows, more = page.locator("tbody tr"), page.get_by_role("button", name="Show more")
    expect(rows).to_have_count(25)
    # When
    more.click()
    # Then
    expect(rows).to_have_count(50)
    first = rows.nth(25).get_by_role("button", name="Sync", exact=True)
    expect(first).to_be_focused()
    with page.expect_request(re.compile(r"/v3/grants/grant-49/audit")):
        page.clock.fast_forward("00:09")
    expect(rows).to_have_count(50)
    expect(first).to_be_focused()

    # When: one of them goes before the others are asked for
    rows.first.get_by_role("button", name="Disconnect").click()
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    expect(rows).to_have_count(49)
    more.click()
    # Then
    expect(more).to_have_count(0)
    assert rows.locator("strong").all_inner_texts() == [
        f"{number}@many.example" for number in range(1, 51)
    ]
    expect(rows.last.get_by_role("button", name="Sync", exact=True)).to_be_focused()
    assert visitor.serious_problems() == []


def test_a_page_that_is_just_full_offers_no_more(visit: Visit, stack: RunningStack) -> None:
    """Whoever pressed the button lost the focus with it, and got nothing."""
    visitor = visit()
    visitor.page.route(re.compile(r"/v3/grants\b"), _Accounts(25).answer)
    visitor.use_key(stack.api_key)
    visitor.page.get_by_role("link", name="Accounts").click()
    expect(visitor.page.locator("tbody tr")).to_have_count(25)
    expect(visitor.page.get_by_role("button", name="Show more")).to_have_count(0)
