"""Who may do what: exact actions, exact resources, and nobody more than they need."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.template.conftest import Template, of_type

PATTERNS_OF_NAMES = re.compile(
    r"secret:postroom/\$\{AWS::StackName\}/(tokens|provider-config)/\*$|^\$\{Bucket\.Arn\}/(bodies|downloads)/\*$"
)


def as_list(value: Any) -> list[Any]:
    """Return a policy's value, which may be one or a list, as a list."""
    return value if isinstance(value, list) else [value]


def statements(translated: Template) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every statement of every role and managed policy, with its resource's logical id."""
    for name, role in of_type(translated, "AWS::IAM::Role").items():
        for policy in role.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement
    for name, policy in of_type(translated, "AWS::IAM::ManagedPolicy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            yield name, statement


def allowed(translated: Template, function: str) -> set[tuple[str, str]]:
    """Return what a function may do, as pairs of an action and its resource in JSON."""
    role = of_type(translated, "AWS::IAM::Role")[f"{function}Role"]
    owners = {f"{function}Role", *(policy["Ref"] for policy in role["ManagedPolicyArns"])}
    return {
        (action, json.dumps(resource))
        for owner, statement in statements(translated)
        if owner in owners
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def functions_that_may(translated: Template, action: str, resource: str) -> set[str]:
    """Return the functions with an action on a resource whose JSON contains `resource`."""
    return {
        name
        for name in of_type(translated, "AWS::Lambda::Function")
        if any(a == action and resource in r for a, r in allowed(translated, name))
    }


def test_no_action_is_a_wildcard(translated: Template) -> None:
    """Each action that a function may take is written out."""
    found = [*statements(translated)]

    assert len(found) > 30
    for owner, statement in found:
        for action in as_list(statement["Action"]):
            assert "*" not in action, (owner, action)


def test_no_resource_is_a_wildcard(translated: Template) -> None:
    """Resources are Postroom's own; only names made at run time end in a pattern."""
    for owner, statement in statements(translated):
        for resource in as_list(statement["Resource"]):
            written = resource.get("Fn::Sub", "") if isinstance(resource, dict) else resource
            assert "*" not in written or PATTERNS_OF_NAMES.search(written), (owner, resource)


def test_no_role_carries_a_policy_of_somebody_else(translated: Template) -> None:
    """AWS's managed policies reach every log group and queue of the account."""
    ours = set(of_type(translated, "AWS::IAM::ManagedPolicy"))

    for name, role in of_type(translated, "AWS::IAM::Role").items():
        assert {policy["Ref"] for policy in role["ManagedPolicyArns"]} <= ours, name


def test_every_function_has_a_role_of_its_own(translated: Template) -> None:
    """A permission that one function needs reaches no other."""
    functions = of_type(translated, "AWS::Lambda::Function")

    roles = {name: function["Role"]["Fn::GetAtt"][0] for name, function in functions.items()}

    assert roles == {name: f"{name}Role" for name in functions}
    assert set(of_type(translated, "AWS::IAM::Role")) == set(roles.values())


def test_unknown_routes_reach_no_data(translated: Template) -> None:
    """What answers strangers may write logs and read the API's address, and nothing else."""
    assert {action for action, _ in allowed(translated, "NotFound")} == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "ssm:GetParameter",
    }


def test_the_administrators_key_is_read_only_where_callers_are_authenticated(
    translated: Template,
) -> None:
    """Neither the pages that strangers open nor the workers can read the first API key."""
    readers = functions_that_may(translated, "secretsmanager:GetSecretValue", "AdminKeySecret")

    assert readers == {"OauthToken", "ProviderConfigs", "Accounts", "Mail", "Send"}


def test_client_secrets_are_written_only_by_the_administrators_function(
    translated: Template,
) -> None:
    """A fault in any other function cannot replace the OAuth client."""
    for action in ("CreateSecret", "PutSecretValue", "DeleteSecret"):
        writers = functions_that_may(translated, f"secretsmanager:{action}", "/provider-config/*")
        assert writers == {"ProviderConfigs"}


def test_mailbox_tokens_are_out_of_reach_where_no_mailbox_is_called(translated: Template) -> None:
    """Functions that never call a provider in an owner's name cannot read tokens."""
    readers = functions_that_may(translated, "secretsmanager:GetSecretValue", "/tokens/*")

    assert readers == {"OauthCallback", "Accounts", "Mail", "Send", "SyncWorker", "SendWorker"}


def test_only_workers_take_from_queues(translated: Template) -> None:
    """Nobody else can swallow a doorbell or a send."""
    consumers = {
        queue: functions_that_may(translated, "sqs:ReceiveMessage", f'"{queue}"')
        for queue in ("SyncQueue", "BackfillQueue", "SendQueue")
    }

    assert consumers == {
        "SyncQueue": {"SyncWorker"},
        "BackfillQueue": {"SyncWorker"},
        "SendQueue": {"SendWorker"},
    }
