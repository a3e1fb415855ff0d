"""What is deployed is complete and made for its machine: proved without running it.

The machine that tests has neither Lambda's Python nor, for one of the two, its architecture. So the
files are read: what the code imports is there, what the packages need is there, and whatever is
compiled is compiled for that Python and that processor.
"""

import ast
import importlib.metadata
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.artefact.conftest import FUNCTIONS, Layers

PYTHON = "3.13"
TAG = "cpython-313"
# e_machine in the ELF header: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
ELF_MACHINES = {"arm64": 183, "x86_64": 62}
ARCHITECTURES = sorted(ELF_MACHINES)

# The runtime brings these: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
FROM_THE_RUNTIME = {"boto3", "botocore"}
# Gone between Python 3.11 and 3.13 (PEP 594, PEP 632, and imp, asynchat, asyncore, smtpd, lib2to3).
REMOVED_FROM_THE_STANDARD_LIBRARY = {
    *("aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk"),
    *("crypt", "distutils", "imghdr", "imp", "lib2to3", "mailcap", "msilib"),
    *("nis", "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd"),
    *("sunau", "telnetlib", "uu", "xdrlib"),
}
STANDARD_LIBRARY = sys.stdlib_module_names - REMOVED_FROM_THE_STANDARD_LIBRARY


def imported_modules(source: str) -> Iterator[str]:
    """Yield the full names of all modules that a source imports when it runs, wherever in it."""
    todo: list[ast.AST] = [ast.parse(source)]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module
            yield node.module
        elif isinstance(node, ast.If) and is_type_checking(node.test):
            todo += node.orelse  # the rest is for type checkers only
        else:
            todo += ast.iter_child_nodes(node)


def is_type_checking(test: ast.expr) -> bool:
    """Whether a condition is TYPE_CHECKING, which is false when code runs."""
    return ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING"


def has_module(folder: Path, name: str) -> bool:
    """Whether a module, package or extension of this full name is below a folder."""
    path = folder.joinpath(*name.split("."))
    return (
        path.with_suffix(".py").exists()
        or path.is_dir()
        or any(path.parent.glob(f"{path.name}.*.so"))
    )


def missing_modules(sources: Iterator[Path], *, layer: Path, own: Path) -> set[tuple[str, str]]:
    """Return (file, module) for each import that Lambda could not resolve."""
    return {
        (source.name, module)
        for source in sources
        for module in imported_modules(source.read_text())
        if module.partition(".")[0] not in FROM_THE_RUNTIME | STANDARD_LIBRARY
        if not has_module(layer, module) and not has_module(own, module)
    }


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_everything_that_is_imported_is_in_the_artefact(layers: Layers, architecture: str) -> None:
    """Functions and package import only what layer, function, runtime or standard library have."""
    layer = layers(PYTHON, architecture)
    assert FUNCTIONS

    for folder in FUNCTIONS:
        assert missing_modules(folder.rglob("*.py"), layer=layer, own=folder) == set()
    postroom = layer / "postroom"
    assert missing_modules(postroom.rglob("*.py"), layer=layer, own=postroom) == set()


def test_a_missing_module_is_found(layers: Layers, tmp_path: Path) -> None:
    """The proof sees imports inside functions, submodules, and what Python 3.13 no longer has."""
    source = tmp_path / "app.py"
    source.write_text(
        "import json, boto3, pydantic.fields, cgi\n"
        "if TYPE_CHECKING:\n"
        "    import mypy_boto3_s3\n"
        "def handler():\n"
        "    import moto\n"
        "    from httpx.there_is_no_such import thing\n"
    )

    found = missing_modules(iter([source]), layer=layers(PYTHON, "arm64"), own=tmp_path)

    assert found == {("app.py", "cgi"), ("app.py", "moto"), ("app.py", "httpx.there_is_no_such")}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_everything_that_packages_require_is_in_the_layer(
    layers: Layers, architecture: str
) -> None:
    """Each package's own requirements, for this Python and machine, are there as well."""
    layer = layers(PYTHON, architecture)
    machine = {
        "python_version": PYTHON,
        "python_full_version": f"{PYTHON}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "aarch64" if architecture == "arm64" else "x86_64",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
        "extra": "",
    }
    distributions = [*importlib.metadata.distributions(path=[str(layer)])]
    present = {normalized(distribution.name) for distribution in distributions}
    assert len(present) > 10

    for distribution in distributions:
        for line in distribution.requires or ():
            required = Requirement(line)
            if required.marker is None or required.marker.evaluate(machine):
                assert normalized(required.name) in present, (distribution.name, line)


def normalized(name: str) -> str:
    """Return a package's name as PEP 503 compares it."""
    return name.lower().replace("_", "-").replace(".", "-")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_everything_compiled_is_for_this_python_and_processor(
    layers: Layers, architecture: str
) -> None:
    """Every extension is abi3 or for CPython 3.13, and an ELF file for the architecture."""
    extensions = [*layers(PYTHON, architecture).rglob("*.so*")]
    assert len(extensions) >= 3

    for extension in extensions:
        header = extension.read_bytes()[:20]
        assert header[:4] == b"\x7fELF", extension.name
        assert struct.unpack_from("<H", header, 18) == (ELF_MACHINES[architecture],), extension.name
        assert ".abi3." in extension.name or TAG in extension.name, extension.name


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_no_file_is_compiled_for_another_python(layers: Layers, architecture: str) -> None:
    """Files that were compiled ahead are for the Python that reads them, or not there at all."""
    compiled = {path.suffixes[-2] for path in layers(PYTHON, architecture).rglob("*.pyc")}

    assert compiled <= {f".{TAG}"}
