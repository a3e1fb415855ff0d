"""What a mail quotes, folded away; what it passes on, in sight.

    a quotation ──► nothing to be seen above it: it is all there is, and stays in sight
                ──► passed on, says its mark: stays in sight
                ──► else: folds, with what is quoted inside it

Programs that mark where the quotation begins, and not where it ends, quote all the rest. What was
plain text before Exchange made HTML of it is looked at line by line, as plain text is.
"""

import re
from collections.abc import Sequence
from itertools import groupby

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, Tag

from postroom.domain.conversation import Line, own_lines
from postroom.domain.quotation_marks import (
    ATTRIBUTION_CLASSES,
    QUOTATION_BEGINS,
    QUOTATION_CLASSES,
    QUOTATION_IDS,
    as_written,
    has_outlook_border,
)

_BLOCKS = ["blockquote", "center", "div", "ol", "p", "pre", "table", "ul"]
_SOMETHING = re.compile(r"[^\s\u00ad\u034f\u200b-\u200f\u2060\ufeff]")
"""Newsletters fill their first line with characters that nobody sees."""

_MOST_FOLDS = 1_000
"""A correspondence has a few hundred; each costs a walk over those that stand beside it."""

_CONVERTED_FROM_TEXT = "PlainText"
"""The class of what Exchange has made of a plain text, each line of which ends with a `br`."""

_HIDDEN = re.compile(r"(?:^|;)\s*display\s*:\s*none", re.IGNORECASE)


def shows_anything(document: BeautifulSoup) -> bool:
    """Tell whether a clean mail has something to look at."""
    return any(_is_seen(node) for node in document.descendants)


def fold_quotations(document: BeautifulSoup) -> None:
    """Fold what is quoted in a clean mail."""
    below = _below_something(document)
    for mark in document.find_all(_begins_quotation):
        if id(mark) in below:
            first = _outermost(mark)
            _fold(document, [first, *first.next_siblings])
            break
    for text in document.find_all("div", class_=_CONVERTED_FROM_TEXT):
        if text.find_parent("details") is None:
            _fold_lines(document, text, below)
    for element in document.find_all(_is_quotation, limit=_MOST_FOLDS):
        if id(element) in below and element.find_parent("details") is None:
            _fold(document, [element])


def quoted_lines(lines: Sequence[str]) -> list[bool]:
    """Tell of each line of a text whether it is somebody else's, a signature or the like."""
    shown = [Line(text=each, is_quoted=each.startswith(">")) for each in lines]
    own = own_lines(shown, without_farewell=False)
    found: list[bool] = []
    for index, line in enumerate(shown):
        is_quoted = line.is_quoted or index not in own
        # What is blank belongs to what stands above it.
        found.append(found[-1] if line.is_blank and found else is_quoted)
    return found


def _fold_lines(document: BeautifulSoup, text: Tag, below: set[int]) -> None:
    lines: list[list[PageElement]] = [[]]
    for node in text.children:
        lines[-1].append(node)
        if isinstance(node, Tag) and node.name == "br":
            lines.append([])
    quoted = quoted_lines(["".join(map(_text, line)).strip() for line in lines])
    for is_quoted, run in groupby(zip(quoted, lines, strict=True), key=lambda each: each[0]):
        nodes = [node for _, line in run for node in line]
        if is_quoted and nodes and id(nodes[0]) in below:
            _fold(document, nodes)


def _text(node: PageElement) -> str:
    return node.get_text() if isinstance(node, Tag) else str(node)


def _begins_quotation(tag: Tag) -> bool:
    return _id(tag) in QUOTATION_BEGINS or has_outlook_border(str(tag.get("style") or ""))


def _is_quotation(tag: Tag) -> bool:
    if tag.name == "blockquote" or _id(tag) in QUOTATION_IDS:
        return True
    return not QUOTATION_CLASSES.isdisjoint(_classes(tag)) and not _is_passed_on(tag)


def _is_passed_on(quotation: Tag) -> bool:
    """Google's mark stands around both; an answer quotes in a block that is for nothing else."""
    if "gmail_quote" not in _classes(quotation):
        return False
    blocks = quotation.find_all(_BLOCKS, recursive=False)
    quoted = [each.name for each in blocks if not _is_attribution(each)]
    return len(quoted) < len(blocks) and quoted[:1] != ["blockquote"]


def _is_attribution(tag: Tag) -> bool:
    return not ATTRIBUTION_CLASSES.isdisjoint(_classes(tag))


def _outermost(mark: Tag) -> Tag:
    """Return the element that begins where the mark does: some stand in elements of their own."""
    while (
        isinstance(parent := mark.parent, Tag)
        and parent.parent is not None
        and not any(_is_seen_in(each) for each in mark.previous_siblings)
        and not any(_is_seen_in(each) for each in mark.next_siblings)
    ):
        mark = parent
    return mark


def _below_something(document: BeautifulSoup) -> set[int]:
    """Return which elements have something above them; whose they are says nothing by itself."""
    for node in document.descendants:
        if _is_seen(node) and not any(_is_attribution(each) for each in node.parents):
            return {id(each) for each in node.next_elements}
    return set()


def _is_seen_in(node: PageElement) -> bool:
    return _is_seen(node) or (
        isinstance(node, Tag) and any(_is_seen(each) for each in node.descendants)
    )


def _is_seen(node: PageElement) -> bool:
    if isinstance(node, Tag):
        if node.name != "img":
            return False
    elif not isinstance(node, NavigableString) or not _SOMETHING.search(node):
        return False
    return not any(
        _HIDDEN.search(str(each.get("style") or ""))
        for each in (node, *node.parents)
        if isinstance(each, Tag)
    )


def _id(tag: Tag) -> str:
    return as_written(str(tag.get("id") or ""))


def _classes(tag: Tag) -> set[str]:
    return {as_written(str(each)) for each in tag.get_attribute_list("class") if each}


def _fold(document: BeautifulSoup, elements: list[PageElement]) -> None:
    details, summary = document.new_tag("details"), document.new_tag("summary")
    summary.string = "•••"
    elements[0].insert_before(details)
    details.append(summary)
    for element in elements:
        details.append(element.extract())
