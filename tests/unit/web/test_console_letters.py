"""What the console writes into a draft and into its address fields is found there again."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from postroom.web.modules import one_script

LETTERS = Path(__file__).parents[3] / "functions" / "console" / "assets" / "letters.js"
_WORDS = "export const t = (key) => key;\nexport const longTime = (at) => String(at);\n"


def _run(expression: str, given: Any) -> Any:
    """Evaluate an expression over `given` with the module's functions."""
    names = "parsed, parsedSoFar, written, read, lines, quoted"
    main = f"import {{ {names} }} from './letters.js';\n".replace("'", '"')
    main += f"const given = {json.dumps(given)};\nconsole.log(JSON.stringify({expression}));\n"
    modules = {
        "main.js": main,
        "letters.js": LETTERS.read_text(encoding="utf-8"),
        "i18n.js": _WORDS,
    }
    node = shutil.which("node")
    assert node, "the console's tests need Node"
    done = subprocess.run(  # noqa: S603 - the module above
        [node, "-e", one_script(modules, entry="main.js")],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "name",
    [
        'x" <evil@example.net>, "y',
        'William "Bill, Jr" Smith',
        "back\\slash",
        'both \\" of them, and more',
        "Smith; Jones",
        "evil@example.net",
        "a <evil@example.net>",
        '"',
        "Zoë",
    ],
)
def test_a_name_stays_a_name(name: str) -> None:
    """One with a quotation mark became another recipient, whom Reply all wrote to."""
    people = [
        {"email": "cfo@example.org", "name": name},
        {"email": "other@example.org", "name": "Other"},
    ]
    once = _run("parsed(written(given))", people)
    assert once == people
    # Nor does it grow with each time that its draft is opened.
    assert _run("parsedSoFar(written(parsed(written(given))))", people) == people


def test_a_name_in_several_lines_is_one_name() -> None:
    """It is written into a field of one line."""
    people = [{"email": "cfo@example.org", "name": "x\n<evil@example.net>,\ty"}]
    (found,) = _run("parsed(written(given))", people)
    assert found == {"email": "cfo@example.org", "name": "x <evil@example.net>, y"}


def test_names_are_taken_as_people_write_them() -> None:
    """With a comma in quotation marks, anywhere in the name; without a name; divided either way."""
    text = 'William "Bill, Jr" Smith <b@example.org>; c@example.org, <d@example.org>'
    assert _run("parsed(given)", text) == [
        {"email": "b@example.org", "name": 'William "Bill, Jr" Smith'},
        {"email": "c@example.org"},
        {"email": "d@example.org"},
    ]
    assert _run("parsedSoFar(given)", "a@example.org, Bill") == [{"email": "a@example.org"}]


@pytest.mark.parametrize(
    "text",
    [
        "one\ttwo",
        "\tbegins so",
        "10\u00a0km",
        "a\u00a0b\tc  d ",
        "a  b",
        "  lead",
        "trail \nnext",
        "ends with an empty line\n",
        "two of them\n\n",
        "\nbegins with one",
        " ",
        "1 < 2 & &nbsp; \u00bb",
    ],
)
def test_text_is_the_same_when_its_draft_is_opened_again(text: str) -> None:
    """Tabs, no-break spaces and spaces at the end of a line became one space, or none."""
    found = _run("read(lines(given))", text)
    assert found == {"text": text, "quote": "", "isPlain": True}
    # As providers give it back.
    wrapped = "`<html><head></head><body>${lines(given)}</body></html>`"
    assert _run(f"read({wrapped})", text)["text"] == text
