"""Request bodies: bytes to values, with every way of being unreadable named."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from pydantic import BaseModel, ValidationError

from postroom.domain.errors import InvalidRequest
from postroom.web.error_kinds import UnsupportedMediaType
from postroom.web.errors import invalid_request

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

_DEEPEST = 64
"""Levels of JSON; the contract needs five."""

_TOO_DEEP = "The JSON is nested too deeply."

Model = TypeVar("Model", bound=BaseModel)


def media_type(event: APIGatewayProxyEventV2) -> str:
    """Return the Content-Type in lower case, without parameters; JSON when none was sent."""
    return event.headers.get("content-type", JSON).partition(";")[0].strip().lower() or JSON


def raw_body(event: APIGatewayProxyEventV2) -> bytes:
    """Return the body's bytes. Raises InvalidRequest when they did not come through whole."""
    body = event.body or ""
    if not event.is_base64_encoded:
        return body.encode(errors="surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise InvalidRequest("The body did not arrive whole.", field="body") from None


def text_body(event: APIGatewayProxyEventV2) -> str:
    """Return the body's text. Raises InvalidRequest when it is not UTF-8."""
    try:
        return raw_body(event).decode()
    except UnicodeDecodeError:
        raise InvalidRequest("The body is not UTF-8.", field="body") from None


def json_object(text: str, *, field: str = "body") -> dict[str, Any]:
    """Read a JSON object (RFC 8259) whose strings are whole characters.

    Raises InvalidRequest naming where it was expected, also for what Python alone would take
    (`NaN`, half of a surrogate pair) or give up on (endless digits, endless nesting).
    """
    try:
        value = json.loads(
            text, parse_constant=_refuse_constant, object_pairs_hook=_refuse_duplicates
        )
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError:
        raise InvalidRequest("This is not valid JSON.", field=field) from None
    except UnicodeEncodeError:
        raise InvalidRequest("A text has half of a character in it.", field=field) from None
    except RecursionError:
        raise InvalidRequest(_TOO_DEEP, field=field) from None
    except ValueError:
        # What is left is Python's limit for digits: 4,300.
        raise InvalidRequest("A number has too many digits.", field=field) from None
    if not isinstance(value, dict):
        raise InvalidRequest("Send a JSON object.", field=field)
    _refuse_depth(value, field)
    return value


def json_body(event: APIGatewayProxyEventV2, *, may_be_missing: bool = False) -> dict[str, Any]:
    """Read a body that is JSON and nothing else. Raises InvalidRequest, UnsupportedMediaType."""
    if may_be_missing and not event.body:
        return {}
    if media_type(event) != JSON:
        raise UnsupportedMediaType(f"Send {JSON}.")
    return json_object(text_body(event))


def json_or_form(event: APIGatewayProxyEventV2) -> dict[str, Any]:
    """Read a JSON object or a form, as OAuth clients send either. Raises InvalidRequest."""
    kind = media_type(event)
    text = text_body(event)
    if kind == FORM:
        return dict(parse_qsl(text, keep_blank_values=True))
    if kind == JSON:
        return json_object(text) if text.strip() else {}
    raise UnsupportedMediaType(f"Send {JSON} or {FORM}.")


def validated(model: type[Model], values: Mapping[str, Any], *, within: str = "") -> Model:
    """Make a schema of values that were read here.

    `within` names where they stood, when that was not the body itself. Raises InvalidRequest
    naming the field.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid_request(error.errors(include_url=False), skip=0, within=within) from None


def _refuse_constant(name: str) -> None:
    raise InvalidRequest(f"{name} is not a JSON value.", field="body")


def _refuse_duplicates(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """Parsers differ in which of two values they take (RFC 8259 section 4)."""
    read: dict[str, Any] = {}
    for name, value in fields:
        if name in read:
            raise InvalidRequest("This stands there twice.", field=name[:60])
        read[name] = value
    return read


def _refuse_depth(value: Any, field: str) -> None:
    """Keep recursion over what was read finite, whatever Python's own limit is."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            child
            for each in level
            if isinstance(each, dict | list)
            for child in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return
    raise InvalidRequest(_TOO_DEEP, field=field)
