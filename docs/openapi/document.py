"""The whole document: every route of every function that answers over HTTP."""

import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from aws_lambda_powertools.event_handler.openapi.merge import OpenAPIMerge
from pydantic import BaseModel

from docs.openapi import errors, pushes
from docs.openapi.examples import EXAMPLES, HEADERS, PARAMETERS, Parameter
from docs.openapi.schemas import components, parameters
from docs.openapi.texts import ABOUT, TAGS, TITLE
from postroom import __version__
from postroom.web.access import Subject
from postroom.web.bodies import MULTIPART
from postroom.web.documented import Answer, Documentation, Envelope, documentation_of
from postroom.web.errors import contract_error, error_of_path, oauth_error
from postroom.web.pages import error_page_for_browsers
from postroom.web.resolver import Api

Schema = dict[str, Any]

FUNCTIONS = Path(__file__).parents[2] / "functions"
_METHODS = ("get", "post", "put", "patch", "delete")
_REQUEST_ID = {"type": "string", "examples": ["5f1a3c1e-9d5e-4d6f-8a58-0d3c7a1f2b44"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route with all that is known of it."""

    app: Api
    method: str
    path: str
    handler: Callable[..., Any]
    documentation: Documentation

    @property
    def queries(self) -> Iterator[type[BaseModel]]:
        """The models of its query; there is one at most."""
        if self.documentation.query is not None:
            yield self.documentation.query
            return
        for hint in get_type_hints(self.handler).values():
            if inspect.isclass(hint) and issubclass(hint, BaseModel):
                yield hint

    @property
    def has_select(self) -> bool:
        """Whether callers choose the fields of the answer."""
        return any("select" in query.model_fields for query in self.queries)


def apis() -> dict[str, Api]:
    """Return the resolvers of all functions that have one, by their folders."""
    found = {}
    for path in sorted(FUNCTIONS.glob("*/app.py")):
        module = importlib.import_module(f"functions.{path.parent.name}.app")
        if isinstance(getattr(module, "app", None), Api):
            found[path.parent.name] = module.app
    return found


def routes(app: Api) -> list[Route]:
    """Return the routes of a function. Raises LookupError for one that is not documented."""
    return [
        Route(
            app=app,
            method=method,
            path=path,
            handler=handler,
            documentation=documentation_of(handler),
        )
        for (method, path), handler in app.handlers().items()
        if not is_of_the_console(path)
    ]


def is_of_the_console(path: str) -> bool:
    """Whether a route is the console's own business: its page may change it any day."""
    return path == "/" or path.startswith("/console")


def document() -> Schema:
    """Make the document. Raises LookupError for a route that says nothing about itself."""
    every = {folder: routes(app) for folder, app in apis().items()}
    schemas, references = _schemas([route for each in every.values() for route in each])
    merge = OpenAPIMerge(
        title=TITLE,
        version=__version__,
        openapi_version="3.1.0",
        description=ABOUT,
        tags=[{"name": tag.name, "description": tag.about} for tag in TAGS],  # type: ignore[misc]
        on_conflict="error",
    )
    for of_function in filter(None, every.values()):
        merge.add_schema(_function(of_function, references))
    merge.add_schema({"paths": pushes.PATHS})
    merge.add_schema({"components": _components(schemas)})
    merged = merge.get_openapi_schema()
    return {
        **{name: merged[name] for name in ("openapi", "info", "servers", "tags")},
        "security": [{"bearer": []}],
        "paths": _sorted_paths(merged["paths"]),
        "components": merged["components"],
    }


def _schemas(every: Iterable[Route]) -> tuple[Schema, Mapping[type[BaseModel], Schema]]:
    every = list(every)
    answers = [(route, answer.model) for route in every for answer in route.documentation.answers]
    schemas, references = components(
        [route.documentation.body for route in every if route.documentation.body],
        [model for _, model in answers if model],
        selectable={model for route, model in answers if model and route.has_select},
    )
    for route in every:
        for query in route.queries:
            schemas |= parameters(query)[1]
    return schemas, references


def _components(schemas: Schema) -> Schema:
    return {
        "securitySchemes": {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "The administrator's key, an API key or an access token.",
            }
        },
        "schemas": dict(sorted({**schemas, **errors.SCHEMAS}.items())),
        "responses": errors.responses(),
        "headers": {
            "RequestId": {
                "description": "The id that the logs have; also `request_id` in the body.",
                "schema": {"type": "string"},
            }
        },
    }


def _function(of_function: Iterable[Route], references: Mapping[type[BaseModel], Schema]) -> Schema:
    """Return the paths of a function: Powertools' own, filled with what its routes say."""
    of_function = list(of_function)
    made = of_function[0].app.get_openapi_schema(title=TITLE, version=__version__)
    known: Schema = made.model_dump(mode="json", by_alias=True, exclude_none=True)["paths"]
    paths: Schema = {}
    handlers = [route.handler for route in of_function]
    for route in of_function:
        operation = known[route.path][route.method]
        name = route.handler.__name__
        twice = handlers.count(route.handler) > 1
        summary, text = _texts(route)
        paths.setdefault(route.path, {})[route.method] = {
            "operationId": f"{name}_{route.method}" if twice else name,
            "tags": [_tag(route.path)],
            "summary": summary,
            "description": text,
            **({"security": []} if route.app.admit is None else {}),
            **_optional("parameters", _parameters(route, operation.get("parameters", []))),
            **_optional("requestBody", _body(route.documentation, references)),
            "responses": {**_answers(route, references), **_errors(route)},
        }
    return {"paths": paths}


def _example(model: type[BaseModel]) -> Schema:
    """Return a model's example; a test tells where there is none."""
    return EXAMPLES.get(model.__name__, {"example": "missing"})


def _optional(name: str, value: Any) -> Schema:
    return {name: value} if value else {}


def _texts(route: Route) -> tuple[str, str]:
    """Return the summary and the description: the docstring, limits, and the scope."""
    summary, _, rest = inspect.cleandoc(route.handler.__doc__ or "").partition("\n")
    parts = [rest.strip(), route.documentation.about]
    if isinstance(route.app.permit, Subject):
        scope = route.app.permit.scope_for(route.method.upper())
        parts += [] if scope is None else [f"Scope: `{scope}`."]
    return summary.rstrip("."), "\n\n".join(part for part in parts if part)


def _tag(path: str) -> str:
    return next(tag.name for tag in TAGS if re.search(tag.paths, path))


def _parameters(route: Route, made: Iterable[Schema]) -> list[Schema]:
    """Return the path's parameters as Powertools found them, the query's and headers."""
    found: list[Schema] = [
        {
            "name": each["name"],
            "in": "path",
            "required": True,
            **PARAMETERS.get(each["name"], Parameter("", "")).in_path(),
        }
        for each in made
        if each["in"] == "path"
    ]
    for query in route.queries:
        for each in parameters(query)[0]:
            known = PARAMETERS.get(each["name"])
            found.append({**({"description": known.about} if known else {}), **each})
    found += [
        {"name": name, "in": "header", "required": False, **HEADERS[name]}
        for name in route.documentation.headers
    ]
    return found


def _body(
    documentation: Documentation, references: Mapping[type[BaseModel], Schema]
) -> Schema | None:
    model = documentation.body
    if model is None:
        return None
    content: Schema = {}
    for media_type in documentation.body_media_types:
        if media_type == MULTIPART:
            form = _form(references[model], _example(model))
            content[media_type] = _or_mime(form) if documentation.body_may_be_mime else form
        else:
            content[media_type] = {"schema": references[model], "example": _example(model)}
    return {"required": not documentation.body_may_be_missing, "content": content}


def _form(message: Schema, example: Any) -> Schema:
    """Return the form of messages with files, as the official SDKs send it."""
    return {
        "schema": {
            "type": "object",
            "required": ["message"],
            "properties": {
                "message": message,
                "file0": {
                    "type": "string",
                    "format": "binary",
                    "description": (
                        "A file: `file0`, `file1`, … A part of any other name is a file shown "
                        "inside the HTML, and its name is the content id."
                    ),
                },
            },
        },
        "encoding": {"message": {"contentType": "application/json"}},
        "example": {"message": example, "file0": "%PDF-1.7"},
    }


def _or_mime(form: Schema) -> Schema:
    """Return a form that may hold a whole message instead, as the official SDK sends it."""
    mime = {
        "type": "object",
        "required": ["mime"],
        "properties": {
            "mime": {
                "type": "string",
                "format": "binary",
                "description": "With `type=mime`: the whole message (RFC 5322), and no other part.",
            }
        },
    }
    return {
        "schema": {"anyOf": [form["schema"], mime]},
        "encoding": {**form["encoding"], "mime": {"contentType": "message/rfc822"}},
        "example": form["example"],
    }


def _answers(route: Route, references: Mapping[type[BaseModel], Schema]) -> Schema:
    found: Schema = {}
    for answer in route.documentation.answers:
        shown = {
            "description": answer.about,
            "headers": {
                "X-Request-Id": {"$ref": "#/components/headers/RequestId"},
                **{name: HEADERS[name] for name in answer.headers},
            },
            **_optional("content", _content(answer, references)),
        }
        earlier = found.setdefault(str(answer.status), shown)
        if earlier is not shown:
            _add(earlier, shown)
    return found


def _add(earlier: Schema, shown: Schema) -> None:
    """Let an answer be either of two with the same status."""
    earlier["description"] += f" {shown['description']}"
    for media_type, content in shown["content"].items():
        known = earlier.setdefault("content", {}).setdefault(media_type, content)
        if known is not content:
            known["schema"] = {"anyOf": [known["schema"], content["schema"]]}
            first, second = known.pop("example"), content["example"]
            known["examples"] = {"one": {"value": first}, "other": {"value": second}}


def _content(answer: Answer, references: Mapping[type[BaseModel], Schema]) -> Schema | None:
    if not answer.media_type:
        return None
    if answer.media_type == "text/html":
        return {answer.media_type: {"schema": {"type": "string"}}}
    if answer.media_type != "application/json":
        return {answer.media_type: {"schema": {"type": "string", "format": "binary"}}}
    if answer.envelope is Envelope.FLAT:
        assert answer.model
        schema, example = references[answer.model], _example(answer.model)
    else:
        schema, example = _enveloped(answer, references)
    return {answer.media_type: {"schema": schema, "example": example}}


def _enveloped(
    answer: Answer, references: Mapping[type[BaseModel], Schema]
) -> tuple[Schema, Schema]:
    properties: Schema = {"request_id": {"type": "string"}}
    example: Schema = {"request_id": _REQUEST_ID["examples"][0]}
    for name in answer.beside:
        properties[name] = {"type": "string"}
        example[name] = PARAMETERS[name].example
    if answer.model is not None:
        one, shown = references[answer.model], _example(answer.model)
        is_list = answer.envelope is not Envelope.ITEM
        properties["data"] = {"type": "array", "items": one} if is_list else one
        example["data"] = [shown] if is_list else shown
    required = list(properties)
    if answer.envelope is Envelope.LISTING:
        properties["next_cursor"] = {
            "type": "string",
            "description": "The `page_token` of the next page; the last page has none.",
        }
    if answer.envelope is Envelope.OFFSET_LISTING:
        properties |= {name: {"type": "integer"} for name in ("limit", "offset")}
        example |= {"limit": 10, "offset": 0}
        required += ["limit", "offset"]
    return {"type": "object", "required": required, "properties": properties}, example


def _errors(route: Route) -> Schema:
    """Return how a route answers when something is wrong, in the shape of its function."""
    statuses = {413, 429, 500, 503, 504}
    if any(route.queries) or route.documentation.body or "{" in route.path:
        statuses.add(400)
    if route.app.admit is not None or route.app.render_error is oauth_error:
        statuses.add(401)
    if route.app.admit is not None:
        statuses.add(403)
    if "{" in route.path:
        statuses.add(404)
    if route.method != "get" and route.app.admit is not None:
        statuses.add(409)
    if route.documentation.body:
        statuses.add(415)
    if route.app.render_error in {contract_error, error_of_path}:
        return errors.contract_errors(sorted(statuses))
    if route.app.render_error is oauth_error:
        return errors.oauth_errors(sorted(statuses))
    is_for_both = route.app.render_error is error_page_for_browsers
    return errors.pages(sorted(statuses), or_shape=is_for_both)


def _sorted_paths(paths: Schema) -> Schema:
    return {
        path: {method: paths[path][method] for method in _METHODS if method in paths[path]}
        for path in sorted(paths, key=_place)
    }


def _place(path: str) -> tuple[int, str]:
    """Sort by the subjects' order."""
    tags = [tag.name for tag in TAGS]
    return tags.index(_tag(path)), path
