"""Changes of a message: flags and categories first, then its folder."""

import json
from typing import Any

import httpx
import pytest

from postroom.domain.errors import NotFound, Rejected
from postroom.domain.folder import Folder
from postroom.domain.ids import FolderId, folder_id
from postroom.domain.message import Message, MessageChange
from postroom.providers.microsoft.mailbox import GraphMailbox
from postroom.providers.microsoft.mapping import map_message
from tests.builders import ACCOUNT_ID
from tests.unit.providers.microsoft.graph import Graph, refusal, whole
from tests.unit.providers.scripted import Answer

LATER = "2026-11-21T08:00:09Z"


def opened(*answers: Answer) -> tuple[Graph, GraphMailbox]:
    graph = Graph(list(answers))
    return graph, GraphMailbox(graph.client(), ACCOUNT_ID)


def stored() -> Message:
    return map_message(whole("a/b=="), ACCOUNT_ID).message


def now(**changes: Any) -> httpx.Response:
    """The message after a change."""
    return httpx.Response(200, json=whole("a/b==", lastModifiedDateTime=LATER, **changes))


def folder(provider_id: str) -> dict[FolderId, Folder]:
    found = folder_id(ACCOUNT_ID, provider_id)
    return {found: Folder(id=found, provider_id=provider_id, name=provider_id)}


def asked(graph: Graph) -> list[tuple[str, str, Any]]:
    """Method, address below the version, and body of each call."""
    return [
        (
            request.method,
            request.url.raw_path.decode().partition("/v1.0/")[2].partition("?")[0],
            json.loads(request.content or b"null"),
        )
        for request in graph.requests
    ]


def test_flags_and_categories_are_set_in_one_call_and_then_it_moves() -> None:
    """The answer is the message as it is after the last of them."""
    # Given
    flagged = {"isRead": True, "flag": {"flagStatus": "flagged"}, "categories": ["Red"]}
    graph, mailbox = opened(now(**flagged), now(**flagged, parentFolderId="kept"))
    kept = folder("kept")
    change = MessageChange(unread=False, starred=True, categories=("Red",), folders=tuple(kept))
    message = stored()
    # When
    after = message.edited(mailbox.apply(message, change, folders=kept))
    # Then
    assert asked(graph) == [
        ("PATCH", "me/messages/a%2Fb%3D%3D", flagged),
        ("POST", "me/messages/a%2Fb%3D%3D/move", {"destinationId": "kept"}),
    ]
    assert (after.unread, after.starred, after.categories) == (False, True, ("Red",))
    assert after.folders == tuple(kept)
    assert after.version - message.version == 2000


@pytest.mark.parametrize(
    ("change", "body"),
    [
        (MessageChange(unread=True), {"isRead": False}),
        (MessageChange(starred=False), {"flag": {"flagStatus": "notFlagged"}}),
        (MessageChange(categories=()), {"categories": []}),
    ],
)
def test_only_what_is_asked_for_is_changed(change: MessageChange, body: dict[str, Any]) -> None:
    """And it is, even if our copy says that it is so already: the copy may be behind."""
    graph, mailbox = opened(now())
    mailbox.apply(stored(), change, folders={})
    assert asked(graph) == [("PATCH", "me/messages/a%2Fb%3D%3D", body)]


def test_a_message_that_is_there_already_is_not_moved() -> None:
    """The mailbox is asked where it is, since our copy may be behind."""
    # Given
    kept = folder("kept")
    graph, mailbox = opened(now(parentFolderId="kept"))
    message = stored()
    # When
    edit = mailbox.apply(message, MessageChange(folders=tuple(kept)), folders=kept)
    # Then
    assert [method for method, _, _ in asked(graph)] == ["GET"]
    assert message.edited(edit).folders == tuple(kept)


def test_a_failed_move_tells_of_no_flag() -> None:
    """Nothing is half told: what was set before comes with the changes of its folder."""
    kept = folder("kept")
    _, mailbox = opened(now(isRead=True), refusal(404, "ErrorItemNotFound"))
    with pytest.raises(NotFound):
        mailbox.apply(stored(), MessageChange(unread=False, folders=tuple(kept)), folders=kept)


@pytest.mark.parametrize("count", [0, 2])
def test_a_message_lies_in_one_folder(count: int) -> None:
    """Neither in none nor in two; nothing is changed on the way to finding out."""
    named = {**folder("one"), **folder("two")}
    graph, mailbox = opened()
    with pytest.raises(Rejected):
        mailbox.apply(
            stored(), MessageChange(unread=True, folders=tuple(named)[:count]), folders=named
        )
    assert graph.requests == []


def test_trash_and_deletion_are_two_things() -> None:
    """One moves, the other ends."""
    # Given
    graph, mailbox = opened(now(parentFolderId="bin"), httpx.Response(204))
    message = stored()
    # When
    trashed = message.edited(mailbox.trash(message))
    mailbox.delete(trashed)
    # Then
    assert trashed.folders == (folder_id(ACCOUNT_ID, "bin"),)
    assert asked(graph) == [
        ("POST", "me/messages/a%2Fb%3D%3D/move", {"destinationId": "deleteditems"}),
        ("POST", "me/messages/a%2Fb%3D%3D/permanentDelete", {}),
    ]


def test_what_is_gone_cannot_be_deleted() -> None:
    """The caller learns it."""
    _, mailbox = opened(refusal(404, "ErrorItemNotFound"))
    with pytest.raises(NotFound):
        mailbox.delete(stored())
