"""The cookie that ties a connection to the browser which began it.

One cookie for each connection: its name ends in a hash of the state, which both ends of the way
know. A person who connects two mailboxes in two tabs thus has two cookies, and neither tab can
overwrite what the other has to bring back.
"""

import hashlib
from urllib.parse import parse_qs, urlsplit

from aws_lambda_powertools.shared.cookies import Cookie, SameSite
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from postroom.domain.connection import CONNECTION_LIFETIME


def connection_cookie(state: str, secret: str, *, is_secure: bool) -> Cookie:
    """Make the cookie that the browser has to bring back with this state."""
    return Cookie(
        name=_name(state, is_secure=is_secure),
        value=secret,
        path="/",
        secure=is_secure,
        http_only=True,
        # Lax: the way back is a navigation from the provider's site. Strict would lose the cookie.
        same_site=SameSite.LAX_MODE,
        max_age=int(CONNECTION_LIFETIME.total_seconds()),
    )


def spent_cookie(state: str, *, is_secure: bool) -> Cookie:
    """Make the cookie that removes the one of this state."""
    cookie = connection_cookie(state, "", is_secure=is_secure)
    cookie.max_age = 0
    return cookie


def read_connection_cookie(event: APIGatewayProxyEventV2, state: str, *, is_secure: bool) -> str:
    """Return the secret that this browser brought back for this state, or nothing."""
    wanted = _name(state, is_secure=is_secure)
    for cookie in event.cookies:
        name, _, value = cookie.partition("=")
        if name.strip() == wanted:
            return value.strip()
    return ""


def state_of(consent_url: str) -> str:
    """Return the state in the address of a consent page (RFC 6749 section 4.1.1)."""
    (state,) = parse_qs(urlsplit(consent_url).query)["state"]
    return state


def _name(state: str, *, is_secure: bool) -> str:
    """`__Host-` makes the browser insist on Secure, Path=/ and no Domain; http cannot have it."""
    prefix = "__Host-" if is_secure else ""
    return f"{prefix}postroom_connect_{hashlib.sha256(state.encode()).hexdigest()[:16]}"
