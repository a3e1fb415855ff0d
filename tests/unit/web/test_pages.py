"""The pages on the way of connecting a mailbox: in the reader's language, and safe."""

import html
import json
import re
from pathlib import Path

import pytest
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from postroom.domain import errors as domain
from postroom.web import pages
from postroom.web.error_kinds import INTERNAL, KINDS, REFUSALS
from postroom.web.errors import problem_of
from postroom.web.languages import LANGUAGES
from postroom.web.pages import allowed_page, choice_page, error_page, error_page_for_browsers
from tests.unit.web.conftest import event

TEMPLATES = Path(pages.__file__).parent / "templates"
HEADINGS = {
    "en": "Your mailbox was not connected",
    "fr": "Votre boîte mail n'a pas été connectée",
    "pt": "A sua caixa de correio não foi ligada",
    "es": "Su buzón no se ha conectado",
}


def _texts(language: str) -> dict[str, str]:
    texts: dict[str, str] = json.loads(
        (TEMPLATES / f"strings.{language}.json").read_text(encoding="utf-8")
    )
    return texts


def _browser(language: str = "en", *, chosen: str = "") -> APIGatewayProxyEventV2:
    asked = event(accept="text/html", accept_language=f"{language}, *;q=0.1", query="state=st")
    cookies = {"cookies": [f"postroom_language={chosen}"]} if chosen else {}
    return APIGatewayProxyEventV2(asked | cookies | {"queryStringParameters": {"state": "a b"}})


def _shown(answer: Response[str]) -> tuple[str, str]:
    """Return the language that a page names, and what it says."""
    body = answer.body or ""
    found = re.search(r'<html lang="(\w+)">', body)
    assert found
    return found[1], html.unescape(body)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_error_is_told_in_the_readers_language(language: str) -> None:
    """What happened, what to do, and the reference; nothing of it in another language."""
    problem = problem_of(domain.ConnectionRefused("state_invalid", "Stale."), request_id="r-17")
    answer = error_page(problem, _browser(language))
    named, shown = _shown(answer)
    assert (answer.status_code, named) == (400, language)
    assert f"<h1>{HEADINGS[language]}</h1>" in shown
    assert f"<title>{HEADINGS[language]}</title>" in shown
    texts = _texts(language)
    assert texts["error.state_invalid"] in shown
    assert texts["refused.again"] in shown
    assert "r-17" in shown
    assert "Stale." not in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_choice_and_the_thanks_are_in_the_readers_language(language: str) -> None:
    """The links keep what the application asked for."""
    texts = _texts(language)
    choice = choice_page(["google", "microsoft"], _browser(language), request_id="r1")
    named, shown = _shown(choice)
    assert named == language
    assert f"<h1>{texts['choice.title']}</h1>" in shown
    assert '<a href="?state=a+b&provider=google">Google</a>' in shown
    named, shown = _shown(allowed_page(_browser(language), request_id="r1"))
    assert named == language
    assert f"<h1>{texts['allowed.title']}</h1>" in shown
    assert texts["allowed.close"] in shown


def test_the_language_chosen_in_the_console_comes_first() -> None:
    """One choice is good for all pages of the deployment."""
    problem = problem_of(domain.ConnectionRefused("state_invalid", "Stale."), request_id="r")
    assert _shown(error_page(problem, _browser("fr", chosen="es")))[0] == "es"
    assert _shown(allowed_page(_browser("de", chosen="pt"), request_id="r"))[0] == "pt"


def test_what_an_application_got_wrong_is_for_its_developers() -> None:
    """In the words of the API, marked as English, and shown as text."""
    error = domain.InvalidRequest("Register <this> first.", field="redirect_uri")
    answer = error_page(problem_of(error, request_id="r"), _browser("fr"))
    texts = _texts("fr")
    assert texts["error.invalid_request_error"] in _shown(answer)[1]
    assert '<p lang="en"><code>redirect_uri: Register &lt;this&gt; first.</code></p>' in (
        answer.body or ""
    )


def test_what_is_wrong_inside_stays_inside() -> None:
    """Names of secrets and addresses of ours are for the administrator, not for a stranger."""
    error = domain.Misconfigured("The secret prod/google does not exist.")
    answer = error_page(problem_of(error, request_id="r"), _browser("en"))
    assert answer.status_code == 500
    assert "prod/google" not in (answer.body or "")
    assert _texts("en")["error.provider_misconfigured"] in _shown(answer)[1]


def test_an_error_without_a_sentence_of_its_own_has_the_common_one() -> None:
    """Never the API's English, and never none."""
    answer = error_page(problem_of(domain.Conflict("twice"), request_id="r"), _browser("es"))
    assert _texts("es")["error.other"] in _shown(answer)[1]
    assert "twice" not in (answer.body or "")


def test_a_page_runs_and_loads_nothing() -> None:
    """The browser is told so, too."""
    problem = problem_of(domain.Retryable("busy"), request_id="r")
    for answer in (error_page(problem, _browser()), allowed_page(_browser(), request_id="r")):
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in str(answer.headers["Content-Security-Policy"])
        assert "<script" not in (answer.body or "")
    assert error_page(problem, _browser()).headers["Retry-After"] == "30"


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", True),
        ("*/*", False),
        ("application/json", False),
    ],
)
def test_programs_get_no_page(accept: str, is_page: bool) -> None:  # noqa: FBT001
    """Only a browser says that it wants HTML."""
    problem = problem_of(domain.NotFound("x"), request_id="r")
    answer = error_page_for_browsers(problem, APIGatewayProxyEventV2(event(accept=accept)))
    assert str(answer.headers["Content-Type"]).startswith("text/html") == is_page


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_every_language_says_the_same(language: str) -> None:
    """The same keys, each with the same places to fill in, and none left in English."""
    texts, english = _texts(language), _texts("en")
    assert list(texts) == list(english)
    for key, text in texts.items():
        assert text.strip(), key
        assert re.findall(r"\{\w+\}", text) == re.findall(r"\{\w+\}", english[key]), key
        assert text != english[key], key


def test_every_language_has_a_file() -> None:
    """One for each, and no other."""
    names = {path.name for path in TEMPLATES.glob("strings.*")}
    assert names == {f"strings.{language}.json" for language in LANGUAGES}


def test_every_string_is_shown_somewhere() -> None:
    """A page names it, or it is the sentence of an error that there is."""
    named = set(re.findall(r'"([a-z]+(?:\.[a-z_]+)*)"', Path(pages.__file__).read_text()))
    types = {INTERNAL.type, *REFUSALS, *(kind.type for kind in KINDS.values())}
    assert set(_texts("en")) <= named | {f"error.{each}" for each in types}
