"""Puts an outgoing message into its MIME form (RFC 5322, RFC 2045 to 2049, RFC 2231).

    multipart/mixed                 only with attachments
    ├── multipart/alternative       only when the body is HTML
    │   ├── text/plain              derived from the HTML
    │   └── multipart/related       only with pictures shown inside the HTML
    │       ├── text/html
    │       └── image/… (Content-ID)
    └── attachment …

The header fields of the message itself, and the ids of its pictures, are folded here rather than by
`email.policy`: its refolding puts a long id into encoded words, so that a thread breaks, and a
picture is none of those that the HTML names.
"""

import html
import re
from collections.abc import Iterable, Iterator
from email.charset import SHORTEST, Charset
from email.header import Header as EncodedHeader
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from html.parser import HTMLParser
from urllib.parse import unquote

from postroom.domain.errors import InvalidRequest
from postroom.domain.mail_domain import encode_domain
from postroom.domain.message import Address
from postroom.domain.outgoing import OutgoingAttachment, OutgoingMessage

_LINE_LENGTH = 76
_LONGEST_LINE = 990
"""RFC 5322, 2.1.1: 998 characters at most, the field's name included."""

LONGEST_CONTENT_ID = _LONGEST_LINE - len("<>")
"""Nothing of it may be folded, and it has a line of its own where it is long."""

_HEADER_NAME = re.compile(r"[!-9;-~]{1,76}")
OWN_HEADERS = frozenset(
    {
        "bcc",
        "cc",
        "content-disposition",
        "content-id",
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
"""What custom headers may not set, since the message's own parts do."""

TRACE_HEADERS = frozenset(
    {
        "arc-authentication-results",
        "arc-message-signature",
        "arc-seal",
        "authentication-results",
        "delivered-to",
        "dkim-signature",
        "domainkey-signature",
        "envelope-to",
        "received",
        "received-spf",
        "return-path",
        "x-received",
    }
)
"""What only the systems that carry a message may write (RFC 5321, 4.4; RFC 6376; RFC 8601;
RFC 8617). The fields of somebody who sends it on, `Resent-…` (RFC 5322, 3.6.6), belong to them."""

_MEDIA_TYPE = re.compile(
    r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}", re.IGNORECASE
)
"""RFC 6838, 4.2."""

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
"""Control characters but the tab, and halves of characters."""

_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")
_UTF8 = Charset("utf-8")
_UTF8.header_encoding = SHORTEST


def render(message: OutgoingMessage, *, include_bcc: bool, boundary: str = "") -> bytes:
    """Return the message as bytes with CRLF line ends.

    `include_bcc` writes a Bcc field, which is right only for a provider that reads the recipients
    from there and removes it. With a `boundary`, which stands between the parts and must not be
    guessed by an author, the same message gives the same bytes again. Raises InvalidRequest naming
    the part that has no MIME form.
    """
    content = _content(message)
    if boundary:
        for number, part in enumerate(each for each in content.walk() if each.is_multipart()):
            part.set_boundary(f"{boundary}_{number}")
    return b"".join(_fields(message, include_bcc=include_bcc)) + content.as_bytes()


def html_to_text(markup: str) -> str:
    """Return the readable text of an HTML body, with line breaks where blocks end."""
    reader = _TextOfHtml()
    reader.feed(markup)
    reader.close()
    lines = (re.sub(r"[ \t\r\f\v]+", " ", line).strip() for line in reader.text().split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def text_to_html(text: str) -> str:
    """Return plain text as HTML that looks the same."""
    return f'<div style="white-space: pre-wrap">{html.escape(text)}</div>'


def may_be_custom(header_name: str) -> bool:
    """Whether a custom header may have this name."""
    name = header_name.lower()
    return (
        _HEADER_NAME.fullmatch(name) is not None
        and name not in OWN_HEADERS | TRACE_HEADERS
        and not name.startswith("resent-")
    )


def may_be_attached(content_type: str) -> bool:
    """Whether a file can be of this type, parameters aside: a single thing, not made of parts.

    A message/rfc822 can; it travels as application/octet-stream, since nothing of it may change.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(media_type):
        return False
    return media_type == "message/rfc822" or not media_type.startswith(("multipart/", "message/"))


# ── Header fields ────────────────────────────────────────────────────────────────────────────


def _fields(message: OutgoingMessage, *, include_bcc: bool) -> Iterator[bytes]:
    yield _field("Date", [format_datetime(message.date)])
    yield _people("From", (message.from_,), "from")
    for name, people, part in (
        ("To", message.to, "to"),
        ("Cc", message.cc, "cc"),
        ("Bcc", message.bcc if include_bcc else (), "bcc"),
        ("Reply-To", message.reply_to, "reply_to"),
    ):
        if people:
            yield _people(name, people, part)
    yield _text("Subject", message.subject, "subject")
    if not _is_identifier(message.message_id):
        raise InvalidRequest("This is not a Message-ID.", field="Message-ID")
    yield _field("Message-ID", (message.message_id,))
    if message.answered:
        # Somebody else made these: an answer to a mail whose id is none leaves without it.
        for name, ids in (
            ("In-Reply-To", (message.answered.internet_message_id,)),
            ("References", message.answered.references),
        ):
            if usable := [each for each in ids if _is_identifier(each)]:
                yield _field(name, usable)
    for header in message.custom_headers:
        if not may_be_custom(header.name):
            raise InvalidRequest("One of these headers cannot be set.", field="custom_headers")
        yield _text(header.name, header.value, "custom_headers")


def _field(name: str, words: Iterable[str]) -> bytes:
    """Fold a field between words; a word stays whole whatever its length.

    The first one stands beside the name, unless the line were too long then.
    """
    lines = [f"{name}:"]
    for word in words:
        is_first = len(lines) == 1 and len(lines[0]) == len(name) + 1
        if len(lines[-1]) + 1 + len(word) > (_LONGEST_LINE if is_first else _LINE_LENGTH):
            lines.append("")
        lines[-1] += f" {word}"
    return ("\r\n".join(lines) + "\r\n").encode()


def _text(name: str, value: str, part: str) -> bytes:
    """Write an unstructured field (RFC 5322, 3.6.5), encoded where it is not plain ASCII."""
    _refuse_control_characters(value, part)
    words = value.split(" ")
    is_plain = _PLAIN.fullmatch(value) and "=?" not in value
    if not is_plain or any(len(word) > _LONGEST_LINE - len(name) for word in words):
        words = _encoded(value, indent=len(name) + 2)
    return _field(name, words)


def _people(name: str, people: Iterable[Address], part: str) -> bytes:
    words: list[str] = []
    for person in people:
        _refuse_control_characters(person.name, part)
        words += [*_display_name(person.name), f"<{_address(person.email, part)}>,"]
    words[-1] = words[-1].rstrip(",")
    return _field(name, words)


def _display_name(name: str) -> list[str]:
    if not name:
        return []
    if not (name.isascii() and name.isprintable()) or "=?" in name or len(name) > _LONGEST_LINE:
        return _encoded(name, indent=1)
    escaped = name.replace("\\", r"\\").replace('"', r"\"")
    return [f'"{escaped}"']


def _address(email: str, part: str) -> str:
    """Write an address; its domain in IDNA, a local part beyond ASCII as RFC 6532 has it."""
    _refuse_control_characters(email, part)
    local, at, domain = email.strip().rpartition("@")
    if not (local and at and domain) or re.search(r"[\s<>,;:\\\"()]|\[|\]", local + domain):
        raise InvalidRequest("This is not an e-mail address.", field=part)
    try:
        return f"{local}@{encode_domain(domain)}"
    except ValueError as error:
        raise InvalidRequest("This is not an e-mail address.", field=part) from error


def _is_identifier(text: str) -> bool:
    """Whether a text can stand as a Message-ID: in one piece, on one line, in ASCII."""
    return re.fullmatch(r"<[!-;=?-~]+>", text) is not None and len(text) <= _LONGEST_LINE


def _encoded(value: str, *, indent: int) -> list[str]:
    """Return encoded words (RFC 2047), none longer than the 75 characters it allows."""
    header = EncodedHeader(value, _UTF8, maxlinelen=_LINE_LENGTH - 1, header_name="x" * indent)
    return header.encode(linesep="\n").split("\n ")


def _refuse_control_characters(value: str, part: str) -> None:
    """Make header injection impossible."""
    if _CONTROL.search(value):
        raise InvalidRequest("Line breaks and control characters are not allowed.", field=part)


# ── Content ──────────────────────────────────────────────────────────────────────────────────


class _PartPolicy(EmailPolicy):
    """Writes the header fields of parts."""

    def fold_binary(self, name: str, value: str) -> bytes:
        """Return a field's lines, a content id in one piece."""
        if name.lower() == "content-id":
            return _field(name, [value])
        return super().fold_binary(name, value)


_CONTENT = _PartPolicy(linesep="\r\n", cte_type="7bit")


def _content(message: OutgoingMessage) -> EmailMessage:
    content = EmailMessage(policy=_CONTENT)
    inline = [each for each in message.attachments if _is_shown_inside(each, message)]
    if message.is_plaintext:
        content.set_content(_lines(message.body), charset="utf-8")
    else:
        content.set_content(_lines(html_to_text(message.body)), charset="utf-8")
        content.add_alternative(_lines(message.body), subtype="html", charset="utf-8")
        _add_inline(content, inline)
    for attachment in message.attachments:
        if attachment not in inline:
            media_type, parameters = media_type_of(attachment)
            main, _, sub = media_type.partition("/")
            content.add_attachment(
                attachment.content,
                maintype=main,
                subtype=sub,
                params=parameters,
                filename=_filename(attachment),
                cid=_content_id(attachment),
            )
    return content


def _is_shown_inside(attachment: OutgoingAttachment, message: OutgoingMessage) -> bool:
    """Whether it belongs to the HTML; without HTML everything is an ordinary attachment."""
    return bool(attachment.content_id) and attachment.is_inline and not message.is_plaintext


def _add_inline(content: EmailMessage, inline: list[OutgoingAttachment]) -> None:
    body = content.get_body(preferencelist=("html",))
    if not isinstance(body, EmailMessage):  # pragma: no cover - add_alternative just made it
        raise TypeError("an alternative without HTML")
    for attachment in inline:
        media_type, parameters = media_type_of(attachment)
        main, _, sub = media_type.partition("/")
        body.add_related(
            attachment.content,
            maintype=main,
            subtype=sub,
            params=parameters,
            disposition="inline",
            filename=_filename(attachment),
            cid=_content_id(attachment),
        )


def _lines(text: str) -> str:
    """Make all line ends alike, which `email` turns into CRLF."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest("The text has half of a character in it.", field="body") from error
    return "\n".join(text.splitlines()) + "\n" if text else "\n"


def media_type_of(attachment: OutgoingAttachment) -> tuple[str, dict[str, str]]:
    """Return the type of a file, and its parameters without which it is read wrongly.

    An invitation without its `method` is none (RFC 6047, 2.4), and of a text without its `charset`
    readers guess. An unusable type is application/octet-stream. So is message/rfc822, which
    `email` would parse and change.
    """
    media_type, *stated = (each.strip() for each in attachment.content_type.split(";"))
    if not may_be_attached(media_type) or media_type.lower().startswith("message/"):
        return "application/octet-stream", {}
    named = (each.partition("=") for each in stated)
    parameters = {name.strip().lower(): value.strip(' "') for name, _, value in named}
    return media_type.lower(), {
        name: value
        for name, value in parameters.items()
        if name in ("charset", "method") and re.fullmatch(r"[A-Za-z0-9_.:+-]{1,40}", value)
    }


def named_in(markup: str, content_ids: Iterable[str]) -> set[str]:
    """Return which content ids HTML names; their addresses may be percent-encoded (RFC 2392)."""
    written = html.unescape(markup)
    meant = unquote(written)
    addresses = {each: f"cid:{each}" for each in content_ids if each}
    return {each for each, address in addresses.items() if address in written or address in meant}


def _filename(attachment: OutgoingAttachment) -> str:
    _refuse_control_characters(attachment.filename, "attachments")
    return attachment.filename


def _content_id(attachment: OutgoingAttachment) -> str | None:
    content_id = attachment.content_id.strip("<>")
    if not content_id:
        return None
    if not re.fullmatch(r"[!-;=?-~]+", content_id):
        raise InvalidRequest(
            "A content id has neither spaces nor angle brackets inside.", field="attachments"
        )
    if len(content_id) > LONGEST_CONTENT_ID:
        raise InvalidRequest("This content id is too long.", field="attachments")
    return f"<{content_id}>"


class _TextOfHtml(HTMLParser):
    """Collects the text that a person would see."""

    _HIDDEN = frozenset({"head", "script", "style", "template", "title"})
    _BREAKS = frozenset({"address", "br", "div", "h4", "h5", "h6", "hr", "li", "table", "tr"})
    _PARAGRAPHS = frozenset({"blockquote", "h1", "h2", "h3", "ol", "p", "pre", "ul"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._pieces: list[str] = []
        self._hidden: list[str] = []
        self._links: list[tuple[str, int]] = []

    def text(self) -> str:
        return "".join(self._pieces)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._HIDDEN:
            self._hidden.append(tag)
        self._break(tag)
        if tag == "li":
            self._pieces.append("- ")
        if tag in {"td", "th"}:
            self._pieces.append(" ")
        if tag == "a":
            self._links.append((dict(attrs).get("href") or "", len(self._pieces)))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]
        if tag == "body":
            self._hidden.clear()
        if tag == "a" and self._links:
            address, begin = self._links.pop()
            shown = "".join(self._pieces[begin:]).strip()
            if address.startswith(("http://", "https://")) and shown and shown != address:
                self._pieces.append(f" ({address})")
        if tag != "br":
            self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._pieces.append(re.sub(r"\s+", " ", data))

    def _break(self, tag: str) -> None:
        if tag in self._PARAGRAPHS:
            self._pieces.append("\n\n")
        elif tag in self._BREAKS and (tag == "br" or not self._at_line_start()):
            self._pieces.append("\n")

    def _at_line_start(self) -> bool:
        for piece in reversed(self._pieces):
            if piece.strip(" "):
                return piece.endswith("\n")
        return True
