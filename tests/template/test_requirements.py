"""The layer's requirements are the lock's."""

import os
import shutil
import subprocess
import sys

from tests.template.conftest import PROJECT

EXPORT = (
    *("export", "--frozen", "--quiet", "--package", "postroom", "--no-dev"),
    *("--no-emit-workspace", "--no-header", "--no-annotate"),
)


def test_layer_installs_exactly_what_the_lock_says() -> None:
    """requirements.txt is exported from uv.lock: whoever changes the lock exports it again."""
    uv = os.environ.get("UV") or shutil.which("uv")
    command = [uv] if uv else [sys.executable, "-m", "uv"]

    exported = subprocess.run(  # noqa: S603 (our own tool)
        [*command, *EXPORT], cwd=PROJECT, check=True, capture_output=True, text=True
    ).stdout

    assert (PROJECT / "layers/common/requirements.txt").read_text() == exported
