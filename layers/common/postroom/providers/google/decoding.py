"""Text out of mail as it really is. Nothing here raises on content; a flaw is a second answer.

Every function that reads something returns it together with whether it could be read as its sender
meant it.
"""

import base64
import binascii
import codecs
import email.utils
import quopri
import re
from datetime import UTC, datetime
from email.message import Message as Entity

from postroom.domain.ids import InternetMessageId
from postroom.domain.message import Address

MAX_REFERENCES = 100
"""The first and the newest are kept, as RFC 5537, 3.4.4 lets everybody trim."""

_ENCODED_WORD = re.compile(r"=\?([^?\s*]+)(?:\*[^?]*)?\?([bBqQ])\?([^?]*)\?=")
_ENCODED_RUN = re.compile(rf"(?:{_ENCODED_WORD.pattern})(?:\s*(?:{_ENCODED_WORD.pattern}))*")
_FORBIDDEN = re.compile("[\x00\ud800-\udfff]")
"""What the stores refuse: NUL and halves of characters."""

_PLACEHOLDER = re.compile("\ue000(\\d+)\ue001")
_LENIENT = {"strict": False} if getattr(email.utils, "supports_strict_parsing", False) else {}
"""Newer Pythons answer nothing at all for a list with one bad address."""

_WIDE = frozenset({"utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"})
"""In these every space and line end has a NUL, which no other text has."""


def clean(text: str) -> str:
    """Remove what no store takes."""
    return _FORBIDDEN.sub("", text)


def from_base64url(data: str) -> bytes:
    """Decode either alphabet, padded or not, as much as is readable."""
    standard = re.sub(r"[^A-Za-z0-9+/]", "", data.replace("-", "+").replace("_", "/"))
    standard = standard[: len(standard) - (len(standard) % 4 == 1)]
    return base64.b64decode(standard + "=" * (-len(standard) % 4))


def decode_text(content: bytes, charset: str) -> tuple[str, bool]:
    """Decode text: declared charset, then UTF-8, then Windows-1252 with replacements.

    Bytes beyond ASCII that are valid UTF-8 are taken for it whatever was declared: Gmail has been
    seen to hand out UTF-8 under the old declaration, and the other way round the two hardly ever
    fit by accident.
    """
    codec = _codec(charset or "us-ascii")
    may_be_utf8 = b"\0" not in content if codec in _WIDE else not content.isascii()
    if may_be_utf8:
        try:
            return clean(content.decode("utf-8")), codec is not None
        except UnicodeDecodeError:
            pass
    if codec is not None:
        try:
            return clean(content.decode(codec)), True
        except (UnicodeError, ValueError):
            pass
    return clean(content.decode("cp1252", "replace")), False


def decode_words(value: str) -> tuple[str, bool]:
    """Decode a header field's encoded words (RFC 2047) and undo its folding."""
    flawless = True

    def decoded(run: re.Match[str]) -> str:
        nonlocal flawless
        text, fine = _decode_run(run[0])
        flawless = flawless and fine
        return text

    unfolded = re.sub(r"\r?\n[ \t]?|\r", " ", value)
    text = clean(_ENCODED_RUN.sub(decoded, unfolded)).strip()
    # A header of raw bytes reaches us with replacement characters where its bytes were.
    return text, flawless and "\ufffd" not in value


def parse_addresses(value: str) -> tuple[tuple[Address, ...], bool]:
    """Parse an address list (RFC 5322, 3.4); what is no address is kept as a name."""
    runs: list[str] = []
    flawless = True

    def put_aside(run: re.Match[str]) -> str:
        # Decoded names hold commas and brackets, so they wait until the list is parsed.
        nonlocal flawless
        text, fine = _decode_run(run[0])
        flawless = flawless and fine
        runs.append(text)
        return f"\ue000{len(runs) - 1}\ue001"

    def put_back(text: str) -> str:
        whole = _PLACEHOLDER.sub(lambda mark: _nth(runs, int(mark[1])), text)
        return clean(re.sub(r"\s+", " ", whole)).strip()

    prepared = _ENCODED_RUN.sub(put_aside, re.sub(r"\s+", " ", value))
    people: list[Address] = []
    for name, address in _pairs(prepared):
        shown, mailbox = put_back(name), put_back(address)
        if "@" in mailbox and "<" in mailbox:
            people += [Address(email=a, name=clean(n)) for n, a in _pairs(mailbox)]
        elif "@" in mailbox:
            people.append(Address(email=mailbox, name=shown))
        elif mailbox or shown:
            people.append(Address(email="", name=f"{shown} {mailbox}".strip()))
            flawless = False
    if not people and value.strip() and not _is_empty_group(value):
        return (Address(email="", name=decode_words(value)[0]),), False
    return tuple(people), flawless


def message_ids(value: str) -> tuple[InternetMessageId, ...]:
    """Return the Message-IDs of a field, in order, each once; also one without its brackets."""
    found = re.findall(r"<[^<>\s]+>", clean(value))
    bare = clean(value).strip().strip("<>")
    if not found and bare and not re.search(r"\s", bare):
        found = [f"<{bare}>"]
    unique = [InternetMessageId(each) for each in dict.fromkeys(found)]
    if len(unique) > MAX_REFERENCES:
        unique = [unique[0], *unique[1 - MAX_REFERENCES :]]
    return tuple(unique)


def parse_date(value: str) -> datetime | None:
    """Return a Date field's time in UTC, or None when it has none."""
    try:
        moment = email.utils.parsedate_to_datetime(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def parameter(field: str, name: str) -> str:
    """Return a parameter of Content-Type or Content-Disposition, RFC 2231 or RFC 2047 undone."""
    entity = Entity()
    entity["Content-Type"] = re.sub(r"[\r\n]+[ \t]*", " ", field)
    try:
        value = entity.get_param(name)
        if isinstance(value, tuple):
            value = decode_text(value[2].encode("latin-1", "replace"), value[0] or "utf-8")[0]
    except (ValueError, TypeError, IndexError, LookupError):
        return ""
    return decode_words(value)[0] if isinstance(value, str) else ""


def _pairs(value: str) -> list[tuple[str, str]]:
    try:
        return email.utils.getaddresses([value], **_LENIENT)
    except (ValueError, TypeError, IndexError, AttributeError):
        return []


def _is_empty_group(value: str) -> bool:
    return bool(re.fullmatch(r"[^:<>@]*:[\s,]*;?\s*", value.strip()))


def _nth(runs: list[str], index: int) -> str:
    return runs[index] if index < len(runs) else ""


def _codec(charset: str) -> str | None:
    name = charset.strip().strip("\"'").lower()
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    # Codecs like `hex` and `zlib` turn bytes into bytes; `idna` and `punycode` are no charsets.
    is_text = getattr(codec, "_is_text_encoding", True) and codec.name not in {"idna", "punycode"}
    # Mail says Latin-1 and means Windows-1252, as browsers know: https://encoding.spec.whatwg.org
    return {"iso8859-1": "cp1252"}.get(codec.name, codec.name) if is_text else None


def _decode_run(run: str) -> tuple[str, bool]:
    """Decode adjacent encoded words; a character may begin in one and end in the next."""
    pieces: list[tuple[str, bytes]] = []
    flawless = True
    for word in _ENCODED_WORD.finditer(run):
        charset, encoding, text = word[1].lower(), word[2].lower(), word[3]
        content, fine = _decode_word(encoding, text)
        flawless = flawless and fine
        if pieces and pieces[-1][0] == charset:
            pieces[-1] = (charset, pieces[-1][1] + content)
        else:
            pieces.append((charset, content))
    decoded = [decode_text(content, charset) for charset, content in pieces]
    return "".join(text for text, _ in decoded), flawless and all(fine for _, fine in decoded)


def _decode_word(encoding: str, text: str) -> tuple[bytes, bool]:
    if encoding == "q":
        plain = text.replace("_", " ").encode("utf-8", "replace")
        return quopri.decodestring(plain), True
    padded = text.rstrip("=")
    try:
        return base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True), True
    except (binascii.Error, ValueError):
        return from_base64url(text), False
