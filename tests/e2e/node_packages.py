"""What npm brings for the tests: the official Node SDK, and axe."""

import fcntl
import shutil
import subprocess
from functools import cache
from pathlib import Path

NODE = Path(__file__).parent / "node"
"""The scripts, and what they need as package-lock.json says."""

_INSTALL_SECONDS = 300


@cache
def with_packages() -> Path:
    """Return the folder of the scripts; the packages are installed when they are not there."""
    assert shutil.which("npm"), "these tests need Node 18 or newer, with npm"
    lock = (NODE / "package-lock.json").read_text()
    # `npm ci` begins by removing what another process may be using.
    with (NODE / "package.json").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        mark = NODE / "node_modules" / ".installed-lock"
        if not (mark.exists() and mark.read_text() == lock):
            subprocess.run(
                ["npm", "ci", "--loglevel=error"],  # noqa: S607
                cwd=NODE,
                timeout=_INSTALL_SECONDS,
                check=True,
            )
            mark.write_text(lock)
    return NODE
