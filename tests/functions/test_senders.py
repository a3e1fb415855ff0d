"""Whom mail may be from, over HTTP: listed on the account, usable as `from`, and nobody else."""

from typing import Any

import pytest

from tests.functions.conftest import ADDRESS, SAMPLE_GRANT, Deployment

SHOP = "shop@example.com"
SIGNATURE = "<p>The shop, always open</p>"
CHARLES = [{"email": "charles@example.org"}]
SENDS = ("messages/send", "drafts")


@pytest.fixture
def grant(deployment: Deployment) -> str:
    """Ada's account; in Gmail's settings she has verified an alias, and given it a signature."""
    path = f"/_sim/mailboxes/{ADDRESS}"
    deployment.simulator.put(f"{path}/aliases", json={"aliases": [SHOP]}).raise_for_status()
    written = {
        "method": "PATCH",
        "path": f"/gmail/v1/users/me/settings/sendAs/{SHOP}",
        "body": {"signature": SIGNATURE, "displayName": "The shop"},
    }
    deployment.simulator.post(f"{path}/calls", json=written).raise_for_status()
    return f"/v3/grants/{deployment.names[SAMPLE_GRANT]}"


def _wanted(**changed: Any) -> dict[str, Any]:
    return {"to": CHARLES, "subject": "Hello", "body": "Hi"} | changed


def test_senders_are_listed_with_their_signatures(deployment: Deployment, grant: str) -> None:
    """The account's own address first; what an application puts under the body is there."""
    sent = deployment.call("POST", f"{grant}/messages/send", _wanted(**{"from": [{"email": SHOP}]}))
    assert sent["data"]["from"] == [{"email": SHOP, "name": "The shop"}]

    senders = deployment.call("GET", grant)["data"]["senders"]

    assert senders == [
        {"email": ADDRESS, "name": "", "signature": "", "is_default": True},
        {"email": SHOP, "name": "The shop", "signature": SIGNATURE, "is_default": False},
    ]


@pytest.mark.parametrize("way", SENDS)
@pytest.mark.parametrize("author", [SHOP.upper(), "Shop@Example.com"])
def test_a_sender_is_written_in_any_case_and_with_any_name(
    deployment: Deployment, grant: str, way: str, author: str
) -> None:
    """It goes out as Gmail lists it, under the name that was asked for."""
    named = {"email": author, "name": "Loja nº 1"}
    made = deployment.call("POST", f"{grant}/{way}", _wanted(**{"from": [named]}))
    assert made["data"]["from"] == [{"email": SHOP, "name": "Loja nº 1"}]


@pytest.mark.parametrize("way", SENDS)
@pytest.mark.parametrize(
    "authors",
    [
        [{"email": "charles@example.org"}],
        [{"email": "everybody@example.com"}],
        [{"email": SHOP}, {"email": ADDRESS}],
        [{"email": "not an address"}],
    ],
)
def test_any_other_author_is_refused(
    deployment: Deployment, grant: str, way: str, authors: list[dict[str, str]]
) -> None:
    """A stranger, a group, two at once: 400, naming `from`; nothing leaves, no draft is made."""
    before = deployment.simulator.get(f"/_sim/mailboxes/{ADDRESS}").json()["messages"]

    refused = deployment.call("POST", f"{grant}/{way}", _wanted(**{"from": authors}), status=400)

    assert refused["error"]["type"] == "invalid_request_error"
    assert str(refused["error"]["message"]).startswith("from")
    assert deployment.simulator.get(f"/_sim/mailboxes/{ADDRESS}").json()["messages"] == before
