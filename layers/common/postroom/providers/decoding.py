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

_LABELS = {
    "cn-big5": "big5",
    "csgb2312": "gb2312",
    "csiso88598i": "iso8859-8",
    "dos-874": "cp874",
    "gb_2312-80": "gb2312",
    "iso-8859-6-e": "iso8859-6",
    "iso-8859-6-i": "iso8859-6",
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-8-i": "iso8859-8",
    "iso-ir-149": "euc_kr",
    "koi": "koi8-r",
    "koi8": "koi8-r",
    "koi8-ru": "koi8-u",
    "ks_c_5601-1989": "euc_kr",
    "ksc_5601": "euc_kr",
    "logical": "iso8859-8",
    "mac": "mac-roman",
    "ms-cp932": "cp932",
    "unicode-1-1-utf-8": "utf-8",
    "unicode20utf8": "utf-8",
    "visual": "iso8859-8",
    "windows-31j": "cp932",
    "windows-874": "cp874",
    "windows-936": "gbk",
    "windows-949": "cp949",
    "windows-950": "cp950",
    "x-big5": "big5",
}
"""Labels Python does not know: https://encoding.spec.whatwg.org/#names-and-labels.

Each may have an `x-` before it.
"""

_MEANT = {
    "iso8859-1": ("cp1252",),
    "iso8859-9": ("cp1254",),
    "iso8859-11": ("cp874",),
    "tis-620": ("cp874",),
    "gb2312": ("gb18030",),
    "gbk": ("gb18030",),
    "big5": ("cp950", "big5hkscs"),
    "euc_kr": ("cp949",),
    "shift_jis": ("cp932",),
    "euc_jp": ("euc_jis_2004",),
}
"""What the same standard reads under a name: the superset its senders really use.

Its Big5 is both of ours: Windows' has the euro sign, Hong Kong's the Cantonese characters.
"""

_NO_CHARSETS = {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"}

_META = re.compile(rb"<meta\s[^>]*?charset\s*=\s*[\"']?\s*([^\s\"'/>;]+)", re.IGNORECASE)
_META_WITHIN_BYTES = 1024
"""https://html.spec.whatwg.org/multipage/semantics.html#charset"""

_AMBIGUOUS_CHARACTERS = 4
"""As many of UTF-8's sequences may come about by accident in another charset."""

_JIS_RUN = re.compile(rb"\x1b(\$[@B]|\([BIJ])([^\x1b]*)")
_JIS_OTHER = re.compile(rb"\x1b(?!\$[@B]|\([BIJ])")
_JIS_CHARACTER = re.compile(rb"[\x21-\x7e]{1,2}")


def clean(text: str) -> str:
    """Remove what no store takes."""
    return _FORBIDDEN.sub("", text)


def from_base64url(data: str) -> bytes:
    """Decode either alphabet, padded or not, as much as is readable."""
    standard = re.sub(r"[^A-Za-z0-9+/]", "", data.replace("-", "+").replace("_", "/"))
    standard = standard[: len(standard) - (len(standard) % 4 == 1)]
    return base64.b64decode(standard + "=" * (-len(standard) % 4))


def decode_text(content: bytes, charset: str) -> tuple[str, bool]:
    """Decode a body as its declared charset, or as UTF-8 where that is what it must be.

    Gmail has been seen to hand out UTF-8 under the old declaration. What both can read is UTF-8 if

    - the charset has one byte to a character, and has every character UTF-8 finds: `Ã©` for `é`;
    - UTF-8 finds more characters than come about by accident. Two Chinese or Korean characters of
      two bytes often look like UTF-8 of two bytes, so there only longer sequences count.

    Without a known charset it is UTF-8, then what an HTML page's own `<meta>` says. Where nothing
    fits wholly, the reading that loses least is taken if it reads most, and Windows-1252 if none.
    """
    return _decode(content, charset, is_body=True)


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
            content = value[2].encode("latin-1", "replace")
            value = _decode(content, value[0] or "utf-8", is_body=False)[0]
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


def _decode(content: bytes, charset: str, *, is_body: bool) -> tuple[str, bool]:
    declared = _codecs(charset or "us-ascii")
    is_known = bool(declared)
    if declared in {(), ("ascii",)}:
        declared = ("utf-8", *_codecs_of_page(content))
    elif declared[0] in _WIDE and b"\0" not in content:
        declared = ("utf-8", *declared)
    for codec in declared:
        text = _read(content, codec)
        if text is not None:
            if is_body and _is_rather_utf8(content, text, codec):
                text = content.decode("utf-8", "replace")
                return clean(text), not _lost(text)
            return clean(text), is_known
    whole = None if content.isascii() else _read(content, "utf-8")
    if whole is not None:
        return clean(whole), is_known
    readings = [(_read(content, codec, "replace") or "", codec) for codec in (*declared, "utf-8")]
    mostly = [text for text, codec in readings if _reads_most(text, codec)]
    if mostly:
        return clean(min(mostly, key=_lost)), False
    return clean(content.decode("cp1252", "replace")), False


def _codecs(charset: str) -> tuple[str, ...]:
    """Return the codecs that read a label's charset, the likeliest first; none if it is unknown."""
    label = charset.strip().strip("\"'").lower()
    plain = label.removeprefix("x-")
    for name in (_LABELS.get(plain, label), plain):
        try:
            codec = codecs.lookup(name)
        except (LookupError, ValueError):
            continue
        # Codecs like `hex` and `zlib` turn bytes into bytes.
        if getattr(codec, "_is_text_encoding", True) and codec.name not in _NO_CHARSETS:
            return _MEANT.get(codec.name, (codec.name,))
    return ()


def _codecs_of_page(content: bytes) -> tuple[str, ...]:
    found = _META.search(content[:_META_WITHIN_BYTES])
    named = _codecs(found[1].decode("latin-1")) if found else ()
    # What could be read this far is neither ASCII alone nor wide, whatever it says.
    return tuple(codec for codec in named if codec != "ascii" and codec not in _WIDE)


def _read(content: bytes, codec: str, errors: str = "strict") -> str | None:
    try:
        if codec == "iso2022_jp":
            return _read_iso_2022_jp(content, errors)
        return content.decode(codec, errors)
    except ValueError:
        return None


def _read_iso_2022_jp(content: bytes, errors: str) -> str:
    """Read ISO-2022-JP with the characters of Windows (①, 髙, half-width kana), as it is written.

    No codec of Python's has them all; its bytes are moved to where Shift_JIS has the same ones.
    """
    if not content.isascii() or _JIS_OTHER.search(content):
        return content.decode("iso2022_jp_ext", errors)
    text = ""
    for escape, run in _JIS_RUN.findall(b"\x1b(B" + content):
        if escape == b"(I":
            kana = bytes(byte | 0x80 if byte > ord(" ") else byte for byte in run)
            text += kana.decode("cp932", errors)
        elif escape == b"(J":
            text += run.decode("ascii").replace("\\", "¥").replace("~", "‾")
        elif escape == b"(B":
            text += run.decode("ascii")
        else:
            text += _JIS_CHARACTER.sub(_in_shift_jis, run).decode("cp932", errors)
    return text


def _in_shift_jis(character: re.Match[bytes]) -> bytes:
    if len(character[0]) == 1:
        return b"\x81"  # Half a character stays half of one.
    row, cell = (byte - 0x21 for byte in character[0])
    lead = row // 2 + (0x81 if row < 62 else 0xC1)
    trail = cell + (0x9F if row % 2 else 0x40 if cell < 63 else 0x41)
    return bytes((lead, trail))


def _is_rather_utf8(content: bytes, text: str, codec: str) -> bool:
    """Whether a body the declared codec reads as this text had become UTF-8 on its way."""
    if content.isascii() or codec == "utf-8":
        return False
    utf8 = content.decode("utf-8", "replace")
    has_one_byte_characters = len(text) == len(content)
    beyond = "\x7f" if has_one_byte_characters else "\u07ff"
    found = sum(character > beyond for character in utf8)
    # A few bytes may be damaged among many that are not.
    if found > _AMBIGUOUS_CHARACTERS + 5 * _lost(utf8):
        return True
    try:
        utf8.encode(codec)
    except ValueError:
        return False
    return has_one_byte_characters


def _reads_most(text: str, codec: str) -> bool:
    """Whether more was read than lost; that ASCII was read says nothing about most codecs."""
    read = len(text) if codec in _WIDE else sum(character > "\x7f" for character in text)
    return read > 2 * _lost(text)


def _lost(text: str) -> int:
    return text.count("\ufffd")


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
    decoded = [_decode(content, charset, is_body=False) for charset, content in pieces]
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
