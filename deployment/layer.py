"""The layer on its own, as `sam build` makes it: for proofs and measurements of the artefact."""

import os
import subprocess
from pathlib import Path

from local.sam import uv_command

PROJECT = Path(__file__).resolve().parent.parent


def build_layer(target: Path, *, python: str, architecture: str) -> Path:
    """Build the layer for a Python (`3.13`) and an architecture (`arm64`, `x86_64`).

    Returns the folder that Lambda puts on the path. Raises subprocess.CalledProcessError.
    """
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))
    }
    environment |= {
        "ARTIFACTS_DIR": str(target),
        "POSTROOM_BUILD_PYTHON": python,
        "POSTROOM_BUILD_ARCHITECTURE": architecture,
        "UV": uv_command(),
    }
    command = ["make", "--silent", "-C", str(PROJECT / "layers/common"), "build-CommonLayer"]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 (ours)
    return target / "python"


def make_runtime(target: Path, *, interpreter: str, packages: list[str]) -> Path:
    """Make an environment that holds only what Lambda's own would; return its Python."""
    uv = uv_command()
    python = target / "bin/python"
    install = [uv, "pip", "install", "--quiet", "--only-binary", ":all:", "--compile-bytecode"]
    for command in (
        [uv, "venv", "--quiet", "--python", interpreter, str(target)],
        [*install, "--python", str(python), *packages],
    ):
        subprocess.run(command, check=True)  # noqa: S603 (ours)
    return python
