"""What a person sees while the stack starts."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class StackFailed(Exception):
    """The stack cannot start or go on; the message is for the person who started it."""


def say(line: str = "") -> None:
    """Print a line. When the terminal is gone there is nobody to tell, and that is no failure."""
    try:
        print(line, flush=True)
    except OSError:
        return


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Show a phase by name, and the seconds it took once it is done."""
    started = time.monotonic()
    yield
    say(f"  {name:<44}{time.monotonic() - started:6.1f} s")
