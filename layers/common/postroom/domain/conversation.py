"""What of a mail is its author's own: without what others wrote before, signature and farewell.

A mail is looked at line by line, whatever it was made of. Four kinds of lines are told apart from
the author's own, by what mail programs write in the languages of `quotation_words`:

    an attribution     On Tue, 3 Nov 2026 at 10:00, Ada <ada@example.com> wrote:
                       and what is quoted behind it, or, where nothing is, all that follows
    a header block     From: … Sent: … To: … Subject: …, and all that follows
    a signature        what follows a line of two hyphens (RFC 3676 section 4.3), and what phones
                       write below a mail
    a farewell         "Kind regards", and the few short lines that follow

Whoever only forwards has written nothing: then everything stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from postroom.domain.message import FullMessage
from postroom.domain.quotation_words import (
    BEFORE_HEADERS,
    COLONS,
    DATED,
    FAREWELL_ENDS,
    FAREWELLS,
    FROM_LABELS,
    LABEL,
    OTHER_LABELS,
    PHONE_LINE,
    WROTE,
)

_LONGEST_ATTRIBUTION = 400
_LONGEST_FAREWELL_LINE = 80
_MOST_FAREWELL_LINES = 10
_HEADERS_WITHIN = 7
"""Lines in which those of a header block stand; addresses may take a second line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaning:
    """How to show what is an author's own."""

    ignore_links: bool = True
    """Texts of links stay, their addresses do not."""
    ignore_images: bool = True
    images_as_markdown: bool = True
    """Pictures that are not ignored become `![description](address)`."""
    ignore_tables: bool = True
    """Rows become lines."""
    remove_conclusion_phrases: bool = True
    html_as_markdown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanMessage:
    """A message, and what of it is its author's own."""

    mail: FullMessage
    conversation: str
    """HTML of few elements, or Markdown."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a mail as its reader sees it."""

    text: str
    is_quoted: bool = False
    """It stands behind `>`, or in a block that is marked as a quotation."""

    @property
    def is_blank(self) -> bool:
        """Whether a reader sees nothing."""
        return not self.text.strip()


def own_lines(lines: Sequence[Line], *, without_farewell: bool) -> set[int]:
    """Return the indexes of the author's own lines; of all lines when there are none of their own.

    What is quoted without an attribution is the author's own choice, and stays.
    """
    own = _narrowed(lines, set(range(len(lines))), _quotation(lines))
    own = _narrowed(lines, own, _signature(lines, own))
    own = _narrowed(lines, own, _phone_lines(lines, own))
    if without_farewell:
        own = _narrowed(lines, own, _farewell(lines, own))
    return own


def _narrowed(lines: Sequence[Line], own: set[int], gone: set[int]) -> set[int]:
    rest = own - gone
    return rest if any(not lines[index].is_blank for index in rest) else own


# ── What others wrote ────────────────────────────────────────────────────────────────────────


def _quotation(lines: Sequence[Line]) -> set[int]:
    gone: set[int] = set()
    index = 0
    while index < len(lines):
        end = _attribution_end(lines, index)
        if end is not None:
            quoted_end = _quoted_end(lines, end)
            if quoted_end is None:
                return gone | set(range(index, len(lines)))
            gone |= set(range(index, quoted_end))
            index = quoted_end
        elif _begins_header_block(lines, index):
            return gone | set(range(_separator(lines, index), len(lines)))
        else:
            index += 1
    return gone


def _attribution_end(lines: Sequence[Line], index: int) -> int | None:
    """Return the index behind an attribution that begins here; it may be broken into three."""
    joined = ""
    for end in range(index, min(index + 3, len(lines))):
        text = lines[end].text.strip()
        joined = f"{joined} {text}".strip()
        if not text or len(joined) > _LONGEST_ATTRIBUTION:
            return None
        if text[-1] in COLONS and DATED.search(joined) and WROTE.fullmatch(joined):
            return end + 1
    return None


def _quoted_end(lines: Sequence[Line], begin: int) -> int | None:
    """Return the index behind what is quoted from here on; None when nothing is."""
    end = None
    for index in range(begin, len(lines)):
        if lines[index].is_quoted:
            end = index + 1
        elif not lines[index].is_blank:
            break
    return end


def _begins_header_block(lines: Sequence[Line], index: int) -> bool:
    if _label(lines[index]) not in FROM_LABELS:
        return False
    following = lines[index + 1 : index + _HEADERS_WITHIN]
    return len({label for line in following if (label := _label(line)) in OTHER_LABELS}) >= 2


def _label(line: Line) -> str:
    found = LABEL.match(line.text)
    return found[1].strip().casefold() if found else ""


def _separator(lines: Sequence[Line], index: int) -> int:
    """Return where the line stands that announces a header block, or the block itself."""
    before = index - 1
    while before >= 0 and lines[before].is_blank:
        before -= 1
    if before >= 0 and BEFORE_HEADERS.fullmatch(lines[before].text.strip()):
        return before
    return index


# ── Signature and farewell ───────────────────────────────────────────────────────────────────


def _signature(lines: Sequence[Line], own: set[int]) -> set[int]:
    for index in sorted(own):
        if lines[index].text.strip() == "--":
            return {each for each in own if each >= index}
    return set()


def _phone_lines(lines: Sequence[Line], own: set[int]) -> set[int]:
    last = [index for index in sorted(own) if not lines[index].is_blank][-2:]
    return {index for index in last if PHONE_LINE.fullmatch(lines[index].text.strip()[:100])}


def _farewell(lines: Sequence[Line], own: set[int]) -> set[int]:
    """Return the farewell and what follows it, when that is as short as a name and a title."""
    last = [index for index in sorted(own) if not lines[index].is_blank][-_MOST_FAREWELL_LINES:]
    for begin, index in enumerate(last):
        phrase = " ".join(lines[index].text.split()).casefold().strip(FAREWELL_ENDS)
        following = last[begin + 1 :]
        if phrase in FAREWELLS and all(
            len(lines[each].text.strip()) <= _LONGEST_FAREWELL_LINE for each in following
        ):
            return {each for each in own if each >= index}
    return set()
