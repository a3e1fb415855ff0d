"""Mail as something that a browser may show: nothing in it runs, and nothing is fetched unasked.

    HTML of a stranger ──► only known elements, attributes and styles (nh3)
                       ──► pictures: inline ones as data:, remote ones only when asked for
                       ──► what is quoted folds away
                       ──► a document whose policy forbids scripts, frames, forms and addresses

Two walls, each of which holds alone: what is dangerous is taken out, and the document's policy and
the sandbox that it is shown in would not let it act.
"""

import base64
import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

import nh3
from bs4 import BeautifulSoup
from bs4.element import Tag

from postroom.domain.ids import AttachmentId
from postroom.web.mail_colors import legible, may_be_illegible, plain_style, with_page_colors
from postroom.web.mail_folds import fold_quotations, quoted_lines, shows_anything


def _names(text: str) -> set[str]:
    return set(text.split())


_TAGS = _names(
    """
    a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup
    dd del dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd
    li main mark nav ol p pre q rp rt ruby s samp section small span strike strong sub sup table
    tbody td tfoot th thead time tr tt u ul var wbr
    """
)
_CONTENT_GOES_TOO = {"script", "style", "title", "noscript", "template", "svg", "math", "textarea"}
_ATTRIBUTES = {
    "*": {"align", "dir", "id", "lang", "style", "title"},
    "a": {"href", "name"},
    "col": {"span", "width"},
    "blockquote": {"class", "type"},
    "div": {"class"},
    "font": {"color", "face", "size"},
    "img": {"alt", "height", "src", "width"},
    "li": {"value"},
    "ol": {"start", "type"},
    "table": {"bgcolor", "border", "cellpadding", "cellspacing", "width"},
    "td": {"bgcolor", "colspan", "height", "rowspan", "valign", "width"},
    "th": {"bgcolor", "colspan", "height", "rowspan", "valign", "width"},
    "tr": {"bgcolor", "valign"},
}
_STYLES = _names(
    """
    background-color border border-bottom border-bottom-color border-bottom-style
    border-bottom-width border-collapse border-color border-left border-left-color border-left-style
    border-left-width border-radius border-right border-right-color border-right-style
    border-right-width border-spacing border-style border-top border-top-color border-top-style
    border-top-width border-width clear color direction display float font font-family font-size
    font-style font-variant font-weight height letter-spacing line-height margin margin-bottom
    margin-left margin-right margin-top max-height max-width min-height min-width opacity padding
    padding-bottom padding-left padding-right padding-top table-layout text-align text-decoration
    text-indent text-transform vertical-align white-space width word-break word-spacing
    """
)
"""None of them takes an address, and none lifts an element out of its place."""

_PICTURE = re.compile(r"data:image/(png|jpe?g|gif|webp|bmp);base64,[A-Za-z0-9+/=\s]*")
_SCRIPT_IN_STYLE = re.compile(r"expression\s*\(", re.IGNORECASE)
"""A script in the styles of Internet Explorer, which some mail programs still are inside."""

_UNENCRYPTED = re.compile(r"^http:", re.IGNORECASE)
_CID = re.compile(r"""["'(]\s*cid:([^"')\s>]+)""", re.IGNORECASE)

FRAME_HEADERS = {
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_POLICY = (
    # With its own origin the page around it can measure how tall it is; without scripts, it cannot
    # do anything with that itself.
    "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    # The style attributes of mail; they hold no addresses, and there are no scripts.
    "style-src 'unsafe-inline'; img-src {pictures}; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
_PAGE = """<!doctype html>
<html><head><meta charset="utf-8"><meta name="color-scheme" content="light"><title>{title}</title>
<meta name="shown-attachments" content="{shown}">
<style>
body {{ margin: 0; padding: 14px 16px; font: 15px/1.5 system-ui, sans-serif; color: #1c1b1a;
  background: #fff; overflow-wrap: break-word; }}
img {{ max-width: 100%; height: auto; }}
table {{ max-width: 100%; }}
pre {{ white-space: pre-wrap; }}
blockquote {{ margin: 0 0 0 4px; padding-left: 12px; border-left: 2px solid #d5d2cc; }}
summary {{ width: fit-content; margin: 10px 0; padding: 0 10px; border-radius: 9px; cursor: pointer;
  color: #45423d; background: #eceae5; font-weight: 700; letter-spacing: 1px; list-style: none; }}
</style></head><body>{body}</body></html>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeHtml:
    """Mail that may be shown."""

    html: str
    has_remote_pictures: bool
    """Whether pictures were left out, or are shown, that the sender would see being fetched."""
    shown_content_ids: frozenset[str]
    """Of the inline pictures that it shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPart:
    """Lines of a text that are the author's own, or are not."""

    text: str
    is_quoted: bool


def content_ids(markup: str) -> set[str]:
    """Return the ids of the inline pictures that a mail shows, each as it may be meant."""
    found = _CID.findall(html.unescape(markup))
    return {meant for written in found for meant in _meant_by(written) if meant}


def data_address(content_type: str, content: bytes) -> str:
    """Return a picture as an address of its own."""
    return f"data:{content_type.lower()};base64,{base64.b64encode(content).decode()}"


def safe_html(markup: str, *, pictures: Mapping[str, str], with_remote: bool) -> SafeHtml:
    """Take out of a mail what could harm or tell.

    `pictures` has the data address of each inline picture by its content id.
    """
    attributes = _Attributes(pictures=pictures, with_remote=with_remote)
    cleaned = nh3.clean(
        with_page_colors(markup),
        tags=_TAGS,
        clean_content_tags=_CONTENT_GOES_TOO,
        attributes=_ATTRIBUTES,
        attribute_filter=attributes.checked,
        filter_style_properties=_STYLES,
        url_schemes={"http", "https", "mailto", "tel", "cid", "data"},
        set_tag_attribute_values={"a": {"target": "_blank"}},
        link_rel="noopener noreferrer nofollow",
    )
    if any(may_be_illegible(name, value) for name, value in attributes.colors):
        cleaned = legible(cleaned)
    return SafeHtml(
        html=_with_inner_links(_without_odd_links(cleaned)),
        has_remote_pictures=attributes.has_remote_pictures,
        shown_content_ids=frozenset(attributes.shown),
    )


def is_empty(markup: str) -> bool:
    """Tell whether nothing of a clean mail can be seen: some have files alone."""
    return not shows_anything(BeautifulSoup(markup, "html.parser"))


def mail_document(
    body: SafeHtml, *, title: str, shown_attachment_ids: Iterable[AttachmentId] = ()
) -> str:
    """Return a mail as a document of its own, with quotations folded.

    It says which attachments it shows, for the page around it to offer the others.
    """
    return _PAGE.format(
        title=html.escape(title),
        shown=html.escape(" ".join(shown_attachment_ids)),
        body=_folded(body.html),
    )


def frame_policy(*, with_remote: bool) -> str:
    """Return the policy of such a document."""
    return _POLICY.format(pictures="data: https:" if with_remote else "data:")


def height_hint(markup: str) -> int:
    """Guess how many pixels a mail is high at the width of a reading pane, until it is there."""
    unfolded = BeautifulSoup(_folded(markup), "html.parser")
    for folded in unfolded.find_all("details"):
        folded.clear()
    pictures = sum(min(_pixels(each), 500) for each in unfolded.find_all("img"))
    blocks = unfolded.find_all(["p", "div", "li", "tr", "br", "h1", "h2", "h3", "details"])
    text_lines = len(unfolded.get_text(" ", strip=True)) / 88
    return int(60 + pictures + 23 * text_lines + 14 * len(blocks))


def text_parts(text: str) -> list[TextPart]:
    """Cut a text where the author's own lines end and what they answer begins."""
    lines = text.replace("\r\n", "\n").rstrip().split("\n")
    parts: list[TextPart] = []
    for line, is_quoted in zip(lines, quoted_lines(lines), strict=True):
        if parts and parts[-1].is_quoted == is_quoted:
            parts[-1] = TextPart(text=f"{parts[-1].text}\n{line}", is_quoted=is_quoted)
        else:
            parts.append(TextPart(text=line, is_quoted=is_quoted))
    return parts


@dataclass(kw_only=True)
class _Attributes:
    """What is left of attributes, and what was seen in them."""

    pictures: Mapping[str, str]
    with_remote: bool
    has_remote_pictures: bool = False
    shown: set[str] = field(default_factory=set)
    colors: set[tuple[str, str]] = field(default_factory=set)

    def checked(self, tag: str, name: str, value: str) -> str | None:
        """Return the value that an attribute may have."""
        if name == "style":
            value = _SCRIPT_IN_STYLE.sub("(", plain_style(value))
        if name in ("style", "bgcolor", "color"):
            self.colors.add((name, value))
        return self._picture(value.strip()) if (tag, name) == ("img", "src") else value

    def _picture(self, address: str) -> str | None:
        if address.lower().startswith("cid:"):
            for content_id in _meant_by(address[4:]):
                if content_id in self.pictures:
                    self.shown.add(content_id)
                    return self.pictures[content_id]
            return None
        if _PICTURE.fullmatch(address):
            return address
        if re.match(r"https?://", address, re.IGNORECASE):
            self.has_remote_pictures = True
            return address if self.with_remote else None
        return None


def _meant_by(written: str) -> tuple[str, str]:
    """Return the content ids that a `cid:` address may mean, the likelier one first.

    It has the id percent-encoded, says https://www.rfc-editor.org/rfc/rfc2392#section-2; but many
    programs write it as it is, and an id may have a percent sign of its own.
    """
    plain = written.strip("<>")
    return plain, unquote(plain).strip("<>")


def _without_odd_links(markup: str) -> str:
    """Links lead to the web, to a mailbox or a telephone; `data:` and `cid:` are for pictures."""
    return re.sub(r'(<a [^>]*?)\bhref="(?:data|cid):[^"]*"', r"\1", markup, flags=re.IGNORECASE)


def _with_inner_links(markup: str) -> str:
    """Links to a place in the mail itself lead there, not to a page of their own."""
    return re.sub(r'(<a [^>]*?\bhref="#[^>]*?) target="_blank"', r"\1", markup)


def _folded(markup: str) -> str:
    soup = BeautifulSoup(markup, "html.parser")
    for picture in soup.find_all("img", src=_UNENCRYPTED):
        picture["src"] = _UNENCRYPTED.sub("https:", str(picture["src"]))
    fold_quotations(soup)
    return str(soup)


def _pixels(picture: Tag) -> int:
    """A picture that was left out takes the place of its description."""
    if not picture.get("src"):
        return 20
    height = str(picture.get("height") or "")
    return int(height) if height.isdigit() else 160
