"""What was loaded of a list, and what is there now, become one list without doubles and losses."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from postroom.web.modules import one_script

PAGES = Path(__file__).parents[3] / "functions" / "console" / "assets" / "pages.js"


def _thread(text: str) -> dict[str, Any]:
    """Make a thread of a letter, and of a dash for each mail that it has got since."""
    return {
        "id": text[0],
        "message_ids": [f"{text[0]}{number}" for number in range(len(text))],
        "draft_ids": [],
        "folders": ["inbox"],
    }


def _merged(fresh: str, next_page: str | None, loaded: str, cursor: str | None) -> tuple[str, Any]:
    given = [
        [_thread(each) for each in fresh.split()],
        next_page,
        [_thread(each) for each in loaded.split()],
        cursor,
    ]
    answer = _run("merged", f"merged(...{json.dumps(given)})")
    return ("", None) if answer is None else (" ".join(each["id"] for each in answer[0]), answer[1])


def _run(name: str, expression: str) -> Any:
    modules = {
        "main.js": f'import {{ {name} }} from "./pages.js";\n'
        f"Promise.resolve({expression}).then((it) => console.log(JSON.stringify(it)));\n",
        "pages.js": PAGES.read_text(encoding="utf-8"),
    }
    node = shutil.which("node")
    assert node, "the console's tests need Node"
    done = subprocess.run(  # noqa: S603 - the module above
        [node, "-e", one_script(modules, entry="main.js")],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def test_what_was_loaded_stays_below_what_is_new() -> None:
    """And more is loaded from where it ended."""
    assert _merged("n a b", "after b", "a b c d e", "after e") == ("n a b c d e", "after e")


def test_what_moves_to_the_top_is_there_once() -> None:
    """From the first page and from below it; what stood around it stays."""
    assert _merged("d- a b", "after b", "a b c d e", "after e") == ("d a b c e", "after e")


def test_a_thread_that_has_moved_says_nothing_of_the_others() -> None:
    """After an hour of new mail it was the first page's last: all above its old place was lost."""
    assert _merged("n o d-", "after d", "a b c d e", "after e") == ("", None)


def test_what_is_gone_from_the_first_page_goes() -> None:
    """Below it nothing is known of what is gone."""
    assert _merged("a c d", "after d", "a b c d e", "after e") == ("a c d e", "after e")


def test_a_list_without_another_page_is_all_there_is() -> None:
    """Whatever had been loaded."""
    assert _merged("a", None, "a b c", "after c") == ("a", None)


def test_all_of_it_is_read_again() -> None:
    """As much as there was, in large pages, each thread once."""
    ids = [f"t{number}" for number in range(400)]
    threads = json.dumps([{"id": each} for each in ids])
    fetch = "async (after, limit) => [[t[2], ...t.slice(after, after + limit)], after + limit]"
    answer = _run("readOn", f"((t) => readOn(t.slice(0, 30), 30, 350, {fetch}))({threads})")
    assert [each["id"] for each in answer[0]] == ids[:350]
    assert answer[1] == 350
