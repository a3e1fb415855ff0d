"""What Gmail's and the token endpoint's refusals mean: the tables, case by case."""

import json
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.errors import (
    ConfigFlaw,
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
from postroom.providers.google.errors import api_error, token_error
from postroom.providers.refusals import InsufficientScope, ServerFailed
from tests.builders import NOW

SENT_TOO_MUCH = "User-rate limit exceeded.  Retry after 2026-11-21T18:30:00.000Z (Mail sending)"


def body(reason: str = "", *, status: str = "", message: str = "", **more: Any) -> bytes:
    errors = [{"domain": "global", "reason": reason, "message": message}] if reason else []
    error = {"message": message, "errors": errors, "status": status, **more}
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (429, body("rateLimitExceeded"), Throttled),
        (429, b"<html>busy</html>", Throttled),
        (429, body("rateLimitExceeded", message=SENT_TOO_MUCH), SendingLimitReached),
        (403, body("rateLimitExceeded", message=SENT_TOO_MUCH), SendingLimitReached),
        (500, body("backendError", message=SENT_TOO_MUCH), ServerFailed),
        (403, body("rateLimitExceeded", status="RESOURCE_EXHAUSTED"), Throttled),
        (403, body("userRateLimitExceeded"), Throttled),
        (403, body("quotaExceeded"), Throttled),
        (403, body("dailyLimitExceeded"), Throttled),
        (401, body("authError", status="UNAUTHENTICATED"), Retryable),
        (403, body("accessNotConfigured", status="PERMISSION_DENIED"), Misconfigured),
        (403, body(details=[{"reason": "SERVICE_DISABLED"}]), Misconfigured),
        (403, body("insufficientPermissions", status="PERMISSION_DENIED"), InsufficientScope),
        (403, body(details=[{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]), InsufficientScope),
        (403, body("domainPolicy"), MailboxUnavailable),
        (400, body("failedPrecondition", status="FAILED_PRECONDITION"), MailboxUnavailable),
        (400, body("invalidArgument", status="INVALID_ARGUMENT"), Rejected),
        (403, body("forbidden"), Rejected),
        (404, body("notFound"), NotFound),
        (410, b"", NotFound),
        (413, b"", Rejected),
        (500, body("backendError"), ServerFailed),
        (502, b"<html>", ServerFailed),
        (503, b"null", ServerFailed),
        (409, body("aborted"), ServerFailed),
        (302, b"", ServerFailed),
        (600, b"", ServerFailed),
        (999, b"", ServerFailed),
    ],
)
def test_a_refusal_means_what_its_table_says(
    status: int, content: bytes, expected: type[PostroomError]
) -> None:
    """Status and Google's word decide together what has to happen next."""
    error = api_error(status, {}, content, now=NOW)
    assert isinstance(error, expected)


def test_googles_own_words_are_kept_for_the_caller() -> None:
    """The caller may show what the provider said."""
    error = api_error(400, {}, body("invalidArgument", message="Invalid To header"), now=NOW)
    assert isinstance(error, ProviderError)
    assert error.provider_code == "invalidArgument"
    assert error.provider_message == "Invalid To header"


@pytest.mark.parametrize(
    ("headers", "message", "expected"),
    [
        ({"Retry-After": "17"}, "", timedelta(seconds=17)),
        ({"Retry-After": "Sat, 21 Nov 2026 09:31:00 GMT"}, "", timedelta(minutes=1)),
        ({"Retry-After": "Sat, 21 Nov 2026 09:00:00 GMT"}, "", timedelta()),
        ({"Retry-After": "soon"}, "", None),
        ({"Retry-After": "²"}, "", None),
        (
            {},
            "User-rate limit exceeded.  Retry after 2026-11-21T09:35:00.250Z",
            timedelta(minutes=5, milliseconds=250),
        ),
        ({}, SENT_TOO_MUCH, timedelta(hours=9)),
        ({}, "Retry after 2026-99-99T00:00:00Z", None),
        ({}, "Too many concurrent requests for user", None),
        ({"Retry-After": "31536000"}, "", timedelta(days=1)),
        ({"Retry-After": "9" * 5000}, "", None),
        ({"Retry-After": "Sun, 21 Nov 2027 09:30:00 GMT"}, "", timedelta(days=1)),
        ({}, "Retry after 2027-11-21T09:30:00.000Z", timedelta(days=1)),
    ],
)
def test_the_wait_is_read_from_header_or_text(
    headers: dict[str, str], message: str, expected: timedelta | None
) -> None:
    """Gmail says only in its text when a mailbox may be asked again; it can be minutes away.

    A date of next year stopped an account for a year: whatever the form, a day is the most.
    """
    error = api_error(429, headers, body("rateLimitExceeded", message=message), now=NOW)
    assert isinstance(error, Retryable)
    assert error.retry_after == expected


def test_a_used_up_day_is_no_matter_of_seconds() -> None:
    """The project's day is over: asking again at once only adds to it."""
    error = api_error(403, {}, body("dailyLimitExceeded"), now=NOW)
    assert isinstance(error, Retryable)
    assert error.retry_after == timedelta(hours=1)


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "invalid_grant", ReauthRequired),
        (400, "admin_policy_enforced", ReauthRequired),
        (401, "invalid_client", Misconfigured),
        (401, "unauthorized_client", Misconfigured),
        (400, "redirect_uri_mismatch", Misconfigured),
        (400, "invalid_scope", Misconfigured),
        (429, "invalid_grant", Retryable),
        (503, "invalid_grant", Retryable),
        (500, "internal_failure", Retryable),
        (400, "something_new", Retryable),
        (403, "rate_limit_exceeded", Retryable),
    ],
)
def test_only_a_dead_consent_costs_an_account_its_consent(
    status: int, code: str, expected: type[ProviderError]
) -> None:
    """A busy token endpoint reported as bad credentials has disconnected whole fleets elsewhere."""
    content = json.dumps({"error": code, "error_description": 'with "quotes"'}).encode()
    assert type(token_error(status, {}, content, now=NOW)) is expected


@pytest.mark.parametrize(
    ("code", "flaw"),
    [
        ("invalid_client", ConfigFlaw.CLIENT_REFUSED),
        ("deleted_client", ConfigFlaw.CLIENT_DISABLED),
        ("disabled_client", ConfigFlaw.CLIENT_DISABLED),
        ("redirect_uri_mismatch", ConfigFlaw.REDIRECT_URI_UNKNOWN),
        ("invalid_scope", ConfigFlaw.SCOPE_UNKNOWN),
        ("unauthorized_client", ConfigFlaw.CLIENT_REFUSED),
    ],
)
def test_what_is_wrong_with_the_client_has_a_word(code: str, flaw: ConfigFlaw) -> None:
    """The administrator is told what to look at, in any language."""
    error = token_error(401, {}, json.dumps({"error": code}).encode(), now=NOW)
    assert isinstance(error, Misconfigured)
    assert (error.flaw, error.provider_code) == (flaw, code)
