"""What Outlook says it holds: counts, and ids without the messages.

Traps of the counts and lists:

- `totalItemCount` counts items, and a folder may hold some that are no messages (contacts and
  appointments among the deleted items): a list of ids tells how many.
- The mailbox as a whole is counted nowhere: it is the sum of its visible folders. One that is
  hidden holds what is no mail, and its messages are not stored.
- `GET …/messages` pages by `$skip`: what comes or goes between two pages shifts the next one, and
  it may end early (https://github.com/microsoftgraph/microsoft-graph-docs/issues/2153). A round of
  delta lists the folder as it is; with the ids alone selected its pages are small. Its deltaLink
  is thrown away, and the cursors of the sync stay as they are.
"""

from typing import Any

from postroom.domain.audit import ListedIds, MailboxTotals
from postroom.domain.errors import CursorExpired, NotFound, Rejected
from postroom.domain.folder import Folder
from postroom.providers.answers import text
from postroom.providers.microsoft import paths
from postroom.providers.microsoft.client import GraphClient
from postroom.providers.microsoft.delta import read_delta
from postroom.providers.microsoft.folders import Folders
from postroom.providers.microsoft.mapping import ref_of
from postroom.providers.refusals import ServerFailed

PAGE_SIZE = 500
"""Of at most 1,000, which may take Graph too long:
https://learn.microsoft.com/en-us/graph/api/user-list-messages#optional-query-parameters
"""

_PROPERTIES = "id,conversationId"
_PREFER = (f"odata.maxpagesize={PAGE_SIZE}",)


class MailboxListing:
    """Counts and lists one mailbox. See ports.Mailbox for what the methods mean and raise."""

    def __init__(self, client: GraphClient, folders: Folders) -> None:
        self._client = client
        self._folders = folders

    def totals(self) -> MailboxTotals:
        """Count every visible folder: one call for two hundred of them."""
        folders = tuple(self._folders.all())
        counts = [folder.total_count for folder in folders if folder.total_count is not None]
        is_whole = len(counts) == len(folders)
        return MailboxTotals(messages=sum(counts) if is_whole else None, folders=folders)

    def listed_ids(self, folder: Folder | None, position: str) -> ListedIds:
        """List the ids of a folder."""
        if folder is None:
            raise NotFound("Outlook has no list of all mail: every message lies in a folder")
        if position:
            answer = read_delta(self._client.follow(position, prefer=_PREFER))
        else:
            path = paths.folder(folder.provider_id, "messages", "delta")
            answer = read_delta(self._client.get(path, {"$select": _PROPERTIES}, prefer=_PREFER))
        return ListedIds(
            refs=tuple(ref_of(item) for item in answer.items if "@removed" not in item),
            next_position=answer.link if answer.more else None,
        )

    def search(self, query: str, limit: int, position: str) -> ListedIds:
        """List what fulfils a query; the size of the first page is that of all.

        The whole of `$search` stands in quotes, with the query's own escaped:
        https://learn.microsoft.com/en-us/graph/search-query-parameter#using-search-on-message-collections
        """
        if position:
            page = self._following(position)
        else:
            escaped = query.replace("\\", "\\\\").replace('"', '\\"')
            params: dict[str, str | int] = {}
            params |= {"$search": f'"{escaped}"', "$select": _PROPERTIES, "$top": limit}
            page = self._client.get(paths.MESSAGES, params)
        listed = page.get("value") if isinstance(page, dict) else None
        if not isinstance(listed, list):
            raise ServerFailed("Outlook's answer is no list of messages")
        return ListedIds(
            refs=tuple(ref_of(item) for item in listed if isinstance(item, dict)),
            next_position=text(page.get("@odata.nextLink")) or None,
        )

    def _following(self, link: str) -> Any:
        try:
            return self._client.follow(link)
        except (NotFound, Rejected) as error:
            raise CursorExpired("Outlook does not know this page any more") from error
