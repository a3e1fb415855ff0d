"""A message that comes in MIME (RFC 5322, RFC 2045), to be sent as it was written.

Nothing of it is changed; it is read only to know whom it is from and whom it goes to. So it has to
mean the same to every reader: header lines end alike, each field that may stand once does so, and
nothing of a field could be taken for another one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.headerregistry import ContentTypeHeader
from email.policy import SMTP

from postroom.domain.errors import InvalidRequest
from postroom.domain.ids import InternetMessageId
from postroom.domain.message import Address

_LONGEST_HEADER_BYTES = 256 * 1024
"""Of all fields together: 500 recipients with the longest addresses, and a long thread."""

_LONGEST_LINE_BYTES = 998
"""RFC 5322, 2.1.1, the line end not counted."""

_FIELD = re.compile(rb"([!-9;-~]+):(.*)", re.DOTALL)
_WORDS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+"
_MESSAGE_ID = re.compile(rf"<{_WORDS}@(?:{_WORDS}|\[[A-Za-z0-9.:-]+\])>")
"""RFC 5322, 3.6.4, its dots anywhere, as mail programs put them; no quoted words. A provider is
asked for a mail by this id, among words that have a meaning in searches."""
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")

_SIGN = re.compile(r"\W")
_MOST_SIGNS = 10_000
"""Neither letters nor digits, in one field: twenty for each of 500 recipients."""

_ONCE = frozenset(
    {
        "bcc",
        "cc",
        "content-transfer-encoding",
        "content-type",
        "date",
        "from",
        "in-reply-to",
        "message-id",
        "mime-version",
        "references",
        "reply-to",
        "sender",
        "subject",
        "to",
    }
)
"""RFC 5322, 3.6, and RFC 2045: of two of these, readers take one or the other."""

_UNREADABLE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    RecursionError,
    HeaderParseError,
)
"""What the standard library raises on fields that make no sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenMime:
    """A message in its MIME form, and what its header says."""

    content: bytes = field(repr=False)
    line_end: bytes
    """Of its header: CRLF or LF."""
    from_: Address
    sender: Address | None = None
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    message_id: InternetMessageId = InternetMessageId("")
    """Empty when it has none."""

    def identified(self, message_id: InternetMessageId) -> bytes:
        """Return the message; one that has no Message-ID gets this one, in front of all else."""
        if self.message_id:
            return self.content
        return f"Message-ID: {message_id}".encode() + self.line_end + self.content


def read_written_mime(content: bytes) -> WrittenMime:
    """Read the header of a message. Raises InvalidRequest naming `mime`."""
    line_end = b"\r\n" if content.partition(b"\n")[0].endswith(b"\r") else b"\n"
    head, _, body = content.partition(line_end * 2)
    fields = dict(_fields(head.removesuffix(line_end), line_end))
    authors = _people(fields, "from")
    if len(authors) != 1:
        raise _refusal("Its From has to name one address.")
    senders = _people(fields, "sender")
    if len(senders) > 1:
        raise _refusal("Its Sender has to name one address.")
    message_id = fields.get("message-id")
    if message_id is not None and not _MESSAGE_ID.fullmatch(message_id):
        raise _refusal("Its Message-ID is none; leave it out, or write <unique@domain>.")
    _check_parts(fields, body)
    return WrittenMime(
        content=content,
        line_end=line_end,
        from_=authors[0],
        sender=senders[0] if senders else None,
        to=_people(fields, "to"),
        cc=_people(fields, "cc"),
        bcc=_people(fields, "bcc"),
        reply_to=_people(fields, "reply-to"),
        subject=_subject(fields),
        message_id=InternetMessageId(message_id or ""),
    )


def _fields(head: bytes, line_end: bytes) -> Iterator[tuple[str, str]]:
    """Return each field's name in lower case, and its value, unfolded and not decoded."""
    if len(head) > _LONGEST_HEADER_BYTES:
        raise _refusal(f"Its header has more than {_LONGEST_HEADER_BYTES:,} bytes.")
    lines = head.split(line_end)
    if any(b"\r" in line or b"\n" in line for line in lines):
        raise _refusal("The lines of its header do not end alike.")
    seen: set[str] = set()
    for lines_of_one in _grouped(lines):
        match = _FIELD.fullmatch(b"".join(lines_of_one))
        if match is None:
            raise _refusal("Its header has a line that is no field.")
        name = match[1].decode("ascii").lower()
        if name in seen & _ONCE:
            raise _refusal(f"Its header has the field {name} twice.")
        if name.startswith("resent-"):
            raise _refusal("Its header has Resent fields, which somebody who passes mail on adds.")
        seen.add(name)
        try:
            value = match[2].decode().strip(" \t")
        except UnicodeDecodeError:
            raise _refusal(f"Its field {name} is neither ASCII nor UTF-8.") from None
        if _CONTROL.search(value):
            raise _refusal(f"Its field {name} has control characters.")
        yield name, value


def _grouped(lines: list[bytes]) -> Iterator[list[bytes]]:
    """Return the lines of each field together."""
    group: list[bytes] = []
    for line in lines:
        if len(line) > _LONGEST_LINE_BYTES:
            raise _refusal(f"Its header has a line of more than {_LONGEST_LINE_BYTES} bytes.")
        if not line.strip():
            # Some readers take a line of blanks for the end of the header.
            raise _refusal("Its header has an empty line.")
        if line.startswith((b" ", b"\t")):
            group.append(line)
            continue
        if group:
            yield group
        group = [line]
    yield group


def _people(fields: Mapping[str, str], name: str) -> tuple[Address, ...]:
    if name not in fields:
        return ()
    # That of `sender` would refuse more than one; here they are counted.
    read = _read("from" if name == "sender" else name, fields[name])
    people = tuple(
        Address(email=f"{each.username}@{each.domain}", name=each.display_name)
        for each in getattr(read, "addresses", ())
    )
    if any(_CONTROL.search(person.name + person.email) for person in people):
        raise _refusal(f"Its field {name} has control characters.")
    return people


def _subject(fields: Mapping[str, str]) -> str:
    subject = str(_read("subject", fields.get("subject", "")))
    if _CONTROL.search(subject):
        raise _refusal("Its field subject has control characters.")
    return subject


def _check_parts(fields: Mapping[str, str], body: bytes) -> None:
    """Refuse a message of several parts that are not there, or not all of them."""
    read = _read("content-type", fields.get("content-type", "text/plain"))
    if not isinstance(read, ContentTypeHeader) or read.maintype != "multipart":
        return
    boundary = str(read.params.get("boundary", ""))
    if not boundary:
        raise _refusal("It has several parts, and no boundary between them.")
    lines = {line.rstrip(b" \t\r") for line in body.split(b"\n")}
    delimiter = b"--" + boundary.encode()
    if not {delimiter, delimiter + b"--"} <= lines:
        raise _refusal("It ends before the last of its parts does.")


def _read(name: str, value: str) -> object:
    """Read a structured field: the time that takes grows with the square of its signs."""
    if len(_SIGN.findall(value)) > _MOST_SIGNS:
        raise _refusal(f"Its field {name} is too long.")
    try:
        return SMTP.header_factory(name, value)
    except _UNREADABLE:
        raise _refusal(f"Its field {name} cannot be read.") from None


def _refusal(why: str) -> InvalidRequest:
    return InvalidRequest(f"This message cannot be sent. {why}", field="mime")
