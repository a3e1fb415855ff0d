"""The control interface: faults, quota, usage, clock, filling, and the ground truth."""

import time
from collections import Counter
from typing import Any

import httpx
import pytest

from local.simulators.google.app import create_app
from local.simulators.transport import SimulatorTransport
from tests.simulators.conftest import OWNER, Control
from tests.simulators.letters import letter, letter_with_everything

PROFILE = "/gmail/v1/users/me/profile"


def test_fault_answers_so_many_times(control: Control, http: httpx.Client) -> None:
    """A fault fails as often as it says, in Gmail's words, and counts as rejected."""
    faults = [{"path": "/profile$", "status": 503, "headers": {"Retry-After": "7"}, "times": 2}]
    control.post("faults", faults)

    answers = [http.get(PROFILE) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].json()["error"]["errors"][0]["reason"] == "backendError"
    counts = control.get("usage")["mailboxes"][OWNER]["getProfile"]
    assert counts == {"calls": 3, "units": 1, "rejected": 2}


def test_fault_with_a_body_method_and_end(control: Control, http: httpx.Client) -> None:
    """A fault may say its own words, for one HTTP method, until faults are cleared."""
    control.post("faults", [{"path": "gmail", "method": "GET", "status": 418, "body": {"a": 1}}])

    failed = http.get(PROFILE)
    other = http.post("/gmail/v1/users/me/stop")
    control.http.delete("/_sim/faults")

    assert (failed.status_code, failed.json()) == (418, {"a": 1})
    assert other.status_code == 204
    assert http.get(PROFILE).status_code == 200


def test_fault_after_effect_does_the_work(control: Control, http: httpx.Client) -> None:
    """The message is trashed although the caller is told otherwise."""
    message_id = control.deliver(OWNER, letter())
    control.post("faults", [{"path": "trash", "status": 500, "after_effect": True}])

    answer = http.post(f"/gmail/v1/users/me/messages/{message_id}/trash")

    assert answer.status_code == 500
    assert control.get(f"mailboxes/{OWNER}")["messages"][0]["folders"] == ["TRASH", "UNREAD"]


@pytest.mark.parametrize("after_effect", [False, True])
def test_dropped_connection_over_a_socket(
    control: Control, http: httpx.Client, *, after_effect: bool
) -> None:
    """The connection ends without an answer, or in the middle of it."""
    fault = {"path": "profile", "drop": True, "times": 1, "after_effect": after_effect}
    control.post("faults", [fault])

    with pytest.raises(httpx.RemoteProtocolError):
        http.get(PROFILE)

    assert http.get(PROFILE).status_code == 200


def test_dropped_connection_in_process() -> None:
    """Without a socket, the transport raises what a socket would have made httpx raise."""
    with httpx.Client(transport=SimulatorTransport(create_app()), base_url="http://any") as http:
        http.post("/_sim/faults", json=[{"path": "certs", "drop": True, "times": 1}])

        with pytest.raises(httpx.RemoteProtocolError):
            http.get("/oauth2/v3/certs")

        assert http.get("/oauth2/v3/certs").status_code == 200


def test_fault_strikes_inside_a_batch(control: Control, http: httpx.Client) -> None:
    """One call of a batch fails, the other does not."""
    control.post("faults", [{"path": "labels/INBOX", "status": 429}])
    calls = [f"GET /gmail/v1/users/me/labels/{name}" for name in ("INBOX", "SENT")]
    parts = [f"--b\r\nContent-Type: application/http\r\n\r\n{call}\r\n\r\n" for call in calls]

    answer = http.post(
        "/batch/gmail/v1",
        content="".join(parts) + "--b--",
        headers={"Content-Type": "multipart/mixed; boundary=b"},
    )

    statuses = [line for line in answer.text.splitlines() if line.startswith("HTTP/1.1")]
    assert [line.split()[1] for line in statuses] == ["429", "200"]


def test_probability_is_repeatable(control: Control, http: httpx.Client) -> None:
    """The same seed fails the same calls."""

    def pattern() -> list[int]:
        control.http.delete("/_sim/faults")
        fault = {"path": "profile", "status": 500, "probability": 0.5, "seed": 4}
        control.post("faults", [fault])
        return [http.get(PROFILE).status_code for _ in range(12)]

    first = pattern()

    assert set(first) == {200, 500}
    assert pattern() == first


def test_delay_and_latency(control: Control, http: httpx.Client) -> None:
    """A delayed call takes its time and then succeeds."""
    control.settings(latency_ms=30)
    control.post("faults", [{"path": "profile", "delay_ms": 40}])
    started = time.monotonic()

    answer = http.get(PROFILE)

    assert answer.status_code == 200
    assert time.monotonic() - started >= 0.07


def test_quota_refuses_until_the_named_time(control: Control, http: httpx.Client) -> None:
    """Ten messages of 20 units fill 200 units a minute; the eleventh has to wait for it."""
    message_id = control.deliver(OWNER, letter())
    control.settings(enforce_quota=True, quota_scale=200 / 6000)
    path = f"/gmail/v1/users/me/messages/{message_id}"

    statuses = [http.get(path).status_code for _ in range(10)]
    refused = http.get(path)
    control.post("clock", {"advance_seconds": 61})

    assert statuses == [200] * 10
    error = refused.json()["error"]
    assert (refused.status_code, error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert error["message"].startswith("User-rate limit exceeded.  Retry after 2")
    assert http.get(path).status_code == 200
    counts = control.get("usage")["mailboxes"][OWNER]["messages.get"]
    assert counts == {"calls": 12, "units": 220, "rejected": 1}


def test_too_many_calls_at_once_in_a_batch(control: Control, http: httpx.Client) -> None:
    """With quotas enforced, the parts of a batch beyond fifty are refused."""
    control.settings(enforce_quota=True)
    part = "--b\r\nContent-Type: application/http\r\n\r\nGET /gmail/v1/users/me/labels\r\n\r\n"

    answer = http.post(
        "/batch/gmail/v1",
        content=part * 60 + "--b--",
        headers={"Content-Type": "multipart/mixed; boundary=b"},
    )

    lines = [line for line in answer.text.splitlines() if line.startswith("HTTP/1.1")]
    assert Counter(line.split()[1] for line in lines) == {"200": 50, "429": 10}


def test_fill_is_deterministic_and_lifelike(control: Control, http: httpx.Client) -> None:
    """The same seed fills two mailboxes alike, in threads as the mix says."""
    control.post("mailboxes", {"address": "x@simulated.example"})
    control.post(f"mailboxes/{OWNER}/fill", {"messages": 60, "seed": 3})
    control.post(
        "mailboxes/x@simulated.example/fill",
        {"messages": 60, "seed": 3, "thread_mix": {"3": 1.0}},
    )

    mixed = control.get(f"mailboxes/{OWNER}")["messages"]
    triples = control.get("mailboxes/x@simulated.example")["messages"]
    control.post("reset")
    control.post("mailboxes", {"address": OWNER})
    control.post(f"mailboxes/{OWNER}/fill", {"messages": 60, "seed": 3})
    again = control.get(f"mailboxes/{OWNER}")["messages"]

    def content(messages: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        return [(m["subject"], m["internet_message_id"], m["size"]) for m in messages]

    assert content(again) == content(mixed)
    assert len(mixed) == 60
    threads = Counter(message["thread_id"] for message in triples)
    assert set(threads.values()) <= {1, 2, 3}
    assert Counter(threads.values())[3] >= 15
    assert any(message["attachments"] for message in mixed)
    assert {m["unread"] for m in mixed} == {True, False}


def test_truth_shows_folders_and_pages(control: Control) -> None:
    """The ground truth counts folders, describes messages, and pages after a thousand."""
    control.deliver(OWNER, letter_with_everything(), received_at=1_900_000_000)
    control.post(f"mailboxes/{OWNER}/fill", {"messages": 1000, "seed": 1})

    first = control.get(f"mailboxes/{OWNER}")
    second = control.get(f"mailboxes/{OWNER}?page={first['next']}")

    newest = first["messages"][0]
    assert (len(first["messages"]), len(second["messages"])) == (1000, 1)
    assert "next" not in second
    assert newest["subject"] == "Ünïcode & pictures"
    assert [file["filename"] for file in newest["attachments"]] == [
        "",
        "großes bild.png",
        "table.csv",
    ]
    inbox = next(folder for folder in first["folders"] if folder["role"] == "inbox")
    shown = [m for m in first["messages"] + second["messages"] if "INBOX" in m["folders"]]
    assert inbox["total"] == len(shown)
    assert inbox["unread"] == sum(message["unread"] for message in shown)


def test_owner_changes_mail_in_another_client(control: Control) -> None:
    """Every kind of change shows in the ground truth; labels are made in passing."""
    ids = [control.deliver(OWNER, letter(f"{n}"), received_at=n) for n in range(5)]
    control.post(
        f"mailboxes/{OWNER}/changes",
        [
            {"op": "read", "id": ids[0]},
            {"op": "star", "id": ids[0]},
            {"op": "move", "id": ids[1], "folder": "Reisen"},
            {"op": "trash", "id": ids[2]},
            {"op": "delete", "id": ids[3]},
            {"op": "move", "id": ids[4], "folder": "archive"},
        ],
    )

    seen = control.get(f"mailboxes/{OWNER}")

    names = {folder["id"]: folder["name"] for folder in seen["folders"]}
    folders = {m["id"]: {names[f] for f in m["folders"]} for m in seen["messages"]}
    assert folders == {
        ids[0]: {"INBOX", "STARRED"},
        ids[1]: {"Reisen", "UNREAD"},
        ids[2]: {"TRASH", "UNREAD"},
        ids[4]: {"UNREAD"},
    }


def test_the_owners_own_calls_meet_no_fault_and_are_not_counted(control: Control) -> None:
    """What an owner does in another client comes through, and costs the tested client nothing."""
    control.post("faults", [{"path": "/labels", "status": 500}])
    call = {"method": "POST", "path": "/gmail/v1/users/me/labels", "body": {"name": "Reisen"}}
    made = control.post(f"mailboxes/{OWNER}/calls", call)
    assert made["name"] == "Reisen"
    assert control.get("usage")["mailboxes"] == {}


@pytest.mark.parametrize(
    ("path", "body", "status", "named"),
    [
        ("mailboxes", {"address": "nonsense"}, 400, "address"),
        ("mailboxes", {"address": OWNER}, 409, OWNER),
        ("mailboxes/nobody@x.example/fill", {"messages": 1}, 404, "nobody"),
        (f"mailboxes/{OWNER}/changes", [{"op": "read", "id": "x"}], 400, "id"),
        (f"mailboxes/{OWNER}/changes", [{"op": "burn", "id": "x"}], 400, "op"),
        ("mailboxes/nobody@x.example/calls", {"method": "GET", "path": "/x"}, 404, "nobody"),
        (f"mailboxes/{OWNER}/calls", {"method": "GET"}, 400, "path"),
        ("settings", {"latency": 3}, 400, "latency"),
        ("faults", [{"path": "("}], 400, "path"),
        ("expire", {"what": "patience"}, 400, "what"),
        ("nonsense", {}, 404, ""),
    ],
)
def test_senseless_control_calls_are_refused(
    control: Control, path: str, body: Any, status: int, named: str
) -> None:
    """The error names what is wrong, and nothing happens."""
    answer = control.http.post(f"/_sim/{path}", json=body)

    assert answer.status_code == status
    assert named in answer.json()["error"]
