"""docs/errors.md: every error that the code can answer, with what to do about it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.tables import errors, oauth_errors, refusals, written
from postroom.domain import errors as domain
from postroom.web.error_kinds import (
    INTERNAL,
    KINDS,
    OAUTH_ERRORS,
    REFUSALS,
    ErrorKind,
    UnsupportedMediaType,
    kind_of,
)

ROOT = Path(__file__).parents[3]
SOURCES = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers/common/postroom").rglob("*.py")]
PAGE = (ROOT / "docs" / "errors.md").read_text()


def refusals_raised() -> Iterator[tuple[str, str]]:
    """Return every word that a ConnectionRefused is made with, and where."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
                continue
            if node.func.id == "ConnectionRefused":
                (word, *_) = node.args
                yield from ((each, str(path.relative_to(ROOT))) for each in words_of(word, path))


def words_of(expression: ast.expr, path: Path) -> set[str]:
    """Return the texts that an expression may be; a name is looked up in its file."""
    if isinstance(expression, ast.Constant):
        return {str(expression.value)}
    assert isinstance(expression, ast.Name), ast.dump(expression)
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == expression.id for target in node.targets
        ):
            assert isinstance(node.value, ast.IfExp), ast.dump(node.value)
            found |= words_of(node.value.body, path) | words_of(node.value.orelse, path)
    assert found, f"{expression.id} in {path}"
    return found


@pytest.mark.parametrize(("word", "place"), sorted(set(refusals_raised())))
def test_every_refusal_is_on_the_page(word: str, place: str) -> None:
    """A new reason gets a row with its cause and its remedy."""
    assert word in {**REFUSALS, **OAUTH_ERRORS}, place
    assert f"| `{word}` |" in PAGE


def test_no_refusal_is_on_the_page_that_the_code_never_says() -> None:
    """A reason that is gone goes from the page too."""
    raised = {word for word, _ in refusals_raised()}
    of_kinds = {kind.oauth_error for kind in (*KINDS.values(), INTERNAL)}
    assert set(REFUSALS) <= raised
    assert set(OAUTH_ERRORS) <= raised | of_kinds


@pytest.mark.parametrize("kind", [*KINDS.values(), INTERNAL], ids=lambda kind: kind.type)
def test_every_type_is_on_the_page_with_its_remedy(kind: ErrorKind) -> None:
    """And the page says what to do."""
    assert f"| {kind.status} | `{kind.type}` | {kind.cause} | {kind.remedy} |" in PAGE
    assert kind.cause.endswith(".")
    assert kind.remedy.endswith(".")


@pytest.mark.parametrize(
    "error",
    [
        domain.InvalidRequest("x"),
        domain.TooLarge("x"),
        UnsupportedMediaType("x"),
        domain.Retryable("x"),
        domain.OutcomeUnknown("x"),
        domain.LeaseLost("x"),
        domain.Misconfigured("x"),
        KeyError("x"),
        *(domain.ConnectionRefused(word, "x") for word in OAUTH_ERRORS),
    ],
    ids=repr,
)
def test_token_routes_answer_the_status_that_the_page_names(error: Exception) -> None:
    """Whatever goes wrong there."""
    kind = kind_of(error)
    assert kind.status in OAUTH_ERRORS[kind.oauth_error].statuses


def test_the_page_is_what_the_code_says() -> None:
    """`make format` writes it anew; and it has all three tables."""
    assert written(PAGE) == PAGE
    for table in (errors(), refusals(), oauth_errors()):
        assert table in PAGE


def test_what_is_said_of_limits_and_keys_points_to_routes_that_there_are() -> None:
    """A remedy that names a route names one of the template's."""
    template = (ROOT / "template.yaml").read_text()
    for path in re.findall(r"(?<=[` ])/v3/[a-z/{}_-]+", PAGE):
        assert path in template, path
