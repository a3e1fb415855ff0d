"""Queries: what an SDK writes for nothing asks for nothing, whatever the route."""

from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from docs.openapi.document import apis
from docs.openapi.document import routes as routes_of
from postroom.web.schemas.fields import Query, unserved

NEEDED = {
    "AuthQuery": {"client_id": "c", "redirect_uri": "https://app.example.com/"},
    "DetectionQuery": {"email": "ada@example.com"},
}
"""What a query cannot do without."""

NOTHING = ("", "None", "undefined", "null", " ")


def _queries() -> Iterator[tuple[str, type[BaseModel]]]:
    for app in apis().values():
        for route in routes_of(app):
            for query in route.queries:
                yield f"{route.method} {route.path}", query


QUERIES = dict(_queries())


@pytest.mark.parametrize("route", QUERIES)
def test_what_sdks_write_for_nothing_asks_for_nothing(route: str) -> None:
    """Python's SDK writes `page_token=None`, Node's `undefined`; lists of such hold nothing."""
    model = QUERIES[route]
    assert issubclass(model, Query)
    needed = NEEDED.get(model.__name__, {})
    plain = model.model_validate(needed)
    for name, field in model.model_fields.items():
        wire_name = field.alias or name
        for nothing in NOTHING:
            if wire_name not in needed:
                assert model.model_validate({**needed, wire_name: nothing}) == plain, wire_name
                assert model.model_validate({**needed, wire_name: [nothing]}) == plain, wire_name


@pytest.mark.parametrize("route", QUERIES)
def test_nothing_is_said_for_what_is_required(route: str) -> None:
    """Then it is missing."""
    model = QUERIES[route]
    needed = NEEDED.get(model.__name__, {})
    for name in needed:
        with pytest.raises(ValueError, match=name):
            model.model_validate({**needed, name: "None"})


def test_a_filter_that_is_not_served_is_refused_by_its_own_sentence() -> None:
    """Whatever query has it; what asks for nothing is above."""
    refused = {
        (model, name): mark for model in QUERIES.values() for name, mark in unserved(model).items()
    }
    assert {name for _, name in refused} >= {"ip", "page_token", "query_imap", "shared_from"}
    for (model, name), mark in refused.items():
        with pytest.raises(ValueError, match=name) as refusal:
            model.model_validate({**NEEDED.get(model.__name__, {}), name: "x"})
        assert mark.sentence in str(refusal.value)
