"""The search box's language, as far as programs use it.

https://support.google.com/mail/answer/7190
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from local.simulators import mime
from local.simulators.google.labels import LABEL_OF_ROLE
from local.simulators.google.mailbox import Mailbox, StoredMessage

Test = Callable[[StoredMessage], bool]
_TERM = re.compile(r'(-?)(?:(\w+):)?("[^"]*"|\([^)]*\)|\S+)')
_PACIFIC = timezone(timedelta(hours=-8))
_FLAGS = {"unread": "UNREAD", "starred": "STARRED", "important": "IMPORTANT"}


class Query:
    """A compiled search; `everywhere` says that spam and trash are included."""

    def __init__(self, text: str, mailbox: Mailbox) -> None:
        self.everywhere = False
        self.internet_message_id: str | None = None
        """The Message-ID that all results must have, when the search names one."""
        self._mailbox = mailbox
        self._tests: list[Test] = []
        for negated, operator, value in _TERM.findall(text):
            test = self._test(operator.lower(), value.strip('"()'))
            self._tests.append(_negation(test) if negated else test)

    def matches(self, message: StoredMessage) -> bool:
        """Return whether a message fulfils all terms."""
        return all(test(message) for test in self._tests)

    def _test(self, operator: str, value: str) -> Test:
        if operator in {"in", "label"}:
            return self._in(value)
        if operator == "is":
            return self._is(value.lower())
        if operator in {"before", "after", "older", "newer"}:
            return _dated(operator, value)
        if operator == "rfc822msgid":
            self.internet_message_id = f"<{value.strip('<>')}>"
            return lambda message: self.internet_message_id in message.internet_message_ids
        if operator in {"from", "to", "cc", "bcc", "subject"}:
            names = ("To", "Cc", "Bcc") if operator == "to" else (operator,)
            return lambda message: value.casefold() in _header_text(message, names)
        if operator == "has" and value == "attachment":
            return lambda message: any(
                part.is_attachment for part in mime.parse(message.raw).walk()
            )
        phrase = f"{operator}:{value}" if operator else value
        return lambda message: phrase.casefold() in _all_text(message)

    def _in(self, value: str) -> Test:
        name = value.lower()
        if name == "anywhere":
            self.everywhere = True
            return lambda _message: True
        if name in {"trash", "spam", "junk"}:
            self.everywhere = True
        label_id = LABEL_OF_ROLE.get(name.rstrip("s") if name == "drafts" else name)
        if name in {"draft", "drafts"}:
            label_id = "DRAFT"
        if label_id is None:
            wanted = name.replace("-", " ")
            label_id = next(
                (
                    label.id
                    for label in self._mailbox.labels.values()
                    if wanted in {label.name.lower().replace("-", " "), label.id.lower()}
                ),
                "",
            )
        return lambda message: label_id in message.label_ids

    @staticmethod
    def _is(value: str) -> Test:
        if value == "read":
            return lambda message: "UNREAD" not in message.label_ids
        flag = _FLAGS.get(value, "")
        return lambda message: flag in message.label_ids


def _negation(test: Test) -> Test:
    return lambda message: not test(message)


def _dated(operator: str, value: str) -> Test:
    if value.isdigit() and len(value) > 6:
        limit_ms = int(value) * 1000
    else:
        try:
            numbers = [int(number) for number in re.split(r"[/-]", value)]
            limit_ms = int(datetime(*numbers, tzinfo=_PACIFIC).timestamp() * 1000)  # type: ignore[misc, arg-type]
        except (ValueError, TypeError):
            return lambda _message: False
    if operator in {"before", "older"}:
        return lambda message: message.internal_date_ms < limit_ms
    return lambda message: message.internal_date_ms >= limit_ms


def _header_text(message: StoredMessage, names: tuple[str, ...]) -> str:
    wanted = {name.lower() for name in names}
    headers, _ = mime.split_headers(message.raw)
    values = [mime.decode_words(value) for name, value in headers if name.lower() in wanted]
    return " ".join(values).casefold()


def _all_text(message: StoredMessage) -> str:
    headers = _header_text(message, ("From", "To", "Cc", "Subject"))
    return f"{headers} {mime.readable_text(mime.parse(message.raw)).casefold()}"
