"""Kinds of values that several subjects share, with their limits."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from postroom.domain.account import ProviderName

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOTHING = frozenset({"", "None", "undefined", "null"})


class Input(BaseModel):
    """A part of a request. What is unknown in a query or an OAuth request is ignored (RFC 6749)."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Body(Input):
    """A part of a body. An unknown field is refused: misspelt, it would not do what was meant."""

    model_config = ConfigDict(extra="forbid")


class Query(Input):
    """A query. What an SDK writes there for nothing (`None`, `undefined`) asks for nothing."""

    @model_validator(mode="before")
    @classmethod
    def _leave_nothing_out(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {name: value for name, value in values.items() if not _is_nothing(value)}


class Output(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


def wire(data: BaseModel | Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema as JSON values under its wire names; what is None is left out."""
    if isinstance(data, BaseModel):
        return data.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dict(data)


@dataclass(frozen=True, slots=True)
class Unserved:
    """Marks a field of the contract that Postroom has not, and says what to do without it.

    It is refused once it asks for something, since ignoring it would lose that; the documents of
    the API list it apart.
    """

    sentence: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Refuse in our sentence, where the field stands."""

        def refuse(value: Any) -> Any:
            if _is_meant(value):
                raise ValueError(self.sentence)
            return None

        return core_schema.no_info_after_validator_function(refuse, handler(source))


def unserved(model: type[BaseModel]) -> Mapping[str, Unserved]:
    """Return what a model refuses, by its names on the wire."""
    return {
        field.alias or name: mark
        for name, field in model.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, Unserved)
    }


def _is_meant(value: Any) -> bool:
    """Whether a value asks for something: `{"opens": false}` does not."""
    if isinstance(value, Mapping):
        return any(_is_meant(each) for each in value.values())
    return bool(value)


def _is_nothing(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(isinstance(each, str) and each.strip() in _NOTHING for each in values)


def _snake_case(value: Any) -> Any:
    """One official SDK has its callers write names as its own models do: `createdAt`."""
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", value).lower() if isinstance(value, str) else value


def _without_blanks(values: list[str]) -> list[str]:
    return [value.strip() for value in values if value.strip()]


def _without_line_breaks(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("Line breaks and control characters are not allowed")
    return text


def _without_control_characters(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise ValueError("Line breaks and control characters are not allowed")
    return text


@dataclass(frozen=True, slots=True)
class Spelled:
    """Refuses a text that is not spelled like this, in words instead of the pattern."""

    pattern: str
    words: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Check after all that stands before it in the type."""
        shape = re.compile(self.pattern)

        def check(text: str) -> str:
            if not shape.fullmatch(text):
                raise ValueError(self.words)
            return text

        return core_schema.no_info_after_validator_function(check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Tell the readers of the API's document."""
        return {**handler(schema), "pattern": f"^({self.pattern})$"}


def _refuse_lookalikes(value: Any) -> Any:
    if isinstance(value, str | bool):
        raise ValueError("Send a whole number")  # noqa: TRY004 - pydantic wants a ValueError
    return value


def spelled(pattern: str, words: str) -> Spelled:
    """Refuse a text that is not spelled like this, in words instead of the pattern."""
    return Spelled(pattern, words)


def _web_address(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError("Give an http or https address") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("Give an http or https address")
    return text


def unix_seconds(time: datetime) -> int:
    """Return a time as the wire has it."""
    return int(time.timestamp())


NamedProvider = Annotated[
    str, WithJsonSchema({"type": "string", "enum": [str(name) for name in ProviderName]})
]
"""Read by `known_provider`, which names those that there are."""

PageToken = Annotated[str, StringConstraints(max_length=2000)] | None
Names = Annotated[list[str], AfterValidator(_without_blanks), Field(max_length=200)]
"""A list in a query: repeated, or joined by commas."""

SortBy = Annotated[Literal["created_at", "updated_at"], BeforeValidator(_snake_case)]
PageLimit = Annotated[int, Field(ge=1, le=200)]
Flag = Annotated[bool, Field(strict=True)]
"""`true` or `false` in a body; queries have spellings of their own."""

FlagOrNull = Annotated[Flag, WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "null"}]})]
"""A flag whose model takes null for its default."""

WholeNumber = Annotated[int, BeforeValidator(_refuse_lookalikes)]
"""A number of a body; `5.0` is one in JSON Schema, and `"5"` and `true` are not."""

ONE_LINE = AfterValidator(_without_line_breaks)
"""After a length: a text that pydantic has measured has no half characters in it."""

Line = Annotated[str, StringConstraints(max_length=998), ONE_LINE]
"""Text of one header line (RFC 5322 section 2.1.1)."""

Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_without_line_breaks),
]
ShortName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=255),
    AfterValidator(_without_control_characters),
]
"""Of a folder or a category: the most that any provider takes is 255 characters."""

WebAddress = Annotated[
    str,
    StringConstraints(max_length=2048),
    AfterValidator(_web_address),
    Field(json_schema_extra={"pattern": "^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/.*)?$"}),
]

_LAST_SECOND = 253_402_300_799  # the end of the year 9999, and of Python's time


def _time(value: Any) -> datetime:
    try:
        seconds = int(value)
    except (OverflowError, TypeError, ValueError):
        raise ValueError("Give a time in Unix seconds") from None
    if not 0 <= seconds <= _LAST_SECOND:
        raise ValueError("Give a time in Unix seconds")
    return datetime.fromtimestamp(seconds, tz=UTC)


UnixTime = Annotated[
    datetime,
    BeforeValidator(_time),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": _LAST_SECOND}),
]
"""Unix seconds in a query, an aware time inside."""


def _whole(value: Any) -> Any:
    if not isinstance(value, int | float) or isinstance(value, bool) or value % 1:
        raise ValueError("Give a time in Unix seconds")
    return value


UnixTimeNumber = Annotated[UnixTime, BeforeValidator(_whole)]
"""The same in a body, where it is a number."""
