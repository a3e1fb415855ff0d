"""A Gmail mailbox behind the port `Mailbox`: one sync unit, labels as folders."""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from email.message import Message as Entity
from email.parser import BytesParser
from email.policy import compat32
from typing import Any
from urllib.parse import quote

from postroom.domain import ids
from postroom.domain.errors import CursorExpired, NotFound, Rejected, Retryable, TooLarge
from postroom.domain.folder import Folder
from postroom.domain.ids import AccountId, FolderId, InternetMessageId, ProviderMessageId
from postroom.domain.message import FullMessage, Message, MessageChange, MessageEdit
from postroom.domain.mime import render
from postroom.domain.outgoing import OutgoingMessage, SentMessage
from postroom.domain.sync import (
    BackfillPage,
    ChangePage,
    Cursor,
    FetchResult,
    MessageRef,
    SyncUnitId,
)
from postroom.ports import Clock
from postroom.providers.google.batch import LARGEST_BATCH
from postroom.providers.google.client import LARGEST_RAW_BYTES, GmailClient
from postroom.providers.google.decoding import from_base64url
from postroom.providers.google.errors import InsufficientScope, ServerFailed
from postroom.providers.google.fetching import MessageFetcher
from postroom.providers.google.history import fold
from postroom.providers.google.labels import folders_of, label_changes
from postroom.providers.google.mapping import (
    BROKEN_CONTENT,
    STARRED,
    UNREAD,
    UNREADABLE,
    attachment_token,
    map_message,
    part_id,
    unreadable,
    walk,
)
from postroom.providers.google.types import GmailMessage, HistoryPage, Part

MAILBOX = SyncUnitId("mailbox")
"""Gmail has one history for the whole mailbox."""

MAX_MESSAGE_BYTES = 36_700_160
"""What messages.send takes: https://developers.google.com/workspace/gmail/api/guides/uploads"""

_LARGEST_JSON_SEND_BYTES = 3_500_000
"""In base64 it still fits into the 5 MB of a JSON call; larger ones are uploaded."""

_HISTORY_PAGE_SIZE = 100
"""Each page is a checkpoint: 100 new messages cost 2,000 units and a few seconds. A page of 500
could outlast the lease, and the function, and never be done."""
_EMPTY_HISTORY_PAGES = 20
"""Pages without a record that are passed on the way to one with some. None can be a checkpoint."""
_BACKFILL_PAGE_SIZE = 200
_WITNESSES = 3
"""Messages remembered with a position, so that a lost page token can be replaced by their time."""

_HISTORY_TYPES = ["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"]


class GmailMailbox:
    """One account's mailbox. See ports.Mailbox for what each method means and raises."""

    def __init__(self, client: GmailClient, account_id: AccountId, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._account_id = account_id
        self._fetcher = MessageFetcher(client, account_id)

    # ── Reading ──────────────────────────────────────────────────────────────────────────

    def folders(self) -> Sequence[Folder]:
        """List all labels. A label whose counts Gmail does not give now has none."""
        listed = self._client.get("labels").get("labels", [])
        counted: dict[str, Any] = {}
        for begin in range(0, len(listed), LARGEST_BATCH):
            some = listed[begin : begin + LARGEST_BATCH]
            paths = {str(n): f"labels/{_quoted(label['id'])}" for n, label in enumerate(some)}
            for answer in self._client.batch(paths).values():
                if answer.status == 200:
                    label = json.loads(answer.content)
                    counted[label["id"]] = label
        return folders_of([counted.get(label["id"], label) for label in listed])

    def pin_cursors(self) -> dict[SyncUnitId, Cursor]:
        """Return the mailbox's history id, which exists in an empty mailbox too."""
        return {MAILBOX: Cursor(self._client.get("profile")["historyId"])}

    def changes(self, unit: SyncUnitId, cursor: Cursor) -> ChangePage:
        """Return the next page of history that has records, or the last one."""
        if unit != MAILBOX:
            raise CursorExpired(f"Gmail has no sync unit {unit!r}")
        token = ""
        for _ in range(1 + _EMPTY_HISTORY_PAGES):
            page = self._history(cursor, token)
            token = page.get("nextPageToken", "")
            if page.get("history") or not token:
                return fold(page, self._account_id)
        raise Retryable(
            f"Gmail's history has more than {_EMPTY_HISTORY_PAGES} empty pages in a row"
        )

    def backfill(self, position: str) -> BackfillPage:
        """List messages, also spam and trash. The size of the mailbox comes with the first page."""
        place: dict[str, Any] = json.loads(position) if position else {}
        token, before = place.get("token", ""), place.get("before", 0)
        try:
            page = self._listed(token, before)
        except (Rejected, NotFound):
            if not token:
                raise
            # How long a page token lives is not documented: go on from the time it stood at.
            before = self._time_of(place["witnesses"])
            page = self._listed("", before)
        refs = tuple(_ref(each) for each in page.get("messages", ()))
        next_token = page.get("nextPageToken", "")
        witnesses = [ref.provider_id for ref in refs[-_WITNESSES:]] or place.get("witnesses", [])
        following = {"token": next_token, "before": before, "witnesses": witnesses}
        total = None if position else self._client.get("profile").get("messagesTotal")
        return BackfillPage(
            refs=refs,
            next_position=json.dumps(following) if next_token else None,
            total_estimate=total,
        )

    def fetch(self, refs: Sequence[MessageRef]) -> FetchResult:
        """Fetch messages in batches, whole threads where that is cheaper."""
        return self._fetcher.fetch(refs)

    def stub(self, ref: MessageRef) -> FullMessage:
        """Return the headers alone, or, where Gmail fails on them too, the ids alone."""
        try:
            raw = self._message(ref.provider_id, "metadata")
            full = map_message(raw, self._account_id)
        except (ServerFailed, Rejected, TooLarge, *BROKEN_CONTENT):
            return unreadable(ref, self._account_id)
        defects = tuple(sorted({*full.message.defects, UNREADABLE}))
        return FullMessage(message=replace(full.message, defects=defects), content=full.content)

    def attachment(self, message: Message, part_id: str) -> bytes:
        """Return an attachment's bytes, by its part: Gmail's attachment ids change."""
        path = f"messages/{_quoted(message.provider_id)}"
        answer: GmailMessage = self._client.get(path, {"format": "full", "fields": "payload"})
        part = _find(answer.get("payload") or {}, part_id)
        data = (part.get("body") or {}).get("data")
        if data:
            return from_base64url(data)
        token = attachment_token(part)
        if not token:
            return self._attached_message(message, part_id)
        found = self._client.get(
            f"{path}/attachments/{_quoted(token)}", largest_bytes=LARGEST_RAW_BYTES
        )
        return from_base64url(found.get("data", ""))

    def raw(self, provider_id: ProviderMessageId) -> bytes:
        """Return the message as Gmail received it."""
        answer = self._client.get(
            f"messages/{_quoted(provider_id)}",
            {"format": "raw", "fields": "raw"},
            largest_bytes=LARGEST_RAW_BYTES,
        )
        return from_base64url(answer.get("raw", ""))

    # ── Changing ─────────────────────────────────────────────────────────────────────────

    def apply(self, message: Message, change: MessageChange) -> MessageEdit:
        """Add and remove labels; flags are labels too."""
        add, remove = label_changes(message, change)
        if not add and not remove:
            return _no_edit(message)  # Gmail refuses it: "No label add or removes specified".
        path = f"messages/{_quoted(message.provider_id)}/modify"
        body = {"addLabelIds": sorted(add), "removeLabelIds": sorted(remove)}
        return _edit(message, self._client.change(path, body))

    def trash(self, message: Message) -> MessageEdit:
        """Move a message to the trash, where Gmail keeps it for 30 days."""
        path = f"messages/{_quoted(message.provider_id)}/trash"
        return _edit(message, self._client.change(path, {}))

    def delete(self, message: Message) -> None:
        """Delete a message for good, which only the scope https://mail.google.com/ allows."""
        try:
            self._client.delete(f"messages/{_quoted(message.provider_id)}")
        except InsufficientScope as error:
            raise Rejected(
                "deleting for good needs the scope https://mail.google.com/, which this account "
                "has not granted; a message can be moved to the trash",
                provider_code=error.provider_code,
                provider_message=error.provider_message,
            ) from error

    # ── Sending ──────────────────────────────────────────────────────────────────────────

    def send(self, message: OutgoingMessage) -> SentMessage:
        """Send a message, into its thread where that still exists."""
        content = render(message, include_bcc=True)
        if len(content) > MAX_MESSAGE_BYTES:
            raise Rejected(
                f"the message has {len(content)} bytes; Gmail sends at most {MAX_MESSAGE_BYTES}"
            )
        try:
            answer = self._send(content, message.provider_thread_id)
        except NotFound:
            if message.provider_thread_id is None:
                raise Rejected("Gmail refuses to send the message") from None
            answer = self._send(content, None)
        return _sent(answer)

    def find_sent(self, message_id: InternetMessageId) -> SentMessage | None:
        """Search by Message-ID among what was sent, wherever it lies now."""
        query = f"rfc822msgid:{message_id.strip('<>')}"
        params: dict[str, str | int | list[str]] = {
            "q": query,
            "labelIds": "SENT",
            "includeSpamTrash": "true",
            "maxResults": 1,
        }
        found = self._client.get("messages", params).get("messages", [])
        return _sent(found[0]) if found else None

    # ── Calls ────────────────────────────────────────────────────────────────────────────

    def _history(self, cursor: Cursor, token: str) -> HistoryPage:
        params: dict[str, str | int | list[str]] = {
            "startHistoryId": cursor,
            "historyTypes": _HISTORY_TYPES,
            "maxResults": _HISTORY_PAGE_SIZE,
        }
        if token:
            params["pageToken"] = token
        try:
            page: HistoryPage = self._client.get("history", params)
        except NotFound as error:
            raise CursorExpired("Gmail's history no longer reaches back to the cursor") from error
        return page

    def _listed(self, token: str, before: int) -> Any:
        params: dict[str, str | int | list[str]] = {
            "maxResults": _BACKFILL_PAGE_SIZE,
            "includeSpamTrash": "true",
        }
        if before:
            params["q"] = f"before:{before}"
        if token:
            params["pageToken"] = token
        return self._client.get("messages", params)

    def _time_of(self, witnesses: Sequence[str]) -> int:
        """Return the second after which listing goes on; overlapping is harmless, a gap is not."""
        for provider_id in reversed(witnesses):
            try:
                raw = self._message(ProviderMessageId(provider_id), "minimal")
            except NotFound:
                continue
            return int(raw["internalDate"]) // 1000 + 1
        return int(self._clock.now().timestamp()) + 86_400

    def _message(self, provider_id: ProviderMessageId, form: str) -> GmailMessage:
        raw: GmailMessage = self._client.get(f"messages/{_quoted(provider_id)}", {"format": form})
        return raw

    def _attached_message(self, message: Message, part_id: str) -> bytes:
        """Take a part that Gmail hands out in pieces only (an attached message) from the raw."""
        entity: Entity = BytesParser(policy=compat32).parsebytes(self.raw(message.provider_id))
        for index in part_id.split(".") if entity.is_multipart() else ():
            children = _children(entity)
            if not index.isdigit() or int(index) >= len(children):
                raise NotFound("the message has no such part")
            entity = children[int(index)]
        if entity.get_content_maintype() == "message" and entity.is_multipart():
            return b"".join(child.as_bytes() for child in _children(entity))
        content = entity.get_payload(decode=True)
        return content if isinstance(content, bytes) else b""

    def _send(self, content: bytes, thread_id: str | None) -> Any:
        fields = {"threadId": thread_id} if thread_id else {}
        if len(content) <= _LARGEST_JSON_SEND_BYTES:
            raw = base64.urlsafe_b64encode(content).decode()
            body = json.dumps({**fields, "raw": raw}).encode()
            return self._client.send(body, "application/json", upload=False)
        boundary = f"postroom_{ids.new_token()}"
        body = (
            f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"
            f"{json.dumps(fields)}\r\n--{boundary}\r\nContent-Type: message/rfc822\r\n\r\n"
        ).encode()
        body += content + f"\r\n--{boundary}--\r\n".encode()
        return self._client.send(body, f"multipart/related; boundary={boundary}", upload=True)


def _quoted(value: str) -> str:
    return quote(value, safe="")


def _ref(raw: GmailMessage) -> MessageRef:
    return MessageRef(
        provider_id=ids.ProviderMessageId(raw.get("id", "")),
        provider_thread_id=ids.ProviderThreadId(raw.get("threadId", "")),
    )


def _sent(raw: GmailMessage) -> SentMessage:
    ref = _ref(raw)
    return SentMessage(provider_id=ref.provider_id, provider_thread_id=ref.provider_thread_id)


def _children(entity: Entity) -> list[Entity]:
    payload = entity.get_payload()
    listed = payload if isinstance(payload, list) else []
    return [child for child in listed if isinstance(child, Entity)]


def _find(payload: Part, wanted: str) -> Part:
    for part in walk(payload):
        if part_id(part) == wanted and not part.get("mimeType", "").startswith("multipart/"):
            return part
    raise NotFound("the message has no such part")


def _no_edit(message: Message) -> MessageEdit:
    return MessageEdit(
        message_id=message.id,
        provider_id=message.provider_id,
        provider_thread_id=message.provider_thread_id,
        version=message.version,
    )


def _edit(message: Message, answer: GmailMessage) -> MessageEdit:
    """Turn the labels after a change into the change; Gmail tells no history id with them."""
    labels = frozenset(FolderId(label) for label in answer.get("labelIds") or ())
    return replace(
        _no_edit(message),
        version=max(message.version, int(answer.get("historyId") or 0)),
        add=labels,
        remove=frozenset(message.folders) - labels,
        unread=UNREAD in labels,
        starred=STARRED in labels,
    )
