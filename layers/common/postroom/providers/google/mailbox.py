"""A Gmail mailbox behind the port `Mailbox`: one sync unit, labels as folders."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from email.message import Message as Entity
from email.parser import BytesParser
from email.policy import compat32
from typing import Any

from postroom.domain.audit import ListedIds, MailboxTotals
from postroom.domain.draft import DraftChange, ProviderDraft
from postroom.domain.errors import NotFound, Rejected, TooLarge
from postroom.domain.folder import Folder, FolderColors
from postroom.domain.ids import AccountId, FolderId, InternetMessageId, ProviderMessageId
from postroom.domain.message import (
    FullMessage,
    Message,
    MessageChange,
    MessageEdit,
)
from postroom.domain.mime import render
from postroom.domain.outgoing import OutgoingMessage, SentMessage
from postroom.domain.sender import Sender
from postroom.domain.sync import (
    BackfillPage,
    ChangePage,
    Cursor,
    FetchResult,
    MessageRef,
    SyncUnit,
    SyncUnitId,
    UnitPages,
    Watch,
)
from postroom.domain.thread import ManyEdits
from postroom.domain.upload import TransferMark
from postroom.ports import Clock, UploadReader
from postroom.providers.decoding import from_base64url
from postroom.providers.google import message_ids
from postroom.providers.google.bulk_changes import BulkChanges
from postroom.providers.google.client import LARGEST_RAW_BYTES, GmailClient
from postroom.providers.google.drafts import Drafts
from postroom.providers.google.endpoints import quoted
from postroom.providers.google.fetching import MessageFetcher
from postroom.providers.google.history import message_ref
from postroom.providers.google.labels import Labels, label_changes
from postroom.providers.google.listing import MailboxListing
from postroom.providers.google.mapping import (
    STARRED,
    UNREAD,
    attachment_token,
    map_message,
    part_id,
    walk,
)
from postroom.providers.google.outgoing import packed
from postroom.providers.google.send_as import SendAsAddresses
from postroom.providers.google.sync_unit import MailboxUnit
from postroom.providers.google.transferring import MessageTransfer
from postroom.providers.google.types import GmailMessage, Part
from postroom.providers.google.watching import Watches
from postroom.providers.mail_content import BROKEN_CONTENT, marked_unreadable, unreadable
from postroom.providers.message_limits import GMAIL
from postroom.providers.refusals import InsufficientScope, ServerFailed


class GmailMailbox:
    """One account's mailbox. See ports.Mailbox for what each method means and raises."""

    def __init__(
        self, client: GmailClient, account_id: AccountId, clock: Clock, *, topic_name: str = ""
    ) -> None:
        self._client = client
        self._account_id = account_id
        self._clock = clock
        self._unit = MailboxUnit(client, account_id, clock)
        self._drafts = Drafts(client, clock)
        self._send_as = SendAsAddresses(client)
        self._fetcher = MessageFetcher(client, account_id, self._drafts)
        self._labels = Labels(client)
        self._bulk_changes = BulkChanges(client)
        self._watches = Watches(client, topic_name)
        self._listing = MailboxListing(client, self._labels)

    # ── Reading ──────────────────────────────────────────────────────────────────────────

    def folders(self) -> Sequence[Folder]:
        """List all labels, with their counts."""
        return self._labels.all()

    def totals(self) -> MailboxTotals:
        """Count all mail and every label."""
        return self._listing.totals()

    def listed_ids(self, folder: Folder | None, position: str) -> ListedIds:
        """List up to 500 ids of a label or of all mail, newest first."""
        return self._listing.listed_ids(folder, position)

    def search(self, query: str, *, limit: int, position: str) -> ListedIds:
        """Search as in Gmail's search box; spam and trash are left out unless it names them."""
        return self._listing.search(query, limit, position)

    def sync_units(self) -> Sequence[SyncUnit]:
        """Return the one unit that a Gmail mailbox is."""
        return self._unit.sync_units()

    def changes(self, cursors: Mapping[SyncUnitId, Cursor]) -> UnitPages[ChangePage]:
        """Return the next page of the mailbox's history."""
        return self._unit.changes(cursors)

    def backfill(self, positions: Mapping[SyncUnitId, str]) -> UnitPages[BackfillPage]:
        """Return the next page of the mailbox's listing."""
        return self._unit.backfill(positions)

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
        return marked_unreadable(full)

    def attachment(self, message: Message, part_id: str) -> bytes:
        """Return an attachment's bytes, by its part: Gmail's attachment ids change."""
        path = f"messages/{quoted(message.provider_id)}"
        answer: GmailMessage = self._client.get(path, {"format": "full", "fields": "payload"})
        part = _find(answer.get("payload") or {}, part_id)
        data = (part.get("body") or {}).get("data")
        if data:
            return from_base64url(data)
        token = attachment_token(part)
        if not token:
            return self._attached_message(message, part_id)
        found = self._client.get(
            f"{path}/attachments/{quoted(token)}", largest_bytes=LARGEST_RAW_BYTES
        )
        return from_base64url(found.get("data", ""))

    def raw(self, provider_id: ProviderMessageId) -> bytes:
        """Return the message as Gmail received it."""
        answer = self._client.get(
            f"messages/{quoted(provider_id)}",
            {"format": "raw", "fields": "raw"},
            largest_bytes=LARGEST_RAW_BYTES,
        )
        return from_base64url(answer.get("raw", ""))

    # ── Watching ─────────────────────────────────────────────────────────────────────────

    def start_watch(
        self,
        address: str,  # noqa: ARG002 - Pub/Sub knows where to push,
        *,
        secret: str,  # noqa: ARG002 - and proves with a token that it is Pub/Sub
    ) -> Watch | None:
        """Have Gmail publish to the topic of the provider config."""
        return self._watches.start()

    def renew_watch(self, watch: Watch) -> Watch:  # noqa: ARG002 - there is one at most
        """Watch the mailbox again, from now on."""
        return self._watches.renew()

    def stop_watch(self, watch: Watch) -> None:  # noqa: ARG002 - as above
        """Have Gmail publish no more."""
        self._watches.stop()

    # ── Changing ─────────────────────────────────────────────────────────────────────────

    def apply(
        self,
        message: Message,
        change: MessageChange,
        *,
        folders: Mapping[FolderId, Folder],  # noqa: ARG002 - a label's id is its name at Gmail
    ) -> MessageEdit:
        """Add and remove labels; flags are labels too."""
        labels = label_changes(message, change)
        if not labels.add and not labels.remove:
            return _no_edit(message)  # Gmail refuses it: "No label add or removes specified".
        path = f"messages/{quoted(message.provider_id)}/modify"
        body = {"addLabelIds": sorted(labels.add), "removeLabelIds": sorted(labels.remove)}
        return _edit(message, self._client.change(path, body))

    def trash(self, message: Message) -> MessageEdit:
        """Move a message to the trash, where Gmail keeps it for 30 days."""
        path = f"messages/{quoted(message.provider_id)}/trash"
        return _edit(message, self._client.change(path, {}))

    def apply_to_all(
        self,
        messages: Sequence[Message],
        change: MessageChange,
        *,
        folders: Mapping[FolderId, Folder],  # noqa: ARG002 - as above
    ) -> Iterator[ManyEdits]:
        """Add and remove labels, of up to a thousand messages at a time."""
        return self._bulk_changes.apply(messages, change)

    def trash_all(self, messages: Sequence[Message]) -> Iterator[ManyEdits]:
        """Move messages to the trash, up to a thousand at a time."""
        return self._bulk_changes.trash(messages)

    def delete(self, message: Message) -> None:
        """Delete a message for good, which only the scope https://mail.google.com/ allows."""
        try:
            self._client.delete(f"messages/{quoted(message.provider_id)}")
        except InsufficientScope as error:
            raise Rejected(
                "deleting for good needs the scope https://mail.google.com/, which this account "
                "has not granted; a message can be moved to the trash",
                provider_code=error.provider_code,
                provider_message=error.provider_message,
            ) from error

    def create_folder(
        self, name: str, parent: Folder | None, *, colors: FolderColors | None = None
    ) -> Folder:
        """Make a label; one in another has that one's name in its own."""
        return self._labels.create(name, parent, colors)

    def update_folder(
        self,
        folder: Folder,
        *,
        name: str,
        parent: Folder | None,
        colors: FolderColors | None = None,
    ) -> Folder:
        """Rename a label, and with it all those inside."""
        return self._labels.update(folder, name, parent, colors)

    def delete_folder(self, folder: Folder) -> None:
        """Delete a label. Its messages stay, and so do the labels inside."""
        self._labels.delete(folder)

    # ── Sending ──────────────────────────────────────────────────────────────────────────

    def senders(self) -> Sequence[Sender]:
        """Return the account's own address, then the aliases that have been verified."""
        return self._send_as.usable()

    def send(
        self,
        message: OutgoingMessage,
        *,
        again: bool = False,  # noqa: ARG002 - nothing is left behind
    ) -> SentMessage:
        """Send a message, into its thread where that still exists."""
        content = message.mime or render(message, include_bcc=True)
        if len(content) > GMAIL.message_bytes:
            raise Rejected(f"The message has {len(content):,} bytes. {GMAIL.sentence()}")
        if message.from_alias:
            self._send_as.check(message.from_)
        thread_id = message.answered.provider_thread_id if message.answered else None
        try:
            answer = self._send(content, thread_id)
        except NotFound:
            if thread_id is None:
                raise Rejected("Gmail refuses to send the message") from None
            answer = self._send(content, None)
        return _sent(answer)

    def transfer(
        self,
        message: OutgoingMessage,
        *,
        files: UploadReader,
        mark: TransferMark,
        note: Callable[[TransferMark], None],
        until: datetime,
    ) -> SentMessage | None:
        """Send a message by an upload in pieces."""
        way = MessageTransfer(
            self._client, self._clock, message, send_as=self._send_as, files=files, note=note
        )
        done = way.go_on(mark, until=until)
        return None if done is None else _sent(done)

    def abandon(self, mark: TransferMark) -> None:
        """Do nothing: Gmail forgets an upload that is not finished, within a week."""

    def find_sent(
        self, message_id: InternetMessageId, *, since: datetime | None = None
    ) -> SentMessage | None:
        """Search by Message-ID among what was sent, wherever it lies now."""
        params: dict[str, str | int | list[str]] = {
            "q": message_ids.query(message_id),
            "labelIds": "SENT",
            "includeSpamTrash": "true",
            "maxResults": message_ids.MOST_FOUND,
        }
        for found in self._client.get("messages", params).get("messages", []):
            raw = self._message(found["id"], "metadata")
            if message_ids.bears(raw, message_id, since=since):
                return _sent(found)
        return None

    # ── Drafts ───────────────────────────────────────────────────────────────────────────

    def create_draft(self, message: OutgoingMessage, *, starred: bool) -> ProviderDraft:
        """Make a draft, in the thread of what it answers where that still exists."""
        return self._drafts.create(message, starred=starred)

    def find_draft(
        self, message_id: InternetMessageId, *, since: datetime | None = None
    ) -> ProviderDraft | None:
        """Search the drafts by Message-ID."""
        return self._drafts.find(message_id, since=since)

    def update_draft(self, draft: Message, change: DraftChange) -> ProviderDraft:
        """Replace the draft's message by one with the change in it."""
        return self._drafts.update(draft, change)

    def delete_draft(self, draft: Message) -> None:
        """Delete a draft for ever."""
        self._drafts.delete(draft.provider_draft_id)

    def send_draft(self, draft: Message, *, from_alias: bool = False) -> SentMessage:
        """Send a draft: another message takes its place."""
        if from_alias:
            for author in draft.from_:
                self._send_as.check(author)
        return _sent(self._drafts.send(draft.provider_draft_id))

    def sent_draft(self, draft: Message) -> SentMessage | None:
        """Look for the draft, then for a sent message with its Message-ID."""
        if self._drafts.is_there(draft.provider_draft_id):
            return None
        sent = self.find_sent(draft.internet_message_id) if draft.internet_message_id else None
        if sent is None:
            raise NotFound("Gmail has neither the draft nor a sent message with its Message-ID")
        return sent

    # ── Calls ────────────────────────────────────────────────────────────────────────────

    def _message(self, provider_id: ProviderMessageId, form: str) -> GmailMessage:
        raw: GmailMessage = self._client.get(f"messages/{quoted(provider_id)}", {"format": form})
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
        body, content_type, upload = packed(content, thread_id)
        return self._client.send(body, content_type, upload=upload)


def _sent(raw: GmailMessage) -> SentMessage:
    ref = message_ref(raw)
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
        is_complete=True,
        unread=UNREAD in labels,
        starred=STARRED in labels,
    )
