"""Gmail's drafts: an id that stays, around a message that every change replaces.

https://developers.google.com/workspace/gmail/api/guides/drafts

A message does not tell which draft it is the message of; only the list of drafts does. A message
labelled DRAFT that is not listed lies in the trash, or was replaced, sent or deleted since it was
fetched.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from postroom.domain.draft import DraftChange, ProviderDraft
from postroom.domain.errors import NotFound, PostroomError, Rejected, TooLarge
from postroom.domain.ids import (
    InternetMessageId,
    ProviderDraftId,
    ProviderMessageId,
    ProviderThreadId,
)
from postroom.domain.message import Message
from postroom.domain.mime import render
from postroom.domain.outgoing import OutgoingMessage
from postroom.ports import Clock
from postroom.providers.decoding import from_base64url
from postroom.providers.google import message_ids
from postroom.providers.google.client import LARGEST_RAW_BYTES, GmailClient
from postroom.providers.google.draft_mime import changed
from postroom.providers.google.endpoints import quoted
from postroom.providers.google.mapping import DRAFT, STARRED
from postroom.providers.google.outgoing import packed
from postroom.providers.google.types import GmailMessage
from postroom.providers.message_limits import GMAIL
from postroom.providers.refusals import ServerFailed, TimedOut, Unanswered

_PAGE_SIZE = 500
_NOT_SETTABLE = frozenset({DRAFT, "SENT", "CHAT"})
"""Labels that nobody can put on a message."""
_CLOCKS_DIFFER_BY = timedelta(minutes=1)
"""At most: Gmail's clock and ours. What is older was not made by this call."""


class Drafts:
    """The drafts of one mailbox. See ports.Mailbox for what most methods mean and raise."""

    def __init__(self, client: GmailClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    def ids_of(
        self, wanted: Collection[ProviderMessageId]
    ) -> dict[ProviderMessageId, ProviderDraftId]:
        """Return the drafts of those messages that are the message of one.

        Newest first, so that the first page has them, but for the first reading of many.
        """
        found: dict[ProviderMessageId, ProviderDraftId] = {}
        params: dict[str, str | int | list[str]] = {"maxResults": _PAGE_SIZE}
        while True:
            page = self._client.get("drafts", params)
            for draft in _listed(page):
                if draft.message_id in wanted:
                    found[draft.message_id] = draft.id
            token = page.get("nextPageToken")
            if not token or len(found) == len(wanted):
                return found
            params["pageToken"] = token

    def create(self, message: OutgoingMessage, *, starred: bool) -> ProviderDraft:
        """Make a draft, in the thread of what it answers where that still exists."""
        content = _checked(render(message, include_bcc=True))
        thread_id = message.answered.provider_thread_id if message.answered else None
        try:
            made = self._made(content, thread_id, message.message_id)
        except NotFound:
            if thread_id is None:
                raise Rejected("Gmail refuses to keep the draft") from None
            made = self._made(content, None, message.message_id)
        if starred:
            try:
                self._add_labels(made.message_id, [STARRED])
            except PostroomError:
                self.delete(made.id)
                raise
        return made

    def find(
        self, message_id: InternetMessageId, *, since: datetime | None = None
    ) -> ProviderDraft | None:
        """Return the draft that bears a Message-ID, unless it is older than `since`."""
        params: dict[str, str | int | list[str]] = {
            "q": message_ids.query(message_id),
            "maxResults": message_ids.MOST_FOUND,
        }
        for each in _listed(self._client.get("drafts", params)):
            found = self._client.get(f"drafts/{quoted(each.id)}", {"format": "metadata"})
            if message_ids.bears(found.get("message") or {}, message_id, since=since):
                return each
        return None

    def update(self, draft: Message, change: DraftChange) -> ProviderDraft:
        """Write a change into the draft as it is now; labels of its own go along."""
        path = f"drafts/{quoted(draft.provider_draft_id)}"
        only_starred = change == DraftChange(starred=change.starred)
        params: dict[str, str | int | list[str]] = {"format": "minimal" if only_starred else "raw"}
        found = self._client.get(path, params, largest_bytes=LARGEST_RAW_BYTES)
        current: dict[str, Any] = found.get("message") or {}
        labels = set(current.get("labelIds") or ()) - _NOT_SETTABLE
        if change.starred is not None:
            labels = labels | {STARRED} if change.starred else labels - {STARRED}
        if only_starred:
            kept = _draft(found)
            self._client.change(
                f"messages/{quoted(kept.message_id)}/modify",
                {"addLabelIds" if change.starred else "removeLabelIds": [STARRED]},
            )
            return kept
        raw = from_base64url(current.get("raw", ""))
        content = _checked(changed(raw, change, now=self._clock.now()))
        body, kind, upload = packed(content, current.get("threadId"), within="message")
        written = _draft(self._client.put_mime(path, body, kind, upload=upload))
        if labels:
            self._add_labels(written.message_id, sorted(labels))
        return written

    def delete(self, draft_id: ProviderDraftId) -> None:
        """Delete a draft for ever; Gmail has no other way."""
        self._client.delete(f"drafts/{quoted(draft_id)}")

    def send(self, draft_id: ProviderDraftId) -> GmailMessage:
        """Send a draft, which is gone then; returns the sent message."""
        sent: GmailMessage = self._client.send_draft(draft_id)
        return sent

    def is_there(self, draft_id: ProviderDraftId) -> bool:
        """Whether there still is such a draft."""
        try:
            self._client.get(f"drafts/{quoted(draft_id)}", {"format": "minimal"})
        except NotFound:
            return False
        return True

    def _made(
        self, content: bytes, thread_id: str | None, message_id: InternetMessageId
    ) -> ProviderDraft:
        """Make a draft once; one of which no answer came is looked for."""
        body, kind, upload = packed(content, thread_id, within="message")
        since = self._clock.now() - _CLOCKS_DIFFER_BY
        try:
            return _draft(self._client.post_mime("drafts", body, kind, upload=upload))
        except TimedOut:
            raise  # whoever waits for this draft has no time left
        except (ServerFailed, Unanswered):
            made = self.find(message_id, since=since)
            if made is None:
                raise
            return made

    def _add_labels(self, message_id: ProviderMessageId, labels: Collection[str]) -> None:
        path = f"messages/{quoted(message_id)}/modify"
        self._client.change(path, {"addLabelIds": list(labels)})


def _checked(content: bytes) -> bytes:
    if len(content) > GMAIL.message_bytes:
        raise TooLarge(f"The draft has {len(content):,} bytes. {GMAIL.sentence()}")
    return content


def _listed(page: Any) -> list[ProviderDraft]:
    fields = page if isinstance(page, dict) else {}
    return [_draft(each) for each in fields.get("drafts") or ()]


def _draft(raw: Any) -> ProviderDraft:
    """Read a draft as Gmail answers it. Raises ServerFailed for what is none."""
    message = raw.get("message") if isinstance(raw, dict) else None
    if not isinstance(message, dict) or not raw.get("id") or not message.get("id"):
        raise ServerFailed("Gmail's answer is no draft")
    return ProviderDraft(
        id=ProviderDraftId(raw["id"]),
        message_id=ProviderMessageId(message["id"]),
        thread_id=ProviderThreadId(message.get("threadId", "")),
    )
