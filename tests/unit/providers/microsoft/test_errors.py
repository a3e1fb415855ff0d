"""What Graph's and Entra's refusals mean: the tables, case by case."""

import json
from datetime import timedelta
from typing import Any

import pytest

from postroom.domain.errors import (
    ConfigFlaw,
    CursorExpired,
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
from postroom.providers.microsoft.errors import (
    AccessDenied,
    Conflicting,
    api_error,
    code_in,
    token_error,
)
from postroom.providers.refusals import (
    AccessTokenRefused,
    InsufficientScope,
    ServerFailed,
    TimedOut,
)
from tests.builders import NOW


def body(code: str, /, **inner: Any) -> bytes:
    error = {"code": code, "message": "no 'such' thing", "innerError": {"date": "…", **inner}}
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (429, body("ApplicationThrottled"), Throttled),
        (429, b"", Throttled),
        (503, body("TooManyRequests"), Throttled),
        (429, body("ErrorExceededMessageLimit"), SendingLimitReached),
        (403, body("ErrorAccessDenied", code="ErrorExceededMessageLimit"), SendingLimitReached),
        (507, body("ErrorSubmissionQuotaExceeded"), SendingLimitReached),
        (404, body("MailboxNotEnabledForRESTAPI"), MailboxUnavailable),
        (403, body("MailboxNotSupportedForRESTAPI"), MailboxUnavailable),
        (401, body("OrganizationFromTenantGuidNotFound"), MailboxUnavailable),
        (401, body("InvalidAuthenticationToken"), AccessTokenRefused),
        (401, b"", AccessTokenRefused),
        (410, b"", CursorExpired),
        (410, body("SyncStateNotFound"), CursorExpired),
        (400, body("syncStateInvalid"), CursorExpired),
        (404, body("SyncStateNotFound"), CursorExpired),
        (409, body("resyncRequired"), CursorExpired),
        (400, body("BadRequest", code="syncStateNotFound"), CursorExpired),
        (403, body("ErrorAccessDenied"), AccessDenied),
        (403, body("Authorization_RequestDenied"), InsufficientScope),
        (403, body("ErrorSendAsDenied"), Rejected),
        (403, body("Something"), Rejected),
        (404, body("ErrorItemNotFound"), NotFound),
        (404, b"<html>", NotFound),
        (409, body("ErrorFolderExists"), Rejected),
        (409, body("Conflict"), Conflicting),
        (409, body("ErrorIrresolvableConflict"), ServerFailed),
        (412, body("ErrorIrresolvableConflict"), ServerFailed),
        (413, b"", Rejected),
        (400, body("ErrorMessageSizeExceeded"), Rejected),
        (507, body("ErrorQuotaExceeded"), Rejected),
        (400, body("ErrorInvalidRecipients"), Rejected),
        (400, body("ErrorMailboxMoveInProgress"), ServerFailed),
        (503, body("ErrorMailboxStoreUnavailable"), ServerFailed),
        (503, body("ErrorServerBusy"), ServerFailed),
        (500, body("UnknownError"), ServerFailed),
        (504, b"", TimedOut),
        (509, b"", ServerFailed),
        (302, b"", ServerFailed),
        (500, b"null", ServerFailed),
        (500, b'{"error": "text"}', ServerFailed),
        (500, b'{"error": {"code": 7, "innerError": "x"}}', ServerFailed),
    ],
)
def test_a_refusal_means_what_its_table_says(
    status: int, content: bytes, expected: type[PostroomError]
) -> None:
    """Status and Graph's code decide together; its codes come in more than one case."""
    assert type(api_error(status, {}, content, now=NOW)) is expected


@pytest.mark.parametrize(
    ("headers", "wait"), [({}, timedelta(hours=1)), ({"Retry-After": "60"}, timedelta(minutes=1))]
)
def test_a_mailbox_that_has_sent_too_much_waits_for_more_than_seconds(
    headers: dict[str, str], wait: timedelta
) -> None:
    """Its limit is one of a day, and Outlook seldom says when it may send again."""
    error = api_error(429, headers, body("errorExceededMessageLimit"), now=NOW)
    assert isinstance(error, SendingLimitReached)
    assert error.retry_after == wait


def test_graphs_own_words_are_kept_for_the_caller() -> None:
    """The caller may show what the provider said."""
    error = api_error(400, {}, body("ErrorInvalidRecipients"), now=NOW)
    assert isinstance(error, ProviderError)
    assert (error.provider_code, error.provider_message) == (
        "ErrorInvalidRecipients",
        "no 'such' thing",
    )


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "17"}, timedelta(seconds=17)),
        ({"Retry-After": "Sat, 21 Nov 2026 09:31:00 GMT"}, timedelta(minutes=1)),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "31536000"}, timedelta(days=1)),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_is_the_one_asked_for(
    headers: dict[str, str], expected: timedelta | None, status: int
) -> None:
    """Graph sends seconds, now and then a date, and sometimes nothing."""
    error = api_error(status, headers, b"", now=NOW)
    assert isinstance(error, Retryable)
    assert error.retry_after == expected


def refused(word: str, *numbers: int, **more: Any) -> bytes:
    answer = {"error": word, "error_description": "AADSTS…: …", "error_codes": numbers, **more}
    return json.dumps(answer).encode()


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        *(
            (400, refused("invalid_grant", number), ReauthRequired)
            for number in (700082, 70008, 50173, 700084, 50076, 50079, 50158, 53003, 70043, 65001)
        ),
        *(
            (400, refused("invalid_grant", number), ReauthRequired)
            for number in (50057, 50034, 50020)
        ),
        (400, refused("interaction_required", 50076), ReauthRequired),
        (400, refused("interaction_required"), ReauthRequired),
        (400, refused("consent_required"), ReauthRequired),
        (400, refused("invalid_grant", 1234567), ReauthRequired),
        (400, b'{"error": "invalid_grant"}', ReauthRequired),
        (401, refused("invalid_client", 7000215), Misconfigured),
        (401, refused("invalid_client", 7000222), Misconfigured),
        (400, refused("unauthorized_client", 700016), Misconfigured),
        (400, refused("invalid_grant", 7000222), Misconfigured),
        (401, refused("invalid_client"), Misconfigured),
        (400, refused("unauthorized_client"), Misconfigured),
        (400, refused("invalid_request", 90002), Misconfigured),
        (400, b'{"error": "x", "error_description": "AADSTS7000215: no"}', Misconfigured),
        (400, refused("invalid_grant", 50196), Retryable),
        (400, refused("invalid_grant", 90033), Retryable),
        (400, refused("invalid_client", 90055), Retryable),
        (400, refused("invalid_request", 9002313), Retryable),
        (400, refused("something_new"), Retryable),
        (429, refused("invalid_grant", 50173), Retryable),
        (503, refused("invalid_grant", 700082), Retryable),
        (500, b"<html>", Retryable),
        (200, b'{"error": "temporarily_unavailable"}', Retryable),
    ],
)
def test_only_a_dead_consent_costs_an_account_its_consent(
    status: int, content: bytes, expected: type[ProviderError]
) -> None:
    """The number counts before the word: an expired secret comes as many things."""
    assert type(token_error(status, {}, content, now=NOW)) is expected


@pytest.mark.parametrize(
    ("content", "flaw", "code"),
    [
        (refused("invalid_client", 7000215), ConfigFlaw.SECRET_WRONG, "7000215"),
        (refused("invalid_client", 7000222), ConfigFlaw.SECRET_EXPIRED, "7000222"),
        (refused("unauthorized_client", 700016), ConfigFlaw.CLIENT_UNKNOWN, "700016"),
        (refused("invalid_request", 90002), ConfigFlaw.TENANT_UNKNOWN, "90002"),
        (refused("invalid_request", 50194), ConfigFlaw.SINGLE_TENANT, "50194"),
        (refused("invalid_scope", 70011), ConfigFlaw.SCOPE_UNKNOWN, "70011"),
        (refused("invalid_client"), ConfigFlaw.CLIENT_REFUSED, "invalid_client"),
    ],
)
def test_what_is_wrong_with_the_client_has_a_word(
    content: bytes, flaw: ConfigFlaw, code: str
) -> None:
    """The administrator is told what to look at, in any language."""
    error = token_error(401, {}, content, now=NOW)
    assert isinstance(error, Misconfigured)
    assert (error.flaw, error.provider_code) == (flaw, code)


def test_a_request_loop_is_left_alone_for_minutes() -> None:
    """Entra refuses equal requests until they stop; asking again at once keeps the loop alive."""
    error = token_error(400, {}, refused("invalid_grant", 50196), now=NOW)
    assert isinstance(error, Retryable)
    assert error.retry_after == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("AADSTS65004: User declined to consent to access the app.", "65004"),
        (" AADSTS7000215: Invalid client secret.", "7000215"),
        ("The user has denied access to the scope requested.", ""),
        ("About AADSTS65001: no prefix", ""),
        ("AADSTS: nothing", ""),
        ("", ""),
    ],
)
def test_the_number_is_the_prefix_of_the_description(description: str, expected: str) -> None:
    """On the way back from the consent page it stands nowhere else."""
    assert code_in(description) == expected
