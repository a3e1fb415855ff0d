"""The processes of the stack: started with a log file each, stopped with SIGTERM and patience."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from local.paths import PROJECT
from local.progress import StackFailed

START_SECONDS = 60.0
"""In which a part of the stack answers: a limit, not a delay."""
STOP_SECONDS = 30.0
_POLL_SECONDS = 0.05


class Child:
    """One running process of the stack."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def require_alive(self) -> None:
        """Raise StackFailed with the end of its log when the process has ended."""
        if (code := self._process.poll()) is not None:
            last_lines = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
            raise StackFailed(
                f"{self.name} ended with code {code}. Its log, {self.log}, ends:\n{last_lines}"
            )

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `ready()`. Raises StackFailed when it ends or the time passes first."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.require_alive()
            if time.monotonic() > deadline:
                raise StackFailed(
                    f"{self.name} was not ready after {seconds:.0f} s; see {self.log}."
                )
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Ask it to end, wait up to 30 seconds while it saves its state, then kill it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def running(
    name: str, command: Sequence[str], *, log: Path, environment: Mapping[str, str]
) -> Iterator[Child]:
    """Run a process until the block ends.

    It has a session of its own: Ctrl-C in the terminal reaches the supervisor only, which stops
    the parts in order.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.follow_parent", *command],
            cwd=PROJECT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    child = Child(name, process, log)
    try:
        yield child
    finally:
        child.stop()
