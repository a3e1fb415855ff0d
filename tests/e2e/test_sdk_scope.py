"""The official Python SDK: no method of its email scope is left out of the tests beside this one.

The SDK says by reflection what it has; the tests say by their source what they call, themselves or
by the functions and fixtures that they use. Nothing of the SDK is replaced in order to know that.
The Node SDK's methods are counted where they run: see test_sdk_node.py.
"""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nylas import Client
from nylas.resources.resource import Resource

TESTS = Path(__file__).parent

NO_EMAIL = (
    "calendars contacts domains events lists notetakers policies rules scheduler "
    "transactional_send workspaces"
)
"""Calendars, contacts, meetings, and mail that is sent from a domain rather than a mailbox."""

LEFT_OUT = {
    "smart_compose.compose_message": "a language model writes; no part of the contract",
    "smart_compose.compose_message_reply": "a language model writes; no part of the contract",
}
"""Methods of email resources that nothing judges, and why."""

OF_NO_PROVIDER = {"applications", "redirect_uris", "webhooks"}
"""Resources that are the same whatever the provider."""

OF_ONE = {
    "auth.detect_provider": "asks neither provider",
    "auth.url_for_admin_consent": "is Microsoft's alone",
}
"""Methods that need not be called for both providers, and why."""


def test_every_method_of_the_email_scope_is_called() -> None:
    """Whatever a release of the SDK adds has to be judged, or left out for a reason."""
    called = {call for test in _tests() for call in test.calls}
    assert _email_methods() - called == set(LEFT_OUT)


def test_every_method_is_called_for_both_providers() -> None:
    """What reaches a mailbox is called in a test that is told of each provider in turn."""
    called = {call for test in _tests() if test.of_both for call in test.calls}
    expected = {each for each in _email_methods() if each.split(".")[0] not in OF_NO_PROVIDER}
    assert expected - called == set(LEFT_OUT) | set(OF_ONE)


# ── What the SDK has ─────────────────────────────────────────────────────────────────────────


def _email_methods() -> set[str]:
    return set(_methods(Client(api_key="none", api_uri="http://nowhere.invalid")))


def _methods(owner: object) -> Iterator[str]:
    for name, _ in inspect.getmembers(type(owner), lambda member: isinstance(member, property)):
        if name not in NO_EMAIL.split():
            resource = getattr(owner, name)
            assert isinstance(resource, Resource), f"{name} is new"
            # What a resource inherits takes a path, and serves its own methods.
            own = vars(type(resource))
            yield from (
                f"{name}.{each}"
                for each, member in own.items()
                if inspect.isfunction(member) and not each.startswith("_")
            )
            yield from _methods(resource)


# ── What the tests call ──────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Function:
    """What a function calls, as `messages.find`, the fixtures it wants, and all names in it."""

    calls: frozenset[str]
    wants: frozenset[str]
    names: frozenset[str]

    @property
    def of_both(self) -> bool:
        """Whether it is played with each provider: both have to be there to agree."""
        return {"google", "microsoft"} <= self.wants


def _tests() -> list[_Function]:
    shared = _functions(TESTS / "conftest.py")
    found = []
    for file in TESTS.glob("test_*.py"):
        functions = shared | _functions(file)
        for name, function in functions.items():
            if name.startswith("test_"):
                used = _reached(function.names, functions)
                wanted = _reached(function.wants, functions, by_wants=True)
                found.append(
                    _Function(
                        calls=function.calls.union(*(functions[each].calls for each in used)),
                        wants=wanted,
                        names=used,
                    )
                )
    return found


def _reached(
    names: frozenset[str], functions: dict[str, _Function], *, by_wants: bool = False
) -> frozenset[str]:
    """Return the names of all functions that these names lead to, through other functions."""
    reached: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        if name in functions and name not in reached:
            reached.add(name)
            waiting |= functions[name].wants if by_wants else functions[name].names
    return frozenset(reached)


def _functions(file: Path) -> dict[str, _Function]:
    module = ast.parse(file.read_text())
    return {each.name: _function(each) for each in module.body if isinstance(each, ast.FunctionDef)}


def _function(definition: ast.FunctionDef) -> _Function:
    nodes = list(ast.walk(definition))
    # `credentials = postroom.connectors.credentials`
    resources = {
        target.id: node.value.attr
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = set()
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            match node.func.value:
                case ast.Attribute(attr=resource) | ast.Name(id=resource):
                    calls.add(f"{resources.get(resource, resource)}.{node.func.attr}")
    wants = {node.arg for node in definition.args.args}
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return _Function(frozenset(calls), frozenset(wants), frozenset(names | wants))
