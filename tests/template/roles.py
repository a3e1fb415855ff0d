"""What the template's roles permit, statement by statement, as IAM reads them."""

from collections.abc import Iterator
from typing import Any

Statement = dict[str, Any]


def as_list(value: Any) -> list[Any]:
    """Return a policy's value, which may be one or a list, as a list."""
    return value if isinstance(value, list) else [value]


def statements_of(properties: dict[str, Any]) -> Iterator[Statement]:
    """Yield the statements that stand in a role or a managed policy, by its properties."""
    for each in (*properties.get("Policies", ()), properties):
        yield from each.get("PolicyDocument", {}).get("Statement", ())


def granted_to(template: dict[str, Any], function: str) -> Iterator[Statement]:
    """Yield the statements of a function's role and of the managed policies that it names."""
    resources = template["Resources"]
    role = resources[f"{function}Role"]["Properties"]
    yield from statements_of(role)
    for policy in role["ManagedPolicyArns"]:
        yield from statements_of(resources[policy["Ref"]]["Properties"])
