"""The parts of the stack are watched, and stopped with SIGTERM and the time to save."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local.child import running
from local.paths import PROJECT
from local.progress import StackFailed

SAVES_ON_SIGTERM = """
import pathlib, signal, sys, time
def save(*_):
    time.sleep(0.3)
    pathlib.Path(sys.argv[1]).write_text("saved")
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
signal.pause()
"""


SUPERVISOR = """
import os, pathlib, signal, sys
from local.child import running
log = pathlib.Path(sys.argv[1])
with running("saver", sys.argv[2:], log=log, environment=os.environ):
    signal.pause()
"""


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def saving_program(state: Path) -> list[str]:
    return [sys.executable, "-c", SAVES_ON_SIGTERM, str(state)]


def test_child_may_save_before_it_ends(tmp_path: Path) -> None:
    """The end of the block waits until the process has saved its state."""
    state, log = tmp_path / "state", tmp_path / "log"

    with running("saver", saving_program(state), log=log, environment=os.environ) as child:
        child.wait_until(lambda: "ready" in log.read_text(), 10)

    assert state.read_text() == "saved"


def test_child_that_ends_by_itself_is_named_with_its_last_words(tmp_path: Path) -> None:
    """Whoever watches learns which part ended, with what code, and what it said."""
    command = [sys.executable, "-c", "import sys; print('no disk'); sys.exit(3)"]

    with (
        running("part", command, log=tmp_path / "log", environment=os.environ) as child,
        pytest.raises(StackFailed, match=r"(?s)part ended with code 3.*no disk"),
    ):
        child.wait_until(lambda: False, 10)


def test_child_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    """Waiting has a limit."""
    command = [sys.executable, "-c", "import signal; signal.pause()"]

    with (
        running("part", command, log=tmp_path / "log", environment=os.environ) as child,
        pytest.raises(StackFailed, match="part was not ready after 0 s"),
    ):
        child.wait_until(lambda: False, 0.1)


if sys.platform == "linux":  # the only system that tells children of their parent's death

    def test_killed_supervisor_loses_no_state(tmp_path: Path) -> None:
        """When the supervisor is killed outright, its children still get SIGTERM and save."""
        state, log = tmp_path / "state", tmp_path / "log"
        supervisor = subprocess.Popen(  # noqa: S603 (our own program)
            [sys.executable, "-c", SUPERVISOR, str(log), *saving_program(state)], cwd=PROJECT
        )
        eventually(lambda: log.exists() and "ready" in log.read_text())

        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()

        eventually(state.exists)
