"""The control interface over the Microsoft simulator: truth, the owner, faults, time, state."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from local.simulators import state_file
from local.simulators.microsoft.app import create_app
from local.simulators.transport import SimulatorTransport
from tests.simulators.conftest import FRIEND, OWNER, Control
from tests.simulators.letters import PICTURE, letter, letter_with_everything
from tests.simulators.microsoft.conftest import ALIAS, Graph, access_token, prepared

INBOX = "mailFolders/inbox/messages/delta"


def change(control: Control, *changes: dict[str, Any]) -> httpx.Response:
    return control.http.post(f"/_sim/mailboxes/{OWNER}/changes", json=list(changes))


def folder(control: Control, key: str, value: str) -> dict[str, Any]:
    folders = control.get(f"mailboxes/{OWNER}")["folders"]
    return next(each for each in folders if each[key] == value)


def only(control: Control) -> dict[str, Any]:
    (message,) = control.get(f"mailboxes/{OWNER}")["messages"]
    return dict(message)


def test_the_truth(control: Control, graph: Graph) -> None:
    """Folders with counts, and messages by their ids for life."""
    raw = letter_with_everything()
    message_id = control.deliver(OWNER, raw, received_at=1_700_000_000)

    seen = only(control)

    inbox = folder(control, "role", "inbox")
    assert (inbox["name"], inbox["total"], inbox["unread"]) == ("Inbox", 1, 1)
    assert seen == {
        "id": message_id,
        "thread_id": graph.get(f"messages/{message_id}")["conversationId"],
        "internet_message_id": "<everything@simulated.example>",
        "subject": "Ünïcode & pictures",
        "folders": [inbox["id"]],
        "unread": True,
        "starred": False,
        "draft": False,
        "categories": [],
        "attachments": [
            {"filename": "ATT00001", "content_type": "image/png", "size": len(PICTURE)},
            {"filename": "großes bild.png", "content_type": "image/png", "size": len(PICTURE)},
            {"filename": "table.csv", "content_type": "text/csv", "size": 4},
        ],
        "size": len(raw),
        "received_at": 1_700_000_000,
    }


@pytest.mark.parametrize("role", ["inbox", "sent", "drafts", "trash", "junk", "archive"])
def test_delivery_into_any_folder(control: Control, role: str) -> None:
    """By role; what lies among the drafts is one."""
    control.deliver(OWNER, letter(), folder=role, unread=False)

    seen = only(control)

    assert seen["folders"] == [folder(control, "role", role)["id"]]
    assert (seen["unread"], seen["draft"]) == (False, role == "drafts")


def test_what_the_owner_does(control: Control, graph: Graph) -> None:
    """Read, star, move into a new folder, categories: as another client would."""
    message_id = control.deliver(OWNER, letter())

    answer = change(
        control,
        {"op": "read", "id": message_id},
        {"op": "star", "id": message_id},
        {"op": "label", "id": message_id, "folder": "Red category"},
        {"op": "label", "id": message_id, "folder": "Travel"},
        {"op": "unlabel", "id": message_id, "folder": "Red category"},
        {"op": "move", "id": message_id, "folder": "Projects"},
    )

    assert answer.status_code == 200
    seen = only(control)
    assert (seen["unread"], seen["starred"], seen["categories"]) == (False, True, ["Travel"])
    assert seen["folders"] == [folder(control, "name", "Projects")["id"]]
    change(control, {"op": "trash", "id": message_id})
    assert only(control)["folders"] == [folder(control, "role", "trash")["id"]]
    change(control, {"op": "delete", "id": message_id})
    assert control.get(f"mailboxes/{OWNER}")["messages"] == []


def test_changes_apply_all_or_none(control: Control) -> None:
    """One that makes no sense keeps the others from happening."""
    message_id = control.deliver(OWNER, letter())

    refused = change(control, {"op": "read", "id": message_id}, {"op": "read", "id": "none"})

    assert refused.status_code == 400
    assert only(control)["unread"]
    assert control.http.get("/_sim/mailboxes/nobody@x.example").status_code == 404
    path = f"/_sim/mailboxes/{OWNER}/messages?folder=nowhere"
    assert control.http.post(path, content=letter()).status_code == 400


def test_mail_for_an_alias_arrives(control: Control) -> None:
    """Also with a plus; no second mailbox takes an alias."""
    control.deliver(ALIAS, letter("To the alias"))
    local, domain = OWNER.split("@")
    control.deliver(f"{local}+shop@{domain}", letter("With a plus"))

    subjects = {each["subject"] for each in control.get(f"mailboxes/{OWNER}")["messages"]}
    assert subjects == {"To the alias", "With a plus"}
    assert control.http.post("/_sim/mailboxes", json={"address": ALIAS}).status_code == 409


def test_filling_is_repeatable(control: Control) -> None:
    """The same seed gives the same mail, with conversations, pages of a thousand at a time."""

    def filled(address: str) -> list[Any]:
        control.post(f"mailboxes/{address}/fill", {"messages": 1200, "seed": 3})
        first = control.get(f"mailboxes/{address}")
        rest = control.get(f"mailboxes/{address}?page={first['next']}")
        return [*first["messages"], *rest["messages"]]

    def shape(messages: list[Any]) -> list[Any]:
        return [(m["subject"], m["size"] > 0, m["unread"], m["starred"]) for m in messages]

    ours = filled(OWNER)
    assert len(ours) == 1200
    assert len({message["thread_id"] for message in ours}) < 800
    control.post("reset")
    control.post("mailboxes", {"address": OWNER})
    assert shape(filled(OWNER)) == shape(ours)


def test_faults_before_and_after_the_effect(control: Control, graph: Graph) -> None:
    """An error in Graph's words, a lost connection, and a send that happened all the same."""
    draft = graph.post(
        "messages", {"toRecipients": [{"emailAddress": {"address": FRIEND}}], "subject": "x"}
    )
    send = f"messages/{draft['id']}/send"
    control.post(
        "faults",
        [
            {"path": "/mailFolders/inbox$", "status": 503, "times": 1},
            {"path": "delta$", "drop": True, "times": 1},
            {"path": "/send$", "status": 504, "after_effect": True, "times": 1},
        ],
    )

    assert graph.refused("GET", "mailFolders/inbox") == (503, "ErrorServerBusy")
    with pytest.raises(httpx.RemoteProtocolError):
        graph.call("GET", INBOX)
    assert graph.refused("POST", send)[0] == 504
    assert not graph.get(f"messages/{draft['id']}")["isDraft"]
    assert len(control.get(f"mailboxes/{FRIEND}")["messages"]) == 1


def test_usage_counts_by_method(control: Control, graph: Graph) -> None:
    """Calls by what they are for; a batch counts by its parts."""
    graph.get("messages")
    graph.get("mailFolders/delta")
    graph.delta(INBOX)
    request = {"id": "1", "method": "GET", "url": "/me/messages"}
    graph.post("/v1.0/$batch", {"requests": [request]})

    usage = control.get("usage")["mailboxes"][OWNER]

    calls = {method: counts["calls"] for method, counts in usage.items()}
    assert calls == {
        "messages.list": 2,
        "folders.delta": 1,
        "messages.delta": 1,
        "batch": 1,
    }
    assert usage["batch"]["units"] == 0


def test_everything_outlives_a_restart(tmp_path: Path) -> None:
    """Mail, drafts, deltas, tokens, half an upload: all go on where they were."""
    path = tmp_path / "state"
    app = create_app()
    base = "http://graph.example"
    with httpx.Client(transport=SimulatorTransport(app), base_url=base) as http:
        control = prepared(Control(http))
        graph = Graph(http, access_token(http, OWNER))
        ids = [control.deliver(OWNER, letter(f"Number {n}")) for n in range(3)]
        to_friend = [{"emailAddress": {"address": FRIEND}}]
        draft = graph.post("messages", {"subject": "Draft", "toRecipients": to_friend})["id"]
        item = {"attachmentType": "file", "name": "half.bin", "size": 10}
        upload = graph.post(
            f"messages/{draft}/attachments/createUploadSession", {"AttachmentItem": item}
        )["uploadUrl"]
        http.put(upload, content=bytes(5), headers={"Content-Range": "bytes 0-4/10"})
        _, link = graph.delta(INBOX)
        before = control.get(f"mailboxes/{OWNER}")
        state_file.save(app, path)

    again = create_app()
    state_file.load(again, path)
    with httpx.Client(transport=SimulatorTransport(again), base_url=base) as http:
        control, graph = Control(http), Graph(http, graph.token)
        assert control.get(f"mailboxes/{OWNER}") == before
        last = http.put(upload, content=bytes(5), headers={"Content-Range": "bytes 5-9/10"})
        change(control, {"op": "trash", "id": ids[0]})
        changed, _ = graph.delta(link)
        graph.call("POST", f"messages/{draft}/send")

        assert last.status_code == 201
        assert [item["id"] for item in changed] == [ids[0]]
        arrived = control.get(f"mailboxes/{FRIEND}")["messages"][0]
        assert [file["size"] for file in arrived["attachments"]] == [10]


def test_reset_leaves_nothing(control: Control, graph: Graph) -> None:
    """No mailboxes, and no tokens for them."""
    control.post("reset")

    assert control.get("mailboxes") == {"mailboxes": []}
    assert graph.call("GET", "messages").status_code == 401
