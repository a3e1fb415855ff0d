"""Gmail's history folded into what is to be done."""

from typing import Any

import pytest

from postroom.domain.ids import ProviderMessageId, message_id
from postroom.domain.sync import ChangePage
from postroom.providers.google.history import fold
from tests.builders import ACCOUNT_ID


def change(kind: str, message: str, *labels: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"message": {"id": message, "threadId": f"t{message}"}}
    if labels:
        entry["labelIds"] = list(labels)
    return {kind: [entry]}


def folded(*changes: dict[str, Any], first: int = 99_998, **page: Any) -> ChangePage:
    records = [{"id": str(first + n), **each} for n, each in enumerate(changes)]
    return fold({"history": records, "historyId": "100500", **page}, ACCOUNT_ID)  # type: ignore[typeddict-item]


def fetched(page: ChangePage) -> list[str]:
    return [ref.provider_id for ref in page.fetch]


def test_new_mail_is_fetched_once() -> None:
    """A message that history names twice as new is fetched once, and needs no edit."""
    # Given / When
    page = folded(change("messagesAdded", "a"), change("messagesAdded", "a"))
    # Then
    assert fetched(page) == ["a"]
    assert page.fetch[0].provider_thread_id == "ta"
    assert page.edits == ()


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (1, 2, 0)])
def test_label_changes_of_new_mail_are_told_as_well(order: tuple[int, ...]) -> None:
    """A mail sent through us is stored before history names it, and need not be fetched again.

    The page told only that it was new: who did not fetch it lost the star it was given since.
    """
    # Given
    changes = [
        change("messagesAdded", "a"),
        change("labelsAdded", "a", "STARRED"),
        change("labelsRemoved", "a", "INBOX"),
    ]
    # When
    page = folded(*(changes[n] for n in order))
    # Then
    (edit,) = page.edits
    assert fetched(page) == ["a"]
    assert (edit.provider_id, edit.provider_thread_id) == ("a", page.fetch[0].provider_thread_id)
    assert (sorted(edit.add), sorted(edit.remove)) == (["STARRED"], ["INBOX"])
    assert edit.starred
    assert edit.version == 99_998 + order.index(2)


def test_labels_change_without_a_fetch() -> None:
    """Reading, starring and moving cost two units for the whole page."""
    # Given / When
    page = folded(
        change("labelsRemoved", "a", "UNREAD"),
        change("labelsAdded", "a", "STARRED", "Label_1"),
        change("labelsRemoved", "a", "INBOX"),
    )
    # Then
    (edit,) = page.edits
    assert page.fetch == ()
    assert edit.message_id == message_id(ACCOUNT_ID, ProviderMessageId("a"))
    assert sorted(edit.add) == ["Label_1", "STARRED"]
    assert sorted(edit.remove) == ["INBOX", "UNREAD"]
    assert (edit.unread, edit.starred) == (False, True)
    assert edit.version == 100_000


def test_the_later_of_two_contrary_changes_counts() -> None:
    """Read and unread again is unread; what nobody touched is left open."""
    # Given / When
    (edit,) = folded(
        change("labelsRemoved", "a", "UNREAD"), change("labelsAdded", "a", "UNREAD")
    ).edits
    # Then
    assert (sorted(edit.add), sorted(edit.remove)) == (["UNREAD"], [])
    assert (edit.unread, edit.starred) == (True, None)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_deleted_wins(order: tuple[int, ...]) -> None:
    """What is gone is neither fetched nor edited, wherever in the page that stands."""
    # Given
    changes = [
        change("messagesAdded", "a"),
        change("labelsAdded", "a", "STARRED"),
        change("messagesDeleted", "a"),
    ]
    # When
    page = folded(*(changes[n] for n in order))
    # Then
    assert (page.fetch, page.edits) == ((), ())
    ((ref, version),) = page.removed
    assert (ref.provider_id, version) == ("a", 99_998 + order.index(2))


def test_a_draft_that_was_sent_is_fetched() -> None:
    """It is no draft any more, which no change of folders says."""
    page = folded(change("labelsRemoved", "a", "DRAFT"), change("labelsAdded", "a", "SENT"))
    assert fetched(page) == ["a"]
    assert [(*edit.add, *edit.remove) for edit in page.edits] == [("SENT", "DRAFT")]


def test_the_last_page_ends_where_the_mailbox_stands() -> None:
    """The mailbox's own history id is the next cursor, also without any record."""
    page = fold({"historyId": "100500"}, ACCOUNT_ID)
    assert (page.next_cursor, page.more, page.fetch) == ("100500", False, ())


def test_a_page_before_the_last_ends_at_its_last_record() -> None:
    """Every page can be a checkpoint. Ids are compared as numbers: 99999 is before 100000."""
    page = folded(
        change("messagesAdded", "a"),
        change("messagesAdded", "b"),
        change("messagesAdded", "c"),
        nextPageToken="more",
    )
    assert (page.next_cursor, page.more) == ("100000", True)
