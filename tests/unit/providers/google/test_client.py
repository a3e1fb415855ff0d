"""Calls to Gmail: tokens, retries, limits, and what is never done twice."""

import httpx
import pytest

from postroom.domain.errors import (
    MailboxUnavailable,
    NotFound,
    OutcomeUnknown,
    Rejected,
    Retryable,
    Throttled,
    TooLarge,
)
from tests.unit.providers.google.gmail import Gmail, batch_answer, refusal

FINE = httpx.Response(200, json={"id": "1"})


def test_a_call_carries_the_token_and_asks_for_compression() -> None:
    """Gmail compresses only for a client that names gzip twice."""
    # Given
    gmail = Gmail([FINE])
    # When
    gmail.client().get("profile")
    # Then
    (request,) = gmail.requests
    assert str(request.url) == "https://gmail.googleapis.com/gmail/v1/users/me/profile"
    assert request.headers["Authorization"] == "Bearer token-0"
    assert "gzip" in request.headers["Accept-Encoding"]


def test_a_refused_token_is_replaced_once() -> None:
    """An access token may end early; the next one works."""
    # Given
    gmail = Gmail([refusal(401, "authError"), FINE])
    # When
    answer = gmail.client().get("profile")
    # Then
    assert answer == {"id": "1"}
    assert gmail.authorizations == ["Bearer token-0", "Bearer token-1"]


def test_a_second_refusal_costs_no_consent() -> None:
    """Google has just renewed the token: a Gmail that refuses it disconnected good accounts."""
    gmail = Gmail([refusal(401, "authError"), refusal(401, "authError")])
    with pytest.raises(Retryable):
        gmail.client().get("profile")
    assert gmail.tokens.replaced == 1


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.RemoteProtocolError("cut"),
        refusal(503, "backendError"),
        refusal(400, "failedPrecondition"),
    ],
)
def test_reading_is_repeated_a_moment_later(trouble: httpx.Response | Exception) -> None:
    """A short failure is nobody's business; no pause is long enough to waste a worker."""
    # Given
    gmail = Gmail([trouble, FINE])
    # When / Then
    assert gmail.client().get("profile") == {"id": "1"}
    assert sum(gmail.clock.slept) < 2


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (httpx.ConnectError("down"), Retryable),
        (httpx.Response(500), Retryable),
        (refusal(400, "failedPrecondition"), MailboxUnavailable),
        (httpx.Response(200, content=b"<html>"), Retryable),
    ],
)
def test_what_lasts_is_left_to_the_queue(
    trouble: httpx.Response | Exception, expected: type[Exception]
) -> None:
    """After three attempts the call may be made again later, by another worker."""
    gmail = Gmail([trouble] * 3)
    with pytest.raises(expected):
        gmail.client().get("profile")


@pytest.mark.parametrize("trouble", [httpx.ReadTimeout("slow"), httpx.WriteTimeout("slow")])
def test_a_call_that_used_up_its_time_is_not_made_again(trouble: Exception) -> None:
    """Three times twenty seconds outlasted the function, which died before it could note it."""
    gmail = Gmail([trouble])
    with pytest.raises(Retryable):
        gmail.client().get("profile")
    assert len(gmail.requests) == 1


def test_throttling_is_never_answered_with_another_call() -> None:
    """Asking again at once is what Gmail punishes."""
    gmail = Gmail([refusal(429, "rateLimitExceeded", {"Retry-After": "30"})])
    with pytest.raises(Throttled) as busy:
        gmail.client().get("profile")
    assert busy.value.retry_after is not None
    assert gmail.clock.slept == []


def test_an_answer_that_would_fill_the_memory_is_given_up() -> None:
    """One 8 MB mail wedged a whole import elsewhere; a limit names the mail and goes on."""
    gmail = Gmail([httpx.Response(200, content=b"x" * 2000)])
    with pytest.raises(TooLarge):
        gmail.client().get("profile", largest_bytes=1000)


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ReadTimeout("slow"),
        httpx.WriteTimeout("slow"),
        httpx.WriteError("cut"),
        httpx.ReadError("cut"),
        httpx.RemoteProtocolError("cut"),
        httpx.Response(500),
        httpx.Response(503),
        httpx.Response(200, content=b"not json"),
    ],
)
def test_a_send_whose_answer_is_lost_is_never_repeated(trouble: httpx.Response | Exception) -> None:
    """It may have left: whoever asks next must look it up."""
    gmail = Gmail([trouble])
    with pytest.raises(OutcomeUnknown):
        gmail.client().send(b"{}", "application/json", upload=False)
    assert len(gmail.requests) == 1


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (httpx.ConnectError("down"), Retryable),
        (httpx.ConnectTimeout("down"), Retryable),
        (refusal(429, "rateLimitExceeded"), Retryable),
        (refusal(403, "rateLimitExceeded"), Retryable),
        (refusal(400, "invalidArgument"), Rejected),
        (refusal(404, "notFound"), NotFound),
    ],
)
def test_a_send_that_surely_did_not_happen_says_so(
    trouble: httpx.Response | Exception, expected: type[Exception]
) -> None:
    """An explicit refusal, or a connection that never came about, left nothing behind."""
    gmail = Gmail([trouble])
    with pytest.raises(expected):
        gmail.client().send(b"{}", "application/json", upload=False)


def test_parts_with_a_refused_token_are_asked_again_with_another() -> None:
    """Elsewhere one 401 inside a batch failed all of it."""
    # Given
    gmail = Gmail(
        [
            batch_answer([(0, 200, {"id": "a"}), (1, 401, {})]),
            batch_answer([(1, 200, {"id": "b"})]),
        ]
    )
    # When
    answers = gmail.client().batch({"0": "messages/a", "1": "messages/b"})
    # Then
    assert {key: part.status for key, part in answers.items()} == {"0": 200, "1": 200}
    assert gmail.tokens.replaced == 1


def test_parts_refused_twice_cost_no_consent() -> None:
    """What holds for a call holds inside a batch; one left out the second time has no answer."""
    # Given
    refused = batch_answer([(0, 401, {}), (1, 401, {})])
    paths = {"0": "messages/a", "1": "messages/b"}
    # When / Then
    with pytest.raises(Retryable):
        Gmail([refused, refused]).client().batch(paths)
    answers = Gmail([refused, batch_answer([(1, 200, {"id": "b"})])]).client().batch(paths)
    assert list(answers) == ["1"]


def test_an_error_tells_no_address() -> None:
    """Addresses of calls hold ids and searches; they never reach a log."""
    gmail = Gmail([httpx.ConnectError("https://gmail.googleapis.com/secret")] * 3)
    with pytest.raises(Retryable) as lost:
        gmail.client().get("messages", {"q": "rfc822msgid:secret"})
    assert "secret" not in str(lost.value)
