"""Folders made, renamed, moved and deleted."""

import pytest

from tests.simulators.conftest import OWNER, Control
from tests.simulators.letters import letter
from tests.simulators.microsoft.conftest import Graph

WELL_KNOWN = {
    "inbox": "inbox",
    "sentitems": "sent",
    "drafts": "drafts",
    "deleteditems": "trash",
    "junkemail": "junk",
    "archive": "archive",
}


def test_well_known_names_are_addresses(control: Control, graph: Graph) -> None:
    """They work in a path, in any case, and no folder says which one it is."""
    roles = {f["id"]: f["role"] for f in control.get(f"mailboxes/{OWNER}")["folders"]}

    found = {name: graph.get(f"mailFolders/{name}") for name in (*WELL_KNOWN, "outbox")}
    root = graph.get("mailFolders/MsgFolderRoot")

    assert {name: roles[folder["id"]] for name, folder in found.items()} == {
        **WELL_KNOWN,
        "outbox": None,
    }
    assert {folder["parentFolderId"] for folder in found.values()} == {root["id"]}
    assert "wellKnownName" not in found["inbox"]
    assert graph.get("mailFolders('inbox')")["id"] == found["inbox"]["id"]


def test_lists_hold_one_level(graph: Graph) -> None:
    """Folders of the first level by pages of ten, their children by themselves."""
    outer = graph.post("mailFolders", {"displayName": "Projects"})
    inner = graph.post(f"mailFolders/{outer['id']}/childFolders", {"displayName": "Boat"})
    for number in range(3):
        graph.post("mailFolders", {"displayName": f"Zz {number}"})

    first = graph.get("mailFolders")
    second = graph.get(first["@odata.nextLink"])
    children = graph.get(f"mailFolders/{outer['id']}/childFolders")["value"]

    names = [folder["displayName"] for folder in first["value"] + second["value"]]
    assert (len(first["value"]), len(names)) == (10, 12)
    assert "Boat" not in names
    assert "Projects" in names
    assert [folder["id"] for folder in children] == [inner["id"]]


def test_names_are_taken_by_siblings_alone(graph: Graph) -> None:
    """The same name, case aside, is refused beside another, not elsewhere."""
    outer = graph.post("mailFolders", {"displayName": "Boat"})["id"]
    other = graph.post("mailFolders", {"displayName": "Ship"})["id"]
    graph.post(f"mailFolders/{outer}/childFolders", {"displayName": "Boat"})
    taken = (409, "ErrorFolderExists")

    assert graph.refused("POST", "mailFolders", json={"displayName": "bOAT"}) == taken
    assert graph.refused("POST", "mailFolders", json={"displayName": "Inbox"}) == taken
    path = f"mailFolders/{other}"
    assert graph.refused("PATCH", path, json={"displayName": "Boat"}) == taken
    assert graph.patch(path, {"displayName": "SHIP"})["displayName"] == "SHIP"


def test_folders_move_with_what_they_hold(control: Control, graph: Graph) -> None:
    """A folder keeps its id and its mail; it cannot move into itself."""
    outer = graph.post("mailFolders", {"displayName": "Projects"})["id"]
    inner = graph.post("mailFolders", {"displayName": "Boat"})["id"]
    message_id = control.deliver(OWNER, letter(), folder="Boat")

    moved = graph.post(f"mailFolders/{inner}/move", {"destinationId": outer})

    assert (moved["id"], moved["parentFolderId"]) == (inner, outer)
    assert graph.get(f"messages/{message_id}")["parentFolderId"] == inner
    path = f"mailFolders/{outer}/move"
    assert graph.refused("POST", path, json={"destinationId": inner})[0] == 400


def test_deleting_twice_is_for_good(control: Control, graph: Graph) -> None:
    """First below Deleted Items, by another name when the name is taken there; then gone."""
    ids = []
    for _ in range(2):
        ids.append(graph.post("mailFolders", {"displayName": "Boat"})["id"])
        control.deliver(OWNER, letter(), folder=ids[-1])
        assert graph.call("DELETE", f"mailFolders/{ids[-1]}").status_code == 204
    below = graph.get("mailFolders/deleteditems/childFolders")["value"]
    graph.call("DELETE", f"mailFolders/{ids[0]}")

    assert [(f["id"], f["displayName"]) for f in below] == [(ids[0], "Boat"), (ids[1], "Boat1")]
    assert graph.refused("GET", f"mailFolders/{ids[0]}") == (404, "ErrorItemNotFound")
    truth = control.get(f"mailboxes/{OWNER}")
    assert [message["folders"] for message in truth["messages"]] == [[ids[1]]]


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("PATCH", "mailFolders/inbox", {"displayName": "Mine"}, "ErrorAccessDenied"),
        ("DELETE", "mailFolders/inbox", None, "ErrorDeleteDistinguishedFolder"),
        ("POST", "mailFolders/inbox/permanentDelete", {}, "ErrorDeleteDistinguishedFolder"),
        (
            "POST",
            "mailFolders/drafts/move",
            {"destinationId": "archive"},
            "ErrorMoveDistinguishedFolder",
        ),
    ],
)
def test_outlooks_own_folders_stay(
    graph: Graph, method: str, path: str, body: dict[str, str] | None, code: str
) -> None:
    """They can be neither renamed, moved nor deleted."""
    assert graph.refused(method, path, json=body) == (403, code)


@pytest.mark.parametrize("name", [None, "", "  ", 7, "x" * 256])
def test_a_folder_needs_a_name(graph: Graph, name: object) -> None:
    """Bad names are refused."""
    assert graph.refused("POST", "mailFolders", json={"displayName": name})[0] == 400
