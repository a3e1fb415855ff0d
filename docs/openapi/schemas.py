"""What stands on the wire, as JSON Schema: made from the pydantic models, in our words."""

import ast
import inspect
import textwrap
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from docs.openapi.examples import EXAMPLES
from postroom.web.schemas.fields import unserved

Mode = Literal["validation", "serialization"]
Schema = dict[str, Any]

_REFERENCE = "#/components/schemas/{model}"
_KEPT_UNDER_SELECT = ("id", "grant_id", "object")


class _Generator(GenerateJsonSchema):
    """Pydantic's own, with the docstrings of fields and without what the wire does not have."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Describe a model: what is not served is left out, and each field says what it is."""
        shown = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        texts, refused = _field_docstrings(model), unserved(model)
        for name, field in model.model_fields.items():
            wire_names = (field.serialization_alias, field.alias, name)
            wire_name = next(each for each in wire_names if each)
            if wire_name in refused:
                shown["properties"].pop(wire_name, None)
            elif name in texts:
                shown["properties"][wire_name]["description"] = texts[name]
        if model.__name__ in EXAMPLES:
            shown["examples"] = [EXAMPLES[model.__name__]]
        shown.pop("title", None)
        return shown

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Answers leave out what is None."""
        if self.mode == "serialization":
            return self.generate_inner(schema["schema"])
        return super().nullable_schema(schema)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Say what stands for a missing value, unless that is nothing."""
        shown = super().default_schema(schema)
        if shown.get("default", ...) in (None, "", [], {}) or self.mode == "serialization":
            shown.pop("default", None)
        return shown

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,  # noqa: FBT001 - pydantic's own signature
    ) -> bool:
        """Whatever is not None is answered."""
        if self.mode != "serialization":
            return super().field_is_required(field, total)
        return not _may_be_none(field["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - for no field
        """Titles would only repeat the names."""
        return False


def components(
    bodies: Iterable[type[BaseModel]],
    answers: Iterable[type[BaseModel]],
    *,
    selectable: Iterable[type[BaseModel]],
) -> tuple[dict[str, Schema], Mapping[type[BaseModel], Schema]]:
    """Return the schemas of all models by their public names, and a reference to each model.

    Of `selectable` models an answer may hold only the fields that `select` names.
    """
    wanted: list[tuple[type[BaseModel], Mode]] = [
        *((model, "validation") for model in dict.fromkeys(bodies)),
        *((model, "serialization") for model in dict.fromkeys(answers)),
    ]
    references, document = models_json_schema(
        wanted, ref_template=_REFERENCE, schema_generator=_Generator
    )
    schemas = _public_names(document.get("$defs", {}))
    found = {model: _public(references[model, mode]) for model, mode in wanted}
    for model in selectable:
        schema = schemas[found[model]["$ref"].rpartition("/")[2]]
        schema["required"] = [name for name in _KEPT_UNDER_SELECT if name in schema["properties"]]
        schema["description"] += "\n\nWith `select`, only the fields that it names come, and these."
    return dict(sorted(schemas.items())), found


def parameters(query: type[BaseModel]) -> tuple[list[Schema], dict[str, Schema]]:
    """Return what a query may hold, and the schemas that it refers to."""
    schema = query.model_json_schema(ref_template=_REFERENCE, schema_generator=_Generator)
    required = schema.get("required", [])
    found = [
        _parameter(name, _public(value), required=name in required)
        for name, value in schema["properties"].items()
    ]
    for parameter in found:
        if not parameter["required"]:
            # Empty is nothing, too.
            parameter["schema"].pop("minLength", None)
            parameter["schema"] = {"anyOf": [parameter["schema"], {"type": "null"}]}
    return found, _public_names(schema.get("$defs", {}))


def _parameter(name: str, schema: Schema, *, required: bool) -> Schema:
    """Make a parameter: a query has no null, only parameters that are not there."""
    text = schema.pop("description", "")
    choices = [each for each in schema.pop("anyOf", []) if each != {"type": "null"}]
    shown = {**(choices[0] if len(choices) == 1 else {}), **schema}
    if len(choices) > 1:
        shown["anyOf"] = choices
    described = {"description": text} if text else {}
    return {"name": name, "in": "query", "required": required, **described, "schema": shown}


def _public(schema: Any) -> Any:
    """Rename the models that a schema refers to as readers see them: `FolderOut` is a `Folder`."""
    if isinstance(schema, dict):
        return {name: _public(each) for name, each in schema.items()}
    if isinstance(schema, list):
        return [_public(each) for each in schema]
    if isinstance(schema, str) and schema.startswith("#/components/schemas/"):
        return schema.removesuffix("Out")
    return schema


def _public_names(schemas: Mapping[str, Schema]) -> dict[str, Schema]:
    return {name.removesuffix("Out"): _public(schema) for name, schema in schemas.items()}


def _may_be_none(schema: Any) -> bool:
    kind = schema["type"]
    if kind == "nullable":
        return True
    return (
        "schema" in schema
        and kind in {"default", "function-before", "function-after"}
        and (_may_be_none(schema["schema"]))
    )


@cache
def _field_docstrings(model: type[BaseModel]) -> Mapping[str, str]:
    """Return the texts under the fields of a model and of what it inherits."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        if not issubclass(each, BaseModel) or each is BaseModel:
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        assert isinstance(definition, ast.ClassDef)
        for field, text in zip(definition.body, definition.body[1:], strict=False):
            match field, text:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(words))),
                ):
                    found[name] = inspect.cleandoc(words)
    return found
