"""`make run` as a person has it: in a terminal that is closed, stopped, and started again."""

import fcntl
import json
import os
import pty
import signal
import stat
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.paths import PROJECT
from local.ports import free_ports
from tests.local_stack.test_child import eventually

pytestmark = pytest.mark.long
START_SECONDS = 150.0


@contextmanager
def make_run(state: Path, ports: dict[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run `make run` in a terminal of its own; gives the process and our end of the terminal."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        ["make", "run"],  # noqa: S607 (make of the machine)
        cwd=PROJECT,
        env=os.environ | ports | {"LOCAL_STATE": str(state)},
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509 (no other thread runs here)
    )
    os.close(its)
    try:
        yield process, ours
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def description(state: Path) -> dict[str, Any]:
    eventually((state / "stack.json").exists, START_SECONDS)
    content: dict[str, Any] = json.loads((state / "stack.json").read_text())
    return content


def printed_until_ready(terminal: int) -> str:
    """Return what a start has printed; raises OSError when the program ends before."""
    printed = b""
    while b"Ready after" not in printed:
        printed += os.read(terminal, 65_536)
    return printed.decode()


def redirect_uris(stack: dict[str, Any]) -> list[str]:
    answer = httpx.get(
        f"{stack['api_uri']}/v3/applications/redirect-uris",
        headers={"Authorization": f"Bearer {stack['api_key']}"},
        timeout=30,
    )
    return [uri["url"] for uri in answer.raise_for_status().json()["data"]]


def test_data_survives_a_closed_terminal_and_a_ctrl_c(tmp_path: Path) -> None:
    """What was entered is there again after the terminal was closed, and after Ctrl-C."""
    names = (
        *("POSTROOM_PORT", "MINISTACK_PORT"),
        *("GOOGLE_SIMULATOR_PORT", "MICROSOFT_SIMULATOR_PORT"),
    )
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))

    with make_run(tmp_path, ports) as (process, terminal):
        first = description(tmp_path)
        cold = printed_until_ready(terminal)
        assert stat.S_IMODE((tmp_path / "stack.json").stat().st_mode) == 0o600
        httpx.post(
            f"{first['api_uri']}/v3/applications/redirect-uris",
            headers={"Authorization": f"Bearer {first['api_key']}"},
            json={"url": "https://app.example/back", "platform": "web"},
            timeout=30,
        ).raise_for_status()
        os.close(terminal)
        process.wait(60)

    with make_run(tmp_path, ports) as (process, terminal):
        second = description(tmp_path)
        warm = printed_until_ready(terminal)
        after_closed_terminal = redirect_uris(second)
        os.write(terminal, b"\x03")
        process.wait(60)
        os.close(terminal)

    with make_run(tmp_path, ports) as (process, terminal):
        third = description(tmp_path)
        after_ctrl_c = redirect_uris(third)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        os.close(terminal)

    assert first == second == third
    assert first["simulators"].keys() == first["mailboxes"].keys() == {"google", "microsoft"}
    assert all(len(addresses) == 3 for addresses in first["mailboxes"].values())
    assert after_closed_terminal == after_ctrl_c == ["https://app.example/back"]
    # What makes a start slow; the second one has nothing to do of it.
    for slow in ("sam build", "sam deploy"):
        assert slow in cold
        assert slow not in warm
    assert not (tmp_path / "stack.json").exists()
