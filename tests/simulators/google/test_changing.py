"""Changing mail with Google's own client, and the history that tells of it."""

from itertools import pairwise
from typing import Any

import pytest
from googleapiclient.errors import HttpError

from tests.simulators.conftest import OWNER, Control
from tests.simulators.letters import letter


def history_since(gmail: Any, cursor: str, **more: Any) -> list[dict[str, Any]]:
    answer = gmail.history().list(userId="me", startHistoryId=cursor, **more).execute()
    return list(answer.get("history", []))


def kinds(records: list[dict[str, Any]]) -> list[str]:
    return [next(key for key in record if key not in {"id", "messages"}) for record in records]


def cursor_of(gmail: Any) -> str:
    return str(gmail.getProfile(userId="me").execute()["historyId"])


def test_history_tells_of_every_kind_of_change(control: Control, gmail: Any) -> None:
    """Arrival, labels on and off, and deletion each make a record with rising ids."""
    start = cursor_of(gmail)
    message_id = control.deliver(OWNER, letter())
    messages = gmail.messages()
    messages.modify(userId="me", id=message_id, body={"addLabelIds": ["STARRED"]}).execute()
    messages.modify(userId="me", id=message_id, body={"removeLabelIds": ["UNREAD"]}).execute()
    version = messages.get(userId="me", id=message_id, format="minimal").execute()["historyId"]
    messages.delete(userId="me", id=message_id).execute()

    records = history_since(gmail, start)

    assert kinds(records) == ["messagesAdded", "labelsAdded", "labelsRemoved", "messagesDeleted"]
    ids = [int(record["id"]) for record in records]
    assert ids == sorted(ids)
    assert min(b - a for a, b in pairwise(ids)) > 1
    assert records[1]["labelsAdded"][0]["labelIds"] == ["STARRED"]
    assert records[1]["labelsAdded"][0]["message"]["labelIds"] == ["INBOX", "STARRED", "UNREAD"]
    assert version == records[2]["id"]
    assert cursor_of(gmail) == records[3]["id"]


def test_changing_nothing_leaves_no_history(control: Control, gmail: Any) -> None:
    """A label that is there already is not added again."""
    message_id = control.deliver(OWNER, letter())
    start = cursor_of(gmail)

    gmail.messages().modify(userId="me", id=message_id, body={"addLabelIds": ["INBOX"]}).execute()

    assert history_since(gmail, start) == []


def test_history_pages_may_be_empty(control: Control, gmail: Any) -> None:
    """With small pages the first one is empty, and the rest still bring every record once."""
    start = cursor_of(gmail)
    delivered = [control.deliver(OWNER, letter()) for _ in range(5)]
    control.settings(page_size=2)

    pages = []
    request = gmail.history().list(userId="me", startHistoryId=start)
    while request is not None:
        pages.append(request.execute())
        request = gmail.history().list_next(request, pages[-1])

    assert "history" not in pages[0]
    assert len(pages) == 4
    records = [record for page in pages for record in page.get("history", [])]
    assert [record["messages"][0]["id"] for record in records] == delivered


def test_history_filters_by_kind_and_label(control: Control, gmail: Any) -> None:
    """Only the wanted kinds are told, and only of the wanted label."""
    start = cursor_of(gmail)
    message_id = control.deliver(OWNER, letter())
    control.deliver(OWNER, letter(), folder="archive")
    control.post(f"mailboxes/{OWNER}/changes", [{"op": "star", "id": message_id}])

    added = history_since(gmail, start, historyTypes=["messageAdded"], labelId="INBOX")

    assert kinds(added) == ["messagesAdded"]


def test_expired_history_is_404_and_a_new_cursor_works(control: Control, gmail: Any) -> None:
    """After expiry even the newest cursor is too old, but the profile gives a good one."""
    control.deliver(OWNER, letter())
    old = cursor_of(gmail)
    control.post("expire", {"what": "history", "address": OWNER})

    with pytest.raises(HttpError) as failure:
        history_since(gmail, old)

    assert failure.value.status_code == 404
    assert history_since(gmail, cursor_of(gmail)) == []


def test_trash_and_untrash(control: Control, gmail: Any) -> None:
    """The trash hides a message from listings; untrash does not put it back into the inbox."""
    message_id = control.deliver(OWNER, letter(), unread=False)

    trashed = gmail.messages().trash(userId="me", id=message_id).execute()
    hidden = gmail.messages().list(userId="me").execute()
    shown = gmail.messages().list(userId="me", includeSpamTrash=True).execute()
    restored = gmail.messages().untrash(userId="me", id=message_id).execute()

    assert trashed["labelIds"] == ["TRASH"]
    assert "messages" not in hidden
    assert shown["messages"][0]["id"] == message_id
    assert "labelIds" not in restored


def test_batch_modify_and_delete_pass_over_missing_ids(control: Control, gmail: Any) -> None:
    """Bulk changes do what they can and answer nothing."""
    ids = [control.deliver(OWNER, letter()) for _ in range(3)]
    missing = "00000000000000ff"

    changed = {"ids": [*ids, missing], "removeLabelIds": ["UNREAD"]}
    answer = gmail.messages().batchModify(userId="me", body=changed).execute()
    gmail.messages().batchDelete(userId="me", body={"ids": [ids[0], missing]}).execute()

    left = control.get(f"mailboxes/{OWNER}")["messages"]
    assert not answer
    assert {message["id"] for message in left} == set(ids[1:])
    assert not any(message["unread"] for message in left)


def test_threads_change_as_a_whole(control: Control, gmail: Any) -> None:
    """Labels, trash and deletion of a thread reach all its messages."""
    first = control.deliver(OWNER, letter(message_id="<1@x.example>"))
    control.deliver(OWNER, letter("Re: Lunch?", answers="<1@x.example>"))
    threads = gmail.threads()

    body = {"addLabelIds": ["IMPORTANT"], "removeLabelIds": ["UNREAD"]}
    threads.modify(userId="me", id=first, body=body).execute()
    threads.trash(userId="me", id=first).execute()
    threads.untrash(userId="me", id=first).execute()
    after = control.get(f"mailboxes/{OWNER}")["messages"]
    threads.delete(userId="me", id=first).execute()

    assert [message["folders"] for message in after] == [["IMPORTANT"]] * 2
    assert control.get(f"mailboxes/{OWNER}")["messages"] == []


def test_labels_live_and_die(control: Control, gmail: Any) -> None:
    """A label is made, counted, renamed and deleted; its message stays."""
    labels = gmail.labels()
    made = labels.create(userId="me", body={"name": "Küche/Rezepte"}).execute()
    message_id = control.deliver(OWNER, letter(), folder="Küche/Rezepte")

    counted = labels.get(userId="me", id=made["id"]).execute()
    labels.patch(userId="me", id=made["id"], body={"name": "Rezepte"}).execute()
    listed = labels.list(userId="me").execute()["labels"]
    with pytest.raises(HttpError) as conflict:
        labels.create(userId="me", body={"name": "rezepte"}).execute()
    labels.delete(userId="me", id=made["id"]).execute()

    assert (counted["messagesTotal"], counted["threadsUnread"]) == (1, 1)
    assert {"id": made["id"], "name": "Rezepte", "type": "user"}.items() <= listed[-1].items()
    assert {"INBOX", "SENT", "TRASH", "SPAM", "DRAFT"} <= {label["id"] for label in listed}
    assert conflict.value.status_code == 409
    message = gmail.messages().get(userId="me", id=message_id, format="minimal").execute()
    assert message["labelIds"] == ["UNREAD"]


@pytest.mark.parametrize(
    "color",
    [
        {"backgroundColor": "#16a766"},
        {"backgroundColor": "#16a766", "textColor": "#123456"},
        {"backgroundColor": ["#16a766"], "textColor": "#ffffff"},
        "#16a766",
    ],
)
def test_impossible_colors_make_no_label(gmail: Any, color: Any) -> None:
    """A label has both colours or none, and Gmail has a palette."""
    labels = gmail.labels()
    before = labels.list(userId="me").execute()

    with pytest.raises(HttpError) as failure:
        labels.create(userId="me", body={"name": "Grün", "color": color}).execute()

    assert failure.value.status_code == 400
    assert labels.list(userId="me").execute() == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"addLabelIds": ["Label_99"]},
        {"addLabelIds": ["SENT"]},
        {"removeLabelIds": ["DRAFT"]},
        {"addLabelIds": ["STARRED"], "removeLabelIds": ["STARRED"]},
    ],
)
def test_impossible_label_changes_are_refused(
    control: Control, gmail: Any, body: dict[str, Any]
) -> None:
    """Nothing, unknown labels, and labels that only Gmail sets are errors of the caller."""
    message_id = control.deliver(OWNER, letter())

    with pytest.raises(HttpError) as failure:
        gmail.messages().modify(userId="me", id=message_id, body=body).execute()

    assert failure.value.status_code == 400


def test_system_labels_cannot_be_deleted(gmail: Any) -> None:
    """Only the owner's own labels can be deleted."""
    with pytest.raises(HttpError) as failure:
        gmail.labels().delete(userId="me", id="INBOX").execute()

    assert failure.value.status_code == 400
