"""Whatever the official Python SDK lets its callers say is read: served, or refused by name.

By its own types, of the pinned release: what another release adds has to be judged. The Node SDK's
are judged beside the tests that run it.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal, get_args, get_origin, get_type_hints

import nylas.models
import pytest
from typing_extensions import is_typeddict

from docs.openapi.document import apis
from docs.openapi.document import routes as routes_of
from tests.sdk_requests import LEFT_OUT, READ_BY, unknown_fields, unserved_values

NO_EMAIL = (
    "availability calendars contacts domains errors events free_busy lists notetakers policies "
    "response rules scheduler smart_compose transactional_send workspaces"
)
"""Modules of calendars, contacts, meetings and the like, and of what no caller says."""


def _requests() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for each in pkgutil.iter_modules(nylas.models.__path__):
        if each.name not in NO_EMAIL.split():
            module = importlib.import_module(f"nylas.models.{each.name}")
            found |= {
                name: get_type_hints(kind)
                for name, kind in inspect.getmembers(module, is_typeddict)
                if kind.__module__ == module.__name__ and name != "ListQueryParams"
            }
    return found


def test_every_type_of_a_request_is_judged() -> None:
    """A new one is read by a model of ours, or left out for a reason."""
    assert set(_requests()) - set(LEFT_OUT) - set(READ_BY) == set()


def test_a_field_that_nothing_reads_would_be_noticed() -> None:
    """By its name on the wire; one that the SDK writes otherwise is none."""
    said = {"UpdateWebhookRequest": {"webhook_url", "colour"}, "ListGrantsQueryParams": {"sortBy"}}
    assert unknown_fields(said) == {"UpdateWebhookRequest": {"colour"}}


def test_no_field_that_callers_may_say_is_unknown() -> None:
    """Refused ones have a sentence of their own, and stand in docs/api.md."""
    requests = {name: set(hints) for name, hints in _requests().items()}
    assert len(requests) > 30
    assert {"use_draft", "tracking_options", "from_"} <= requests["SendMessageRequest"]
    assert unknown_fields(requests) == {}


def test_a_value_that_nothing_knows_would_be_noticed() -> None:
    """One that is refused in a sentence is known, also where several may be said."""
    said = {
        "UpdateWebhookRequest": {"trigger_types": ["message.created", "moon.rose"]},
        "ListMessagesQueryParams": {"fields": ["standard", "everything"]},
        "CredentialRequest": {"credential_type": ["connector", "serviceaccount"]},
    }
    assert unserved_values(said) == {
        ("UpdateWebhookRequest", "trigger_types"): {"moon.rose"},
        ("ListMessagesQueryParams", "fields"): {"everything"},
    }


def test_no_value_that_callers_may_say_is_unknown() -> None:
    """Webhooks refused the legacy triggers that both SDKs have, as if nobody knew them."""
    requests = {
        name: {field: set(_values(hint)) for field, hint in hints.items()}
        for name, hints in _requests().items()
    }
    assert "message.opened.legacy" in requests["CreateWebhookRequest"]["trigger_types"]
    assert "imap" in requests["CreateGrantRequest"]["provider"]
    assert unserved_values(requests) == {}


def _values(hint: Any) -> Iterator[str]:
    """Yield the values that a type names."""
    if get_origin(hint) is Literal:
        yield from get_args(hint)
    elif isinstance(hint, type) and issubclass(hint, Enum):
        yield from (each.value for each in hint)
    else:
        for part in get_args(hint):
            yield from _values(part)


@pytest.mark.parametrize("request_type", READ_BY)
def test_what_reads_a_request_is_served(request_type: str) -> None:
    """The model is the body or the query of a route, or a part of one."""
    served = {
        model
        for app in apis().values()
        for route in routes_of(app)
        for whole in (*route.queries, route.documentation.body)
        for model in _with_parts(whole)
    }
    assert READ_BY[request_type] in served


def _with_parts(model: object) -> set[object]:
    fields = getattr(model, "model_fields", {})
    found = {model}
    for field in fields.values():
        found |= {part for each in _types(field.annotation) for part in _with_parts(each)}
    return found


def _types(annotation: object) -> list[object]:
    inside = get_args(annotation)
    return [part for each in inside for part in _types(each)] if inside else [annotation]
