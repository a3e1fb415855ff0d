"""`$batch`, over plain HTTP."""

from typing import Any

import pytest

from tests.simulators.conftest import OWNER, Control
from tests.simulators.letters import letter
from tests.simulators.microsoft.conftest import Graph, segment

JSON = {"Content-Type": "application/json"}
LASTING = {"Prefer": 'IdType="ImmutableId"'}


def post(graph: Graph, *requests: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the answers by the id of their request."""
    body = graph.post("/v1.0/$batch", {"requests": list(requests)}, "odata.maxpagesize=1")
    return {answer["id"]: answer for answer in body["responses"]}


def get(name: str, url: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "method": "GET", "url": url, **more}


def test_each_call_has_its_own_answer(control: Control, graph: Graph) -> None:
    """Status, headers and body of each; preferences are each call's own, not the batch's."""
    message_id = control.deliver(OWNER, letter())

    answers = post(
        graph,
        get("a", f"/me/messages/{message_id}", headers=LASTING),
        get("b", f"/me/messages/{message_id}?$select=id"),
        get("c", "/me/messages/none"),
        get("d", f"/me/messages/{message_id}/$value"),
        {
            "id": "e",
            "method": "PATCH",
            "url": f"/me/messages/{message_id}",
            "headers": JSON,
            "body": {"isRead": True},
        },
    )

    assert {name: answer["status"] for name, answer in answers.items()} == {
        "a": 200,
        "b": 200,
        "c": 404,
        "d": 200,
        "e": 200,
    }
    assert answers["a"]["body"]["id"] == message_id != answers["b"]["body"]["id"]
    assert answers["a"]["headers"]["Preference-Applied"] == 'IdType="ImmutableId"'
    assert answers["c"]["body"]["error"]["code"] == "ErrorItemNotFound"
    assert isinstance(answers["d"]["body"], str)
    assert not control.get(f"mailboxes/{OWNER}")["messages"][0]["unread"]


def test_ids_with_slashes_and_absolute_links(control: Control, graph: Graph) -> None:
    """Encoded ids work inside a batch; links in the answers are those of the real host."""
    control.deliver(OWNER, letter())
    passing = graph.get("messages", "odata.maxpagesize=9")["value"][0]["id"]

    answers = post(
        graph,
        get("a", f"/me/messages/{segment(passing)}"),
        get("b", "/me/mailFolders/inbox/messages/delta"),
    )

    assert answers["a"]["body"]["id"] == passing
    link = answers["b"]["body"]["@odata.deltaLink"]
    assert link.startswith("http://graph.example/v1.0/me/")


def test_answers_come_in_an_order_of_their_own(graph: Graph) -> None:
    """Who matches by position gets the wrong ones."""
    body = graph.post("/v1.0/$batch", {"requests": [get("1", "/me"), get("2", "/me")]})

    assert [answer["id"] for answer in body["responses"]] == ["2", "1"]


def test_what_depends_on_a_failure_is_not_done(control: Control, graph: Graph) -> None:
    """A chain stops at its first failure, with 424 for the rest."""
    message_id = control.deliver(OWNER, letter())
    patch = {
        "method": "PATCH",
        "url": f"/me/messages/{message_id}",
        "headers": JSON,
        "body": {"isRead": True},
    }

    answers = post(
        graph,
        get("1", "/me/messages/none"),
        {**patch, "id": "2", "dependsOn": ["1"]},
        {**patch, "id": "3", "dependsOn": ["2"]},
    )

    assert [answers[name]["status"] for name in "123"] == [404, 424, 424]
    assert control.get(f"mailboxes/{OWNER}")["messages"][0]["unread"]


def test_a_fault_hits_single_calls(control: Control, graph: Graph) -> None:
    """A 429 with its Retry-After for one of them, inside a 200."""
    ids = [control.deliver(OWNER, letter()) for _ in range(3)]
    fault = {"path": f"messages/{ids[1]}$", "status": 429, "headers": {"Retry-After": "7"}}
    control.post("faults", [fault])

    answers = post(graph, *(get(str(n), f"/me/messages/{i}") for n, i in enumerate(ids)))

    assert [answers[name]["status"] for name in "012"] == [200, 429, 200]
    assert answers["1"]["headers"]["Retry-After"] == "7"
    assert answers["1"]["body"]["error"]["code"] == "ApplicationThrottled"
    usage = control.get("usage")["mailboxes"][OWNER]["messages.get"]
    assert (usage["calls"], usage["rejected"]) == (3, 1)


def test_four_run_at_once(control: Control, graph: Graph) -> None:
    """With quota enforced, the fifth call that waits for nothing is refused; a chain is not."""
    control.settings(enforce_quota=True)

    beside = post(graph, *(get(str(n), "/me") for n in range(6)))
    chain = post(
        graph,
        get("0", "/me"),
        *(get(str(n), "/me", dependsOn=[str(n - 1)]) for n in range(1, 20)),
    )

    assert [beside[str(n)]["status"] for n in range(6)] == [200] * 4 + [429] * 2
    assert int(beside["5"]["headers"]["Retry-After"]) > 0
    assert {answer["status"] for answer in chain.values()} == {200}


@pytest.mark.parametrize(
    "requests",
    [
        [],
        "x",
        [get(str(number), "/me") for number in range(21)],
        [get("1", "/me"), get("1", "/me")],
        [{"id": "1", "method": "GET"}],
        [{"id": "1", "method": "BREW", "url": "/me"}],
        [{"method": "GET", "url": "/me"}],
        [get("1", "/me", dependsOn=["2"]), get("2", "/me")],
        [{"id": "1", "method": "POST", "url": "/me/messages", "body": {"subject": "x"}}],
    ],
)
def test_what_is_no_batch(graph: Graph, requests: Any) -> None:
    """Refused whole: too many calls, twice the same id, no address, a body without its type."""
    assert graph.refused("POST", "/v1.0/$batch", json={"requests": requests})[0] == 400
