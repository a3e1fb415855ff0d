"""Several modules become one script that does the same."""

import shutil
import subprocess
from pathlib import Path

import pytest

from postroom.web.console_pages import console_script
from postroom.web.languages import LANGUAGES
from postroom.web.modules import MalformedModule, one_script

MODULES = {
    "main.js": (
        'import { add, Sum as Total } from "./sums.js";\n'
        'import words from "./words.js";\n'
        'import("./later.js").then((later) => '
        "console.log(words.is, add(1, 2), new Total(3).value, later.late()));\n"
    ),
    "sums.js": (
        "export const add = (a, b) => a + b;\n"
        "export class Sum {\n  constructor(value) {\n    this.value = value;\n  }\n}\n"
    ),
    "words.js": 'export default {\n  is: "is",\n};\n',
    "later.js": 'import { add } from "./sums.js";\nexport async function never() {}\n'
    "export function late() {\n  return add(4, 5);\n}\n",
    "unused.js": "nothing is read of it",
}


def test_the_script_does_what_the_modules_do() -> None:
    """Names, renamed ones, a default and a module that is loaded later."""
    node = shutil.which("node")
    assert node, "the console's tests need Node"
    script = one_script(MODULES, entry="main.js")
    done = subprocess.run(  # noqa: S603 - the modules above
        [node, "-e", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "is 3 3 9\n"


def test_comments_of_their_own_lines_stay_behind() -> None:
    """The reader of the page does not wait for them; what only looks like one is kept."""
    source = '// why\nconst at = "http://x"; // here\n  // and so\nconsole.log(at);\n'
    script = one_script({"main.js": source}, entry="main.js")
    assert 'const at = "http://x"; // here\nconsole.log(at);' in script
    assert "why" not in script
    assert "and so" not in script


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"words.js": 'import { x } from "./main.js";\nexport default {};\n'}, "itself"),
        ({"words.js": 'import * as all from "./sums.js";\n'}, "not read"),
        ({"words.js": 'export * from "./sums.js";\n'}, "not read"),
        ({"main.js": 'import { x } from "./missing.js";\n'}, "missing.js"),
    ],
)
def test_other_forms_are_refused(changed: dict[str, str], said: str) -> None:
    """Rather than served broken."""
    with pytest.raises(MalformedModule, match=said):
        one_script(MODULES | changed, entry="main.js")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_module_of_the_console_is_in_its_script(language: str) -> None:
    """None lies there unused; of the strings, those of one language are there."""
    assets = Path(__file__).parents[3] / "functions" / "console" / "assets"
    modules = {path.name: path.read_text(encoding="utf-8") for path in assets.glob("*.js")}
    script = console_script(modules, language)
    for name in modules:
        variable = "$" + name.removesuffix(".js").replace(".", "_")
        assert (f"const {variable} = " in script) != name.startswith("strings."), name
    strings = modules[f"strings.{language}.js"].partition("export default")[2]
    assert strings in script
    node = shutil.which("node")
    assert node, "the console's tests need Node"
    subprocess.run(  # noqa: S603 - read, not run
        [node, "--check", "-"], input=script, text=True, check=True
    )
