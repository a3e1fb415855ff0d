"""`$select`, `$filter` and `$orderby`, as far as Outlook's messages take them.

https://learn.microsoft.com/en-us/graph/query-parameters
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from local.simulators.microsoft.errors import GraphError, invalid
from local.simulators.microsoft.mailbox import Mailbox
from local.simulators.microsoft.stored_message import StoredMessage

Test = Callable[[StoredMessage], bool]
_TOKEN = re.compile(
    r"\s*('(?:[^']|'')*'|\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?|[\w/.@-]+|[(),:])"
)
_BOOLEANS = {"true": True, "false": False}
_WORDS = {"eq", "ne", "gt", "ge", "lt", "le"}


def _seconds(milliseconds: int) -> int:
    return milliseconds // 1000


_FIELDS: Final[dict[str, Callable[[StoredMessage], Any]]] = {
    "isRead": lambda m: m.is_read,
    "isDraft": lambda m: m.is_draft,
    "hasAttachments": lambda m: m.content.has_attachments,
    "receivedDateTime": lambda m: _seconds(m.received_ms),
    "sentDateTime": lambda m: _seconds(m.content.sent_ms or m.received_ms),
    "createdDateTime": lambda m: _seconds(m.created_ms),
    "lastModifiedDateTime": lambda m: _seconds(m.modified_ms),
    "internetMessageId": lambda m: m.internet_message_id,
    "conversationId": lambda m: m.conversation_id,
    "parentFolderId": lambda m: m.folder_id,
    "subject": lambda m: m.content.subject,
    "importance": lambda m: m.importance,
    "inferenceClassification": lambda m: m.inference_classification,
    "flag/flagStatus": lambda m: m.flag["flagStatus"],
    "from/emailAddress/address": lambda m: m.content.author.address if m.content.author else "",
    "from/emailAddress/name": lambda m: m.content.author.name if m.content.author else "",
    "sender/emailAddress/address": lambda m: m.content.sender.address if m.content.sender else "",
}
_LISTS: Final[dict[str, Callable[[StoredMessage], list[str]]]] = {
    "categories": lambda m: m.categories,
}
_TIMES: Final = {name for name in _FIELDS if name.endswith("DateTime")}


def selection(text: str | None, known: Collection[str], type_name: str) -> list[str] | None:
    """Return the properties a `$select` names, or None for all; raises a 400 GraphError."""
    if not text:
        return None
    by_lower = {name.lower(): name for name in known}
    selected = []
    for name in (part.strip() for part in text.split(",")):
        if name.lower() not in by_lower:
            raise no_property(name, type_name)
        selected.append(by_lower[name.lower()])
    return list(dict.fromkeys(selected))


def no_property(name: str, type_name: str) -> GraphError:
    """Return the error for a property that a type does not have."""
    message = f"Could not find a property named '{name}' on type 'microsoft.graph.{type_name}'."
    return GraphError(400, "RequestBroker--ParseUri", message)


def ordering(text: str | None) -> tuple[str, bool]:
    """Return the property of an `$orderby`, and whether it descends; newest first when absent.

    Raises a 400 GraphError.
    """
    name, _, direction = (text or "receivedDateTime desc").strip().partition(" ")
    if name not in _FIELDS or direction.strip().lower() not in {"", "asc", "desc"}:
        raise invalid(f"Invalid value '{text}' for $orderby query option found.")
    return name, direction.strip().lower() == "desc"


def sort_key(name: str) -> Callable[[StoredMessage], Any]:
    """Return what messages are sorted by."""
    getter = _FIELDS[name]
    return lambda message: (getter(message), message.number)


class Filter:
    """A compiled `$filter`."""

    def __init__(self, text: str) -> None:
        """Compile; raises a 400 GraphError."""
        self.properties: list[str] = []
        """What it compares, in order."""
        self.required: dict[str, str] = {}
        """Texts that properties must equal for anything to match."""
        self._tokens = _tokens(text)
        self._position = 0
        self._alternatives = 0
        self._test = self._any_of()
        if self._position < len(self._tokens):
            raise self._wrong()
        if self._alternatives:
            self.required.clear()

    def matches(self, message: StoredMessage) -> bool:
        """Return whether a message fulfils it."""
        return self._test(message)

    def check_order(self, orderby: str) -> None:
        """Refuse an order that the filter does not begin with: a 400 GraphError.

        https://learn.microsoft.com/en-us/graph/api/user-list-messages#using-filter-and-orderby-in-the-same-query
        """
        wanted = [part.split()[0] for part in orderby.split(",") if part.split()]
        if list(dict.fromkeys(self.properties))[: len(wanted)] != wanted:
            raise GraphError(
                400,
                "InefficientFilter",
                "The restriction or sort order is too complex for this operation.",
            )

    def _any_of(self) -> Test:
        tests = [self._all_of()]
        while self._take("or"):
            self._alternatives += 1
            tests.append(self._all_of())
        return tests[0] if len(tests) == 1 else lambda m: any(test(m) for test in tests)

    def _all_of(self) -> Test:
        tests = [self._one()]
        while self._take("and"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda m: all(test(m) for test in tests)

    def _one(self) -> Test:
        if self._take("not"):
            self._alternatives += 1
            inner = self._one()
            return lambda m: not inner(m)
        if self._take("("):
            inner = self._any_of()
            self._expect(")")
            return inner
        name = self._next()
        if name in {"contains", "startswith", "endswith"}:
            return self._function(name)
        if name.endswith("/any"):
            return self._any(name.removesuffix("/any"))
        return self._comparison(name)

    def _function(self, function: str) -> Test:
        self._expect("(")
        name = self._property(self._next())
        self._expect(",")
        value = self._text().casefold()
        self._expect(")")
        getter = _FIELDS[name]
        if function == "contains":
            return lambda m: value in str(getter(m)).casefold()
        if function == "startswith":
            return lambda m: str(getter(m)).casefold().startswith(value)
        return lambda m: str(getter(m)).casefold().endswith(value)

    def _any(self, name: str) -> Test:
        if name not in _LISTS:
            raise invalid(f"Could not find a property named '{name}'.")
        self.properties.append(name)
        self._expect("(")
        variable = self._next()
        self._expect(":")
        self._expect(variable)
        self._expect("eq")
        value = self._text()
        self._expect(")")
        return lambda m: value in _LISTS[name](m)

    def _comparison(self, text: str) -> Test:
        name = self._property(text)
        operator = self._next()
        value = self._value(name)
        if operator not in _WORDS or (isinstance(value, bool) and operator not in {"eq", "ne"}):
            raise self._wrong()
        getter = _FIELDS[name]
        if operator == "eq" and isinstance(value, str):
            self.required[name] = value
        if isinstance(value, str):
            wanted, getter = value.casefold(), lambda m: str(_FIELDS[name](m)).casefold()
            if name in {"conversationId", "parentFolderId"}:
                wanted, getter = value, _FIELDS[name]
            return _compare(operator, getter, wanted)
        return _compare(operator, getter, value)

    def _property(self, text: str) -> str:
        if text not in _FIELDS:
            raise no_property(text, "message")
        self.properties.append(text)
        return text

    def _value(self, name: str) -> Any:
        literal = self._next()
        if name in _TIMES:
            return _time(literal)
        if literal in _BOOLEANS:
            return _BOOLEANS[literal]
        return self._unquoted(literal)

    def _text(self) -> str:
        return self._unquoted(self._next())

    def _unquoted(self, literal: str) -> str:
        if not literal.startswith("'"):
            raise self._wrong()
        return literal[1:-1].replace("''", "'")

    def _take(self, word: str) -> bool:
        if self._position < len(self._tokens) and self._tokens[self._position] == word:
            self._position += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise self._wrong()

    def _next(self) -> str:
        if self._position >= len(self._tokens):
            raise self._wrong()
        self._position += 1
        return self._tokens[self._position - 1]

    def _wrong(self) -> GraphError:
        return GraphError(400, "BadRequest", "Invalid filter clause")


def candidates(
    mailbox: Mailbox, wanted: Filter | None, everything: Iterable[StoredMessage]
) -> Iterable[StoredMessage]:
    """Return a short list of what can match, where an index gives one, else everything."""
    if wanted is not None and "internetMessageId" in wanted.required:
        return mailbox.with_internet_message_id(wanted.required["internetMessageId"])
    if wanted is not None and "conversationId" in wanted.required:
        return mailbox.in_conversation(wanted.required["conversationId"])
    return everything


def received_from(text: str) -> int:
    """Return the earliest time received (ms) that a delta's `$filter` lets in.

    Nothing but `receivedDateTime ge` and `gt` is offered there; raises a 400 GraphError.
    """
    tokens = _tokens(text)
    if len(tokens) != 3 or tokens[0] != "receivedDateTime" or tokens[1] not in {"ge", "gt"}:
        raise GraphError(
            400,
            "ErrorInvalidUrlQueryFilter",
            "The query filter contains one or more invalid nodes.",
        )
    return (_time(tokens[2]) + (tokens[1] == "gt")) * 1000


def _tokens(text: str) -> list[str]:
    def cut() -> Iterator[str]:
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise invalid(f"Syntax error at position {position} in '{text}'.")
            yield match[1]
            position = match.end()

    return list(cut())


def _time(token: str) -> int:
    try:
        when = datetime.fromisoformat(token)
    except ValueError:
        raise invalid(f"Unrecognized 'Edm.DateTimeOffset' literal '{token}'.") from None
    return int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp())


def _compare(operator: str, getter: Callable[[StoredMessage], Any], value: Any) -> Test:
    comparisons: dict[str, Test] = {
        "eq": lambda m: bool(getter(m) == value),
        "ne": lambda m: bool(getter(m) != value),
        "gt": lambda m: bool(getter(m) > value),
        "ge": lambda m: bool(getter(m) >= value),
        "lt": lambda m: bool(getter(m) < value),
        "le": lambda m: bool(getter(m) <= value),
    }
    return comparisons[operator]
