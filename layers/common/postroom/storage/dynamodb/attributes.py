"""Between Python values and DynamoDB's typed attributes.

boto3's own serializer is not used: it answers numbers as `Decimal` and bytes as `Binary`, and lets
a lone surrogate through, which DynamoDB refuses for the whole row. Mail contains such things, and
nothing that stands in a mail may make a put fail: half characters become U+FFFD, NUL is dropped.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]
"""Strings, whole numbers, booleans, None, bytes, lists, dicts and frozensets of strings."""


def to_attribute(value: Any) -> dict[str, Any]:
    """Write a value as DynamoDB has it. Raises TypeError for a type that no row may have."""
    match value:
        case str():
            return {"S": cleaned(value)}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case None:
            return {"NULL": True}
        case bytes():
            return {"B": value}
        case list() | tuple():
            return {"L": [to_attribute(each) for each in value]}
        case dict():
            return {"M": to_item(value)}
        case frozenset():
            return {"SS": sorted(cleaned(each) for each in value)}
    raise TypeError(f"a row cannot hold a {type(value).__name__}")


def from_attribute(attribute: Mapping[str, Any]) -> Any:
    """Read a value as DynamoDB has it."""
    [(kind, value)] = attribute.items()
    match kind:
        case "N":
            return int(value)
        case "NULL":
            return None
        case "L":
            return [from_attribute(each) for each in value]
        case "M":
            return from_item(value)
        case "SS":
            return frozenset(value)
    return value


def to_item(row: Mapping[str, Any]) -> dict[str, Any]:
    """Write a row as an item."""
    return {name: to_attribute(value) for name, value in row.items()}


def from_item(item: Mapping[str, Any]) -> Row:
    """Read an item as a row."""
    return {name: from_attribute(attribute) for name, attribute in item.items()}


def cleaned(text: str) -> str:
    """Make a string one that DynamoDB takes."""
    if text.isascii():
        return text.replace("\0", "")
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def to_text(at: datetime) -> str:
    """Write a time so that it keeps its microseconds and sorts as text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def from_text(text: str) -> datetime:
    """Read a time that `to_text` wrote."""
    return datetime.fromisoformat(text)


def to_milliseconds(at: datetime) -> int:
    """Write a time as a number, for the due index."""
    return round(at.timestamp() * 1000)


def to_ttl(at: datetime) -> int:
    """Write a time as DynamoDB's TTL wants it: in seconds, not before the time itself."""
    return int(at.timestamp()) + 1
