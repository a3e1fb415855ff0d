"""Which language somebody reads: the one chosen in the console, or what their browser says.

cookie postroom_language ─► one of LANGUAGES ─► that
└─ nothing, or another ─► Accept-Language, the dearest first ─► English
"""

import re

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

LANGUAGES = ("en", "fr", "pt", "es")
"""ISO 639-1 codes; the first is for whoever reads none of them."""

LANGUAGE_COOKIE = "postroom_language"
"""Set by the console's own script: it says nothing of who somebody is."""

VARIES = "Accept-Language, Cookie"
"""What a page in somebody's language depends on (the header `Vary`)."""

# RFC 9110 section 12.5.4: "pt-BR;q=0.8".
_RANGE = re.compile(r"\s*([A-Za-z]{2,3})(?:-[\w-]+)?\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*")


def language_of(event: APIGatewayProxyEventV2) -> str:
    """Return one of LANGUAGES."""
    for cookie in event.cookies:
        name, _, value = cookie.partition("=")
        if name.strip() == LANGUAGE_COOKIE and value.strip() in LANGUAGES:
            return value.strip()
    ranges = [
        _RANGE.fullmatch(each) for each in event.headers.get("accept-language", "").split(",")
    ]
    wanted = [(float(each[2] or 1), each[1].lower()) for each in ranges if each]
    wanted.sort(key=lambda each: -each[0])
    return next((name for share, name in wanted if share and name in LANGUAGES), LANGUAGES[0])
