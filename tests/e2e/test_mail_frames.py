"""Mail in its frame, in a browser: how it is laid out, and where its links lead."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from postroom.web.mail_html import frame_policy, mail_document, safe_html
from tests.e2e.browsing import PATIENCE_MS

_AROUND = """<!doctype html><body style="margin: 0"><iframe src="/frame" style="width: 100%;
height: 600px; border: 0" sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox">
</iframe>"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page as wide as a telephone."""
    with browser.new_context(viewport={"width": 360, "height": 740}) as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context.new_page()


def _show(page: Page, markup: str) -> None:
    body = safe_html(markup, pictures={}, with_remote=False)

    def answer(route: Route) -> None:
        is_frame = route.request.url.endswith("/frame")
        route.fulfill(
            body=mail_document(body, title="x") if is_frame else _AROUND,
            content_type="text/html; charset=utf-8",
            headers={"Content-Security-Policy": frame_policy(with_remote=False)}
            if is_frame
            else {},
        )

    page.route("**/*", answer)
    page.goto("http://postroom.example/")
    expect(page.frame_locator("iframe").locator("body")).not_to_be_empty()


def test_words_in_tables_stay_whole(page: Page) -> None:
    """They stood vertically, a letter on each line, or as "Quanti/ty"."""
    # Given
    words = [f"Quantity{number}" for number in range(12)]
    cells = "".join(f"<td>{word}</td>" for word in words)
    _show(page, f"<p>{'a' * 400}</p><p>words</p><table width=100%><tr>{cells}</tr></table>")
    mail = page.frame_locator("iframe")
    # Then
    for word in (words[0], words[-1]):
        box = mail.get_by_text(word, exact=True).bounding_box()
        assert box
        assert box["height"] < 40
    # A word that is wider than the page breaks; a table that is, scrolls inside its frame.
    sizes = "(each) => [each.scrollWidth, each.clientWidth]"
    assert page.locator("html").evaluate(sizes) == [360, 360]
    assert mail.locator("p").first.evaluate("(each) => each.scrollWidth <= 360")
    wide, seen = mail.locator("html").evaluate(sizes)
    assert wide > seen
    assert mail.locator("html").evaluate("(each) => (each.scrollLeft = 9999, each.scrollLeft > 0)")


@pytest.mark.parametrize("target", ['<h2 id="end">End</h2>', '<p><a name="end"></a>End</p>'])
def test_a_link_within_a_mail_leads_there(page: Page, target: str) -> None:
    """It opened a tab with the mail alone; one to the web opens a tab as ever."""
    # Given
    gap = '<div style="height:3000px">gap</div>'
    web = '<a href="https://postroom.example/web">web</a>'
    _show(page, f'<a href="#end">to the end</a> {web}{gap}{target}')
    mail = page.frame_locator("iframe")
    # When
    mail.get_by_text("to the end").click()
    # Then
    expect(mail.get_by_text("End", exact=True)).to_be_in_viewport()
    assert len(page.context.pages) == 1
    with page.context.expect_page():
        mail.get_by_text("web").click()
