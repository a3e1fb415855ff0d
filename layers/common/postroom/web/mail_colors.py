"""Colours that can be read: text on the ground that is left of a mail.

Mail is written for a page that its style sheet and its pictures paint as well. Neither comes
along, and white words that stood on a dark picture would stand on nothing:

    ground of an element = what it sets itself, else what it stands on, else white
    words as light as their ground ──► the colour of what they stand in
                                   ──► where that is as light too, black or white
"""

import re
from collections.abc import Iterator
from colorsys import hls_to_rgb

from bs4 import BeautifulSoup
from bs4.element import Tag

Color = tuple[float, float, float]
"""Red, green and blue, each from 0 to 1."""

_NAMES = dict(
    re.findall(
        r"(\w+):(\w+)",
        """
    aliceblue:f0f8ff antiquewhite:faebd7 aqua:00ffff aquamarine:7fffd4 azure:f0ffff beige:f5f5dc
    bisque:ffe4c4 black:000000 blanchedalmond:ffebcd blue:0000ff blueviolet:8a2be2 brown:a52a2a
    burlywood:deb887 cadetblue:5f9ea0 chartreuse:7fff00 chocolate:d2691e coral:ff7f50
    cornflowerblue:6495ed cornsilk:fff8dc crimson:dc143c cyan:00ffff darkblue:00008b
    darkcyan:008b8b darkgoldenrod:b8860b darkgray:a9a9a9 darkgreen:006400 darkgrey:a9a9a9
    darkkhaki:bdb76b darkmagenta:8b008b darkolivegreen:556b2f darkorange:ff8c00
    darkorchid:9932cc darkred:8b0000 darksalmon:e9967a darkseagreen:8fbc8f darkslateblue:483d8b
    darkslategray:2f4f4f darkslategrey:2f4f4f darkturquoise:00ced1 darkviolet:9400d3
    deeppink:ff1493 deepskyblue:00bfff dimgray:696969 dimgrey:696969 dodgerblue:1e90ff
    firebrick:b22222 floralwhite:fffaf0 forestgreen:228b22 fuchsia:ff00ff gainsboro:dcdcdc
    ghostwhite:f8f8ff gold:ffd700 goldenrod:daa520 gray:808080 green:008000 greenyellow:adff2f
    grey:808080 honeydew:f0fff0 hotpink:ff69b4 indianred:cd5c5c indigo:4b0082 ivory:fffff0
    khaki:f0e68c lavender:e6e6fa lavenderblush:fff0f5 lawngreen:7cfc00 lemonchiffon:fffacd
    lightblue:add8e6 lightcoral:f08080 lightcyan:e0ffff lightgoldenrodyellow:fafad2
    lightgray:d3d3d3 lightgreen:90ee90 lightgrey:d3d3d3 lightpink:ffb6c1 lightsalmon:ffa07a
    lightseagreen:20b2aa lightskyblue:87cefa lightslategray:778899 lightslategrey:778899
    lightsteelblue:b0c4de lightyellow:ffffe0 lime:00ff00 limegreen:32cd32 linen:faf0e6
    magenta:ff00ff maroon:800000 mediumaquamarine:66cdaa mediumblue:0000cd mediumorchid:ba55d3
    mediumpurple:9370db mediumseagreen:3cb371 mediumslateblue:7b68ee mediumspringgreen:00fa9a
    mediumturquoise:48d1cc mediumvioletred:c71585 midnightblue:191970 mintcream:f5fffa
    mistyrose:ffe4e1 moccasin:ffe4b5 navajowhite:ffdead navy:000080 oldlace:fdf5e6 olive:808000
    olivedrab:6b8e23 orange:ffa500 orangered:ff4500 orchid:da70d6 palegoldenrod:eee8aa
    palegreen:98fb98 paleturquoise:afeeee palevioletred:db7093 papayawhip:ffefd5
    peachpuff:ffdab9 peru:cd853f pink:ffc0cb plum:dda0dd powderblue:b0e0e6 purple:800080
    rebeccapurple:663399 red:ff0000 rosybrown:bc8f8f royalblue:4169e1 saddlebrown:8b4513
    salmon:fa8072 sandybrown:f4a460 seagreen:2e8b57 seashell:fff5ee sienna:a0522d silver:c0c0c0
    skyblue:87ceeb slateblue:6a5acd slategray:708090 slategrey:708090 snow:fffafa
    springgreen:00ff7f steelblue:4682b4 tan:d2b48c teal:008080 thistle:d8bfd8 tomato:ff6347
    turquoise:40e0d0 violet:ee82ee wheat:f5deb3 white:ffffff whitesmoke:f5f5f5 yellow:ffff00
    yellowgreen:9acd32
    """,
    )
)
"""https://www.w3.org/TR/css-color-4/#named-colors"""

_WHITE: Color = (1.0, 1.0, 1.0)
_INK: Color = (0.11, 0.106, 0.102)
"""Of words to which a mail gives no colour."""

_LINK: Color = (0.0, 0.0, 0.93)
"""Of links, whatever they stand in."""

_BEHIND = {"color": _WHITE, "background-color": _INK}
"""What words or a ground meet where a mail says nothing else."""

_LEAST_CONTRAST = 1.7
"""Less than what anybody writes to be read (WCAG asks for 4.5), more than white on pale grey."""

_COLOR = re.compile(
    r"#(?P<hex>[0-9a-f]{3,8})(?![\w-])"
    r"|(?P<function>rgb|hsl)a?\((?P<numbers>[^()]*)\)"
    r"|(?<![\w#-])(?P<name>[a-z]+)(?![\w(-])",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(-?[\d.]+)(%|deg)?")
_ADDRESS = re.compile(r"""url\s*\(\s*(?:"[^"]*"|'[^']*'|[^)]*)\s*\)?""", re.IGNORECASE)
_PAGE_TAG = re.compile(
    r"""<body(?=[\s/>])((?:"[^"]*+"|'[^']*+'|[^'"<>]++){0,60}+)>""", re.IGNORECASE
)
_OF_THE_PAGE = {
    "background-color", "color", "direction", "font", "font-family", "font-size", "line-height",
    "text-align",
}  # fmt: skip
"""What a page says that is true for all that stands in it."""


def plain_style(style: str) -> str:
    """Return a style without addresses, whose backgrounds are colours and nothing else."""
    return ";".join(f"{name}:{value}" for name, value in _declarations(style))


def with_page_colors(markup: str) -> str:
    """Return a mail in which an element stands for its page, which only a document can have."""
    found = _PAGE_TAG.search(markup)
    page = BeautifulSoup(found[0], "html.parser").find("body") if found else None
    if not found or not isinstance(page, Tag):
        return markup
    styles = [
        *_attribute_color(page, "bgcolor", "background-color"),
        *_attribute_color(page, "text", "color"),
        *(each for each in _declarations(_attribute(page, "style")) if each[0] in _OF_THE_PAGE),
    ]
    instead = BeautifulSoup("", "html.parser").new_tag("div")
    if styles:
        instead["style"] = ";".join(f"{name}:{value}" for name, value in styles)
    for name in ("dir", "lang"):
        if _attribute(page, name):
            instead[name] = _attribute(page, name)
    if not instead.attrs:
        return markup
    opening = str(instead).removesuffix("</div>")
    return f"{markup[: found.start()]}{opening}{markup[found.end() :]}"


def may_be_illegible(attribute: str, value: str) -> bool:
    """Tell whether what an attribute says depends on where it stands: few mails need the look."""
    if attribute == "style":
        shades = list(_declarations(value))
    else:
        shades = [({"bgcolor": "background-color"}.get(attribute, attribute), _with_hash(value))]
    return any(
        (each := _color(shade)) and _contrast(_on(each, _WHITE), _BEHIND[name]) < _LEAST_CONTRAST
        for name, shade in shades
        if name in _BEHIND
    )


def legible(markup: str) -> str:
    """Return a mail without words in the colour of what they stand on; it must be clean."""
    document = BeautifulSoup(markup, "html.parser")
    seen = {id(document): (_WHITE, _INK)}
    for tag in document.find_all(name=True):
        ground, inherited = seen[id(tag.parent)]
        own_ground = _own(tag, "background-color", "bgcolor")
        ground = _on(own_ground, ground) if own_ground else ground
        own_ink = _own(tag, "color", "color")
        ink = _on(own_ink, ground) if own_ink else inherited
        if own_ink and _contrast(ink, ground) < _LEAST_CONTRAST:
            _drop_ink(tag)
            ink = inherited
        if (own_ground or own_ink) and _contrast(ink, ground) < _LEAST_CONTRAST:
            ink = max((_WHITE, _INK), key=lambda each: _contrast(each, ground))
            _drop_ink(tag)
            _add_ink(tag, ink)
        elif tag.name == "a" and not _own(tag, "color", "color") and _is_too_dark_for_links(ground):
            _add_ink(tag, ink)
        seen[id(tag)] = ground, ink
    return str(document)


# ── Styles ───────────────────────────────────────────────────────────────────────────────────


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    for declaration in _ADDRESS.sub(" ", style).split(";"):
        name, _, value = declaration.partition(":")
        name = name.strip().lower()
        value = re.sub(r" ?! ?important$", "", " ".join(value.split()), flags=re.IGNORECASE)
        if name == "background":
            found = _first_color(value)
            name, value = "background-color", found[0] if found else ""
        if name and value:
            yield name, value


def _attribute(tag: Tag, name: str) -> str:
    return str(tag.get(name) or "").strip()


def _attribute_color(tag: Tag, attribute: str, name: str) -> Iterator[tuple[str, str]]:
    value = _with_hash(_attribute(tag, attribute))
    if _color(value):
        yield name, value


def _with_hash(value: str) -> str:
    """Return a colour that may have come without: `bgcolor="003366"`.

    https://html.spec.whatwg.org/#rules-for-parsing-a-legacy-colour-value
    """
    return f"#{value}" if re.fullmatch(r"[0-9a-fA-F]{6}", value) else value


def _own(tag: Tag, name: str, attribute: str) -> tuple[Color, float] | None:
    styles = [value for each, value in _declarations(_attribute(tag, "style")) if each == name]
    styles = styles or [value for _, value in _attribute_color(tag, attribute, name)]
    return _color(styles[-1]) if styles else None


def _drop_ink(tag: Tag) -> None:
    styles = [each for each in _declarations(_attribute(tag, "style")) if each[0] != "color"]
    del tag["color"]
    del tag["style"]
    if styles:
        tag["style"] = ";".join(f"{name}:{value}" for name, value in styles)


def _add_ink(tag: Tag, ink: Color) -> None:
    shown = "#" + "".join(f"{round(255 * each):02x}" for each in ink)
    tag["style"] = ";".join(filter(None, (_attribute(tag, "style"), f"color:{shown}")))


# ── Colours ──────────────────────────────────────────────────────────────────────────────────


def _first_color(text: str) -> re.Match[str] | None:
    """Of a gradient, too."""
    found = (each for each in _COLOR.finditer(text) if _shade(each))
    return next(found, None)


def _color(text: str) -> tuple[Color, float] | None:
    """Return a colour, and how much of it covers what is behind."""
    found = _COLOR.fullmatch(text.strip())
    return _shade(found) if found else None


def _shade(found: re.Match[str]) -> tuple[Color, float] | None:
    digits = found["hex"]
    if found["name"]:
        digits = _NAMES.get(found["name"].lower())
    if found["function"]:
        return _computed(found["function"].lower(), found["numbers"])
    if digits and len(digits) in (3, 4):
        digits = "".join(2 * each for each in digits)
    if not digits or len(digits) not in (6, 8):
        return None
    red, green, blue, cover = (int(f"{digits}ff"[at : at + 2], 16) / 255 for at in (0, 2, 4, 6))
    return (red, green, blue), cover


def _computed(function: str, numbers: str) -> tuple[Color, float] | None:
    try:
        found = [(float(number), unit) for number, unit in _NUMBER.findall(numbers)]
    except ValueError:
        return None
    if len(found) < 3:
        return None
    cover = 1.0
    if len(found) > 3:
        cover = _within(found[3][0] / (100 if found[3][1] == "%" else 1))
    first, second, third = (
        _within(number / (100 if unit == "%" else 255)) for number, unit in found[:3]
    )
    if function == "hsl":
        return hls_to_rgb(found[0][0] / 360 % 1, third, second), cover
    return (first, second, third), cover


def _within(part: float) -> float:
    return min(1.0, max(0.0, part))


def _on(color: tuple[Color, float], ground: Color) -> Color:
    (red, green, blue), cover = color
    behind = 1 - cover
    return (
        red * cover + ground[0] * behind,
        green * cover + ground[1] * behind,
        blue * cover + ground[2] * behind,
    )


def _contrast(one: Color, other: Color) -> float:
    """From 1 (the same) to 21: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _is_too_dark_for_links(ground: Color) -> bool:
    return _contrast(_LINK, ground) < 2 * _LEAST_CONTRAST < _contrast(_WHITE, ground)


def _luminance(color: Color) -> float:
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in color
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
