"""Every field of every JSON body, made wrong in every way that its description knows.

The document of the API says what a field may be; whatever contradicts it is answered with 400 that
names the field, and nothing of it is kept. A new field is tried as soon as it is described.
"""

import base64
import copy
import importlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from docs.openapi.document import document
from tests.functions.conftest import (
    ADMINISTRATOR_KEY,
    SAMPLE_GRANT,
    SAMPLE_MESSAGE,
    Deployment,
    LambdaContext,
)
from tests.functions.routes import function_of, request

JSON = "application/json"
DOCUMENT = document()
COLLECTIONS = (
    *("/v3/connectors", "/v3/applications", "/v3/applications/redirect-uris", "/v3/api-keys"),
    *("/v3/webhooks", "/v3/grants", "/v3/connectors/google/creds", "/v3/invitations"),
)
OF_TOKENS = ("/v3/connect/token", "/v3/connect/revoke")
NOT_HERE: dict[str, Any] = {"string": 7, "integer": "many", "boolean": 1, "array": "x", "object": 7}
"""For each type of JSON a value of another."""

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Wrong:
    """A body with one wrong part."""

    route: str
    how: str
    body: Any
    named: str

    def __str__(self) -> str:
        return f"{self.route} {self.how}"


def resolved(schema: Schema) -> Schema:
    """Follow a reference, and leave out that a value may be null."""
    if "$ref" in schema:
        return resolved(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    choices = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    return resolved(choices[0]) if len(choices) == 1 else schema


def bodies() -> Iterator[tuple[str, Schema, Any]]:
    """Return the routes with a JSON body that a model reads, its schema and its example."""
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get(JSON)
            if content and not path.startswith("/push/"):
                yield f"{method.upper()} {path}", resolved(content["schema"]), content["example"]


def wrongs() -> Iterator[Wrong]:
    """Return every wrong body."""
    for route, schema, example in bodies():
        yield from wrong_fields(route, schema, example, ())


def wrong_fields(
    route: str, schema: Schema, example: Any, place: tuple[str, ...]
) -> Iterator[Wrong]:
    """Return the bodies of which a field of this object is wrong."""
    if schema.get("additionalProperties") is False:
        at = (*place, "misspelt")
        yield Wrong(route, f"{'.'.join(at)} is unknown", changed(example, at, 1), ".".join(at))
    for name, field in schema.get("properties", {}).items():
        inner, at = resolved(field), (*place, name)
        named = ".".join(at)
        if name in schema.get("required", []):
            yield Wrong(route, f"without {named}", changed(example, at), named)
        for how, value in wrong_values(field, inner):
            yield Wrong(route, f"{named} {how}", changed(example, at, value), named)
        if "properties" in inner:
            begun = changed(example, at, part(example, at) or {})
            yield from wrong_fields(route, inner, begun, at)
        items = resolved(inner.get("items", {}))
        if "properties" not in items:
            for how, value in wrong_values(inner.get("items", {}), items):
                yield Wrong(route, f"{named}.0 {how}", changed(example, at, [value]), f"{named}.0")


def wrong_values(field: Schema, inner: Schema) -> Iterator[tuple[str, Any]]:
    """Return what a field cannot be, by what is wrong with it."""
    if field == {} or ("anyOf" in inner and "type" not in inner):
        return
    if not any(each == {"type": "null"} for each in field.get("anyOf", [])):
        yield "null", None
    yield "of another type", NOT_HERE[inner.get("type", "string")]
    if "enum" in inner:
        yield "of another choice", "toaster"
    if "maxLength" in inner:
        yield "too long", "x" * (inner["maxLength"] + 1)
    if "maxItems" in inner:
        yield "too many", [None] * (inner["maxItems"] + 1)
    if "maximum" in inner:
        yield "too large", inner["maximum"] + 1
    if "minimum" in inner:
        yield "too small", inner["minimum"] - 1


def part(body: Any, at: tuple[str, ...]) -> Any:
    """Return what stands at a place of a body, or None."""
    for name in at:
        body = body.get(name) if isinstance(body, dict) else None
    return body


def changed(body: Any, at: tuple[str, ...], *value: Any) -> Any:
    """Return a body with another value at a place, or with none."""
    new = copy.deepcopy(body)
    inner = new
    for name in at[:-1]:
        inner = inner.setdefault(name, {})
    if value:
        inner[at[-1]] = value[0]
    else:
        inner.pop(at[-1], None)
    return new


def answered(deployment: Deployment, route: str, body: str | bytes) -> tuple[int, str]:
    """Send a body as it stands; answers the status and what is said."""
    method, _, template = route.partition(" ")
    path = (
        template.replace("{grant_id}", deployment.names[SAMPLE_GRANT])
        .replace("{message_id}", deployment.names[SAMPLE_MESSAGE])
        .replace("{provider}", "google")
    )
    for name in ("thread_id", "draft_id", "folder_id", "webhook_id", "credential_id"):
        path = path.replace("{" + name + "}", "nothing-has-this-id")
    path = path.replace("{redirect_uri_id}", "nothing-has-this-id")
    event = request(method, path, bearer=ADMINISTRATOR_KEY)
    if isinstance(body, bytes):
        event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    else:
        event |= {"body": body}
    function = function_of(method, path)
    module = importlib.import_module(f"functions.{function}.app")
    answer = module.handler(event, LambdaContext(function))
    said = json.loads(answer["body"])
    if template in OF_TOKENS:
        return answer["statusCode"], said.get("error_description", "")
    return answer["statusCode"], said.get("error", {}).get("message", "")


@pytest.fixture(scope="module")
def kept_before(deployment: Deployment) -> dict[str, Any]:
    """What is kept before anything wrong is sent."""
    return kept(deployment)


def kept(deployment: Deployment) -> dict[str, Any]:
    """Return all that settings routes could have stored."""
    return {path: deployment.call("GET", path)["data"] for path in COLLECTIONS}


WRONG = list(wrongs())
ROUTES = [route for route, _, _ in bodies()]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_wrong_field_is_named(
    deployment: Deployment, kept_before: dict[str, Any], wrong: Wrong
) -> None:
    """Missing, null, of another type or choice, too long, too many, too large, too small."""
    status, said = answered(deployment, wrong.route, json.dumps(wrong.body))
    assert status in {400, 401}, said
    assert wrong.named in said


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("how", "body"),
    [
        ("nested ten thousand deep", '{"x":' + "[" * 10_000 + "]" * 10_000 + "}"),
        ("nested and never closed", '{"x":' * 10_000),
        ("not UTF-8", b'{"name": "\xff\xfe"}'),
        ("half of a character", '{"name": "\\ud800"}'),
        ("not a number", '{"name": NaN}'),
        ("cut off", '{"name": "x'),
        ("a list", "[]"),
        ("a text", '"x"'),
        ("five million of something", json.dumps({"x": ["y"] * 1_000_000, "z": "["})[:-2]),
    ],
    ids=lambda value: value[:25] if isinstance(value, str) else "bytes",
)
def test_what_is_no_json_object_is_refused(
    deployment: Deployment, kept_before: dict[str, Any], route: str, how: str, body: str | bytes
) -> None:
    """Whatever stands in it."""
    status, said = answered(deployment, route, body)
    assert status == 400, how
    assert "body" in said


def test_nothing_wrong_was_kept(deployment: Deployment, kept_before: dict[str, Any]) -> None:
    """After all of that the settings are what they were; run with the tests above."""
    assert kept(deployment) == kept_before
