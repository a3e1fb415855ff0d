"""PATCH /v3/applications: the profile, and the whole set of return addresses."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functions.conftest import Deployment

PATH = "/v3/applications"


@pytest.fixture
def addresses(deployment: Deployment) -> Iterator[list[dict[str, Any]]]:
    """The return addresses as they were, and are again when the test is over."""
    before: list[dict[str, Any]] = deployment.call("GET", PATH)["data"]["callback_uris"]
    assert before
    yield before
    again = [{name: each[name] for name in ("url", "platform", "settings")} for each in before]
    deployment.call("PATCH", PATH, {"callback_uris": again})
    assert _urls(deployment) == [each["url"] for each in before]


def _urls(deployment: Deployment) -> list[str]:
    return [each["url"] for each in deployment.call("GET", f"{PATH}/redirect-uris")["data"]]


def test_the_return_addresses_are_those_that_are_given(
    deployment: Deployment, addresses: list[dict[str, Any]]
) -> None:
    """Known ones keep their ids and what is not named, new ones are made, the others are gone."""
    first, second = "https://new.example/a", "app.example:/b"
    wanted = [{"url": first, "settings": {"origin": "x"}}, {"url": second, "platform": "ios"}]
    made = deployment.call("PATCH", PATH, {"callback_uris": wanted})["data"]["callback_uris"]
    assert [each["url"] for each in made] == [first, second] == _urls(deployment)
    assert [each["platform"] for each in made] == ["web", "ios"]
    gone = f"{PATH}/redirect-uris/{addresses[0]['id']}"
    deployment.call("GET", gone, status=404)

    # The first moves by its id, the second is known by its address, a third takes the first place.
    wanted = [
        {"id": made[0]["id"], "url": "https://new.example/moved"},
        {"url": second},
        {"url": first},
    ]
    changed = deployment.call("PATCH", PATH, {"callback_uris": wanted})["data"]["callback_uris"]
    by_url = {each["url"]: each for each in changed}
    assert by_url["https://new.example/moved"] == {**made[0], "url": "https://new.example/moved"}
    assert by_url[second] == made[1]
    assert by_url[first]["id"] not in {each["id"] for each in made}
    assert by_url[first]["settings"] == {}
    assert len(changed) == 3


def test_what_is_read_can_be_written_back(
    deployment: Deployment, addresses: list[dict[str, Any]]
) -> None:
    """Also when two exchange their addresses; without the list they stay as they are."""
    other = {"url": "https://other.example/", "platform": "js"}
    given = {"callback_uris": [*addresses, other]}
    before = deployment.call("PATCH", PATH, given)["data"]["callback_uris"]
    again = deployment.call("PATCH", PATH, {"callback_uris": before})["data"]
    assert again["callback_uris"] == before
    for nothing in ({}, {"callback_uris": None}, {"branding": {"name": "Letterbox"}}):
        assert deployment.call("PATCH", PATH, nothing)["data"]["callback_uris"] == before

    one, two = before[0], before[-1]
    swapped = [{**one, "url": two["url"]}, {**two, "url": one["url"]}, *before[1:-1]]
    after = deployment.call("PATCH", PATH, {"callback_uris": swapped})["data"]["callback_uris"]
    urls = {each["id"]: each["url"] for each in after}
    assert (urls[one["id"]], urls[two["id"]]) == (two["url"], one["url"])


def test_all_can_be_removed(deployment: Deployment, addresses: list[dict[str, Any]]) -> None:
    """An empty list is one; nobody can connect then."""
    assert addresses
    assert deployment.call("PATCH", PATH, {"callback_uris": []})["data"]["callback_uris"] == []
    assert _urls(deployment) == []


def test_a_profile_that_is_half_wrong_changes_nothing(
    deployment: Deployment, addresses: list[dict[str, Any]]
) -> None:
    """The good parts of it neither."""
    before = deployment.call("GET", PATH)["data"]
    body = {
        "branding": {"name": "Half"},
        "callback_uris": [*addresses, {"url": "http://insecure.example/"}],
    }
    deployment.call("PATCH", PATH, body, status=400)
    assert deployment.call("GET", PATH)["data"] == before


def test_settings_that_ask_for_nothing_are_taken(deployment: Deployment) -> None:
    """`false`, and what is so anyway; a brand needs no name of its own."""
    settings = {
        "rotate_refresh_token": False,
        "allow_query_param_in_redirect_uri": True,
        "login_url": "",
    }
    deployment.call("PATCH", PATH, {"additional_settings": settings})
    branding = {"website_url": "https://letterbox.example"}
    shown = deployment.call("PATCH", PATH, {"branding": branding})["data"]["branding"]
    assert shown == {"name": "Postroom", **branding}
