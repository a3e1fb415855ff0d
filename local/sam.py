"""The AWS SAM CLI, at the version Postroom is built with, in an environment of its own.

Its pins clash with those of the other tools, so it is never installed beside them.
`python -m local.sam <arguments>` runs it.
"""

import os
import shutil
import sys

from local.paths import LOCAL

SAM_CLI = "aws-sam-cli==1.170.0"


def uv_command() -> str:
    """Find uv: the one that runs us, the one `make` brought, or the one in PATH."""
    brought = LOCAL / "bin" / "uv"
    found = os.environ.get("UV") or (str(brought) if brought.exists() else shutil.which("uv"))
    if not found:
        raise SystemExit("uv is missing: run `make help` once, which brings it.")
    return found


def sam_command(*arguments: str) -> list[str]:
    """Build the command line that runs SAM with these arguments."""
    return [uv_command(), "tool", "run", "--quiet", "--from", SAM_CLI, "sam", *arguments]


if __name__ == "__main__":
    os.environ.setdefault("SAM_CLI_TELEMETRY", "0")
    os.environ.setdefault("UV", uv_command())
    command = sam_command(*sys.argv[1:])
    os.execvp(command[0], command)  # noqa: S606 - no shell is meant
