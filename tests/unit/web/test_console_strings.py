"""Every language says everything that the console's modules ask for, and nothing else."""

import json
import re
from pathlib import Path

import pytest

from postroom.domain.errors import ConfigFlaw
from postroom.web import languages
from postroom.web.error_kinds import INTERNAL, KINDS
from postroom.web.languages import LANGUAGES
from postroom.web.schemas.accounts import WATCH_ERROR

ASSETS = Path(__file__).parents[3] / "functions" / "console" / "assets"
_ENTRY = re.compile(r'^ {2}(?:"([^"]+)"|(\w+)):\s*"((?:[^"\\]|\\.)*)",$', re.MULTILINE)
_LITERAL = re.compile(r'"([a-z_]+(?:\.[a-z_0-9]+)+)"')
_LISTS = re.compile(r"const [A-Z]+ = \[[^\]]*\];")
"""Names that the API has: its scopes and events."""

_ASKED = re.compile(r'\b(?:t|has)\("([^"]+)"')
_COUNTED = re.compile(r'\bplural\("([^"]+)"')
_ASSEMBLED = re.compile(r"\b(t|has|plural)\(`([^`]+)`")


def _strings(language: str) -> dict[str, str]:
    source = (ASSETS / f"strings.{language}.js").read_text(encoding="utf-8")
    found = [(quoted or plain, text) for quoted, plain, text in _ENTRY.findall(source)]
    # What the pattern does not read would be missing unseen.
    assert source.count('",\n') == len(found), language
    assert len({key for key, _ in found}) == len(found), language
    return dict(found)


def _modules() -> str:
    return "\n".join(
        path.read_text(encoding="utf-8")
        for path in sorted(ASSETS.glob("*.js"))
        if not path.name.startswith("strings.")
    )


def _assembled() -> list[re.Pattern[str]]:
    """Return what keys look like whose parts are put together when they are asked for."""
    patterns = []
    for function, template in _ASSEMBLED.findall(_modules()):
        parts = [re.escape(part) for part in re.split(r"\$\{.*?\}", template)]
        ending = r"\.(?:one|other)" if function == "plural" else ""
        patterns.append(re.compile(r"[\w.]+".join(parts) + ending))
    return patterns


ENGLISH = _strings("en")


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_every_language_says_the_same(language: str) -> None:
    """The same keys, each with the same places to fill in, and none left empty."""
    strings = _strings(language)
    assert set(strings) == set(ENGLISH)
    for key, text in strings.items():
        assert text.strip(), key
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(
            re.findall(r"\{\w+\}", ENGLISH[key])
        ), key


def test_every_language_has_a_file() -> None:
    """One for each that the page offers, and no other."""
    assert {path.name for path in ASSETS.glob("strings.*")} == {
        f"strings.{language}.js" for language in LANGUAGES
    }
    source = (ASSETS / "i18n.js").read_text(encoding="utf-8")
    offered = re.search(r"const LANGUAGES = \{(.*)\};", source)
    assert offered
    assert tuple(re.findall(r"(\w+):", offered[1])) == LANGUAGES


def test_nothing_is_asked_for_that_is_not_there() -> None:
    """Whether a key is asked for as it stands, is counted with, or is put together."""
    modules = _modules()
    prefixes = {key.partition(".")[0] for key in ENGLISH}
    asked = {*_ASKED.findall(modules)}
    asked |= {f"{key}.{form}" for key in _COUNTED.findall(modules) for form in ("one", "other")}
    # A key that is chosen among several, `t(isOpen ? "mail.a" : "mail.b")`: a part of one, else.
    asked |= {
        key
        for key in _LITERAL.findall(_LISTS.sub("", modules))
        if key.partition(".")[0] in prefixes
        and not any(each.endswith(f".{key}") or each.startswith(f"{key}.") for each in ENGLISH)
    }
    assert asked - set(ENGLISH) == set()
    unmatched = [
        each.pattern for each in _assembled() if not any(each.fullmatch(key) for key in ENGLISH)
    ]
    assert unmatched == []


def test_nothing_is_there_that_is_not_asked_for() -> None:
    """A string that no module says any more goes."""
    modules = _modules()
    counted = {f"{key}.{form}" for key in _COUNTED.findall(modules) for form in ("one", "other")}
    patterns = _assembled()
    unused = [
        key
        for key in ENGLISH
        if f'"{key}"' not in modules
        and key not in counted
        and not any(each.fullmatch(key) for each in patterns)
    ]
    assert unused == []


def test_what_is_counted_has_both_forms() -> None:
    """The four languages tell one from many, and no other numbers apart."""
    ones = {key.removesuffix(".one") for key in ENGLISH if key.endswith(".one")}
    others = {key.removesuffix(".other") for key in ENGLISH if key.endswith(".other")}
    assert ones == others - {"refused", "provider.flaw", "trouble"}


def test_what_is_wrong_with_a_provider_config_can_be_said() -> None:
    """Every code of a verification has its sentence, and no other has."""
    prefix = "provider.flaw."
    told = {key.removeprefix(prefix) for key in ENGLISH if key.startswith(prefix)}
    assert told == set(ConfigFlaw)


def test_every_error_of_the_api_can_be_said() -> None:
    """No sentence of the server's, which is English, is shown to anybody."""
    types = {INTERNAL.type, *(kind.type for kind in KINDS.values())}
    said = {key.partition(".")[2] for key in ENGLISH if key.startswith(("error.", "refused."))}
    assert types - said == set()


def test_the_trouble_of_a_sync_is_one_that_the_api_names() -> None:
    """What stands in its way has the words of errors; all else is the common one."""
    types = {INTERNAL.type, WATCH_ERROR, "other", *(kind.type for kind in KINDS.values())}
    told = {key.partition(".")[2] for key in ENGLISH if key.startswith("trouble.")}
    assert told - types == set()


def test_the_parts_of_requests_that_are_named_are_those_of_the_api() -> None:
    """A sentence about a field that there is not would never be shown."""
    document = Path(languages.__file__).with_name("openapi.json").read_text(encoding="utf-8")
    names: set[str] = set()

    def collect(part: object) -> None:
        if isinstance(part, dict):
            properties = part.get("properties")
            names.update(properties if isinstance(properties, dict) else ())
            if part.get("in") == "query":
                names.add(str(part["name"]))
            for each in part.values():
                collect(each)
        elif isinstance(part, list):
            for each in part:
                collect(each)

    collect(json.loads(document))
    named = {key.rpartition(".")[2] for key in ENGLISH if key.startswith("field.")}
    assert named - names == set()
