"""Rules that hold the shape of the code and that import-linter cannot see."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers" / "common" / "postroom"
MODULES = sorted(PACKAGE.rglob("*.py"))
HANDLERS = sorted((ROOT / "functions").glob("*/*.py"))

VENDOR_WORDS = re.compile(
    r"history_?id|delta_?link|label_?ids?\b|\bgmail\b|\bgraph\b|googleapis|microsoftonline",
    re.IGNORECASE,
)
MAY_SAY_VENDOR_WORDS = ("providers", "bootstrap", "config.py")
FUNCTIONS_MAY_IMPORT = (
    "postroom.bootstrap",
    "postroom.usecases",
    "postroom.web",
    "postroom.observability",
    "postroom.domain.errors",
    "aws_lambda_powertools",
)


def _relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", MODULES, ids=_relative)
def test_the_words_of_a_provider_stay_in_its_folder(path: Path) -> None:
    """Only providers/ knows how a provider calls things; everything else speaks our words."""
    if path.relative_to(PACKAGE).parts[0] not in MAY_SAY_VENDOR_WORDS:
        assert not VENDOR_WORDS.findall(path.read_text())


@pytest.mark.parametrize("path", MODULES, ids=_relative)
def test_providers_are_told_apart_in_one_place(path: Path) -> None:
    """A difference between providers is data, or lives behind the port: only the registry asks."""
    if path != PACKAGE / "providers" / "registry.py":
        assert not re.findall(r"(==|\bis( not)?|case) ProviderName\.", path.read_text())


@pytest.mark.parametrize("path", MODULES, ids=_relative)
def test_the_environment_is_read_in_one_place(path: Path) -> None:
    """Only config (and pydantic-settings behind it) looks at the environment.

    Pushes must be answered before pydantic is loaded, so their wiring looks for itself.
    """
    if path == PACKAGE / "bootstrap" / "push.py":
        return
    source = path.read_text()
    assert "os.environ" not in source
    assert "getenv" not in source


@pytest.mark.parametrize("path", MODULES, ids=_relative)
def test_loggers_are_made_in_one_place(path: Path) -> None:
    """One wiring of logs and metrics, so that one place decides what is never logged."""
    if path != PACKAGE / "observability.py":
        assert not re.findall(r"\b(Logger|Metrics|Tracer|getLogger)\(", path.read_text())


@pytest.mark.parametrize("path", HANDLERS, ids=_relative)
def test_functions_import_the_outer_layers_only(path: Path) -> None:
    """A function is wired by bootstrap, speaks web, calls use cases, and knows no other one."""
    for name in _imported(path):
        ours = name.startswith(("postroom", "functions"))
        assert not ours or name.startswith(FUNCTIONS_MAY_IMPORT) or name == "postroom", name


@pytest.mark.parametrize("path", MODULES, ids=_relative)
def test_only_storage_and_bootstrap_speak_to_aws(path: Path) -> None:
    """boto3 is how things are kept, and a matter of storage; providers speak HTTP."""
    if path.relative_to(PACKAGE).parts[0] in ("storage", "bootstrap"):
        return
    assert not [name for name in _imported(path) if name.startswith(("boto3", "botocore"))]
