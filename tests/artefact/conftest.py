"""The built layer, once for each Python and architecture that a test wants."""

import functools
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deployment.layer import build_layer

PROJECT = Path(__file__).resolve().parents[2]
FUNCTIONS = sorted(path.parent for path in (PROJECT / "functions").glob("*/app.py"))
HOST_ARCHITECTURE = "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"

Layers = Callable[[str, str], Path]


@pytest.fixture(scope="session")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Layers:
    """Return a function from Python version and architecture to the folder on Lambda's path."""

    @functools.cache
    def layer(python: str, architecture: str) -> Path:
        target = tmp_path_factory.mktemp(f"layer-{python}-{architecture}")
        return build_layer(target, python=python, architecture=architecture)

    return layer


def interpreter_of(version: str) -> str | None:
    """Return the path of this machine's Python of a version (`3.13`), if it has one that runs."""
    try:
        found = subprocess.run(  # noqa: S603 (an interpreter's name)
            [f"python{version}", "-c", "import sys; print(sys.executable)"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None  # a version manager's launcher may be there without the version
    return found.stdout.strip()
