"""Errors on the wire: the table, and the two shapes."""

import json
from datetime import timedelta

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from postroom.domain import errors as domain
from postroom.web.errors import KINDS, contract_error, oauth_error, problem_of
from postroom.web.pages import error_page, error_page_for_browsers
from tests.unit.web.conftest import event

SILENT = {domain.PostroomError, domain.ProviderError, domain.CursorExpired}
"""The abstract ones, and the one that never leaves a worker."""


def _all(kind: type[Exception]) -> set[type[Exception]]:
    return {kind}.union(*(_all(each) for each in kind.__subclasses__()))


def test_every_domain_error_has_its_row() -> None:
    """No error that a route can meet is answered as a mistake of ours."""
    named = set(KINDS) | SILENT | {domain.ConnectionRefused}
    raised = {each for each in _all(domain.PostroomError) if each.__module__ == domain.__name__}
    assert raised <= named


@pytest.mark.parametrize(
    ("error", "status", "kind", "headers"),
    [
        (domain.NotFound("gone"), 404, "not_found_error", {}),
        (domain.Conflict("twice"), 409, "conflict_error", {}),
        (domain.TooLarge("big"), 413, "request_too_large_error", {}),
        (domain.ReauthRequired("again"), 401, "grant.reauth_required", {}),
        (domain.MailboxUnavailable("off"), 403, "grant.mailbox_unavailable", {}),
        (domain.Misconfigured("no client"), 500, "provider_misconfigured", {}),
        (domain.OutcomeUnknown("lost"), 504, "outcome_unknown_error", {}),
        (domain.Retryable("busy"), 503, "provider_unavailable_error", {"Retry-After": "30"}),
        (
            domain.Retryable("busy", retry_after=timedelta(milliseconds=4_100)),
            503,
            "provider_unavailable_error",
            {"Retry-After": "5"},
        ),
    ],
)
def test_an_error_becomes_its_status(
    error: Exception, status: int, kind: str, headers: dict[str, str]
) -> None:
    """Status, type and headers follow from the class alone; the message is the error's."""
    problem = problem_of(error, request_id="r")
    assert (problem.status, problem.type, problem.headers) == (status, kind, headers)
    assert problem.message == str(error)


def test_the_providers_own_words_are_passed_on() -> None:
    """They stand in `provider_error`, beside our own message."""
    error = domain.Rejected(
        "Gmail refuses this.", provider_code="invalidArgument", provider_message="Bad label"
    )
    answer = contract_error(problem_of(error, request_id="r"), APIGatewayProxyEventV2(event()))
    assert answer.status_code == 400
    assert json.loads(answer.body or "") == {
        "request_id": "r",
        "error": {
            "type": "provider_error",
            "message": "Gmail refuses this.",
            "provider_error": {"code": "invalidArgument", "message": "Bad label"},
        },
    }


@pytest.mark.parametrize(
    ("error", "status", "word"),
    [
        (domain.ConnectionRefused("invalid_grant", "used"), 400, "invalid_grant"),
        (domain.ConnectionRefused("invalid_client", "who?"), 401, "invalid_client"),
        (domain.ConnectionRefused("unsupported_grant_type", "x"), 400, "unsupported_grant_type"),
        (domain.InvalidRequest("bad", field="code"), 400, "invalid_request"),
        (domain.Retryable("busy"), 503, "temporarily_unavailable"),
        (ValueError("ours"), 500, "server_error"),
    ],
)
def test_the_oauth_shape_has_all_four_keys(error: Exception, status: int, word: str) -> None:
    """The official SDKs recognise an OAuth error only by all four."""
    answer = oauth_error(problem_of(error, request_id="r"), APIGatewayProxyEventV2(event()))
    body = json.loads(answer.body or "")
    assert answer.status_code == status
    assert body["error"] == word
    assert isinstance(body["error_code"], int)
    assert body["error_description"]
    assert body["error_uri"].startswith("https://")


def test_a_person_sees_a_page() -> None:
    """The page says what happened, and carries nothing that runs or loads."""
    error = domain.ConnectionRefused("state_invalid", "This <link> is used up.")
    answer = error_page(problem_of(error, request_id="r1"), APIGatewayProxyEventV2(event()))
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "This &lt;link&gt; is used up." in (answer.body or "")
    assert "r1" in (answer.body or "")


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", True),
        ("*/*", False),
        ("application/json", False),
    ],
)
def test_programs_get_no_page(accept: str, is_page: bool) -> None:  # noqa: FBT001
    """Only a browser says that it wants HTML."""
    problem = problem_of(domain.NotFound("x"), request_id="r")
    answer = error_page_for_browsers(problem, APIGatewayProxyEventV2(event(accept=accept)))
    assert str(answer.headers["Content-Type"]).startswith("text/html") == is_page
