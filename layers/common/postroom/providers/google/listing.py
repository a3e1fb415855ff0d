"""What Gmail says it holds: counts, and ids without the messages.

Traps of the counts, all of which a list of ids settles:

- `labels.list` has no counts, `labels.get` has; both lag some moments behind a change.
- `messagesTotal` of the profile counts spam and trash, so they have to be listed for comparing.
- A label counts messages; the numbers of threads that Gmail's own pages show are others.
"""

from typing import Any

from postroom.domain.audit import ListedIds, MailboxTotals
from postroom.domain.errors import CursorExpired, NotFound, Rejected
from postroom.domain.folder import Folder
from postroom.providers.google.client import GmailClient
from postroom.providers.google.history import message_ref
from postroom.providers.google.labels import Labels
from postroom.providers.google.sync_unit import listed_messages

PAGE_SIZE = 500
"""The most that messages.list gives, for 5 units a page:
https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/list
"""


class MailboxListing:
    """Counts and lists one mailbox. See ports.Mailbox for what the methods mean and raise."""

    def __init__(self, client: GmailClient, labels: Labels) -> None:
        self._client = client
        self._labels = labels

    def totals(self) -> MailboxTotals:
        """Count the mailbox, spam and trash included, and every label: a unit for each."""
        profile = self._client.get("profile")
        total = profile.get("messagesTotal") if isinstance(profile, dict) else None
        return MailboxTotals(
            messages=total if isinstance(total, int) else None, folders=tuple(self._labels.all())
        )

    def listed_ids(self, folder: Folder | None, position: str) -> ListedIds:
        """List the ids of a label, or of all mail."""
        params: dict[str, str | int | list[str]] = {
            "maxResults": PAGE_SIZE,
            "includeSpamTrash": "true",
        }
        if folder is not None:
            params["labelIds"] = folder.id
        if position:
            params["pageToken"] = position
        page = self._page(params, has_token=bool(position))
        return ListedIds(
            refs=tuple(message_ref(each) for each in listed_messages(page)),
            next_position=page.get("nextPageToken") or None,
        )

    def search(self, query: str, limit: int, position: str) -> ListedIds:
        """List what fulfils a query: https://support.google.com/mail/answer/7190.

        A page token goes on behind the last message, whatever came since.
        """
        params: dict[str, str | int | list[str]] = {"q": query, "maxResults": limit}
        if position:
            params["pageToken"] = position
        page = self._page(params, has_token=bool(position))
        return ListedIds(
            refs=tuple(message_ref(each) for each in listed_messages(page)),
            next_position=page.get("nextPageToken") or None,
        )

    def _page(self, params: dict[str, str | int | list[str]], *, has_token: bool) -> Any:
        try:
            return self._client.get("messages", params)
        except (Rejected, NotFound) as error:
            # How long a page token lives is not documented; a label that is gone is a 400 too.
            if has_token:
                raise CursorExpired("Gmail does not know this page any more") from error
            if "labelIds" in params:
                raise NotFound("Gmail has no such label any more") from error
            raise
