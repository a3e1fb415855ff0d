"""How mail programs mark in HTML what they quote, whichever provider carries it.

Names of classes and of ids as they were written; Outlook prefixes those of others by `x_`.
"""

import re


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


ATTRIBUTION_CLASSES = _names("gmail_attr moz-cite-prefix")
"""Of the line above a quotation, which says whose it is."""

FORWARD_CLASSES = _names("moz-forward-container")
"""Of what is passed on, which is what its sender wants to be read."""

QUOTATION_CLASSES = _names(
    # Google's, Yahoo, Proton, Zoho, Front, Mail.ru, Tutanota
    """
    gmail_quote gmail_quote_container yahoo_quoted protonmail_quote zmail_extra front-blockquote
    mail-quote-collapse tutanota_quote
    """
)
QUOTATION_IDS = _names(
    # Outlook for Mac and for phones, NetEase
    """
    OLK_SRC_BODY_SECTION mail-editor-reference-message-container isForwardContent isReplyContent
    """
)
QUOTATION_BEGINS = _names("divRplyFwdMsg appendonsend stopSpelling zwchr")
"""Ids of Outlook and Zimbra: from there on everything is quoted."""

_BORDER = re.compile(
    r"border:none;border-top:solid#[0-9a-f]{6}1\.0pt;padding:3\.0pt0(?:in|cm|mm)0(?:in|cm|mm)0"
)


def has_outlook_border(style: str) -> bool:
    """Tell whether it is what Outlook for Windows draws above what it quotes, in every language."""
    return _BORDER.match(re.sub(r"\s+", "", style).lower()) is not None


def as_written(name: str) -> str:
    """Return a class or an id as its program wrote it."""
    return name.removeprefix("x_")
