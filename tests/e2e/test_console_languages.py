"""The console in four languages: the browser's, or the one that its reader chose."""

import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from local.running_stack import RunningStack
from postroom.web.languages import LANGUAGES
from tests.e2e.browsing import Visit, Visitor
from tests.e2e.conftest import SimulatedProvider, wait_for
from tests.e2e.console_steps import connect, invite, letter

ASSETS = Path(__file__).parents[2] / "functions" / "console" / "assets"


def _string(language: str, key: str, **values: str) -> str:
    source = (ASSETS / f"strings.{language}.js").read_text(encoding="utf-8")
    found = re.search(rf'^ +"?{re.escape(key)}"?:\s*"(.*)",$', source, re.MULTILINE)
    assert found, key
    return found[1].format(**values)


@pytest.mark.parametrize(
    ("locale", "language"),
    [("en-GB", "en"), ("fr-CA", "fr"), ("pt-BR", "pt"), ("es-MX", "es"), ("de-DE", "en")],
)
def test_the_page_comes_in_the_browsers_language(visit: Visit, locale: str, language: str) -> None:
    """Before anybody has signed in; the strings of one language are loaded, and no others."""
    visitor = visit(locale=locale)
    visitor.open()
    page = visitor.page
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.get_by_role("heading", level=1)).to_have_text(_string(language, "signin.title"))
    scripts = [each.rpartition("/")[2] for each in visitor.requests if each.endswith(".js")]
    assert scripts == [f"console.{language}.js"]
    assert visitor.serious_problems() == []


def test_a_choice_is_kept(visit: Visit, stack: RunningStack) -> None:
    """Before signing in and after; at the same place, with the next visit, and by keyboard."""
    visitor = visit(locale="fr-FR")
    page = visitor.page
    visitor.open()
    page.get_by_role("button", name="Español").click()
    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(page.get_by_role("heading", level=1)).to_have_text(_string("es", "signin.title"))
    expect(page.get_by_role("button", name="Español")).to_have_attribute("aria-pressed", "true")

    page.locator("summary").click()
    page.get_by_label(_string("es", "signin.key")).fill(stack.api_key)
    page.get_by_role("button", name=_string("es", "signin.submit"), exact=True).click()
    expect(page.get_by_role("heading", name="Proveedores")).to_be_visible()
    visitor.open("#/admin/keys")
    expect(page.get_by_role("heading", name="Claves de API")).to_be_visible()

    page.get_by_role("button", name="Idioma").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Português").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Chaves de API")).to_be_visible()
    assert page.url.endswith("#/admin/keys")
    again = visitor.context.new_page()
    again.goto(f"{visitor.api_uri}/console")
    expect(again.locator("html")).to_have_attribute("lang", "pt")


def test_a_page_on_the_way_of_connecting_is_in_the_same_language(visit: Visit) -> None:
    """A sign-in that cannot go on says so in the browser's language, or in the chosen one."""
    visitor = visit(locale="fr-FR")
    page = visitor.page
    stale = f"{visitor.api_uri}/v3/connect/callback?state=forged&code=forged"
    page.goto(stale)
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Votre boîte mail n'a pas été connectée"
    )
    expect(page.get_by_text("Cette connexion a pris trop de temps")).to_be_visible()

    visitor.open()
    page.get_by_role("button", name="Português").click()
    expect(page.locator("html")).to_have_attribute("lang", "pt")
    page.goto(stale)
    expect(page.locator("html")).to_have_attribute("lang", "pt")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "A sua caixa de correio não foi ligada"
    )


def test_verify_in_french(visit: Visit, stack: RunningStack, http: httpx.Client) -> None:
    """What is wrong with a provider, and a value that is not accepted, are told in French."""
    connector = "/v3/connectors/google"
    known = http.get(connector).json()["data"]["settings"]["client_id"]
    visitor = visit(locale="fr-FR")
    page = visitor.page
    visitor.open()
    page.locator("summary").click()
    page.get_by_label("Clé d'API").fill(stack.api_key)
    page.get_by_role("button", name="Se connecter", exact=True).click()
    google = page.get_by_role("region", name="Google")
    topic = google.get_by_label("Sujet Pub/Sub")
    saved = topic.input_value()
    topic.fill("courrier")
    google.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_text("Saisissez le nom complet du sujet")).to_be_visible()
    topic.fill(saved)
    try:
        http.patch(connector, json={"settings": {"client_id": "bad-id"}}).raise_for_status()
        google.get_by_role("button", name="Vérifier").click()
        expect(google.locator(".notice.bad li").first).to_have_text(
            _string("fr", "provider.flaw.client_refused", name="Google") + " invalid_client"
        )
        assert visitor.serious_problems() == []
    finally:
        http.patch(connector, json={"settings": {"client_id": known}}).raise_for_status()


def test_mail_in_french(administrator: Visitor, visit: Visit, google: SimulatedProvider) -> None:
    """On a telephone in the dark: words, dates and sizes; and no serious problem in any view."""
    owner = google.address("helene")
    google.call("POST", "mailboxes", json={"address": owner})
    google.deliver(owner, letter(owner, subject="Vacances", html="<p>À bientôt !</p>"))
    invite(administrator, owner)
    visitor = visit(width=360, height=740, dark=True, locale="fr-FR")
    page = visitor.page
    visitor.open()
    connect(visitor, google, owner)
    row = page.locator(".row", has_text="Vacances")
    expect(row).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Boîte de réception")
    expect(row.locator("time")).to_have_attribute(
        "title", re.compile(r"(lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche) \d")
    )
    assert visitor.serious_problems() == []
    visitor.picture("narrow-list-french-dark")

    row.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Vacances")).to_be_visible()
    expect(page.frame_locator("iframe").get_by_text("À bientôt")).to_be_visible()
    assert visitor.serious_problems() == []

    page.get_by_role("button", name="Répondre", exact=True).click()
    composer = page.get_by_role("dialog", name="Répondre")
    composer.get_by_label("Message").fill("Avec plaisir.")
    composer.locator("input[type=file]").set_input_files(
        {"name": "plan.txt", "mimeType": "text/plain", "buffer": b"x" * 12_400}
    )
    expect(composer.get_by_text("12 ko")).to_be_visible()
    assert visitor.serious_problems() == []
    visitor.picture("narrow-reply-french-dark")
    cut_off = "[...document.querySelectorAll('dialog.composer button')]"
    cut_off += ".filter((each) => each.getBoundingClientRect().right > innerWidth).length"
    assert page.evaluate(cut_off) == 0
    composer.get_by_role("button", name="Envoyer", exact=True).click()
    wait_for(lambda: google.message(owner, subject="Re: Vacances"))
    expect(composer).to_have_count(0)
    assert visitor.complaints == []


def test_no_language_is_wider_than_a_telephone(
    administrator: Visitor, visit: Visit, stack: RunningStack, google: SimulatedProvider
) -> None:
    """Longer words wrap, or give way: no page is scrolled sideways."""
    owner = google.address("wide")
    google.call("POST", "mailboxes", json={"address": owner})
    google.deliver(owner, letter(owner, subject="Anticonstitutionnellement" * 3))
    invite(administrator, owner)
    person = visit(width=360, height=740)
    person.open()
    assert _too_wide(person, "") == []
    connect(person, google, owner)
    expect(person.page.locator(".row")).to_have_count(1)
    assert _too_wide(person, "#/mail", "#/mailboxes") == []

    keeper = visit(width=360, height=740)
    keeper.use_key(stack.api_key)
    expect(keeper.page.get_by_role("heading", name="Providers")).to_be_visible()
    sections = ("providers", "accounts", "people", "keys", "webhooks")
    assert _too_wide(keeper, *(f"#/admin/{each}" for each in sections)) == []


def _too_wide(visitor: Visitor, *addresses: str) -> list[tuple[str, str, int]]:
    """Return language, address and width of pages that do not fit into the window."""
    page, found = visitor.page, []
    for language in LANGUAGES:
        visitor.context.add_cookies(
            [{"name": "postroom_language", "value": language, "url": visitor.api_uri}]
        )
        for address in addresses:
            page.goto("about:blank")
            visitor.open(address)
            expect(page.locator("html")).to_have_attribute("lang", language)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > page.evaluate("innerWidth"):
                found.append((language, address, width))
    return found
