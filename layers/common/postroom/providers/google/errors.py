"""What Gmail's refusals mean for us.

One table for the API, one for the token endpoint. Sources:
https://developers.google.com/workspace/gmail/api/guides/handle-errors
https://developers.google.com/identity/protocols/oauth2/web-server
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from postroom.domain.errors import (
    MailboxUnavailable,
    Misconfigured,
    NotFound,
    PostroomError,
    ProviderError,
    ReauthRequired,
    Rejected,
    Retryable,
)


class Throttled(Retryable):
    """Too many calls: nobody's fault, and no reason to suspect the message asked for."""


class ServerFailed(Retryable):
    """Google answered with a failure of its own."""


class Unanswered(Retryable):
    """Google gave no answer: the connection or the time came to an end."""


class InsufficientScope(ReauthRequired):
    """The owner has not allowed this kind of call."""


class PreconditionFailed(MailboxUnavailable):
    """Gmail is off for the account; now and then it says so of one that works."""


class AccessTokenRefused(Retryable):
    """The access token is not accepted; a fresh one may be, now or a little later.

    Never the end of a consent: of that only the token endpoint tells.
    """


@dataclass(frozen=True, slots=True)
class _Row:
    """A refusal: HTTP status, and any one of Google's words for it (none: whatever the word)."""

    first_status: int
    last_status: int
    words: frozenset[str]
    error: type[ProviderError] | type[NotFound]
    sentence: str


def _row(
    statuses: tuple[int, int],
    words: str,
    error: type[ProviderError] | type[NotFound],
    sentence: str,
) -> _Row:
    return _Row(*statuses, frozenset(words.split()), error, sentence)


_API = (
    # The first row that fits decides. Words: errors[].reason, details[].reason, error.status.
    _row((429, 429), "", Throttled, "Gmail asks for fewer calls"),
    _row(
        (403, 403),
        "rateLimitExceeded userRateLimitExceeded quotaExceeded dailyLimitExceeded "
        "RESOURCE_EXHAUSTED RATE_LIMIT_EXCEEDED",
        Throttled,
        "Gmail asks for fewer calls",
    ),
    _row((401, 401), "", AccessTokenRefused, "Gmail does not accept the access token"),
    _row(
        (403, 403),
        "accessNotConfigured SERVICE_DISABLED",
        Misconfigured,
        "the Gmail API is not enabled in the project of the OAuth client",
    ),
    _row(
        (403, 403),
        "domainPolicy",
        MailboxUnavailable,
        "the organisation's administrator does not allow access to Gmail",
    ),
    _row(
        (403, 403),
        "insufficientPermissions ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        InsufficientScope,
        "the owner has not allowed this kind of access",
    ),
    _row(
        (400, 400),
        "failedPrecondition FAILED_PRECONDITION",
        PreconditionFailed,
        "Gmail is not enabled for this Google account",
    ),
    _row((404, 404), "", NotFound, "Gmail has no such thing"),
    _row((410, 410), "", NotFound, "Gmail has no such thing any more"),
    _row((408, 409), "", ServerFailed, "Gmail did not finish the call"),
    _row((500, 999), "", ServerFailed, "Gmail failed"),
    _row((400, 499), "", Rejected, "Gmail refuses the request"),
    _row((0, 399), "", ServerFailed, "Gmail gave an unexpected answer"),
)

_DAY_QUOTA_WAIT = timedelta(hours=1)
"""How long to wait when the whole project has used up its day."""

_LONGEST_WAIT = timedelta(days=1)
"""What is asked for beyond is no limit of Gmail's but a mistake, and would stop the account."""

_NEEDS_CONSENT = frozenset(
    {"access_denied", "admin_policy_enforced", "invalid_grant", "org_internal", "invalid_rapt"}
)
_NEEDS_OPERATOR = frozenset(
    {
        "deleted_client",
        "disabled_client",
        "invalid_client",
        "invalid_request",
        "invalid_scope",
        "redirect_uri_mismatch",
        "unauthorized_client",
        "unsupported_grant_type",
    }
)

_RETRY_TIME = re.compile(r"[Rr]etry after (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)Z?")


def api_error(
    status: int, headers: Mapping[str, str], content: bytes, *, now: datetime
) -> PostroomError:
    """Return the error that an answer of the Gmail API means."""
    problem = _problem(content)
    message = _string(problem.get("message"))
    words = _words(problem)
    row = next(
        row
        for row in _API
        if row.first_status <= status <= row.last_status
        and (not row.words or not row.words.isdisjoint(words))
    )
    if issubclass(row.error, NotFound):
        return row.error(row.sentence)
    code = words[0] if words else str(status)
    if not issubclass(row.error, Retryable):
        return row.error(row.sentence, provider_code=code, provider_message=message)
    wait = retry_after(headers, message, now=now)
    if wait is None and "dailyLimitExceeded" in words:
        wait = _DAY_QUOTA_WAIT
    return row.error(row.sentence, retry_after=wait, provider_code=code, provider_message=message)


def token_error(
    status: int, headers: Mapping[str, str], content: bytes, *, now: datetime
) -> ProviderError:
    """Return the error that an answer of the token endpoint means (RFC 6749, 5.2).

    ReauthRequired when the consent (or the code) is not good any more, Misconfigured when the
    client is not, and Retryable for all else: a busy server must never cost an account its consent.
    """
    answer = json_object(content)
    code = _string(answer.get("error"))
    message = _string(answer.get("error_description"))
    if status < 500 and status != 429:
        if code in _NEEDS_CONSENT:
            return ReauthRequired(
                "Google says that the consent has ended",
                provider_code=code,
                provider_message=message,
            )
        if code in _NEEDS_OPERATOR:
            return Misconfigured(
                "Google does not accept the OAuth client",
                provider_code=code,
                provider_message=message,
            )
    return Retryable(
        "Google's token endpoint cannot answer now",
        retry_after=retry_after(headers, message, now=now),
        provider_code=code or str(status),
        provider_message=message,
    )


def retry_after(headers: Mapping[str, str], message: str, *, now: datetime) -> timedelta | None:
    """Return how long to wait: from Retry-After (RFC 9110, 10.2.3) or from Gmail's own words.

    At most a day.
    Gmail says it in the text alone: "… exceeded. Retry after 2026-08-22T18:22:38.763Z".
    """
    value = headers.get("Retry-After", "").strip()
    moment: datetime | None = None
    found = _RETRY_TIME.search(message)
    try:
        if value.isascii() and value.isdigit():
            seconds = min(int(value), _LONGEST_WAIT.total_seconds())
            return timedelta(seconds=seconds)
        if value:
            moment = parsedate_to_datetime(value)
        elif found:
            moment = datetime.fromisoformat(found[1])
    except ValueError:
        return None
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta()), _LONGEST_WAIT)


def _problem(content: bytes) -> dict[str, Any]:
    problem = json_object(content).get("error")
    return problem if isinstance(problem, dict) else {}


def _words(problem: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for name in ("errors", "details"):
        entries = problem.get(name)
        listed = entries if isinstance(entries, list) else []
        found += [_string(entry.get("reason")) for entry in listed if isinstance(entry, dict)]
    return [word for word in (*found, _string(problem.get("status"))) if word]


def json_object(content: bytes) -> dict[str, Any]:
    """Return the object that an answer holds; an empty one when it is no JSON or no object."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
