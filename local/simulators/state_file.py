"""Keeps a simulator's state in a file across restarts."""

import os
import pickle
import tempfile
from pathlib import Path

from local.simulators.wsgi import SimulatorApp

_FORMAT = 4
"""Raise it when the shape of any stored class changes."""


class UnreadableState(Exception):
    """The state file was written by another version of the simulator."""


def save(app: SimulatorApp, path: Path) -> None:
    """Write the whole state, atomically, readable by its owner only."""
    app.changed = False
    content = pickle.dumps((_FORMAT, app.controls.clock.advanced, app.provider.snapshot()))
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as unfinished:
        unfinished.write(content)
        unfinished.flush()
        os.fsync(unfinished.fileno())
    Path(unfinished.name).replace(path)


def load(app: SimulatorApp, path: Path) -> None:
    """Continue from a file that `save` wrote; raises UnreadableState."""
    content = pickle.loads(path.read_bytes())  # noqa: S301 - our own file, its owner's only
    if content[0] != _FORMAT:
        raise UnreadableState(f"{path} is from another version: remove it to start empty")
    _, app.controls.clock.advanced, snapshot = content
    app.provider.restore(snapshot)
