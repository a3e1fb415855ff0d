"""Who may do what: exact actions, exact resources, and nobody more than they need."""

import json
import re
from collections.abc import Iterator

from tests.template.conftest import Template, of_type
from tests.template.roles import Statement, as_list, granted_to, statements_of

PATTERNS_OF_NAMES = re.compile(
    r"secret:postroom/\$\{AWS::StackName\}/(tokens|provider-config)/\*$|^\$\{Bucket\.Arn\}/(bodies|downloads|uploads|outgoing)/\*$"
    r"|^\$\{Table\.Arn\}/stream/\*$|:schedule/\$\{SendSchedules\}/\*$"
)

Permissions = dict[str, set[str]]
"""Actions by the resource that they are allowed on."""


def dynamodb(*actions: str) -> Permissions:
    """Return actions on the table."""
    return {"Table": {f"dynamodb:{action}" for action in actions}}


def secret(name: str, *actions: str) -> Permissions:
    """Return actions on a secret, or on all whose names match a pattern."""
    return {name: {f"secretsmanager:{action}" for action in actions}}


def ring(*queues: str) -> Permissions:
    """Return what putting something into queues takes."""
    return {queue: {"sqs:SendMessage"} for queue in queues}


LOGS: Permissions = {"FunctionLogGroup": {"logs:CreateLogStream", "logs:PutLogEvents"}}
ADDRESS: Permissions = {"public-url": {"ssm:GetParameter"}}
ADMIN_KEY = secret("AdminKeySecret", "GetSecretValue")
SIGNING_KEY = secret("SigningKeySecret", "GetSecretValue")
CLIENT_SECRET = secret("provider-config/*", "GetSecretValue")
RENEWED_TOKENS = secret("tokens/*", "GetSecretValue", "PutSecretValue")
BODIES: Permissions = {
    "bodies/*": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
    "Bucket": {"s3:ListBucket"},
}
ROWS = ("GetItem", "PutItem", "UpdateItem", "DeleteItem")
MAIL_ROWS = dynamodb(*ROWS, "Query", "BatchGetItem", "BatchWriteItem")
MAILBOX = CLIENT_SECRET | RENEWED_TOKENS
TAKE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}

PERMISSIONS: dict[str, Permissions] = {
    "OauthStart": LOGS | ADDRESS | dynamodb("GetItem", "PutItem", "Query"),
    "OauthCallback": LOGS
    | ADDRESS
    | dynamodb(*ROWS)
    | CLIENT_SECRET
    | secret("tokens/*", "GetSecretValue", "PutSecretValue", "CreateSecret")
    | ring("SyncQueue"),
    "CustomAuthentication": LOGS
    | ADDRESS
    | ADMIN_KEY
    | dynamodb(*ROWS, "Query")
    | CLIENT_SECRET
    | secret("tokens/*", "GetSecretValue", "PutSecretValue", "CreateSecret")
    | ring("SyncQueue"),
    "OauthToken": LOGS
    | ADDRESS
    | ADMIN_KEY
    | SIGNING_KEY
    | dynamodb("GetItem", "PutItem", "DeleteItem"),
    "ProviderConfigs": LOGS
    | ADDRESS
    | ADMIN_KEY
    | SIGNING_KEY
    | dynamodb("GetItem", "PutItem", "DeleteItem", "Query", "BatchGetItem")
    | secret("provider-config/*", "CreateSecret", "PutSecretValue", "DeleteSecret"),
    "Application": LOGS | ADMIN_KEY | dynamodb("GetItem", "PutItem", "DeleteItem", "Query"),
    "MessageView": LOGS
    | ADMIN_KEY
    | dynamodb(*ROWS, "Query", "BatchGetItem")
    | {"bodies/*": {"s3:GetObject"}, "Bucket": {"s3:ListBucket"}}
    | MAILBOX,
    "People": LOGS
    | ADDRESS
    | ADMIN_KEY
    | dynamodb("GetItem", "PutItem", "DeleteItem", "Query", "BatchGetItem"),
    "Webhooks": LOGS
    | ADMIN_KEY
    | SIGNING_KEY
    | dynamodb("GetItem", "PutItem", "DeleteItem", "Query"),
    "Accounts": LOGS
    | ADMIN_KEY
    | dynamodb(*ROWS, "Query", "BatchGetItem")
    | ring("SyncQueue", "BackfillQueue"),
    "Mail": LOGS
    | ADMIN_KEY
    | SIGNING_KEY
    | MAIL_ROWS
    | BODIES
    | {"downloads/*": {"s3:GetObject", "s3:PutObject"}}
    | MAILBOX
    | ring("SyncQueue"),
    "Folders": LOGS
    | ADMIN_KEY
    | SIGNING_KEY
    | dynamodb(*ROWS, "Query")
    | MAILBOX
    | ring("SyncQueue"),
    "Threads": LOGS | ADMIN_KEY | SIGNING_KEY | MAIL_ROWS | BODIES | MAILBOX | ring("SyncQueue"),
    "Drafts": LOGS | ADMIN_KEY | SIGNING_KEY | MAIL_ROWS | BODIES | MAILBOX | ring("SyncQueue"),
    "Send": LOGS
    | ADMIN_KEY
    | SIGNING_KEY
    | MAIL_ROWS
    | BODIES
    | {
        "outgoing/*": {"s3:PutObject", "s3:DeleteObject"},
        "SendSchedules/*": {"scheduler:CreateSchedule", "scheduler:DeleteSchedule"},
        "SendScheduleRole": {"iam:PassRole"},
    }
    | MAILBOX
    | ring("SyncQueue", "SendQueue"),
    "AttachmentUploads": LOGS
    | ADMIN_KEY
    | dynamodb("GetItem", "PutItem", "DeleteItem", "Query")
    | {
        "uploads/*": {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
        "Bucket": {"s3:ListBucket"},
    },
    "ScheduledSync": LOGS
    | dynamodb("UpdateItem")
    | {"index/due": {"dynamodb:Query"}}
    | ring("SyncQueue", "SendQueue"),
    "SyncWorker": LOGS
    | ADDRESS
    | MAIL_ROWS
    | {
        "bodies/*": {"s3:PutObject", "s3:DeleteObject"},
        "downloads/*": {"s3:DeleteObject"},
        "uploads/*": {"s3:DeleteObject"},
        "outgoing/*": {"s3:DeleteObject"},
        "Bucket": {"s3:ListBucket"},
        "SendSchedules/*": {"scheduler:DeleteSchedule"},
    }
    | CLIENT_SECRET
    | secret("tokens/*", "GetSecretValue", "PutSecretValue", "DeleteSecret")
    | {queue: {"sqs:SendMessage"} | TAKE for queue in ("SyncQueue", "BackfillQueue")},
    "SendWorker": LOGS
    | MAIL_ROWS
    | {
        "bodies/*": {"s3:PutObject", "s3:DeleteObject"},
        "outgoing/*": {"s3:GetObject", "s3:DeleteObject"},
        "uploads/*": {"s3:GetObject"},
        "Bucket": {"s3:ListBucket"},
    }
    | MAILBOX
    | ring("SyncQueue")
    | {"SendQueue": {"sqs:SendMessage"} | TAKE},
    "EventPublisher": LOGS
    | {
        "Table": {
            *("dynamodb:Query", "dynamodb:DescribeStream"),
            *("dynamodb:GetRecords", "dynamodb:GetShardIterator"),
        },
        "stream/*": {"dynamodb:ListStreams"},
    }
    | ring("EventQueue"),
    "EventDelivery": LOGS
    | SIGNING_KEY
    | dynamodb("GetItem", "PutItem", "UpdateItem", "Query", "BatchGetItem")
    | {"bodies/*": {"s3:GetObject"}, "Bucket": {"s3:ListBucket"}}
    | {"EventQueue": {"sqs:SendMessage"} | TAKE},
    "PushGoogle": LOGS | ADDRESS | dynamodb("GetItem", "UpdateItem", "Query") | ring("SyncQueue"),
    "PushMicrosoft": LOGS | dynamodb("UpdateItem") | ring("SyncQueue"),
    "Console": LOGS | ADDRESS | ADMIN_KEY | dynamodb(*ROWS, "Query"),
    "NotFound": LOGS,
}
"""What each function's code does, found by reading it. Transactions need PutItem and DeleteItem.

This is the most that a function may do. The least is found by running it: tests/functions holds
every call that a function makes against its role.
"""


def statements(translated: Template) -> Iterator[tuple[str, Statement]]:
    """Yield every statement of every role and managed policy, with its resource's logical id."""
    for kind in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"):
        for name, properties in of_type(translated, kind).items():
            for statement in statements_of(properties):
                yield name, statement


def allowed(translated: Template, function: str) -> set[tuple[str, str]]:
    """Return what a function may do, as pairs of an action and its resource in JSON."""
    return {
        (action, json.dumps(resource))
        for statement in granted_to(translated, function)
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


def short_name(resource: str) -> str:
    """Return the logical id of a resource, or the end of its name for a pattern of names."""
    content = json.loads(resource)
    if "Fn::Sub" in content:
        return re.split(
            r"secret:postroom/\$\{AWS::StackName\}/|\.Arn\}/|StackName\}/|:schedule/",
            content["Fn::Sub"],
        )[-1].replace("${SendSchedules}", "SendSchedules")
    name = content.get("Ref") or content["Fn::GetAtt"]
    return str(name if isinstance(name, str) else name[0])


def test_each_function_may_do_exactly_what_its_code_does(translated: Template) -> None:
    """A permission that is added or taken away is also written down here, on purpose."""
    found: dict[str, Permissions] = {
        function: {} for function in of_type(translated, "AWS::Lambda::Function")
    }

    for function, permissions in found.items():
        for action, resource in allowed(translated, function):
            permissions.setdefault(short_name(resource), set()).add(action)

    assert found == PERMISSIONS


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
        assert {policy["Ref"] for policy in role.get("ManagedPolicyArns", ())} <= ours, name


def test_every_function_has_a_role_of_its_own(translated: Template) -> None:
    """A permission that one function needs reaches no other."""
    functions = of_type(translated, "AWS::Lambda::Function")

    roles = {name: function["Role"]["Fn::GetAtt"][0] for name, function in functions.items()}

    assert roles == {name: f"{name}Role" for name in functions}
    of_schedules = {"SendScheduleRole"}
    assert set(of_type(translated, "AWS::IAM::Role")) == set(roles.values()) | of_schedules


def test_unknown_routes_reach_no_data(translated: Template) -> None:
    """What answers strangers may write logs, and nothing else."""
    assert {action for action, _ in allowed(translated, "NotFound")} == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }


def test_pushes_reach_neither_mail_nor_secrets(translated: Template) -> None:
    """Anybody can call them: they may ring, and not even learn the name of a body or a secret."""
    for function in ("PushGoogle", "PushMicrosoft"):
        services = {action.partition(":")[0] for action, _ in allowed(translated, function)}
        assert services <= {"logs", "dynamodb", "sqs", "ssm"}


def test_the_administrators_key_is_read_only_where_callers_are_authenticated(
    translated: Template,
) -> None:
    """Neither the pages that strangers open nor the workers can read the first API key."""
    readers = functions_that_may(translated, "secretsmanager:GetSecretValue", "AdminKeySecret")

    assert readers == {
        "OauthToken",
        "CustomAuthentication",
        "ProviderConfigs",
        "Application",
        "People",
        "Console",
        "MessageView",
        "Webhooks",
        "Accounts",
        "Mail",
        "Folders",
        "Threads",
        "Drafts",
        "Send",
        "AttachmentUploads",
    }


def test_client_secrets_are_written_only_by_the_administrators_function(
    translated: Template,
) -> None:
    """A fault in any other function cannot replace the OAuth client."""
    for action in ("CreateSecret", "PutSecretValue", "DeleteSecret"):
        writers = functions_that_may(translated, f"secretsmanager:{action}", "/provider-config/*")
        assert writers == {"ProviderConfigs"}


def test_mailbox_tokens_are_out_of_reach_where_no_mailbox_is_called(translated: Template) -> None:
    """Only functions that call a provider in an owner's name can read tokens.

    Listing and disconnecting accounts is not among them: the erasure that follows is the worker's.
    """
    readers = functions_that_may(translated, "secretsmanager:GetSecretValue", "/tokens/*")

    assert readers == {
        "OauthCallback",
        "CustomAuthentication",
        "Mail",
        "Folders",
        "Threads",
        "MessageView",
        "Drafts",
        "Send",
        "SyncWorker",
        "SendWorker",
    }


def test_only_what_signs_reads_the_signing_key(translated: Template) -> None:
    """Page tokens, Message-IDs, id tokens and webhooks' secrets are made in nine functions."""
    readers = functions_that_may(translated, "secretsmanager:GetSecretValue", "SigningKeySecret")

    assert readers == {
        *("Mail", "Folders", "Threads", "Drafts", "Send", "OauthToken", "Webhooks"),
        "ProviderConfigs",
        "EventDelivery",
    }


def test_names_of_objects_are_listed_only_where_they_are_needed(translated: Template) -> None:
    """Who sends or writes could list every body, upload and download of every account.

    Each function lists below the prefixes that it reads or erases; SyncWorker, which only writes
    bodies, learns no names of them.
    """
    listings = {
        owner: statement["Condition"]
        for owner, statement in statements(translated)
        if "s3:ListBucket" in as_list(statement["Action"])
    }

    assert listings == {
        f"{function}Role": {"StringLike": {"s3:prefix": prefixes}}
        for function, prefixes in {
            **dict.fromkeys(
                ("Mail", "Threads", "MessageView", "Drafts", "Send", "EventDelivery"), "bodies/*"
            ),
            "AttachmentUploads": "uploads/*",
            "SyncWorker": ["downloads/*", "uploads/*", "outgoing/*"],
            "SendWorker": ["outgoing/*", "uploads/*"],
        }.items()
    }


def test_a_schedule_may_call_the_worker_of_sends_and_nobody_else(translated: Template) -> None:
    """Its role is the scheduler's alone, and only for schedules of this AWS account."""
    role = of_type(translated, "AWS::IAM::Role")["SendScheduleRole"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    (granted,) = [each for owner, each in statements(translated) if owner == "SendScheduleRole"]

    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert granted["Action"] == "sqs:SendMessage"
    assert [each["Fn::GetAtt"][0] for each in granted["Resource"]] == [
        "SendQueue",
        "SendDeadLetterQueue",
    ]


def test_schedules_outlive_an_update_of_the_stack(translated: Template) -> None:
    """What a schedule names keeps its name: nothing about it can make CloudFormation replace it."""
    group = of_type(translated, "AWS::Scheduler::ScheduleGroup")["SendSchedules"]
    queue = of_type(translated, "AWS::SQS::Queue")["SendQueue"]

    assert group["Name"] == {"Fn::Sub": "postroom-${AWS::StackName}"}
    assert not {"QueueName", "FifoQueue"} & set(queue)


def test_only_workers_take_from_queues(translated: Template) -> None:
    """Nobody else can swallow a doorbell or a send."""
    consumers = {
        queue: functions_that_may(translated, "sqs:ReceiveMessage", f'"{queue}"')
        for queue in ("SyncQueue", "BackfillQueue", "SendQueue", "EventQueue")
    }

    assert consumers == {
        "SyncQueue": {"SyncWorker"},
        "BackfillQueue": {"SyncWorker"},
        "SendQueue": {"SendWorker"},
        "EventQueue": {"EventDelivery"},
    }
