"""What is an author's own in a mail of HTML.

Mail programs mark what they quote, each in its own way; whatever bears such a mark goes first. What
is left is looked at line by line, as a reader sees it (`domain/conversation.py`):

    HTML ──► without what cannot be seen ──► without marked quotations ──► its own lines ──► plain

Quotations that nobody marked, and marks that are new, are found by their words.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bs4 import BeautifulSoup
from bs4.element import Comment, NavigableString, PageElement, Tag
from markdownify import MarkdownConverter

from postroom.domain.conversation import Cleaning, Line, own_lines
from postroom.domain.quotation_marks import (
    ATTRIBUTION_CLASSES,
    FORWARD_CLASSES,
    QUOTATION_BEGINS,
    QUOTATION_CLASSES,
    QUOTATION_IDS,
    as_written,
    has_outlook_border,
)

_DEEPEST = 150
"""Elements inside each other: no mail has as many that is meant to be read."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_INVISIBLE = _names(
    """
    head script style title meta link base template noscript iframe object embed applet svg math
    audio video canvas input button select textarea
    """
)
_BLOCKS = _names(
    """
    address article aside blockquote body center dd details div dl dt fieldset figcaption figure
    footer h1 h2 h3 h4 h5 h6 header hr html li main nav ol p pre section summary table tbody td
    tfoot th thead tr ul
    """
)
_KEPT = _BLOCKS - {"html", "body", "center", "fieldset"} | _names(
    """
    a b br code del em i img q s small strong sub sup u
    """
)
_TABLES = _names(
    """
    table tbody thead tfoot td th caption colgroup col
    """
)

_SIGNATURE_CLASSES = _names(
    """
    gmail_signature gmail_signature_prefix moz-signature protonmail_signature_block
    AppleMailSignature
    """
)
_MARKING_CLASSES = QUOTATION_CLASSES | ATTRIBUTION_CLASSES | FORWARD_CLASSES | _SIGNATURE_CLASSES
_SIGNATURE_IDS = _names(
    """
    Signature signature ms-outlook-mobile-signature AppleMailSignature
    lineBreakAtBeginningOfSignature
    """
)
_ADDRESS = re.compile(r"(?:https?|mailto|tel|cid):", re.IGNORECASE)


def clean_html(html: str, wanted: Cleaning) -> str | None:
    """Return the author's own part, as HTML of few elements or as Markdown.

    None when it is nested so deeply that only its text can be read.
    """
    document = _visible(html)
    if _is_too_deep(document):
        return None
    _drop_marked(document)
    if not _shows_anything(document):
        document = _visible(html)  # it is a quotation as a whole: somebody forwarded it
    _drop_lines(document, without_farewell=wanted.remove_conclusion_phrases)
    _simplify(document, wanted)
    _trim(document)
    if wanted.html_as_markdown:
        markdown = MarkdownConverter(heading_style="ATX", bullets="-").convert_soup(document)
        return re.sub(r"\n{3,}", "\n\n", markdown).strip()
    return str(document).strip()


def text_of_html(html: str) -> str:
    """Return the text alone, a line for each piece of it."""
    return _visible(html).get_text("\n", strip=True)


# ── The document ─────────────────────────────────────────────────────────────────────────────


def _visible(html: str) -> BeautifulSoup:
    document = BeautifulSoup(html, "html.parser")
    for comment in document.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    for tag in document.find_all(_is_invisible):
        tag.extract()
    for text in document.find_all(string=True):
        if type(text) is not NavigableString:  # a document type, a CDATA section
            text.extract()
    return document


def _is_invisible(tag: Tag) -> bool:
    return tag.name in _INVISIBLE or "display:none" in _style(tag)


def _is_too_deep(document: BeautifulSoup) -> bool:
    depths = {id(document): 0}
    for tag in document.find_all(name=True):
        depth = depths[id(tag)] = depths[id(tag.parent)] + 1
        if depth > _DEEPEST:
            return True
    return False


def _shows_anything(document: BeautifulSoup) -> bool:
    return any(text.strip() for text in document.find_all(string=True))


# ── Marked quotations and signatures ─────────────────────────────────────────────────────────


def _drop_marked(document: BeautifulSoup) -> None:
    begin = document.find(_begins_quotation)
    if begin is not None:
        _cut_from(begin)
    for tag in document.find_all(_is_marked):
        tag.extract()


def _begins_quotation(tag: Tag) -> bool:
    return _id(tag) in QUOTATION_BEGINS or has_outlook_border(str(tag.get("style") or ""))


def _is_marked(tag: Tag) -> bool:
    if tag.name == "blockquote" and (tag.get("type") == "cite" or tag.has_attr("cite")):
        return True
    classes = _classes(tag)
    return (
        not classes.isdisjoint(_MARKING_CLASSES)
        or _id(tag) in QUOTATION_IDS | _SIGNATURE_IDS
        or _id(tag).startswith("yahoo_quoted")
        or tag.get("data-marker") == "__QUOTED_TEXT__"
        or tag.get("name") == "quote"
    )


def _cut_from(node: PageElement) -> None:
    """Take a node away and all that comes after it."""
    ancestor: PageElement | None = node
    while ancestor is not None:
        for sibling in list(ancestor.next_siblings):
            sibling.extract()
        ancestor = ancestor.parent
    node.extract()


def _id(tag: Tag) -> str:
    return as_written(str(tag.get("id") or ""))


def _classes(tag: Tag) -> set[str]:
    names: object = tag.get("class")
    listed = names if isinstance(names, list) else str(names or "").split()
    return {as_written(str(name)) for name in listed}


def _style(tag: Tag) -> str:
    return re.sub(r"\s+", "", str(tag.get("style") or "")).lower()


# ── Lines ────────────────────────────────────────────────────────────────────────────────────


@dataclass
class _HtmlLine:
    """A line as a reader sees it, and the texts that it is made of."""

    block: Tag
    strings: list[NavigableString] = field(default_factory=list)

    @property
    def quotation(self) -> Tag | None:
        """The outermost quotation that it stands in."""
        found = self.block.find_parents("blockquote")
        if found:
            return found[-1]
        return self.block if self.block.name == "blockquote" else None

    def as_line(self) -> Line:
        """Return what the domain looks at."""
        text = " ".join("".join(self.strings).split())
        return Line(text, is_quoted=self.quotation is not None or text.startswith(">"))


def _drop_lines(document: BeautifulSoup, *, without_farewell: bool) -> None:
    """Take away the lines that are not the author's own, with the pictures between them."""
    html_lines = list(_lines(document))
    lines = [each.as_line() for each in html_lines]
    own = own_lines(lines, without_farewell=without_farewell)
    end = max(own, default=-1) + 1
    for index, line in enumerate(html_lines[:end]):
        if index not in own:
            for node in [line.quotation] if line.quotation else line.strings:
                node.extract()
    if end < len(html_lines):
        _cut_from(html_lines[end].strings[0])


def _lines(document: BeautifulSoup) -> Iterator[_HtmlLine]:
    line: _HtmlLine | None = None
    for node in document.descendants:
        if isinstance(node, Tag):
            if node.name in _BLOCKS or node.name == "br":
                if line:
                    yield line
                line = None
        elif isinstance(node, NavigableString) and node.strip():
            block = _block_of(node)
            if line and line.block is not block:
                yield line
                line = None
            line = line or _HtmlLine(block)
            line.strings.append(node)
    if line:
        yield line


def _block_of(node: NavigableString) -> Tag:
    for parent in node.parents:
        if parent.name in _BLOCKS or parent.parent is None:
            return parent
    raise LookupError("a text stands in a document")


# ── What is shown ────────────────────────────────────────────────────────────────────────────


def _simplify(document: BeautifulSoup, wanted: Cleaning) -> None:
    """Leave few elements, and no attributes but addresses: no style, no script, no tracking id."""
    for tag in document.find_all(name=True):
        if tag.name == "img":
            _simplify_image(tag, wanted)
        elif tag.name == "a" and (wanted.ignore_links or not _ADDRESS.match(_address(tag, "href"))):
            tag.unwrap()
        elif wanted.ignore_tables and tag.name == "tr":
            tag.name = "div"
            tag.attrs = {}
        elif wanted.ignore_tables and tag.name in _TABLES:
            tag.append(" ")
            tag.unwrap()
        elif tag.name not in _KEPT and tag.name not in _TABLES:
            tag.unwrap()
        else:
            tag.attrs = {"href": _address(tag, "href")} if tag.name == "a" else {}


def _simplify_image(tag: Tag, wanted: Cleaning) -> None:
    address, description = _address(tag, "src"), str(tag.get("alt") or "")
    if wanted.ignore_images or not _ADDRESS.match(address):
        tag.extract()
    elif wanted.images_as_markdown and not wanted.html_as_markdown:
        tag.replace_with(f"![{description}]({address})")
    else:
        tag.attrs = {"src": address, "alt": description}


def _address(tag: Tag, name: str) -> str:
    return str(tag.get(name) or "").strip()


def _trim(document: BeautifulSoup) -> None:
    """Take away what shows nothing at the beginning and at the end."""
    for at in (0, -1):
        while document.contents:
            node: PageElement = document
            while isinstance(node, Tag) and node.contents:
                node = node.contents[at]
            if node.name == "img" if isinstance(node, Tag) else str(node).strip():
                break
            node.extract()
