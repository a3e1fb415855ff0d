"""Size of the layer, and import time of each function, on the built artefact.

`python -m benchmarks.artefact` builds for this machine's Python and for the deployment's, and
prints two tables. Import times are `python -X importtime` of `import app` (the cumulative time of
the function's own module), in an environment that holds only what Lambda's has: the median of five
fresh processes on a full core with a warm page cache, so compare them with each other and not with
a cold start on Lambda.
"""

import importlib.metadata
import os
import re
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from deployment.environment import harmless_environment
from deployment.layer import PROJECT, build_layer, make_runtime
from local.build import ARCHITECTURE, RUNTIME

DEPLOYED = [("3.13", "arm64"), ("3.13", "x86_64")]
HOST = (RUNTIME.removeprefix("python"), ARCHITECTURE)
RUNS = 5
HEAVIEST = 4

# One line of -X importtime: "import time: self [us] | cumulative | imported package".
_IMPORT_LINE = re.compile(r"import time:\s+\d+ \|\s+(\d+) \|( +)(\S+)")


def sizes(layer: Path, archive: Path) -> tuple[int, int]:
    """Return the bytes of a layer unpacked, and as the archive that is uploaded."""
    files = [path for path in layer.rglob("*") if path.is_file()]
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files:
            packed.write(path, path.relative_to(layer.parent))
    return sum(path.stat().st_size for path in files), archive.stat().st_size


def import_times(python: Path, layer: Path, function: Path) -> dict[str, int]:
    """Return the cumulative import time of each module that a function loads, in microseconds."""
    environment = {
        **harmless_environment(),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{function}{os.pathsep}{layer}",
    }
    command = [str(python), "-B", "-X", "importtime", "-c", "import app"]
    run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    lines = (_IMPORT_LINE.fullmatch(line) for line in run.stderr.splitlines())
    return {line[3]: int(line[1]) for line in lines if line}


def print_sizes(folder: Path) -> None:
    """Print the table of sizes."""
    print("| layer | unzipped | zipped | compiled ahead |\n|---|---|---|---|")
    for python, architecture in [*DEPLOYED, HOST]:
        layer = build_layer(
            folder / f"{python}-{architecture}", python=python, architecture=architecture
        )
        unzipped, zipped = sizes(layer, folder / "layer.zip")
        compiled = "yes" if any(layer.rglob("*.pyc")) else "no (needs that Python here)"
        print(
            f"| python{python} {architecture} | {unzipped / 1e6:.1f} MB | {zipped / 1e6:.1f} MB "
            f"| {compiled} |"
        )


def print_import_times(folder: Path) -> None:
    """Print the table of import times."""
    packages = [f"{name}=={importlib.metadata.version(name)}" for name in ("awslambdaric", "boto3")]
    python = make_runtime(folder / "runtime", interpreter=sys.executable, packages=packages)
    layer = folder / f"{HOST[0]}-{HOST[1]}" / "python"
    print(f"\n| function (python{HOST[0]}) | import | modules | heaviest |\n|---|---|---|---|")
    for app in sorted((PROJECT / "functions").glob("*/app.py")):
        runs = [import_times(python, layer, app.parent) for _ in range(RUNS)]
        total = statistics.median(run["app"] for run in runs)
        packages_only = {
            name: time for name, time in runs[-1].items() if "." not in name and name != "app"
        }
        heaviest = sorted(packages_only, key=lambda name: -packages_only[name])[:HEAVIEST]
        print(
            f"| {app.parent.name} | {total / 1000:.0f} ms | {len(runs[-1])} "
            f"| {', '.join(f'{name} {packages_only[name] / 1000:.0f}' for name in heaviest)} |"
        )


def main() -> None:
    """Build, measure, print."""
    with tempfile.TemporaryDirectory() as folder:
        print_sizes(Path(folder))
        print_import_times(Path(folder))


if __name__ == "__main__":
    main()
