"""The document of the API: whole, exemplified, and what the code says."""

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from aws_lambda_powertools.event_handler.openapi.models import OpenAPI
from jsonschema import Draft202012Validator

from docs.openapi.__main__ import GOLDEN
from docs.openapi.document import Route, apis, document, is_of_the_console
from docs.openapi.document import routes as routes_of
from docs.openapi.examples import EXAMPLES
from tests.functions.routes import routes

JSON = "application/json"


@cache
def whole() -> dict[str, Any]:
    """Return the document, made once."""
    return document()


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every operation with its method and path."""
    for path, methods in whole()["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


OPERATIONS = list(operations())
ROUTES = [route for app in apis().values() for route in routes_of(app)]


def without_names(route: str) -> str:
    """Leave out what a path calls its parameters."""
    return re.sub(r"\{\w+\}", "{}", route)


def refusals(instance: Any, schema: dict[str, Any]) -> list[str]:
    """Return what is wrong with a value; references lead into the document."""
    bundled = {**schema, "components": whole()["components"]}
    return [error.message for error in Draft202012Validator(bundled).iter_errors(instance)]


def test_every_route_of_the_template_is_described() -> None:
    """And nothing is described that is not served."""
    served = {without_names(str(route)) for route in routes() if not is_of_the_console(route.path)}
    assert {without_names(name) for name, _ in OPERATIONS} == served


def test_the_golden_copy_is_what_the_code_says() -> None:
    """`make format` writes it anew."""
    assert json.loads(GOLDEN.read_text(encoding="utf-8")) == json.loads(json.dumps(whole()))


def test_it_is_an_openapi_document() -> None:
    """Powertools' own models of OpenAPI read all of it, and no operation id stands twice."""
    OpenAPI.model_validate(whole())
    names = [operation["operationId"] for _, operation in OPERATIONS]
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere() -> None:
    """What is referred to is there."""
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(whole())):
        found: Any = whole()
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_no_route_lacks_its_body_answer_or_example(name: str, operation: dict[str, Any]) -> None:
    """Each says what it does, what it takes and what it answers, with an example of all JSON."""
    assert operation["summary"]
    for parameter in operation.get("parameters", []):
        assert parameter.get("description"), parameter["name"]
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        assert content["schema"], media_type
        assert "example" in content
    answers = {
        int(status): answer
        for status, answer in operation["responses"].items()
        if int(status) < 400
    }
    assert answers
    for answer in answers.values():
        content = answer.get("content", {}).get(JSON)
        if content:
            assert content["schema"] != {}
            assert content.get("example") or content.get("examples")
    assert '"example": "missing"' not in json.dumps(operation), "docs/openapi/examples.py"
    if not name.endswith(("/openapi.json", "/docs", "/health")):
        assert "400" in operation["responses"] or "{" not in name


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_examples_keep_to_their_schemas(name: str, operation: dict[str, Any]) -> None:
    """What a reader copies works."""
    for parameter in operation.get("parameters", []):
        if "example" in parameter:
            assert refusals(parameter["example"], parameter["schema"]) == [], parameter["name"]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        assert refusals(content["example"], content["schema"]) == []
    for answer in operation["responses"].values():
        content = answer.get("content", {}).get(JSON, {})
        examples = [content["example"]] if "example" in content else []
        examples += [each["value"] for each in content.get("examples", {}).values()]
        for example in examples:
            assert refusals(example, content["schema"]) == []


def test_examples_of_errors_keep_to_their_schemas() -> None:
    """In both shapes, and in API Gateway's own."""
    for answer in whole()["components"]["responses"].values():
        content = answer["content"][JSON]
        assert content["examples"]
        for example in content["examples"].values():
            assert refusals(example["value"], content["schema"]) == []


def test_every_example_is_of_a_model_that_there_is() -> None:
    """An example of what is gone goes too."""
    models = {
        model.__name__
        for route in ROUTES
        for model in (
            route.documentation.body,
            *(answer.model for answer in route.documentation.answers),
        )
        if model is not None
    }
    assert set(EXAMPLES) <= models


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_the_body_that_is_read_is_the_one_that_is_described(route: Route) -> None:
    """`app.body(Model)` in the function, `body=Model` in its description."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(route.handler)))
    read = [
        node.args[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "body"
        and isinstance(node.args[0], ast.Name)
    ]
    if read:
        assert route.documentation.body is not None
        assert read == [route.documentation.body.__name__]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_the_status_that_is_answered_is_described(route: Route) -> None:
    """`status=…` in the function is the status of one of its answers."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(route.handler)))
    (function,) = tree.body
    assert isinstance(function, ast.FunctionDef)
    answered = {
        keyword.value.value
        for statement in function.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "status" and isinstance(keyword.value, ast.Constant)
    }
    assert answered <= {answer.status for answer in route.documentation.answers}
