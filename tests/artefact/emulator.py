"""AWS's Lambda Runtime Interface Emulator, one process for one function.

It is the binary that SAM ships for `sam local`, here without a container: it runs Lambda's own
Python client (awslambdaric) in an environment that holds only that and boto3, with the layer and
the function where Lambda has them on the path.
"""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.ports import free_ports
from local.sam import SAM_CLI, uv_command
from tests.artefact.conftest import HOST_ARCHITECTURE

START_LIMIT_SECONDS = 60
CALL_LIMIT_SECONDS = 60
STOP_LIMIT_SECONDS = 30

_LOCATE = "import pathlib, samcli; print(pathlib.Path(samcli.__file__).parent / 'local/rapid')"


def emulator_binary() -> Path:
    """Return the emulator of this machine's architecture inside the SAM CLI's environment."""
    command = [uv_command(), "tool", "run", "--quiet", "--from", SAM_CLI, "python", "-c", _LOCATE]
    found = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 (ours)
    return Path(found.stdout.strip()) / f"aws-lambda-rie-{HOST_ARCHITECTURE}"


@dataclass(frozen=True)
class Runtime:
    """What runs a function: the emulator, a Python with Lambda's own packages, and a layer."""

    emulator: Path
    python: Path
    layer: Path | None


@dataclass(frozen=True)
class Function:
    """A function that waits for events."""

    url: str
    log: Path

    def invoke(self, event: object) -> Any:
        """Return what the function answers, or Lambda's description of its error."""
        request = urllib.request.Request(self.url, data=json.dumps(event).encode())  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=CALL_LIMIT_SECONDS) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as failure:  # 502: it did not start; the reason follows
            return json.load(failure)

    def printed(self) -> str:
        """Return what function and emulator wrote so far."""
        return self.log.read_text()


@contextmanager
def running(
    runtime: Runtime, function: Path, *, environment: dict[str, str], scratch: Path
) -> Iterator[Function]:
    """Start a function's folder under the emulator; stop it afterwards."""
    port, runtime_port = free_ports(2)
    log = scratch / f"{function.name}.log"
    path = [str(function), *([str(runtime.layer)] if runtime.layer else [])]
    lambda_environment = {
        "PATH": f"{runtime.python.parent}:/usr/bin:/bin",
        "HOME": str(scratch),
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "LAMBDA_TASK_ROOT": str(function),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "30",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        **environment,
    }
    command = [
        str(runtime.emulator),
        *("--runtime-interface-emulator-address", f"127.0.0.1:{port}"),
        *("--runtime-api-address", f"127.0.0.1:{runtime_port}"),
        *(str(runtime.python), "-m", "awslambdaric", "app.handler"),
    ]
    with log.open("w") as output:
        process = subprocess.Popen(  # noqa: S603 (ours)
            command,
            cwd=function,
            env=lambda_environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            _wait_for_listener(port, process)
            yield Function(
                f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations", log
            )
        finally:
            process.terminate()
            try:
                process.wait(STOP_LIMIT_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait_for_listener(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until something listens; fails when the process ends or the time passes first."""
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=START_LIMIT_SECONDS).close()
        except ConnectionRefusedError:
            assert process.poll() is None, f"the emulator ended with code {process.returncode}"
            assert time.monotonic() < deadline, "the emulator does not listen"
            time.sleep(0.02)
        else:
            return
