"""Labels as folders: nesting by name, which Gmail's API does not know of."""

import json
from typing import Any

import httpx
import pytest

from postroom.domain.errors import NotFound, Rejected
from postroom.domain.folder import Folder, FolderColors, FolderRole
from postroom.domain.ids import FolderId
from postroom.providers.google.labels import Labels
from tests.builders import make_folder
from tests.unit.providers.google.gmail import Gmail, batch_answer, called, refusal

NAMES = {
    "Label_1": "Work",
    "Label_2": "Work/Invoices",
    "Label_3": "Work/Invoices/2026",
    "Label_4": "Workshop",
    "Label_5": "Private",
}


def json_answer(**content: Any) -> httpx.Response:
    return httpx.Response(200, json=content)


def user(label_id: str, name: str) -> dict[str, Any]:
    return {"id": label_id, "name": name, "type": "user"}


def present(**names: str) -> httpx.Response:
    """What labels.list says."""
    inbox = {"id": "INBOX", "name": "INBOX", "type": "system"}
    labels = [user(*each) for each in (NAMES | names).items()]
    return json_answer(labels=[inbox, *labels])


def folder(label_id: str, parent: str | None = None, **changes: Any) -> Folder:
    """A label as it is stored."""
    parent_id = None if parent is None else FolderId(parent)
    changes = {"name": NAMES.get(label_id, label_id), "parent_id": parent_id} | changes
    return make_folder(id=FolderId(label_id), **changes)


def changed(gmail: Gmail) -> list[tuple[str, dict[str, Any]]]:
    """The changes that Gmail was asked for, by the label's id."""
    patches = [request for request in gmail.requests if request.method == "PATCH"]
    return [(each.url.path.rpartition("/")[2], json.loads(each.content)) for each in patches]


def update(
    names: dict[str, str],
    of: Folder,
    name: str,
    parent: Folder | None,
    colors: FolderColors | None = None,
) -> tuple[Folder, list[tuple[str, dict[str, Any]]]]:
    """Change a label; answers it, and what Gmail was asked for."""
    gmail = Gmail([present(**names), *[json_answer(id="x") for _ in range(9)]])
    after = Labels(gmail.client()).update(of, name, parent, colors)
    return after, changed(gmail)


def test_labels_become_folders_with_counts_and_parents() -> None:
    """A label `a/b` lies in `a`; a label whose count Gmail does not give has none."""
    # Given
    labels: list[dict[str, Any]] = [
        {"id": "INBOX", "name": "INBOX", "type": "system"},
        {"id": "Label_1", "name": "Work", "type": "user"},
        {"id": "Label_2", "name": "Work/Invoices", "type": "user"},
    ]
    counted = {**labels[0], "messagesTotal": 7, "messagesUnread": 2}
    colored = {**labels[1], "color": {"backgroundColor": "#ffffff", "textColor": "#000000"}}
    gmail = Gmail(
        [
            json_answer(labels=labels),
            batch_answer([(2, 429, {}), (1, 200, colored), (0, 200, counted)]),
        ]
    )
    # When
    inbox, work, invoices = Labels(gmail.client()).all()
    # Then
    assert called(gmail.requests[1]) == ["labels/INBOX", "labels/Label_1", "labels/Label_2"]
    assert (inbox.role, inbox.is_system) == (FolderRole.INBOX, True)
    assert (inbox.total_count, inbox.unread_count) == (7, 2)
    assert (work.background_color, work.child_count, work.is_system) == ("#ffffff", 1, False)
    assert (invoices.parent_id, invoices.total_count) == ("Label_1", None)


def test_a_label_in_another_has_its_name() -> None:
    """That is all there is to nesting; the parent's name is the one of now, not of our copy."""
    # Given a parent that was renamed in Gmail
    gmail = Gmail([present(Label_1="Job"), json_answer(**user("Label_9", "Job/Taxes"))])
    # When
    made = Labels(gmail.client()).create("Taxes", folder("Label_1"), None)
    # Then
    assert json.loads(gmail.requests[1].content)["name"] == "Job/Taxes"
    assert (made.id, made.name, made.parent_id) == ("Label_9", "Job/Taxes", "Label_1")


def test_a_label_is_made_with_its_colors() -> None:
    """Both at once, in one call, which is made once."""
    gmail = Gmail([json_answer(**user("Label_9", "Taxes"))])
    Labels(gmail.client()).create("Taxes", None, FolderColors(background="#fb4c2f", text="#ffffff"))
    (request,) = gmail.requests
    color = {"backgroundColor": "#fb4c2f", "textColor": "#ffffff"}
    assert json.loads(request.content)["color"] == color


def test_a_name_that_is_taken_is_refused_for_good() -> None:
    """Gmail says 409 ABORTED, which elsewhere means that the same call may work later."""
    gmail = Gmail([refusal(409, "aborted")])
    with pytest.raises(Rejected, match="already") as refused:
        Labels(gmail.client()).create("Work", None, None)
    assert refused.value.provider_code == "aborted"


def test_gmails_own_labels_hold_no_others() -> None:
    """Nothing is asked of Gmail that it would take and show nowhere."""
    gmail = Gmail([present()])
    with pytest.raises(Rejected, match="INBOX"):
        Labels(gmail.client()).create("Taxes", folder("INBOX"), None)


def test_a_parent_that_is_gone_is_not_found() -> None:
    """Our copy may be behind."""
    with pytest.raises(NotFound):
        Labels(Gmail([present()]).client()).create("Taxes", folder("Label_77"), None)


def test_renaming_renames_what_lies_inside_first() -> None:
    """If it dies on its way, the label still has its old name, and doing it again ends it."""
    after, changes = update({}, folder("Label_1"), "Job", None)
    assert changes == [
        ("Label_2", {"name": "Job/Invoices"}),
        ("Label_3", {"name": "Job/Invoices/2026"}),
        ("Label_1", {"name": "Job"}),
    ]
    assert (after.id, after.name) == ("Label_1", "Job")


@pytest.mark.parametrize("name", ["Bills", "Work/Bills"])
def test_a_nested_label_may_be_told_its_last_or_its_whole_name(name: str) -> None:
    """Folders show whole names at Gmail, and clients send back what they were shown."""
    after, changes = update({}, folder("Label_2", "Label_1"), name, folder("Label_1"))
    assert changes[-1] == ("Label_2", {"name": "Work/Bills"})
    assert after.parent_id == "Label_1"


@pytest.mark.parametrize("name", ["Work/Invoices", "Invoices"])
def test_moving_keeps_the_last_name(name: str) -> None:
    """Into another label, or out of all."""
    invoices = folder("Label_2", "Label_1")
    _, changes = update({}, invoices, name, folder("Label_5"))
    assert changes[-1] == ("Label_2", {"name": "Private/Invoices"})
    _, changes = update({}, invoices, name, None)
    assert [change["name"] for _, change in changes] == ["Invoices/2026", "Invoices"]


def test_what_is_not_to_change_stays_as_gmail_has_it() -> None:
    """A label that its owner had renamed meanwhile got its old name back with a new colour."""
    colors = FolderColors(background="#fb4c2f", text="#ffffff")
    after, changes = update({"Label_1": "Job"}, folder("Label_1"), "Work", None, colors)
    assert changes == [
        ("Label_1", {"color": {"backgroundColor": "#fb4c2f", "textColor": "#ffffff"}})
    ]
    assert (after.name, after.background_color) == ("Job", "#fb4c2f")


def test_nothing_to_change_asks_for_nothing() -> None:
    """The label as it is."""
    after, changes = update({}, folder("Label_1"), "Work", None)
    assert (after.name, changes) == ("Work", [])


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("private", {}),
        ("Job", {"Label_6": "job/invoices"}),
        ("Work/Work", {}),
    ],
)
def test_nothing_is_renamed_when_one_name_is_taken(name: str, names: dict[str, str]) -> None:
    """In any case of its letters; half of a renaming is worse than none."""
    gmail = Gmail([present(**names)])
    with pytest.raises(Rejected):
        Labels(gmail.client()).update(folder("Label_1"), name, None, None)
    assert changed(gmail) == []


def test_only_the_case_of_a_name_may_change() -> None:
    """A label is not in its own way."""
    _, changes = update({}, folder("Label_1"), "WORK", None)
    assert changes[-1] == ("Label_1", {"name": "WORK"})
