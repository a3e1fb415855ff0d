"""/v3/connectors/{provider}/creds: other clients of the administrator's, and bad ones."""

import json
from typing import Any

import pytest

from tests.functions.conftest import Deployment

CREDS = "/v3/connectors/google/creds"
GOOD: dict[str, Any] = {
    "name": "The new one",
    "credential_type": "connector",
    "credential_data": {"client_id": "another", "client_secret": "another-secret"},
}


def test_a_credential_lives_and_dies(deployment: Deployment) -> None:
    """Made, found, listed, changed, made active, and removed when it is not; no secret is seen."""
    made = deployment.call("POST", CREDS, GOOD, status=201)["data"]
    path = f"{CREDS}/{made['id']}"
    assert deployment.call("GET", path)["data"] == made
    listed = deployment.call("GET", CREDS, query="limit=1&sort_by=createdAt&order_by=asc")
    assert listed["data"] == [made]
    assert (listed["limit"], listed["offset"]) == (1, 0)
    assert deployment.call("GET", CREDS, query="offset=1")["data"] == []
    changed = deployment.call("PATCH", path, {"name": "Renamed"})["data"]
    assert (changed["id"], changed["name"]) == (made["id"], "Renamed")

    connector = "/v3/connectors/google"
    active = deployment.call("PATCH", connector, {"active_credential_id": made["id"]})["data"]
    assert active["active_credential_id"] == made["id"]
    refused = deployment.call("DELETE", path, status=409)
    assert refused["error"]["type"] == "conflict_error"
    assert (
        "active_credential_id"
        not in (deployment.call("PUT", connector, {"active_credential_id": ""})["data"])
    )
    everything = json.dumps([made, listed, changed, active])
    assert "secret" not in everything
    deployment.call("DELETE", path)
    deployment.call("GET", path, status=404)
    deployment.call("DELETE", path, status=404)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": 1}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"credential_type": None}, "credential_type"),
        ({"credential_type": "password"}, "credential_type"),
        ({"credential_type": "serviceaccount"}, "credential_type"),
        ({"credential_type": "adminconsent"}, "credential_type"),
        (
            {"credential_data": GOOD["credential_data"] | {"tenant": "common"}},
            "credential_data.tenant",
        ),
        ({"credential_data": None}, "credential_data"),
        ({"credential_data": []}, "credential_data"),
        ({"credential_data": {}}, "credential_data.client_id"),
        ({"credential_data": {"client_id": "x"}}, "credential_data.client_secret"),
        (
            {"credential_data": {"client_id": "a b", "client_secret": "x"}},
            "credential_data.client_id",
        ),
        (
            {"credential_data": {"client_id": "a", "client_secret": "x" * 1001}},
            "credential_data.client_secret",
        ),
        (
            {"credential_data": {"client_id": "a", "client_secret": "x", "tenant": "a/b"}},
            "credential_data.tenant",
        ),
    ],
)
def test_bad_credentials_are_named_and_not_kept(
    deployment: Deployment, changed: dict[str, Any], named: str
) -> None:
    """Every field."""
    answer = deployment.call("POST", CREDS, GOOD | changed, status=400)
    assert answer["error"]["message"].startswith(f"{named}: ")
    assert deployment.call("GET", CREDS)["data"] == []


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"name": ""}, "name"),
        ({"name": {}}, "name"),
        ({"credential_data": "x"}, "credential_data"),
        ({"credential_data": {"client_secret": ""}}, "credential_data.client_secret"),
        ({"credential_data": {"client_id": 7}}, "credential_data.client_id"),
        ({"credential_data": {"tenant": "a/b"}}, "credential_data.tenant"),
    ],
)
def test_bad_changes_are_named(deployment: Deployment, body: dict[str, Any], named: str) -> None:
    """Every field of the change, before it is looked up."""
    answer = deployment.call("PATCH", f"{CREDS}/none", body, status=400)
    assert answer["error"]["message"].startswith(f"{named}: ")


@pytest.mark.parametrize(
    ("method", "path", "query", "status"),
    [
        ("GET", CREDS, "limit=0", 400),
        ("GET", CREDS, "limit=201", 400),
        ("GET", CREDS, "offset=-1", 400),
        ("GET", CREDS, "sort_by=name", 400),
        ("GET", CREDS, "order_by=up", 400),
        ("GET", "/v3/connectors/microsoft/creds", "", 404),
        ("GET", "/v3/connectors/imap/creds", "", 400),
        ("GET", f"{CREDS}/none", "", 404),
        ("GET", "/v3/connectors", "limit=0", 400),
        ("GET", "/v3/connectors", "page_token=x", 400),
        ("GET", "/v3/connectors", "limit=1&offset=0&page_token=None", 200),
    ],
)
def test_bad_lists_are_refused(
    deployment: Deployment, method: str, path: str, query: str, status: int
) -> None:
    """Limits, orders and connectors that there are not."""
    deployment.call(method, path, query=query, status=status)


def test_connectors_are_listed_to_the_end_page_by_page(deployment: Deployment) -> None:
    """The Node SDK goes on by `page_token`: of two connectors it once saw only the first."""
    settings = {"client_id": "a", "client_secret": "b"}
    body = {"provider": "microsoft", "name": "M", "settings": settings}
    deployment.call("POST", "/v3/connectors", body, status=201)
    first = deployment.call("GET", "/v3/connectors", query="limit=1")
    assert [each["provider"] for each in first["data"]] == ["google"]
    assert first["next_cursor"] not in {"google", "microsoft"}
    deployment.call("GET", "/v3/connectors", query="limit=1&page_token=google", status=400)
    query = f"limit=1&page_token={first['next_cursor']}"
    last = deployment.call("GET", "/v3/connectors", query=query)
    assert [each["provider"] for each in last["data"]] == ["microsoft"]
    assert "next_cursor" not in last
    all_at_once = deployment.call("GET", "/v3/connectors", query="limit=2")
    assert "next_cursor" not in all_at_once
    assert all_at_once["data"] == first["data"] + last["data"]


@pytest.mark.parametrize(
    ("method", "path", "body", "named"),
    [
        ("PATCH", "/v3/connectors/google", {"active_credential_id": "x"}, "active_credential_id"),
        ("PATCH", "/v3/connectors/google", {"active_credential_id": 1}, "active_credential_id"),
        (
            "POST",
            "/v3/connectors",
            {
                "provider": "microsoft",
                "settings": {"client_id": "a", "client_secret": "b"},
                "active_credential_id": "x",
            },
            "active_credential_id",
        ),
    ],
)
def test_a_credential_that_is_not_there_is_never_active(
    deployment: Deployment, method: str, path: str, body: dict[str, Any], named: str
) -> None:
    """The connector stays as it was, or is not made."""
    answer = deployment.call(method, path, body, status=400)
    assert answer["error"]["message"].startswith(f"{named}: ")
