"""A real browser in front of the running stack: what it sees, how accessible that is, and pictures.

Debian's Chromium, driven by Playwright; `make test` finds it as `chromium` or by CHROMIUM.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from local.paths import LOCAL
from tests.e2e.node_packages import with_packages

PICTURES = Path(os.environ.get("POSTROOM_PICTURES") or LOCAL / "pictures")
"""What CI keeps: how the main views look."""

PATIENCE_MS = 60_000
"""A limit, not a delay: on a busy machine a function takes seconds to start."""

CLOCK_JUMP_SECONDS = 30
"""A clock stops in the future only: by more than the call to stop it takes on a busy machine."""

expect.set_options(timeout=PATIENCE_MS)

_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser."""
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
    assert executable, "the console's tests need Debian's chromium (apt-get install chromium)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()


def axe_source() -> str:
    """Return axe."""
    source = with_packages() / "node_modules" / "axe-core" / "axe.min.js"
    return source.read_text(encoding="utf-8")


@dataclass
class Visitor:
    """Somebody at a browser of their own, whose every request and complaint is kept."""

    context: BrowserContext
    page: Page
    api_uri: str
    requests: list[str]
    complaints: list[str]

    def open(self, address: str = "") -> None:
        """Go to a place of the console."""
        self.page.goto(f"{self.api_uri}/console{address}")

    def use_key(self, key: str) -> None:
        """Sign in as an administrator."""
        self.open()
        self.page.get_by_role("heading", level=1).wait_for()
        if not self.page.get_by_label("API key").is_visible():
            self.page.locator("summary").click()
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def stop_clock(self) -> None:
        """Let the page do nothing by itself until `page.clock.resume()`.

        Its clock was installed before it was loaded, and jumps ahead: what was due soon still
        happens, once. A page that is loaded, or loaded anew, after this does nothing but load.
        """
        now_ms: float = self.page.evaluate("Date.now()")
        self.page.clock.pause_at(now_ms / 1000 + CLOCK_JUMP_SECONDS)

    def picture(self, name: str) -> None:
        """Keep how the page looks."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png")

    def serious_problems(self) -> list[str]:
        """Return what axe finds to be serious or critical, with the elements that have it."""
        self.page.evaluate(axe_source())
        found: list[dict[str, Any]] = self.page.evaluate(
            "async () => (await axe.run(document, {iframes: false})).violations"
        )
        return [
            f"{each['id']}: {node['html'][:200]}"
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]

    def foreign_requests(self) -> list[str]:
        """Return requests to anybody but the deployment."""
        return [each for each in self.requests if not each.startswith((self.api_uri, "data:"))]


@contextmanager
def visiting(
    browser: Browser,
    api_uri: str,
    *,
    width: int = 1440,
    height: int = 900,
    dark: bool = False,
    locale: str = "en-US",
    timezone_id: str | None = None,
) -> Iterator[Visitor]:
    """Open a browser that nobody has used."""
    context = browser.new_context(
        locale=locale,
        timezone_id=timezone_id,
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        # Half-way through an animation text has less contrast than it will have.
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    visitor = Visitor(context, page, api_uri, [], [])
    context.on("request", lambda request: visitor.requests.append(request.url))
    page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            visitor.complaints.append(message.text) if "Content Security" in message.text else None
        ),
    )
    try:
        yield visitor
    finally:
        context.close()


Visit = Callable[..., Visitor]
"""Opens a browser of somebody else: as `visiting`, for as long as the test runs."""
