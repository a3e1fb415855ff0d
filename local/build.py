"""`sam build` for this machine's own Python, skipped while the sources are what was built."""

import fcntl
import hashlib
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.paths import BUILD, PROJECT
from local.progress import StackFailed
from local.sam import SAM_CLI, sam_command, uv_command

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"

_SOURCES = ("template.yaml", "functions", "layers/common")
_FINGERPRINT_FILE = BUILD / "fingerprint"


def wheel_platform() -> str:
    """Name this machine as `uv pip install --python-platform` does."""
    processor = "aarch64" if ARCHITECTURE == "arm64" else "x86_64"
    if sys.platform == "darwin":
        return f"{processor}-apple-darwin"
    return f"{processor}-" + ("manylinux_2_28" if platform.libc_ver()[0] else "unknown-linux-musl")


def sources_fingerprint() -> str:
    """Hash everything that the built application depends on."""
    digest = hashlib.sha256("\n".join([SAM_CLI, RUNTIME, wheel_platform()]).encode())
    for path in _source_files():
        digest.update(f"\n{path.relative_to(PROJECT)}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _source_files() -> Iterator[Path]:
    for source in _SOURCES:
        root = PROJECT / source
        found = sorted(root.rglob("*")) if root.is_dir() else [root]
        for path in found:
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


@contextmanager
def build_lock() -> Iterator[None]:
    """Hold the build folder: a test run and `make run` may want it at the same time."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD.parent / "local.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(fingerprint: str) -> Path:
    """Build unless `fingerprint` is what was built last. Gives the built template.

    The caller holds build_lock(). Raises StackFailed with SAM's words.
    """
    template = BUILD / "template.yaml"
    if _built_fingerprint() == fingerprint and template.exists():
        return template
    _FINGERPRINT_FILE.unlink(missing_ok=True)
    run_sam(
        "build",
        *("--template-file", str(PROJECT / "template.yaml")),
        *("--build-dir", str(BUILD), "--base-dir", str(PROJECT)),
        *("--config-file", str(empty_sam_config())),
        *("--parameter-overrides", f"Runtime={RUNTIME}", f"Architecture={ARCHITECTURE}"),
        environment=os.environ
        | {
            "POSTROOM_BUILD_PYTHON": RUNTIME.removeprefix("python"),
            "POSTROOM_BUILD_ARCHITECTURE": ARCHITECTURE,
            "POSTROOM_BUILD_PLATFORM": wheel_platform(),
            "SAM_CLI_TELEMETRY": "0",
            "UV": uv_command(),
        },
    )
    _FINGERPRINT_FILE.write_text(fingerprint)
    return template


def _built_fingerprint() -> str | None:
    return _FINGERPRINT_FILE.read_text() if _FINGERPRINT_FILE.exists() else None


def empty_sam_config() -> Path:
    """Make a samconfig that says nothing: the project's own is about real deployments."""
    BUILD.mkdir(parents=True, exist_ok=True)
    path = BUILD.parent / "local-samconfig.toml"
    path.write_text("version = 0.1\n")
    return path


def run_sam(*arguments: str, environment: dict[str, str]) -> None:
    """Run SAM quietly. Raises StackFailed with what it said when it fails."""
    process = subprocess.Popen(
        sam_command(*arguments),
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    )
    try:
        output, _ = process.communicate()
    finally:
        if process.poll() is None:
            # uv runs SAM as a child of its own: the whole group has to go.
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
    if process.returncode != 0:
        raise StackFailed(f"`sam {arguments[0]}` failed:\n{output.strip()[-6000:]}")
