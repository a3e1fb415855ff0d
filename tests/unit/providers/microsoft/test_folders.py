"""Outlook's folders: which there are, what they are for, and how they change."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from postroom.domain.errors import Rejected, Retryable
from postroom.domain.folder import Folder, FolderRole
from postroom.domain.ids import folder_id
from postroom.domain.message import View
from postroom.providers.microsoft.folders import FOLDERS
from postroom.providers.microsoft.mailbox import GraphMailbox
from tests.builders import ACCOUNT_ID
from tests.unit.providers.microsoft.graph import Graph, called, parts, refusal
from tests.unit.providers.scripted import Answer

DELTA = "https://graph.microsoft.com/v1.0/me/mailFolders/delta"
NEXT, LAST = f"{DELTA}?$skiptoken=a", f"{DELTA}?$deltatoken=b"


def opened(*answers: Answer) -> tuple[Graph, GraphMailbox]:
    graph = Graph(list(answers))
    return graph, GraphMailbox(graph.client(), ACCOUNT_ID)


def page(*items: dict[str, Any], more: bool = False) -> httpx.Response:
    link = {"@odata.nextLink": NEXT} if more else {"@odata.deltaLink": LAST}
    return httpx.Response(200, json={"value": list(items), **link})


def raw(provider_id: str, parent: str = "top", **more: Any) -> dict[str, Any]:
    """A folder as Graph gives it."""
    return {
        "id": provider_id,
        "displayName": provider_id.title(),
        "parentFolderId": parent,
        "childFolderCount": 0,
        "totalItemCount": 3,
        "unreadItemCount": 1,
        **more,
    }


def roles(**ids: str) -> httpx.Response:
    """The well-known folders; a name that is not given is not known."""
    names = ("inbox", "sentitems", "drafts", "archive", "deleteditems", "junkemail")
    return parts(
        *(
            (number, 200, {"id": ids[name]})
            if name in ids
            else (number, 404, {"error": {"code": "ErrorFolderNotFound"}})
            for number, name in enumerate(names)
        )
    )


def known(provider_id: str, parent: str | None = None, **more: Any) -> Folder:
    """A folder of ours."""
    folder = Folder(
        id=folder_id(ACCOUNT_ID, provider_id),
        provider_id=provider_id,
        name=provider_id.title(),
        parent_id=folder_id(ACCOUNT_ID, parent) if parent else None,
    )
    return replace(folder, **more)


def test_folders_of_every_depth_are_listed_with_what_they_are_for() -> None:
    """v1.0 does not say which folder is which; an archive is not in every mailbox."""
    # Given
    graph, mailbox = opened(
        page(raw("inbox-1", childFolderCount=1), raw("projects", "inbox-1"), more=True),
        page(raw("bin-1")),
        roles(inbox="inbox-1", deleteditems="bin-1"),
    )
    # When
    inbox, projects, trash = mailbox.folders()
    # Then
    assert (inbox.role, inbox.is_system, inbox.parent_id) == (FolderRole.INBOX, True, None)
    assert (inbox.child_count, inbox.total_count, inbox.unread_count) == (1, 3, 1)
    assert (projects.role, projects.is_system, projects.parent_id) == (None, False, inbox.id)
    assert (projects.id, projects.name) == (folder_id(ACCOUNT_ID, "projects"), "Projects")
    assert trash.role is FolderRole.TRASH
    assert [request.headers["Prefer"] for request in graph.requests[:2]] == [
        'IdType="ImmutableId", odata.maxpagesize=200'
    ] * 2
    assert called(graph.requests[2])[0] == "/me/mailFolders/inbox?$select=id"


def test_every_folder_is_a_unit_and_the_most_wanted_come_first() -> None:
    """The inbox is read before the junk; changes of the folders begin where the listing ended."""
    # Given
    names = ["junk", "other", "sent", "in", "bin", "kept", "draft"]
    _, mailbox = opened(
        page(*(raw(name) for name in names)),
        roles(
            inbox="in",
            sentitems="sent",
            drafts="draft",
            archive="kept",
            deleteditems="bin",
            junkemail="junk",
        ),
    )
    # When
    units = sorted(mailbox.sync_units(), key=lambda unit: unit.rank)
    # Then
    order = ["in", "sent", "draft", "kept", "other", "bin", "junk", FOLDERS]
    assert [unit.id for unit in units] == order
    assert [unit.cursor for unit in units] == [None] * 7 + [LAST]
    assert [unit.view for unit in units] == [
        *(View(folder_id(ACCOUNT_ID, name)) for name in order[:7]),
        None,
    ]


def test_folders_are_listed_anew_each_time_and_their_roles_once() -> None:
    """Counts change, what a folder is for does not."""
    graph, mailbox = opened(page(raw("in")), roles(inbox="in"), page(raw("in", totalItemCount=4)))
    mailbox.folders()
    (inbox,) = mailbox.folders()
    assert inbox.total_count == 4
    assert len(graph.requests) == 3


def test_folders_of_search_results_and_hidden_and_deleted_ones_are_none() -> None:
    """What a search folder shows lies elsewhere, and would be stored twice."""
    search = raw("found", **{"@odata.type": "#microsoft.graph.mailSearchFolder"})
    removed = {"id": "gone", "@removed": {"reason": "deleted"}}
    _, mailbox = opened(
        page(search, raw("chats", isHidden=True), raw("gone"), raw("in"), removed),
        roles(inbox="in"),
    )
    assert [folder.provider_id for folder in mailbox.folders()] == ["in"]


@pytest.mark.parametrize(
    "answer",
    [parts((0, 500, {"error": {"code": "x"}})), httpx.Response(200, json={"responses": []})],
)
def test_no_folder_loses_its_role_for_a_failure(answer: Answer) -> None:
    """An inbox that is suddenly an ordinary folder could be deleted."""
    _, mailbox = opened(page(raw("in")), *[answer] * 7)
    with pytest.raises(Retryable):
        mailbox.folders()


@pytest.mark.parametrize(
    ("parent", "path"),
    [
        (None, "/v1.0/me/mailFolders"),
        (known("a/b=="), "/v1.0/me/mailFolders/a%2Fb%3D%3D/childFolders"),
    ],
)
def test_a_folder_is_made_where_it_was_asked_for(parent: Folder | None, path: str) -> None:
    """On top or in another one."""
    # Given
    made = raw("new", parent.provider_id if parent else "top")
    graph, mailbox = opened(httpx.Response(201, json=made))
    # When
    folder = mailbox.create_folder("New", parent)
    # Then
    assert graph.requests[0].url.raw_path.decode() == path
    assert (folder.name, folder.parent_id) == ("New", parent.id if parent else None)


def test_a_folder_is_renamed_and_moved_where_it_has_to_be() -> None:
    """Each costs a call, and only where something changes."""
    # Given
    graph, mailbox = opened(
        httpx.Response(200, json=raw("f", displayName="Plans")),
        httpx.Response(201, json=raw("f", "p", displayName="Plans")),
        httpx.Response(201, json=raw("f", "top", displayName="Plans")),
    )
    parent = known("p")
    # When
    moved = mailbox.update_folder(known("f"), name="Plans", parent=parent)
    back = mailbox.update_folder(moved, name="Plans", parent=None)
    # Then
    assert (moved.name, moved.parent_id) == ("Plans", parent.id)
    assert (back.name, back.parent_id) == ("Plans", None)
    patched, first_move, second_move = graph.requests
    assert (patched.method, first_move.method) == ("PATCH", "POST")
    assert b'"destinationId":"p"' in first_move.content.replace(b" ", b"")
    assert b'"destinationId":"msgfolderroot"' in second_move.content.replace(b" ", b"")


def test_a_name_that_is_taken_is_refused() -> None:
    """In the provider's words, for whoever asked."""
    _, mailbox = opened(refusal(409, "ErrorFolderExists"))
    with pytest.raises(Rejected) as refused:
        mailbox.create_folder("New", None)
    assert refused.value.provider_code == "ErrorFolderExists"


def test_outlooks_own_folders_stay_as_they_are() -> None:
    """Nobody renames the inbox away, and Graph is not asked."""
    inbox = known("in", role=FolderRole.INBOX, is_system=True)
    graph, mailbox = opened()
    with pytest.raises(Rejected):
        mailbox.update_folder(inbox, name="Outbox", parent=None)
    with pytest.raises(Rejected):
        mailbox.delete_folder(inbox)
    assert graph.requests == []
