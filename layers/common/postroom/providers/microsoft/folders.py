"""Outlook's folders: https://learn.microsoft.com/en-us/graph/api/resources/mailfolder.

The delta of folders lists all that are visible, of every depth, in one flat row, and ends with the
link to its changes. v1.0 does not say which folder is which: that is asked for by well-known name.

    top of the store ─┬─ Inbox ─── Projects          The top itself is not listed: a folder whose
                      └─ Archive                     parent is not listed has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from postroom.domain import ids
from postroom.domain.errors import NotFound, Rejected
from postroom.domain.folder import Folder, FolderRole
from postroom.domain.ids import AccountId
from postroom.domain.message import View
from postroom.domain.sync import ChangePage, Cursor, SyncUnit, SyncUnitId
from postroom.providers.answers import text
from postroom.providers.decoding import clean
from postroom.providers.microsoft import paths
from postroom.providers.microsoft.client import BatchCall, GraphClient
from postroom.providers.microsoft.delta import DeltaAnswer, read_delta
from postroom.providers.microsoft.types import MailFolder
from postroom.providers.refusals import ServerFailed

FOLDERS = SyncUnitId("folders")
"""The unit that tells of folders which come, go or change. No folder's id is a word."""

TRASH = "deleteditems"
_TOP = "msgfolderroot"

WELL_KNOWN_NAMES = {
    "inbox": FolderRole.INBOX,
    "sentitems": FolderRole.SENT,
    "drafts": FolderRole.DRAFTS,
    "archive": FolderRole.ARCHIVE,
    TRASH: FolderRole.TRASH,
    "junkemail": FolderRole.SPAM,
}
"""The folders that they name; not every mailbox has an archive."""

_RANKS = {
    FolderRole.INBOX: 0,
    FolderRole.SENT: 1,
    FolderRole.DRAFTS: 2,
    FolderRole.ARCHIVE: 3,
    FolderRole.TRASH: 8,
    FolderRole.SPAM: 9,
}
_OTHER_RANK = 4
_LAST_RANK = 99

_PROPERTIES = (
    "id,displayName,parentFolderId,childFolderCount,totalItemCount,unreadItemCount,isHidden"
)
_PAGE_SIZE = 200
_SEARCH_FOLDER = "#microsoft.graph.mailSearchFolder"
"""It shows messages that lie elsewhere."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """The visible folders by Outlook's ids, and where their changes begin."""

    folders: Mapping[str, MailFolder]
    cursor: Cursor


class Folders:
    """The folders of one mailbox. Remembers which are the well-known ones; that never changes."""

    def __init__(self, client: GraphClient, account_id: AccountId) -> None:
        self._client = client
        self._account_id = account_id
        self._known_roles: Mapping[str, FolderRole] = {}
        self._visible = set[str]()
        self._hidden = set[str]()

    # ── Reading ──────────────────────────────────────────────────────────────────────────

    def units(self) -> list[SyncUnit]:
        """Return a unit for every folder, and one for the folders themselves."""
        listing, roles = self._list(), self._roles()
        units = [
            SyncUnit(
                id=SyncUnitId(provider_id),
                view=View(ids.folder_id(self._account_id, provider_id)),
                rank=_RANKS.get(roles[provider_id], _OTHER_RANK)
                if provider_id in roles
                else _OTHER_RANK,
            )
            for provider_id in listing.folders
        ]
        return [*units, SyncUnit(id=FOLDERS, rank=_LAST_RANK, cursor=listing.cursor)]

    def all(self) -> list[Folder]:
        """Return all folders as they are now."""
        listed, roles = self._list().folders, self._roles()
        return [self._folder(each, listed, roles) for each in listed.values()]

    def changes(self, link: str) -> ChangePage:
        """Return whether any folder came, went or changed, up to a page of them."""
        answer = self._page(link)
        return ChangePage(
            next_cursor=Cursor(answer.link),
            more=answer.more,
            folders_changed=bool(answer.items),
        )

    def role_of(self, provider_id: str) -> FolderRole | None:
        """Return what a folder is for."""
        return self._roles().get(provider_id)

    def is_visible(self, provider_id: str) -> bool:
        """Whether a folder is one of those that are listed. Others hold what is no mail.

        Chats of Teams lie in a hidden folder, and what was deleted for good among the recoverable
        items; both are handed out by their ids all the same.
        """
        is_known = provider_id in self._visible or provider_id in self._hidden
        if not is_known and provider_id not in self._list().folders:
            self._hidden.add(provider_id)
        return provider_id in self._visible

    def size_of(self, provider_id: str) -> int | None:
        """Return how many messages a folder holds. Raises NotFound."""
        answer = self._client.get(paths.folder(provider_id), {"$select": "totalItemCount"})
        return _number(answer.get("totalItemCount"))

    # ── Changing ─────────────────────────────────────────────────────────────────────────

    def create(self, name: str, parent: Folder | None) -> Folder:
        """Make a folder. Raises Rejected where there is one of this name."""
        path = paths.folder(parent.provider_id, "childFolders") if parent else paths.FOLDERS
        made: MailFolder = self._client.post(path, {"displayName": name})
        return self._answered(made, parent)

    def update(self, folder: Folder, *, name: str, parent: Folder | None) -> Folder:
        """Rename a folder and move it, each where it has to be. Raises NotFound, Rejected."""
        _refuse_system(folder)
        path = paths.folder(folder.provider_id)
        answer: MailFolder = {}
        if name != folder.name:
            answer = self._client.patch(path, {"displayName": name})
        if (parent.id if parent else None) != folder.parent_id:
            destination = parent.provider_id if parent else _TOP
            answer = self._client.post(f"{path}/move", {"destinationId": destination})
        if not answer:
            answer = self._client.get(path, {"$select": _PROPERTIES})
        return self._answered(answer, parent)

    def delete(self, folder: Folder) -> None:
        """Delete a folder: Outlook puts it, and all that it holds, below the deleted items."""
        _refuse_system(folder)
        self._client.delete(paths.folder(folder.provider_id))

    # ── Listing ──────────────────────────────────────────────────────────────────────────

    def _list(self) -> _Listing:
        found: dict[str, MailFolder] = {}
        answer = self._page("")
        while True:
            for item in answer.items:
                if "@removed" in item or _holds_no_mail(item):
                    found.pop(item["id"], None)
                else:
                    found[item["id"]] = {**found.get(item["id"], {}), **item}
            if not answer.more:
                break
            answer = self._page(answer.link)
        # Units are read side by side: who began to list earlier may come to its end later.
        self._visible.update(found)
        return _Listing(found, Cursor(answer.link))

    def _page(self, link: str) -> DeltaAnswer:
        prefer = [f"odata.maxpagesize={_PAGE_SIZE}"]
        if link:
            return read_delta(self._client.follow(link, prefer=prefer))
        path = f"{paths.FOLDERS}/delta"
        return read_delta(self._client.get(path, {"$select": _PROPERTIES}, prefer=prefer))

    def _roles(self) -> Mapping[str, FolderRole]:
        """Return the roles of the well-known folders by Outlook's ids."""
        if not self._known_roles:
            calls = {
                name: BatchCall(path=f"{paths.folder(name)}?$select=id")
                for name in WELL_KNOWN_NAMES
            }
            answers = self._client.batch(calls)
            found: dict[str, FolderRole] = {}
            for name, role in WELL_KNOWN_NAMES.items():
                answer = answers.get(name)
                if answer is None:
                    raise ServerFailed("Outlook left a part of a batch unanswered")
                if answer.status == 200 and isinstance(answer.body, dict):
                    found[text(answer.body.get("id"))] = role
                elif not isinstance(error := self._client.error(answer), NotFound):
                    raise error
            self._known_roles = found
        return self._known_roles

    def _answered(self, answer: MailFolder, parent: Folder | None) -> Folder:
        """Map the answer to a change: never of Outlook's own folders, and the parent is known."""
        return self._folder(answer, {parent.provider_id: {}} if parent else {}, {})

    def _folder(
        self,
        raw: MailFolder,
        listed: Mapping[str, MailFolder],
        roles: Mapping[str, FolderRole],
    ) -> Folder:
        provider_id, parent = text(raw.get("id")), text(raw.get("parentFolderId"))
        role = roles.get(provider_id)
        return Folder(
            id=ids.folder_id(self._account_id, provider_id),
            provider_id=provider_id,
            name=clean(text(raw.get("displayName"))),
            role=role,
            is_system=role is not None,
            parent_id=ids.folder_id(self._account_id, parent) if parent in listed else None,
            child_count=_number(raw.get("childFolderCount")) or 0,
            total_count=_number(raw.get("totalItemCount")),
            unread_count=_number(raw.get("unreadItemCount")),
        )


def _holds_no_mail(raw: MailFolder) -> bool:
    """Whether a folder is no place of mail, should it be listed all the same."""
    return text(raw.get("@odata.type")) == _SEARCH_FOLDER or raw.get("isHidden") is True


def _refuse_system(folder: Folder) -> None:
    if folder.is_system:
        raise Rejected("Outlook's own folders can be neither changed nor deleted")


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
