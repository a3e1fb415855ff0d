"""Kinds of values that several subjects share, with their limits."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Input(BaseModel):
    """A part of a request. Unknown fields are ignored: SDKs are newer and older than we are."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)


class Output(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


def wire(data: BaseModel | Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema as JSON values under its wire names; what is None is left out."""
    if isinstance(data, BaseModel):
        return data.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dict(data)


def _absent(value: Any) -> Any:
    """SDKs write a missing page token as their language's word for nothing."""
    return None if value in ("", "None", "undefined", "null") else value


def _without_blanks(values: list[str]) -> list[str]:
    return [value.strip() for value in values if value.strip()]


def _without_line_breaks(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("Line breaks and control characters are not allowed")
    return text


def spelled(pattern: str, words: str) -> AfterValidator:
    """Refuse a text that is not spelled like this, in words instead of the pattern."""
    shape = re.compile(pattern)

    def check(text: str) -> str:
        if not shape.fullmatch(text):
            raise ValueError(words)
        return text

    return AfterValidator(check)


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


PageToken = Annotated[
    Annotated[str, StringConstraints(max_length=2000)] | None, BeforeValidator(_absent)
]
Unserved = Annotated[str | None, BeforeValidator(_absent)]
"""A parameter of the contract that is refused once it asks for something."""

Names = Annotated[list[str], AfterValidator(_without_blanks), Field(max_length=200)]
"""A list in a query: repeated, or joined by commas."""

PageLimit = Annotated[int, Field(ge=1, le=200)]
Line = Annotated[str, StringConstraints(max_length=998), AfterValidator(_without_line_breaks)]
"""Text of one header line (RFC 5322 section 2.1.1)."""

Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_without_line_breaks),
]
WebAddress = Annotated[str, StringConstraints(max_length=2048), AfterValidator(_web_address)]

_LAST_SECOND = 253_402_300_799  # the end of the year 9999, and of Python's time


def _time(value: Any) -> datetime:
    try:
        seconds = int(value)
    except (TypeError, ValueError):
        raise ValueError("Give a time in Unix seconds") from None
    if not 0 <= seconds <= _LAST_SECOND:
        raise ValueError("Give a time in Unix seconds")
    return datetime.fromtimestamp(seconds, tz=UTC)


UnixTime = Annotated[datetime, BeforeValidator(_time), Field(json_schema_extra={"type": "integer"})]
"""Unix seconds on the wire, an aware time inside."""
