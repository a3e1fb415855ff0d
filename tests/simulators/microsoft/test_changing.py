"""What programs do with messages: flags, moves, copies, deletions."""

from typing import Any

import pytest

from tests.simulators.conftest import OWNER, Control
from tests.simulators.letters import letter
from tests.simulators.microsoft.conftest import Graph


def seen(control: Control, message_id: str) -> dict[str, Any]:
    messages = control.get(f"mailboxes/{OWNER}")["messages"]
    return next(message for message in messages if message["id"] == message_id)


def test_flags(control: Control, graph: Graph) -> None:
    """Read, flag, categories and importance change, and count the folder anew."""
    message_id = control.deliver(OWNER, letter())
    before = graph.get(f"messages/{message_id}")

    after = graph.patch(
        f"messages/{message_id}",
        {
            "isRead": True,
            "flag": {"flagStatus": "flagged"},
            "categories": ["Red category", "Travel", "Travel"],
            "importance": "high",
        },
    )

    assert after["categories"] == ["Red category", "Travel"]
    assert after["importance"] == "high"
    assert after["changeKey"] != before["changeKey"]
    truth = seen(control, message_id)
    assert (truth["unread"], truth["starred"]) == (False, True)
    assert truth["categories"] == ["Red category", "Travel"]
    assert graph.get("mailFolders/inbox")["unreadItemCount"] == 0


def test_a_completed_flag_says_when(control: Control, graph: Graph) -> None:
    """`complete` is no star, and has a time."""
    message_id = control.deliver(OWNER, letter())

    done = graph.patch(f"messages/{message_id}", {"flag": {"flagStatus": "complete"}})

    assert done["flag"]["completedDateTime"]["timeZone"] == "UTC"
    assert not seen(control, message_id)["starred"]


@pytest.mark.parametrize(
    "body",
    [
        {"isRead": "yes"},
        {"flag": {"flagStatus": "waving"}},
        {"flag": True},
        {"categories": "Red"},
        {"importance": "urgent"},
        {"nonsense": 1},
        {"subject": "Mine now"},
        {"parentFolderId": "inbox"},
    ],
)
def test_changes_that_make_no_sense(control: Control, graph: Graph, body: dict[str, Any]) -> None:
    """They are refused and change nothing: also what only a draft's writer may change."""
    message_id = control.deliver(OWNER, letter())
    before = seen(control, message_id)

    assert graph.refused("PATCH", f"messages/{message_id}", json={**body})[0] == 400
    assert seen(control, message_id) == before


def test_only_the_version_that_was_seen(control: Control, graph: Graph) -> None:
    """`If-Match` with an old etag is refused."""
    path = f"messages/{control.deliver(OWNER, letter())}"
    etag = {"If-Match": graph.get(path)["@odata.etag"]}

    first = graph.call("PATCH", path, json={"isRead": True}, headers=etag)
    second = graph.call("PATCH", path, json={"isRead": False}, headers=etag)

    assert (first.status_code, second.status_code) == (200, 412)
    assert second.json()["error"]["code"] == "ErrorIrresolvableConflict"


def test_moves_and_copies(control: Control, graph: Graph) -> None:
    """A moved message keeps its id for life; a copy has its own, and the same conversation."""
    message_id = control.deliver(OWNER, letter())

    moved = graph.call("POST", f"messages/{message_id}/move", json={"destinationId": "archive"})
    copied = graph.post(f"messages/{message_id}/copy", {"destinationId": "inbox"})

    assert (moved.status_code, moved.json()["id"]) == (201, message_id)
    assert copied["id"] != message_id
    assert copied["conversationId"] == moved.json()["conversationId"]
    path = f"messages/{message_id}/move"
    assert graph.refused("POST", path, json={"destinationId": "nowhere"})[0] == 404
    assert graph.refused("POST", path, json={})[0] == 400


def test_a_message_is_addressed_in_its_own_folder_alone(control: Control, graph: Graph) -> None:
    """Another folder's address does not have it."""
    message_id = control.deliver(OWNER, letter())

    assert graph.get(f"mailFolders/inbox/messages/{message_id}")["id"] == message_id
    assert graph.refused("GET", f"mailFolders/archive/messages/{message_id}")[0] == 404


def test_deletions(control: Control, graph: Graph) -> None:
    """Deleting moves to Deleted Items, there it ends; permanentDelete ends at once."""
    first, second = (control.deliver(OWNER, letter()) for _ in range(2))

    graph.call("DELETE", f"messages/{first}")
    binned = seen(control, first)["folders"]
    graph.call("DELETE", f"messages/{first}")
    at_once = graph.call("POST", f"messages/{second}/permanentDelete")

    assert binned == [graph.folder_id("deleteditems")]
    assert at_once.status_code == 204
    assert control.get(f"mailboxes/{OWNER}")["messages"] == []
    assert graph.refused("DELETE", f"messages/{first}") == (404, "ErrorItemNotFound")
