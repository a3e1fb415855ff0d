"""Holds every call that a function makes to AWS against its role, as template.yaml states it.

moto permits everything, so a permission that nobody wrote down would be missed first on AWS. Here
the function whose call its role does not permit is stopped at that call, with what the role lacks:

    a function's code ─▶ boto3 ─▶ Roles.judge ─▶ moto
                                     │ needs: what IAM asks for such a call
                                     ▼
                                  the statements of the function's role

Which function calls is read off the stack, for tests call handlers in many ways; a call with no
function on its stack is the test's own, and is let through.
"""

import re
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from operator import eq
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from botocore.handlers import BUILTIN_HANDLERS

from tests.template.roles import Statement, as_list, granted_to

IN_A_TRANSACTION = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
"""Source: Amazon DynamoDB developer guide, "Using IAM with DynamoDB transactions"."""

ON_OBJECTS = {
    "GetObject": "s3:GetObject",
    "HeadObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "DeleteObject": "s3:DeleteObject",
    "DeleteObjects": "s3:DeleteObject",
}
"""Source: Amazon S3 user guide, "Required permissions for Amazon S3 API operations"."""

SUFFIX_OF_SECRETS = "-AbCdEf"
"""Secrets Manager ends every ARN so, with other characters; a pattern has to reach over it."""


@dataclass(frozen=True)
class Need:
    """One permission that a call takes."""

    action: str
    resource: str
    """An ARN."""
    context: Mapping[str, str] = field(default_factory=dict)
    """What a statement's condition may look at, by its condition key."""

    def __str__(self) -> str:
        stated = "".join(f" with {key} {value}" for key, value in self.context.items())
        return f"{self.action} on {self.resource}{stated}"


def needs(service: str, operation: str, params: Mapping[str, Any], place: str) -> Iterator[Need]:
    """Yield what IAM asks for a call; `place` is the region and the account, `us-east-1:1234…`.

    Of a call that is not written down here it says that, which no role permits.
    """
    match service:
        case "dynamodb":
            yield from _table_needs(operation, params, f"arn:aws:dynamodb:{place}:table/")
        case "s3" if operation == "ListObjectsV2":
            prefix = {"s3:prefix": params.get("Prefix", "")}
            yield Need("s3:ListBucket", f"arn:aws:s3:::{params['Bucket']}", prefix)
        case "s3" if operation in ON_OBJECTS:
            keys = [params] if "Key" in params else params["Delete"]["Objects"]
            for each in keys:
                object_arn = f"arn:aws:s3:::{params['Bucket']}/{each['Key']}"
                yield Need(ON_OBJECTS[operation], object_arn)
        case "sqs":
            queue = params["QueueUrl"].rpartition("/")[2]
            action = operation.removesuffix("Batch")
            yield Need(f"sqs:{action}", f"arn:aws:sqs:{place}:{queue}")
        case "secretsmanager":
            name = params.get("SecretId") or params["Name"]
            secret = f"arn:aws:secretsmanager:{place}:secret:{name}{SUFFIX_OF_SECRETS}"
            yield Need(f"secretsmanager:{operation}", secret)
        case "ssm" if operation == "GetParameter":
            yield Need("ssm:GetParameter", f"arn:aws:ssm:{place}:parameter{params['Name']}")
        case "scheduler" if operation in ("CreateSchedule", "DeleteSchedule"):
            name = f"{params['GroupName']}/{params['Name']}"
            yield Need(f"scheduler:{operation}", f"arn:aws:scheduler:{place}:schedule/{name}")
            if operation == "CreateSchedule":
                passed_to = {"iam:PassedToService": "scheduler.amazonaws.com"}
                yield Need("iam:PassRole", params["Target"]["RoleArn"], passed_to)
        case _:
            yield Need(f"{service}:{operation}", f"what {__name__}.needs does not know yet")


def _table_needs(operation: str, params: Mapping[str, Any], tables: str) -> Iterator[Need]:
    if operation.startswith("Transact"):
        for item in params["TransactItems"]:
            ((kind, request),) = item.items()
            yield Need(f"dynamodb:{IN_A_TRANSACTION[kind]}", tables + request["TableName"])
    elif "RequestItems" in params:
        for table in params["RequestItems"]:
            yield Need(f"dynamodb:{operation}", tables + table)
    else:
        index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
        yield Need(f"dynamodb:{operation}", tables + params["TableName"] + index)


class Roles:
    """The roles of all functions of a template, in a deployment whose names are known."""

    def __init__(self, template: dict[str, Any], *, names: Mapping[str, str], place: str) -> None:
        """Read the roles; `names` has what the template's references (`Table.Arn`) stand for."""
        self._names = names
        self._place = place
        self.statements: dict[str, list[Statement]] = {
            Path(resource["Properties"]["CodeUri"]).name: list(granted_to(template, function))
            for function, resource in template["Resources"].items()
            if resource["Type"] == "AWS::Serverless::Function"
        }
        """By the function's folder."""
        self.refused: list[str] = []
        """What was not permitted, a sentence each: code in between may hide that it was stopped."""

    def permit(self, function: str, need: Need) -> bool:
        """Whether a statement of the function's role allows what is needed."""
        return any(
            statement["Effect"] == "Allow"
            and need.action in as_list(statement["Action"])
            and any(
                fnmatchcase(need.resource, self._resolved(resource))
                for resource in as_list(statement["Resource"])
            )
            and _holds(statement.get("Condition", {}), need.context)
            for statement in self.statements[function]
        )

    def judge(
        self, params: Mapping[str, Any], model: Any, context: Mapping[str, Any], **_: Any
    ) -> None:
        """Fail the test whose function makes a call that its role does not permit.

        A handler of botocore's `before-parameter-build`, which comes before calls and before
        addresses are signed: they open no more than their signer may. The address of a folder is
        signed only to learn where uploads go (bootstrap's upload_address); nobody calls it.
        """
        if context.get("is_presign_request") and params["Key"].endswith("/"):
            return
        callers = _calling_functions()
        if not callers:
            return
        for need in needs(model.service_model.service_name, model.name, params, self._place):
            if not any(self.permit(function, need) for function in callers):
                sentence = (
                    f"The role of {' and '.join(sorted(callers))} in template.yaml "
                    f"does not permit {need}."
                )
                self.refused.append(sentence)
                pytest.fail(sentence)

    def enforced(self) -> Generator[None, object, object]:
        """Fail a step of a test, the body of a hook's wrapper, in which anything was refused."""
        try:
            done = yield
            if self.refused:
                pytest.fail("\n".join(self.refused))
            return done
        finally:
            self.refused.clear()

    @contextmanager
    def judging(self) -> Iterator[None]:
        """Judge the calls of all clients whose session begins within this context.

        moto is called in the same way; a handler of one session would not outlive a test that
        takes another.
        """
        handler = ("before-parameter-build", self.judge)
        BUILTIN_HANDLERS.append(handler)
        try:
            yield
        finally:
            BUILTIN_HANDLERS.remove(handler)

    def _resolved(self, resource: Any) -> str:
        """Return the ARN, or the pattern of ARNs, that a statement names."""
        ((intrinsic, written),) = resource.items()
        if intrinsic == "Fn::Sub":
            return re.sub(r"\$\{([\w:.]+)\}", lambda found: self._names[found[1]], written)
        return self._names[written if intrinsic == "Ref" else ".".join(written)]


def _holds(condition: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """Whether a statement's condition is met; a key that the call does not have meets none."""
    comparisons: dict[str, Callable[[str, str], bool]] = {
        "StringLike": fnmatchcase,
        "StringEquals": eq,
    }
    return all(
        key in context
        and any(comparisons[operator](context[key], value) for value in as_list(values))
        for operator, wanted in condition.items()
        for key, values in wanted.items()
    )


def _calling_functions() -> set[str]:
    """Return the functions that this thread may be calling for; none when a test is.

    A thread of a pool knows nothing of who gave it work: that is one of those that run meanwhile.
    """
    modules = _modules(sys._getframe())
    own = _functions(modules)
    if own or "concurrent.futures.thread" not in modules:
        return own
    everywhere = sys._current_frames().values()
    return {function for frame in everywhere for function in _functions(_modules(frame))}


def _functions(modules: set[str]) -> set[str]:
    return {found[1] for name in modules if (found := re.fullmatch(r"functions\.(\w+)\.app", name))}


def _modules(frame: FrameType | None) -> set[str]:
    """Return the names of the modules whose code is on a stack."""
    found = set()
    while frame is not None:
        found.add(str(frame.f_globals.get("__name__")))
        frame = frame.f_back
    return found
