"""What `make run` takes from its environment, and what it tells when it cannot start."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from local.paths import PROJECT
from local.ports import free_port
from local.running_stack import RunningStack, StackPlan
from local.stack import write_description


def run_stack(state: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.stack"],
        cwd=PROJECT,
        env=os.environ | {"LOCAL_STATE": str(state)} | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_port_in_use_is_told_in_one_sentence(tmp_path: Path) -> None:
    """The sentence names the port and the variable that chooses another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = run_stack(tmp_path, POSTROOM_PORT=str(free_port()), MINISTACK_PORT=str(port))

    assert done.returncode == 1
    assert f"Port {port} is in use: choose another with MINISTACK_PORT=<port>" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("variable", ["GOOGLE_SIMULATOR_PORT", "MICROSOFT_SIMULATOR_PORT"])
def test_nonsense_for_a_port_names_its_variable(tmp_path: Path, variable: str) -> None:
    """A variable that is no port is refused by name."""
    done = run_stack(tmp_path, **{variable: "many"})

    assert done.returncode == 1
    assert f"{variable} must be a port between 1 and 65535" in done.stdout


@pytest.mark.parametrize("seconds", ["901", "-1", "soon", "٣"])
def test_nonsense_for_the_undo_window_is_refused(tmp_path: Path, seconds: str) -> None:
    """It is said before anything starts."""
    done = run_stack(tmp_path, UNDO_SECONDS=seconds)

    assert done.returncode == 1
    assert "UNDO_SECONDS must be a number of seconds up to 900" in done.stdout


def test_each_simulator_is_the_others_peer(tmp_path: Path) -> None:
    """What one does not know is the other's to deliver; alone, a simulator has no peer."""
    both = StackPlan(tmp_path, 3000, 4566, {"google": 4601, "microsoft": 4602})
    alone = StackPlan(tmp_path, 3000, 4566, {"google": 4601})

    assert both.peer_of("google") == "http://127.0.0.1:4602"
    assert both.peer_of("microsoft") == "http://127.0.0.1:4601"
    assert alone.peer_of("google") is None


def test_description_is_for_its_owner_only(tmp_path: Path) -> None:
    """stack.json holds the administrator's key, so nobody else may read it, at any moment."""
    plan = StackPlan(tmp_path, 3000, 4566, {"google": 4601})
    stack = RunningStack(plan, "key", "client", {"google": ["ada@gmail.test"]}, children=[])
    path = tmp_path / "stack.json"
    path.write_text("{}")

    write_description(stack, path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(stack.description()) == {
        *("api_uri", "console_url", "api_key", "client_id", "region", "endpoint_url"),
        *("stack_name", "simulators", "mailboxes"),
    }
