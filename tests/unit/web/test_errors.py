"""Errors on the wire: the table, and the two shapes."""

import json
from datetime import timedelta

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from postroom.domain import errors as domain
from postroom.web.error_kinds import KINDS
from postroom.web.errors import contract_error, oauth_error, problem_of
from tests.unit.web.conftest import event

SILENT = {domain.PostroomError, domain.ProviderError, domain.CursorExpired}
"""The abstract ones, and the one that never leaves a worker."""


def _all(kind: type[Exception]) -> set[type[Exception]]:
    return {kind}.union(*(_all(each) for each in kind.__subclasses__()))


def test_every_domain_error_has_its_row() -> None:
    """No error that a route can meet is answered as a mistake of ours."""
    named = {*KINDS, domain.ConnectionRefused}
    raised = {each for each in _all(domain.PostroomError) if each.__module__ == domain.__name__}
    assert {each for each in raised if named.isdisjoint(each.__mro__)} == SILENT


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


def test_the_part_that_is_wrong_is_named() -> None:
    """For programs beside the sentence: a page puts it into its own words."""
    error = domain.InvalidRequest("Give an https address.", field="webhook_url")
    answer = contract_error(problem_of(error, request_id="r"), APIGatewayProxyEventV2(event()))
    assert json.loads(answer.body or "")["error"] == {
        "type": "invalid_request_error",
        "message": "webhook_url: Give an https address.",
        "field": "webhook_url",
    }


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
