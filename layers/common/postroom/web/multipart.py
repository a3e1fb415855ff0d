"""Messages with large attachments, as the official SDKs send them: multipart/form-data.

    part `message`    the JSON of the message; one SDK gives it `filename=""` and a Content-Type
    part `file<N>`    an attachment
    any other part    an attachment shown inside the HTML: the part's name is its content id

Of a message that comes in MIME there is one part, `mime`, and nothing else.

RFC 7578; file names stand in it as raw UTF-8.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from postroom.domain.errors import InvalidRequest
from postroom.web.bodies import raw_body

_PLAIN_FILE = re.compile(r"file\d*|attachment\d*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a form."""

    name: str
    filename: str = ""
    content_type: str = ""
    content: bytes = field(repr=False)

    @property
    def content_id(self) -> str:
        """What the HTML calls this file; empty for an ordinary attachment."""
        return "" if _PLAIN_FILE.fullmatch(self.name) else self.name


def message_form(
    event: APIGatewayProxyEventV2, *, named: Collection[str] = ("message",)
) -> tuple[str, Sequence[Part]]:
    """Return the message's JSON, in a part of one of these names, and the files.

    Raises InvalidRequest.
    """
    messages: list[Part] = []
    files: list[Part] = []
    for part in _parts(event):
        (messages if part.name in named else files).append(part)
    if len(messages) != 1:
        raise InvalidRequest("The form needs one part of this name.", field="message")
    try:
        return messages[0].content.decode(), files
    except UnicodeDecodeError:
        raise InvalidRequest("This part is not UTF-8.", field="message") from None


def mime_form(event: APIGatewayProxyEventV2) -> bytes:
    """Return the message of a form that has it in MIME. Raises InvalidRequest."""
    parts = _parts(event)
    if [part.name for part in parts] != ["mime"]:
        raise InvalidRequest("The form needs one part of this name, and no other.", field="mime")
    return parts[0].content


def _parts(event: APIGatewayProxyEventV2) -> Sequence[Part]:
    _, options = parse_options_header(event.headers.get("content-type"))
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise InvalidRequest("The multipart Content-Type names no boundary.", field="body")
    collector = _Collector()
    try:
        # The constructor refuses boundaries of more than 256 characters.
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": collector.begin,
                "on_part_data": collector.add_content,
                "on_part_end": collector.end,
                "on_header_field": collector.add_header_name,
                "on_header_value": collector.add_header_value,
                "on_header_end": collector.end_header,
                "on_end": collector.end_all,
            },
        )
        parser.write(raw_body(event))
        parser.finalize()
    except FormParserError:
        raise InvalidRequest("The form is not valid multipart/form-data.", field="body") from None
    if not collector.is_complete:
        raise InvalidRequest("The form ends before its last boundary.", field="body")
    return collector.parts


class _Collector:
    """Puts the parser's pieces together."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.is_complete = False
        self._headers: dict[str, str] = {}
        self._content = bytearray()
        self._header_name = bytearray()
        self._header_value = bytearray()

    def begin(self) -> None:
        self._headers = {}
        self._content = bytearray()

    def add_content(self, data: bytes, start: int, end: int) -> None:
        self._content += data[start:end]

    def add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def end_header(self) -> None:
        # latin-1 keeps every byte until the parameters are apart.
        name = self._header_name.decode("latin-1").lower()
        self._headers[name] = self._header_value.decode("latin-1")
        self._header_name, self._header_value = bytearray(), bytearray()

    def end(self) -> None:
        _, options = parse_options_header(self._headers.get("content-disposition"))
        try:
            name = options.get(b"name", b"").decode()
            filename = options.get(b"filename", b"").decode()
        except UnicodeDecodeError:
            raise InvalidRequest("A part's name is not UTF-8.", field="body") from None
        if not name:
            raise InvalidRequest("A part of the form has no name.", field="body")
        content_type = self._headers.get("content-type", "")
        self.parts.append(
            Part(
                name=name,
                filename=filename,
                content_type=content_type,
                content=bytes(self._content),
            )
        )

    def end_all(self) -> None:
        self.is_complete = True
