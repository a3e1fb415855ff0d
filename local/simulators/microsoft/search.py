"""`$search`: Outlook's keyword query language, as far as programs use it.

https://learn.microsoft.com/en-us/graph/search-query-parameter#using-search-on-message-collections
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from local.simulators.microsoft.content import Person
from local.simulators.microsoft.errors import invalid
from local.simulators.microsoft.stored_message import StoredMessage

Test = Callable[[StoredMessage], bool]
_TERM: Final = re.compile(r'(-|NOT\s+)?(?:(\w+)\s*(:|>=|<=|=|>|<)\s*)?("[^"]*"|[^\s"()]+)')


class Search:
    """A compiled search: terms are all needed, `OR` separates alternatives."""

    def __init__(self, text: str) -> None:
        """Compile; raises a 400 GraphError."""
        text = text.strip()
        if text.startswith('"') and text.endswith('"') and len(text) > 1:
            text = text[1:-1].replace('\\"', '"')
        if not text.strip():
            raise invalid("The query parameter '$search' is empty.")
        self._alternatives = [_terms(part) for part in re.split(r"\s+OR\s+", text)]

    def matches(self, message: StoredMessage) -> bool:
        """Return whether a message fulfils all terms of one alternative."""
        return any(all(test(message) for test in tests) for tests in self._alternatives)


def _terms(text: str) -> list[Test]:
    tests = []
    for negated, name, operator, value in _TERM.findall(text):
        if value in {"AND", "OR", "NOT"} and not name:
            continue
        test = _test(name.lower(), operator, value.strip('"'))
        tests.append(_negation(test) if negated else test)
    return tests


def _test(name: str, operator: str, value: str) -> Test:
    wanted = value.casefold().rstrip("*")
    if name in {"received", "sent"}:
        return _dated(operator, value)
    if name in {"hasattachment", "hasattachments"}:
        return lambda m: m.content.has_attachments == (wanted == "true")
    if name in {"isread", "read"}:
        return lambda m: m.is_read == (wanted == "true")
    if name == "isflagged":
        return lambda m: m.is_flagged == (wanted == "true")
    if name == "importance":
        return lambda m: m.importance == wanted
    if name in {"category", "categories"}:
        return lambda m: any(wanted == each.casefold() for each in m.categories)
    if name == "attachment":
        return lambda m: any(wanted in each.name.casefold() for each in m.content.attachments)
    readers = _READERS.get(name)
    if readers is not None:
        return lambda m: any(wanted in reader(m) for reader in readers)
    phrase = f"{name}{operator}{wanted}" if name else wanted
    return lambda m: any(phrase in reader(m) for reader in _EVERYWHERE)


def _people(people: Iterable[Person]) -> str:
    return " ".join(f"{person.name} {person.address}" for person in people).casefold()


def _from(message: StoredMessage) -> str:
    content = message.content
    return _people(person for person in (content.author, content.sender) if person)


def _to(message: StoredMessage) -> str:
    return _people(message.content.to)


def _cc(message: StoredMessage) -> str:
    return _people(message.content.cc)


def _bcc(message: StoredMessage) -> str:
    return _people(message.content.bcc)


def _subject(message: StoredMessage) -> str:
    return message.content.subject.casefold()


def _body(message: StoredMessage) -> str:
    return " ".join(message.content.plain_text.casefold().split())


_RECIPIENTS: Final = (_to, _cc, _bcc)
_READERS: Final = {
    "from": (_from,),
    "to": (_to,),
    "cc": (_cc,),
    "bcc": (_bcc,),
    "recipients": _RECIPIENTS,
    "participants": (_from, *_RECIPIENTS),
    "subject": (_subject,),
    "body": (_body,),
}
_EVERYWHERE: Final = (_subject, _from, *_RECIPIENTS, _body)


def _dated(operator: str, value: str) -> Test:
    """Compare the time received, by days in UTC as the simulator's mailboxes are there."""
    first, _, last = value.partition("..")
    begin = _day(first)
    end = (_day(last) if last else begin) + timedelta(days=1)
    begin_ms, end_ms = int(begin.timestamp() * 1000), int(end.timestamp() * 1000)
    tests: dict[str, Test] = {
        ">=": lambda m: m.received_ms >= begin_ms,
        ">": lambda m: m.received_ms >= end_ms,
        "<": lambda m: m.received_ms < begin_ms,
        "<=": lambda m: m.received_ms < end_ms,
    }
    return tests.get(operator, lambda m: begin_ms <= m.received_ms < end_ms)


def _day(text: str) -> datetime:
    for form in ("%Y-%m-%d", "%m/%d/%Y"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise invalid(f"Syntax error: '{text}' is no date.")


def _negation(test: Test) -> Test:
    return lambda message: not test(message)
