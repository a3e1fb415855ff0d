"""Every function runs from its artefact, in an environment with nothing but Lambda's own packages.

AWS itself is a closed port here, so what the functions answer is mostly an error; what is proved is
that their handlers answer at all: the layer lacks nothing that a start or a call imports.
"""

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from deployment.environment import harmless_environment
from deployment.layer import make_runtime
from tests.artefact.conftest import (
    FUNCTIONS,
    HOST_ARCHITECTURE,
    PROJECT,
    Layers,
    interpreter_of,
)
from tests.artefact.emulator import Runtime, emulator_binary, running

HOST_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
DEPLOYED_PYTHON = "3.13"
INTERPRETERS = {HOST_PYTHON: sys.executable} | {
    version: path for version in (DEPLOYED_PYTHON,) if (path := interpreter_of(version))
}
IMPORT_FAILURES = ("Unable to import module", "ModuleNotFoundError", "ImportError")


@pytest.fixture(scope="session", params=sorted(INTERPRETERS))
def runtime(
    request: pytest.FixtureRequest, layers: Layers, tmp_path_factory: pytest.TempPathFactory
) -> Runtime:
    """Return the host's Python, and Lambda's where this machine has it, with the layer for it."""
    version: str = request.param
    packages = [f"{name}=={importlib.metadata.version(name)}" for name in ("awslambdaric", "boto3")]
    python = make_runtime(
        tmp_path_factory.mktemp("runtime"), interpreter=INTERPRETERS[version], packages=packages
    )
    return Runtime(emulator_binary(), python, layers(version, HOST_ARCHITECTURE))


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Return the template's variables, and AWS at a closed port."""
    return harmless_environment()


def first_event(function: str) -> Any:
    """Return the first of a function's events in events/, or an empty one."""
    files = sorted((PROJECT / "events").glob(f"{function}.*.json"))
    return json.loads(files[0].read_text()) if files else {}


def reached_its_handler(answer: Any) -> bool:
    """Whether an answer, or the trace of an error, comes from the function's own handler."""
    if not isinstance(answer, dict) or "errorType" not in answer:
        return True
    return any("app.py" in frame and "in handler" in frame for frame in answer["stackTrace"])


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda folder: folder.name)
def test_function_runs_from_its_artefact(
    runtime: Runtime, environment: dict[str, str], tmp_path: Path, function: Path
) -> None:
    """Start and call find every module, and the handler answers."""
    with running(runtime, function, environment=environment, scratch=tmp_path) as started:
        answer = started.invoke(first_event(function.name))
        printed = started.printed()

    for failure in IMPORT_FAILURES:
        assert failure not in json.dumps(answer)
        assert failure not in printed
    assert reached_its_handler(answer), answer


def test_a_function_without_its_layer_is_found_out(
    runtime: Runtime, environment: dict[str, str], tmp_path: Path
) -> None:
    """The environment of the proof really has nothing that only the layer would bring."""
    bare = Runtime(runtime.emulator, runtime.python, layer=None)

    with running(bare, FUNCTIONS[0], environment=environment, scratch=tmp_path) as started:
        answer = started.invoke({})

    assert answer["errorType"] == "Runtime.ImportModuleError"
    assert not reached_its_handler(answer)
