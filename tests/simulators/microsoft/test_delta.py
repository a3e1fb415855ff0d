"""Delta of folders and of messages, over plain HTTP."""

import json
from typing import Any

import pytest

from tests.simulators.conftest import OWNER, Control
from tests.simulators.letters import letter
from tests.simulators.microsoft.conftest import Graph, segment

INBOX = "mailFolders/inbox/messages/delta"
IMMUTABLE = 'IdType="ImmutableId"'


def small(size: int) -> tuple[str, str]:
    return IMMUTABLE, f"odata.maxpagesize={size}"


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


def removed(items: list[dict[str, Any]]) -> set[str]:
    return {item["id"] for item in items if "@removed" in item}


def deliver(control: Control, count: int) -> list[str]:
    return [
        control.deliver(OWNER, letter(f"Number {n}"), received_at=1_700_000_000 + n)
        for n in range(count)
    ]


def change(control: Control, op: str, message_id: str, folder: str | None = None) -> None:
    one = {"op": op, "id": message_id, **({"folder": folder} if folder else {})}
    control.post(f"mailboxes/{OWNER}/changes", [one])


def test_pages_hold_ten_unless_told_otherwise(control: Control, graph: Graph) -> None:
    """The default page is ten; a preference changes it, and is said to have been followed."""
    deliver(control, 12)

    usual = graph.get(INBOX)
    preferred = graph.call("GET", INBOX, *small(11))

    assert len(usual["value"]) == 10
    assert len(preferred.json()["value"]) == 11
    assert "odata.maxpagesize=11" in preferred.headers["Preference-Applied"]
    assert usual["@odata.nextLink"].startswith("http://graph.example/v1.0/me/mailFolders('")


def test_links_remember_the_query_but_not_the_preferences(control: Control, graph: Graph) -> None:
    """`$select` and the order come with the link; page size and kind of id do not."""
    delivered = deliver(control, 5)
    query = {"$select": "subject", "$orderby": "receivedDateTime desc"}

    first = graph.get(INBOX, *small(2), **query)
    second = graph.get(first["@odata.nextLink"], *small(9))
    impatient = graph.get(first["@odata.nextLink"], "odata.maxpagesize=9")

    assert ids(first["value"] + second["value"]) == delivered[::-1]
    assert set(second["value"][0]) == {"@odata.etag", "id", "subject"}
    assert "@odata.deltaLink" in second
    assert not set(ids(impatient["value"])) & set(delivered)


def test_top_caps_the_whole_round(control: Control, graph: Graph) -> None:
    """A client that takes `$top` for a page size would believe the folder had three messages."""
    deliver(control, 7)

    items, _ = graph.delta(INBOX, *small(2), **{"$top": 3})

    assert len(items) == 3


def test_a_round_tells_what_changes_while_it_runs(control: Control, graph: Graph) -> None:
    """Nothing falls between two pages: mail that came, went or moved meanwhile is told later."""
    delivered = deliver(control, 6)
    page = graph.get(INBOX, *small(2))
    change(control, "delete", delivered[0])
    change(control, "trash", delivered[5])
    new = control.deliver(OWNER, letter("News"))

    rest, link = graph.delta(page["@odata.nextLink"], *small(2))
    later, _ = graph.delta(link)

    gone = removed(later)
    seen = {i for i in ids(page["value"]) + ids(rest) + ids(later) if i not in gone}
    assert gone == {delivered[0], delivered[5]}
    assert seen == {*delivered[1:5], new}


@pytest.mark.parametrize("how", ["trash", "delete", "move"])
def test_leaving_the_folder_is_removed_for_whatever_reason(
    control: Control, graph: Graph, how: str
) -> None:
    """A move and a deletion look the same in the old folder; only the new one tells them apart."""
    message_id = deliver(control, 1)[0]
    _, inbox_link = graph.delta(INBOX)
    _, archive_link = graph.delta("mailFolders/archive/messages/delta")

    change(control, how, message_id, "archive" if how == "move" else None)
    inbox, _ = graph.delta(inbox_link)
    archive, _ = graph.delta(archive_link)

    assert inbox == [
        {
            "@odata.type": "#microsoft.graph.message",
            "id": message_id,
            "@removed": {"reason": "deleted"},
        }
    ]
    assert ids(archive) == ([message_id] if how == "move" else [])


def test_a_message_that_left_and_came_back_is_told_whole(control: Control, graph: Graph) -> None:
    """With ids for life it was never away; with the others it is another message."""
    message_id = deliver(control, 1)[0]
    _, lasting = graph.delta(INBOX)
    before, passing = graph.delta(INBOX, "odata.maxpagesize=5")
    change(control, "move", message_id, "archive")
    change(control, "move", message_id, "inbox")

    same, _ = graph.delta(lasting)
    other, _ = graph.delta(passing, "odata.maxpagesize=5")

    assert ids(same) == [message_id]
    assert same[0]["subject"] == "Number 0"
    assert removed(other) == {before[0]["id"]}
    assert len(other) == 2


def test_flags_alone_come_as_part_of_a_message(control: Control, graph: Graph) -> None:
    """Only what changed is told, unless the simulator is set to tell all."""
    first, second = deliver(control, 2)
    _, link = graph.delta(INBOX)
    change(control, "read", first)
    change(control, "star", first)
    change(control, "label", first, "Red category")
    graph.patch(f"messages/{second}", {"isRead": True, "importance": "high"})

    partial, _ = graph.delta(link)
    control.settings(delta_items="whole")
    whole, _ = graph.delta(link)

    told = {item["id"]: item for item in partial}
    assert told[first] == {
        "@odata.etag": told[first]["@odata.etag"],
        "id": first,
        "isRead": True,
        "flag": {"flagStatus": "flagged"},
        "categories": ["Red category"],
        "lastModifiedDateTime": told[first]["lastModifiedDateTime"],
    }
    assert (told[second]["isRead"], told[second]["importance"]) == (True, "high")
    assert {item["subject"] for item in whole} == {"Number 0", "Number 1"}


def test_nothing_changed_is_an_empty_page(control: Control, graph: Graph) -> None:
    """Marking a read message as read is no change."""
    message_id = deliver(control, 1)[0]
    change(control, "read", message_id)
    _, link = graph.delta(INBOX)

    change(control, "read", message_id)
    graph.patch(f"messages/{message_id}", {"isRead": True})

    assert graph.delta(link)[0] == []


def test_an_empty_page_may_come_before_others(control: Control, graph: Graph) -> None:
    """With the setting `page_size` a round begins with an empty page and a nextLink."""
    delivered = deliver(control, 5)
    control.settings(page_size=2)

    first = graph.get(INBOX, *small(50))
    items, link = graph.delta(first["@odata.nextLink"], *small(50))
    for message_id in delivered:
        change(control, "read", message_id)
    pause = graph.get(link, *small(50))
    changed, _ = graph.delta(pause["@odata.nextLink"], *small(50))

    assert (first["value"], pause["value"]) == ([], [])
    assert sorted(ids(items)) == sorted(ids(changed)) == sorted(delivered)


def test_a_round_may_begin_at_a_time(control: Control, graph: Graph) -> None:
    """`$filter` takes the time received, for this round and the later ones, and nothing else."""
    delivered = deliver(control, 5)

    items, link = graph.delta(INBOX, **{"$filter": "receivedDateTime ge 2023-11-14T22:13:23Z"})
    newest_first, _ = graph.delta(
        INBOX,
        *small(1),
        **{
            "$filter": "receivedDateTime ge 2023-11-14T22:13:23Z",
            "$orderby": "receivedDateTime desc",
        },
    )
    control.deliver(OWNER, letter("Old"), received_at=1_600_000_000)
    new = control.deliver(OWNER, letter("New"))
    later, _ = graph.delta(link)

    assert ids(items) == delivered[3:]
    assert ids(newest_first) == delivered[:2:-1]
    assert ids(later) == [new]
    assert graph.refused("GET", f"{INBOX}?$filter=isRead eq false")[0] == 400


def test_changes_of_one_kind(control: Control, graph: Graph) -> None:
    """`changeType` leaves the others out."""
    first, second = deliver(control, 2)
    _, link = graph.delta(INBOX, changeType="created")
    change(control, "read", first)
    change(control, "delete", second)
    new = control.deliver(OWNER, letter())

    items, _ = graph.delta(link)

    assert ids(items) == [new]


def test_an_expired_link_says_start_again(control: Control, graph: Graph) -> None:
    """A 410 with the address to start from; other mailboxes' and new links go on."""
    deliver(control, 3)
    page = graph.get(INBOX, *small(1))
    _, folders = graph.delta("mailFolders/delta")
    control.post("expire", {"what": "delta", "address": OWNER})

    answer = graph.call("GET", page["@odata.nextLink"], *small(1))

    assert (answer.status_code, answer.json()["error"]["code"]) == (410, "SyncStateNotFound")
    assert len(graph.delta(answer.headers["Location"])[0]) == 3
    assert graph.refused("GET", folders) == (410, "SyncStateNotFound")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{INBOX}?$deltatoken=nonsense", 400, "SyncStateInvalid"),
        (f"{INBOX}?$deltatoken=e30", 400, "SyncStateInvalid"),
        (f"{INBOX}?$select=nonsense", 400, "RequestBroker--ParseUri"),
        (f"{INBOX}?$search=x", 400, "BadRequest"),
        (f"{INBOX}?$orderby=subject", 400, "BadRequest"),
        ("mailFolders/no-such/messages/delta", 404, "ErrorItemNotFound"),
        ("mailFolders/delta?$deltatoken=W10", 400, "SyncStateInvalid"),
    ],
)
def test_what_delta_refuses(graph: Graph, path: str, status: int, code: str) -> None:
    """A token that is none, and what cannot be combined with change tracking."""
    assert graph.refused("GET", path) == (status, code)


def test_folders_of_any_depth_with_their_counts(control: Control, graph: Graph) -> None:
    """The folders' delta is flat, tells changed counts and names, and folders that are gone."""
    outer = graph.post("mailFolders", {"displayName": "Projects"})["id"]
    inner = graph.post(f"mailFolders/{outer}/childFolders", {"displayName": "Boat"})["id"]

    items, link = graph.delta("mailFolders/delta", *small(3))
    by_id = {item["id"]: item for item in items}
    deliver(control, 2)
    graph.patch(f"mailFolders/{inner}", {"displayName": "Ship"})
    changed, link = graph.delta(link)
    graph.call("POST", f"mailFolders/{outer}/permanentDelete")
    gone, _ = graph.delta(link)

    assert by_id[inner]["parentFolderId"] == outer
    assert by_id[outer]["childFolderCount"] == 1
    assert "Conversation Action Settings" not in {item["displayName"] for item in items}
    counts = {item["displayName"]: item["unreadItemCount"] for item in changed}
    assert counts == {"Inbox": 2, "Ship": 0}
    assert removed(gone) == {outer, inner}


def test_hidden_folders_on_request(graph: Graph) -> None:
    """`includeHiddenFolders` shows what Outlook keeps to itself."""
    items, _ = graph.delta("mailFolders/delta", includeHiddenFolders="true")

    hidden = [item["displayName"] for item in items if item["isHidden"]]
    assert hidden == ["Conversation Action Settings"]


def test_a_deleted_folders_messages_have_no_delta(control: Control, graph: Graph) -> None:
    """Its link is answered with 404, not with @removed for each message."""
    folder = graph.post("mailFolders", {"displayName": "Away"})["id"]
    control.deliver(OWNER, letter(), folder="Away")
    _, link = graph.delta(f"mailFolders/{folder}/messages/delta")
    graph.call("POST", f"mailFolders/{segment(folder)}/permanentDelete")

    assert graph.refused("GET", link) == (404, "ErrorItemNotFound")


def test_a_large_folder_pages_in_time(control: Control, graph: Graph) -> None:
    """A page costs what it holds: five thousand messages arrive in a hundred pages, none twice."""
    control.post(f"mailboxes/{OWNER}/fill", {"messages": 5000, "thread_mix": {"1": 1.0}})

    items, link = graph.delta(
        INBOX, *small(50), **{"$select": "subject,receivedDateTime,isRead,parentFolderId"}
    )

    truth = control.get(f"mailboxes/{OWNER}")
    inbox = next(folder for folder in truth["folders"] if folder["role"] == "inbox")
    assert len(set(ids(items))) == len(items) == inbox["total"] > 3000
    assert len(json.dumps(graph.get(link))) < 2000
