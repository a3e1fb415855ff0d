"""What Gmail's refusals mean for us.

One table for the API, one for the token endpoint. Sources:
https://developers.google.com/workspace/gmail/api/guides/handle-errors
https://developers.google.com/identity/protocols/oauth2/web-server
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from postroom.domain.errors import (
    ConfigFlaw,
    ConnectionRefused,
    MailboxUnavailable,
    Misconfigured,
    NotFound,
    PostroomError,
    ProviderError,
    ReauthRequired,
    Rejected,
    Retryable,
    SendingLimitReached,
    Throttled,
)
from postroom.providers.answers import json_object, retry_after, text, wait_until
from postroom.providers.refusals import (
    AccessTokenRefused,
    InsufficientScope,
    Refusal,
    ServerFailed,
    row,
)


class PreconditionFailed(MailboxUnavailable):
    """Gmail is off for the account; now and then it says so of one that works."""


class Aborted(ServerFailed):
    """Something else stood in the way: a change at the same moment, or a label of the same name."""


_MAIL_SENDING = "(Mail sending)"
"""How the text ends of a refusal that concerns sending alone; its codes are those of all limits.

    {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED",
     "message": "User-rate limit exceeded.  Retry after 2026-11-22T09:30:00.000Z (Mail sending)",
     "errors": [{"domain": "usageLimits", "reason": "rateLimitExceeded", "message": "…"}]}}

https://developers.google.com/workspace/gmail/api/guides/handle-errors ("Mail sending limits")
"""

_API = (
    # The first row that fits decides. Words: errors[].reason, details[].reason, error.status, and
    # the end of the text where it is `_MAIL_SENDING`.
    row(
        (403, 429),
        "mailSending",
        SendingLimitReached,
        "Gmail lets this mailbox send no more for now",
    ),
    row((429, 429), "", Throttled, "Gmail asks for fewer calls"),
    row(
        (403, 403),
        "rateLimitExceeded userRateLimitExceeded quotaExceeded dailyLimitExceeded "
        "RESOURCE_EXHAUSTED RATE_LIMIT_EXCEEDED",
        Throttled,
        "Gmail asks for fewer calls",
    ),
    row((401, 401), "", AccessTokenRefused, "Gmail does not accept the access token"),
    row(
        (403, 403),
        "accessNotConfigured SERVICE_DISABLED",
        Misconfigured,
        "the Gmail API is not enabled in the project of the OAuth client",
    ),
    row(
        (403, 403),
        "domainPolicy",
        MailboxUnavailable,
        "the organisation's administrator does not allow access to Gmail",
    ),
    row(
        (403, 403),
        "insufficientPermissions ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        InsufficientScope,
        "the owner has not allowed this kind of access",
    ),
    row(
        (400, 400),
        "failedPrecondition FAILED_PRECONDITION",
        PreconditionFailed,
        "Gmail is not enabled for this Google account",
    ),
    row((404, 404), "", NotFound, "Gmail has no such thing"),
    row((410, 410), "", NotFound, "Gmail has no such thing any more"),
    row((409, 409), "", Aborted, "Gmail did not finish the call"),
    row((408, 408), "", ServerFailed, "Gmail did not finish the call"),
    row((500, 999), "", ServerFailed, "Gmail failed"),
    row((400, 499), "", Rejected, "Gmail refuses the request"),
    row((0, 399), "", ServerFailed, "Gmail gave an unexpected answer"),
)

_DAY_QUOTA_WAIT = timedelta(hours=1)
"""How long to wait when the whole project has used up its day."""

_NEEDS_CONSENT = frozenset(
    {"access_denied", "admin_policy_enforced", "invalid_grant", "org_internal", "invalid_rapt"}
)
_CLIENT_REFUSED = (ConfigFlaw.CLIENT_REFUSED, "Google does not accept the OAuth client")
_CLIENT_DISABLED = (
    ConfigFlaw.CLIENT_DISABLED,
    "the OAuth client was deleted or disabled at Google",
)
_NEEDS_OPERATOR: Mapping[str, tuple[ConfigFlaw, str]] = {
    "deleted_client": _CLIENT_DISABLED,
    "disabled_client": _CLIENT_DISABLED,
    "invalid_client": (
        ConfigFlaw.CLIENT_REFUSED,
        "Google does not accept the client id or the client secret",
    ),
    "invalid_request": _CLIENT_REFUSED,
    "invalid_scope": (ConfigFlaw.SCOPE_UNKNOWN, "Google does not know a scope of the connector"),
    "redirect_uri_mismatch": (
        ConfigFlaw.REDIRECT_URI_UNKNOWN,
        "the OAuth client does not have the redirect address at Google",
    ),
    "unauthorized_client": _CLIENT_REFUSED,
    "unsupported_grant_type": _CLIENT_REFUSED,
}
"""What is wrong, in a word and a sentence."""

_RETRY_TIME = re.compile(r"[Rr]etry after (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)Z?")


def api_error(
    status: int, headers: Mapping[str, str], content: bytes, *, now: datetime
) -> PostroomError:
    """Return the error that an answer of the Gmail API means."""
    problem = _problem(content)
    message = text(problem.get("message"))
    words = _words(problem)
    wait = _wait(headers, message, now=now)
    if wait is None and "dailyLimitExceeded" in words:
        wait = _DAY_QUOTA_WAIT
    if message.rstrip(" .").endswith(_MAIL_SENDING):
        words = [*words, "mailSending"]
    refusal = Refusal(status=status, words=words, message=message, retry_after=wait)
    return refusal.means(_API)


def token_error(
    status: int, headers: Mapping[str, str], content: bytes, *, now: datetime
) -> ProviderError:
    """Return the error that an answer of the token endpoint means (RFC 6749, 5.2).

    ReauthRequired when the consent (or the code) is not good any more, Misconfigured when the
    client is not, and Retryable for all else: a busy server must never cost an account its consent.
    """
    answer = json_object(content)
    code = text(answer.get("error"))
    message = text(answer.get("error_description"))
    if status < 500 and status != 429:
        if code in _NEEDS_CONSENT:
            return ReauthRequired(
                "Google says that the consent has ended",
                provider_code=code,
                provider_message=message,
            )
        if code in _NEEDS_OPERATOR:
            flaw, sentence = _NEEDS_OPERATOR[code]
            return Misconfigured(
                sentence,
                flaw=flaw,
                provider_code=code,
                provider_message=message,
            )
    return Retryable(
        "Google's token endpoint cannot answer now",
        retry_after=_wait(headers, message, now=now),
        provider_code=code or str(status),
        provider_message=message,
    )


def consent_refusal(error: str) -> ConnectionRefused:
    """Return what the `error` on the way back from the consent page means."""
    reason = "access_denied" if error == "access_denied" else "provider_error"
    return ConnectionRefused(reason, "The consent was not given.")


def _wait(headers: Mapping[str, str], message: str, *, now: datetime) -> timedelta | None:
    """Return how long to wait: from Retry-After or, where Gmail says it there alone, its text.

    "… exceeded. Retry after 2026-08-22T18:22:38.763Z".
    """
    wait = retry_after(headers, now=now)
    found = _RETRY_TIME.search(message)
    if wait is not None or found is None:
        return wait
    try:
        return wait_until(datetime.fromisoformat(found[1]), now=now)
    except ValueError:
        return None


def _problem(content: bytes) -> dict[str, Any]:
    problem = json_object(content).get("error")
    return problem if isinstance(problem, dict) else {}


def _words(problem: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for name in ("errors", "details"):
        entries = problem.get(name)
        listed = entries if isinstance(entries, list) else []
        found += [text(entry.get("reason")) for entry in listed if isinstance(entry, dict)]
    return [word for word in (*found, text(problem.get("status"))) if word]
