"""The cookie of a session, and what makes it safe to act on.

A browser sends the cookie with whatever it is told to load, so what changes something has to come
from a page of ours as well:

    unsafe method ─► X-Postroom-Console is there ─► Sec-Fetch-Site: same-origin ─► let in
                     (no other site's script may        (browsers that do not say it:
                      send it: CORS is off)              Origin has to be this host)
"""

from urllib.parse import urlsplit

from aws_lambda_powertools.shared.cookies import Cookie, SameSite
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from postroom.domain.errors import Forbidden
from postroom.domain.person import PERSON_SESSION_LONGEST, SESSION_PREFIX

CONSOLE_HEADER = "x-postroom-console"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def credential_of(event: APIGatewayProxyEventV2, bearer: str) -> str:
    """Return what a request comes with: a key or token, or else the token in its cookie.

    A session's token counts in the cookie alone. Raises Forbidden for what another site may have
    made the browser do.
    """
    if bearer:
        return "" if bearer.startswith(SESSION_PREFIX) else bearer
    token = session_token(event)
    if token:
        require_own_page(event)
    return token


def session_token(event: APIGatewayProxyEventV2) -> str:
    """Return the token in the cookie, or nothing."""
    wanted = _name(is_secure=speaks_https(event))
    for cookie in event.cookies:
        name, _, value = cookie.partition("=")
        if name.strip() == wanted and value.strip().startswith(SESSION_PREFIX):
            return value.strip()
    return ""


def session_cookie(token: str, *, is_secure: bool) -> Cookie:
    """Make the cookie of a session; it is the row that ends it, and the cookie lives longer."""
    return Cookie(
        name=_name(is_secure=is_secure),
        value=token,
        path="/",
        secure=is_secure,
        http_only=True,
        # Lax: one comes back from a provider's site signed in. Strict would lose the cookie.
        same_site=SameSite.LAX_MODE,
        max_age=int(PERSON_SESSION_LONGEST.total_seconds()),
    )


def ended_cookie(*, is_secure: bool) -> Cookie:
    """Make the cookie that removes a session's."""
    cookie = session_cookie("", is_secure=is_secure)
    cookie.max_age = 0
    return cookie


def require_own_page(event: APIGatewayProxyEventV2) -> None:
    """Raise Forbidden unless a page of ours sent this, or it changes nothing."""
    if event.request_context.http.method in _SAFE_METHODS:
        return
    headers = event.headers
    site = headers.get("sec-fetch-site", "")
    origin = headers.get("origin", "")
    is_ours = bool(headers.get(CONSOLE_HEADER))
    if site:
        is_ours = is_ours and site == "same-origin"
    elif origin:
        is_ours = is_ours and urlsplit(origin).netloc == headers.get("host", "")
    if not is_ours:
        raise Forbidden("With a session's cookie, only the console's own pages change anything.")


def speaks_https(event: APIGatewayProxyEventV2) -> bool:
    """Whether the browser came over https, as always on AWS: the gateway says so itself."""
    return str(event.headers.get("x-forwarded-proto", "https")) != "http"


def _name(*, is_secure: bool) -> str:
    """`__Host-` makes the browser insist on Secure, Path=/ and no Domain; http cannot have it."""
    return ("__Host-" if is_secure else "") + "postroom_session"
