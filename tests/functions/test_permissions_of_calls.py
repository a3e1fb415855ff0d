"""A function's calls are held against its role: the judge itself, and a function before it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functions.conftest import PLACE, SCHEDULE_GROUP, SCHEDULE_ROLE, STACK, Deployment
from tests.functions.permissions import Roles, needs

BATCH: dict[str, Any] = {"RequestItems": {"mail": {"Keys": []}}}
SCHEDULE = {"GroupName": SCHEDULE_GROUP, "Name": "a", "Target": {"RoleArn": SCHEDULE_ROLE}}


def listed(prefix: str) -> dict[str, str]:
    return {"Bucket": "mail", "Prefix": prefix}


def stored(key: str) -> dict[str, str]:
    return {"Bucket": "mail", "Key": key}


def rung(queue: str) -> dict[str, str]:
    return {"QueueUrl": f"https://sqs.us-east-1.amazonaws.com/123456789012/{queue}"}


def erased(*keys: str) -> dict[str, Any]:
    return {"Bucket": "mail", "Delete": {"Objects": [{"Key": key} for key in keys]}}


def secret(name: str) -> dict[str, str]:
    return {"Name": f"postroom/{STACK}/{name}"}


def transaction(*kinds: str) -> dict[str, Any]:
    return {"TransactItems": [{kind: {"TableName": "mail"}} for kind in kinds]}


def is_permitted(roles: Roles, function: str, call: str, params: dict[str, Any]) -> bool:
    """Whether a function may do all that a call takes, as `service:Operation`."""
    service, _, operation = call.partition(":")
    return all(roles.permit(function, need) for need in needs(service, operation, params, PLACE))


@pytest.mark.parametrize(
    ("function", "call", "params"),
    [
        ("message_view", "dynamodb:BatchGetItem", BATCH),
        ("scheduled_sync", "dynamodb:Query", {"TableName": "mail", "IndexName": "due"}),
        ("oauth_token", "dynamodb:TransactWriteItems", transaction("Put", "Delete")),
        ("message_view", "s3:GetObject", stored("bodies/a/b")),
        ("attachment_uploads", "s3:HeadObject", stored("uploads/a/b")),
        ("sync_worker", "s3:ListObjectsV2", listed("outgoing/a/")),
        ("send", "s3:DeleteObjects", erased("bodies/a", "outgoing/a")),
        ("mail", "secretsmanager:GetSecretValue", secret("signing-key")),
        ("mail", "secretsmanager:PutSecretValue", {"SecretId": f"postroom/{STACK}/tokens/a"}),
        ("provider_configs", "secretsmanager:CreateSecret", secret("provider-config/google/x")),
        ("event_publisher", "sqs:SendMessageBatch", rung("event")),
        ("send", "scheduler:CreateSchedule", SCHEDULE),
        ("oauth_start", "ssm:GetParameter", {"Name": f"/{STACK}/public-url"}),
    ],
)
def test_what_a_role_allows_is_permitted(
    roles: Roles, function: str, call: str, params: dict[str, Any]
) -> None:
    """Every kind of call that functions make is understood as IAM understands it."""
    assert is_permitted(roles, function, call, params)


@pytest.mark.parametrize(
    ("function", "call", "params"),
    [
        pytest.param("push_google", "dynamodb:BatchGetItem", BATCH, id="action"),
        pytest.param("mail", "dynamodb:BatchGetItem", {"RequestItems": {"x": {}}}, id="table"),
        pytest.param("scheduled_sync", "dynamodb:Query", {"TableName": "mail"}, id="no index"),
        pytest.param(
            *("mail", "dynamodb:Query", {"TableName": "mail", "IndexName": "due"}), id="index"
        ),
        pytest.param(
            *("oauth_token", "dynamodb:TransactWriteItems", transaction("Put", "Update")),
            id="one item of a transaction",
        ),
        pytest.param(
            *("mail", "dynamodb:TransactWriteItems", transaction("Put", "ConditionCheck")),
            id="a transaction's check",
        ),
        pytest.param("message_view", "s3:PutObject", stored("bodies/a/b"), id="action on objects"),
        pytest.param("message_view", "s3:GetObject", stored("outgoing/a"), id="objects' prefix"),
        pytest.param(
            *("message_view", "s3:GetObject", {"Bucket": "x", "Key": "bodies/a"}), id="bucket"
        ),
        pytest.param(
            *("send", "s3:DeleteObjects", erased("bodies/a", "uploads/a")),
            id="one of some objects",
        ),
        pytest.param("sync_worker", "s3:ListObjectsV2", listed("bodies/a/"), id="listed prefix"),
        pytest.param("sync_worker", "s3:ListObjectsV2", {"Bucket": "mail"}, id="a whole bucket"),
        pytest.param("drafts", "s3:CopyObject", stored("bodies/a"), id="unknown operation"),
        pytest.param("drafts", "kms:Decrypt", {}, id="unknown service"),
        pytest.param(
            *("message_view", "secretsmanager:GetSecretValue", secret("signing-key")), id="secret"
        ),
        pytest.param(
            *("mail", "secretsmanager:CreateSecret", secret("tokens/a")),
            id="action on a secret",
        ),
        pytest.param("mail", "sqs:SendMessage", rung("send"), id="queue"),
        pytest.param("mail", "scheduler:CreateSchedule", SCHEDULE, id="schedule"),
        pytest.param(
            *("send", "scheduler:CreateSchedule", SCHEDULE | {"Target": {"RoleArn": "arn:x"}}),
            id="role that is passed on",
        ),
        pytest.param("oauth_start", "ssm:GetParameter", {"Name": "/other/url"}, id="parameter"),
        pytest.param("not_found", "sqs:SendMessage", rung("sync"), id="nothing"),
    ],
)
def test_all_else_is_not_permitted(
    roles: Roles, function: str, call: str, params: dict[str, Any]
) -> None:
    """An action, a resource or a condition that the role does not have is missed."""
    assert not is_permitted(roles, function, call, params)


@pytest.fixture
def without_batches(roles: Roles) -> Iterator[None]:
    """The function that shows messages may not read rows in batches."""
    statements = roles.statements["message_view"]
    roles.statements["message_view"] = [
        each
        | {"Action": [action for action in each["Action"] if action != "dynamodb:BatchGetItem"]}
        for each in statements
        if isinstance(each["Action"], list)
    ]
    try:
        yield
    finally:
        roles.statements["message_view"] = statements


def test_a_function_is_stopped_at_a_call_that_its_role_does_not_permit(
    deployment: Deployment, roles: Roles, without_batches: None
) -> None:
    """The console could open no mail on AWS: moto let a read of rows pass that AWS refuses."""
    with pytest.raises(pytest.fail.Exception) as stopped:
        deployment.invoke("message_view.view")

    assert str(stopped.value) == (
        "The role of message_view in template.yaml does not permit dynamodb:BatchGetItem "
        "on arn:aws:dynamodb:us-east-1:123456789012:table/mail."
    )
    assert roles.refused == [str(stopped.value)]
    roles.refused.clear()


def test_another_function_is_held_to_its_own_role(
    deployment: Deployment, without_batches: None
) -> None:
    """The very same client reads rows in batches where that is permitted."""
    assert deployment.answer("mail.list_messages", rawQueryString="")["data"]


def test_a_test_whose_function_hides_that_it_was_stopped_fails(roles: Roles) -> None:
    """A thread or a handler of errors in between may swallow the failure; the test fails still."""
    step = roles.enforced()
    next(step)
    roles.refused.append("The role of mail in template.yaml does not permit that.")

    with pytest.raises(pytest.fail.Exception, match=r"does not permit that"):
        step.send(None)

    assert roles.refused == []
