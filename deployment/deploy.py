"""`make deploy`: the right `sam deploy` for an environment of samconfig.toml.

The first time SAM asks for region and parameters (`--guided`) and saves the answers. Later it asks
nothing more, and what is deployed is the artefact of the runtime and architecture that were saved:

    samconfig.toml  ── no region saved ──▶  sam deploy --guided   (answers are saved)
                    ── region saved ─────▶  sam deploy
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
CONFIG_FILE = PROJECT / "samconfig.toml"


class UnknownEnvironment(Exception):
    """samconfig.toml has no deploy section for the environment."""


@dataclass(frozen=True)
class Deployment:
    """One call of `sam deploy`."""

    architecture: str
    arguments: tuple[str, ...]


def plan(config: dict[str, Any], *, environment: str, architecture: str) -> Deployment:
    """Decide what `sam deploy` is told.

    `config` is the content of samconfig.toml; `architecture` counts only until one was saved.
    Raises `UnknownEnvironment`.
    """
    try:
        saved = config[environment]["deploy"]["parameters"]
    except KeyError:
        raise UnknownEnvironment(
            f"samconfig.toml has no [{environment}.deploy.parameters]"
        ) from None
    first_time = "region" not in saved
    if not first_time:
        architecture = saved_parameters(saved).get("Architecture", architecture)
    arguments = [
        "deploy",
        "--no-fail-on-empty-changeset",
        *("--config-env", environment, "--config-file", str(CONFIG_FILE)),
        *("--template-file", str(PROJECT / f".aws-sam/build/{architecture}/template.yaml")),
    ]
    if first_time:
        arguments += ["--guided", "--parameter-overrides", f"Architecture={architecture}"]
    return Deployment(architecture, tuple(arguments))


def saved_parameters(saved: dict[str, Any]) -> dict[str, str]:
    """Return the template parameters that `sam deploy --guided` saved as `A="1" B="2"`."""
    written = saved.get("parameter_overrides", "")
    pairs = written if isinstance(written, list) else shlex.split(written)
    return dict(pair.split("=", 1) for pair in pairs)


def main() -> int:
    """Run `sam deploy` and return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--environment", default="dev", help="a section of samconfig.toml")
    parser.add_argument("--architecture", default="arm64", choices=["arm64", "x86_64"])
    parser.add_argument("--sam", default="sam", help="the command that runs SAM")
    options = parser.parse_args()
    with CONFIG_FILE.open("rb") as file:
        config = tomllib.load(file)
    try:
        deployment = plan(
            config, environment=options.environment, architecture=options.architecture
        )
    except UnknownEnvironment as error:
        sys.stderr.write(f"{error}\n")
        return 2
    # Compiled files of the tests would only change the packages' checksums.
    for folder in [*(PROJECT / "functions").rglob("__pycache__")]:
        shutil.rmtree(folder)
    command = [*shlex.split(options.sam), *deployment.arguments]
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0"}
    return subprocess.run(command, check=False, env=environment).returncode  # noqa: S603 (ours)


if __name__ == "__main__":
    raise SystemExit(main())
