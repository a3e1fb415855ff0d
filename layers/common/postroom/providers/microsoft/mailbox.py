"""An Outlook mailbox behind the port `Mailbox`: every folder is a sync unit, and their list is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from postroom.domain.audit import ListedIds, MailboxTotals
from postroom.domain.draft import DraftChange, ProviderDraft
from postroom.domain.errors import NotFound, Rejected, TooLarge
from postroom.domain.folder import Folder, FolderColors
from postroom.domain.ids import AccountId, FolderId, InternetMessageId, ProviderMessageId
from postroom.domain.message import FullMessage, Message, MessageChange, MessageEdit
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
from postroom.ports import UploadReader
from postroom.providers.mail_content import BROKEN_CONTENT, marked_unreadable, unreadable
from postroom.providers.microsoft import paths
from postroom.providers.microsoft.bulk_changes import BulkChanges
from postroom.providers.microsoft.changing import MessageChanger
from postroom.providers.microsoft.client import LARGEST_RAW_BYTES, GraphClient
from postroom.providers.microsoft.drafting import Drafts
from postroom.providers.microsoft.errors import AccessDenied
from postroom.providers.microsoft.fetching import MessageFetcher
from postroom.providers.microsoft.folders import Folders
from postroom.providers.microsoft.listing import MailboxListing
from postroom.providers.microsoft.mapping import DESCRIPTION_PROPERTIES, map_message
from postroom.providers.microsoft.sending import MessageSender
from postroom.providers.microsoft.subscriptions import Subscriptions
from postroom.providers.microsoft.transferring import MessageTransfer, abandon
from postroom.providers.microsoft.units import AT_ONCE, UnitReader
from postroom.providers.refusals import ServerFailed


class GraphMailbox:
    """One account's mailbox. See ports.Mailbox for what each method means and raises."""

    def __init__(self, client: GraphClient, account_id: AccountId) -> None:
        self._client = client
        self._account_id = account_id
        self._folders = Folders(client, account_id)
        self._fetcher = MessageFetcher(client, account_id, self._folders)
        self._units = UnitReader(client, account_id, self._folders, self._fetcher)
        self._changer = MessageChanger(client, account_id)
        self._bulk_changes = BulkChanges(client, self._changer)
        self._listing = MailboxListing(client, self._folders)
        self._sender = MessageSender(client, self._folders)
        self._drafts = Drafts(client, self._sender)
        self._subscriptions = Subscriptions(client)

    # ── Reading ──────────────────────────────────────────────────────────────────────────

    def folders(self) -> Sequence[Folder]:
        """List all visible folders, of every depth."""
        return self._folders.all()

    def totals(self) -> MailboxTotals:
        """Count all mail and every visible folder."""
        return self._listing.totals()

    def listed_ids(self, folder: Folder | None, position: str) -> ListedIds:
        """List up to 500 ids of a folder."""
        return self._listing.listed_ids(folder, position)

    def search(self, query: str, *, limit: int, position: str) -> ListedIds:
        """Search in Outlook's keyword language, everywhere; it finds a thousand at most."""
        return self._listing.search(query, limit, position)

    def sync_units(self) -> Sequence[SyncUnit]:
        """Return a unit for every visible folder; only that of the folders has a cursor yet."""
        return self._folders.units()

    def changes(self, cursors: Mapping[SyncUnitId, Cursor]) -> UnitPages[ChangePage]:
        """Return the next changes of the first units named, two at once."""
        return self._units.changes(cursors)

    def backfill(self, positions: Mapping[SyncUnitId, str]) -> UnitPages[BackfillPage]:
        """Return the next messages of the first units named, two at once, newest first."""
        return self._units.backfill(positions)

    def fetch(self, refs: Sequence[MessageRef]) -> FetchResult:
        """Fetch messages by their ids; one in a folder that is not visible counts as deleted."""
        return self._fetcher.fetch(refs, places=AT_ONCE)

    def stub(self, ref: MessageRef) -> FullMessage:
        """Return what describes the message, or, where Outlook fails on that too, its id alone."""
        path = paths.message(ref.provider_id)
        try:
            raw = self._client.get(path, {"$select": DESCRIPTION_PROPERTIES})
            full = map_message({**raw, "id": ref.provider_id}, self._account_id)
        except (ServerFailed, Rejected, AccessDenied, TooLarge, *BROKEN_CONTENT):
            return unreadable(ref, self._account_id)
        return marked_unreadable(full)

    def attachment(self, message: Message, part_id: str) -> bytes:
        """Return a file's bytes, or an attached message in its MIME form."""
        path = paths.attachment(message.provider_id, part_id, "$value")
        return self._client.read(path, largest_bytes=LARGEST_RAW_BYTES)

    def raw(self, provider_id: ProviderMessageId) -> bytes:
        """Return the message as Exchange puts it into MIME."""
        path = paths.message(provider_id, "$value")
        return self._client.read(path, largest_bytes=LARGEST_RAW_BYTES)

    # ── Watching ─────────────────────────────────────────────────────────────────────────

    def start_watch(self, address: str, *, secret: str) -> Watch:
        """Subscribe to all messages of the mailbox, with the secret as their clientState."""
        return self._subscriptions.start(address, secret)

    def renew_watch(self, watch: Watch) -> Watch:
        """Let the subscription live for seven days more."""
        return self._subscriptions.renew(watch)

    def stop_watch(self, watch: Watch) -> None:
        """Delete the subscription."""
        self._subscriptions.stop(watch)

    # ── Changing ─────────────────────────────────────────────────────────────────────────

    def apply(
        self, message: Message, change: MessageChange, *, folders: Mapping[FolderId, Folder]
    ) -> MessageEdit:
        """Set flags and categories, and move the message to the one folder it shall lie in."""
        return self._changer.apply(message, change, folders=folders)

    def trash(self, message: Message) -> MessageEdit:
        """Move a message to the deleted items."""
        return self._changer.trash(message)

    def apply_to_all(
        self,
        messages: Sequence[Message],
        change: MessageChange,
        *,
        folders: Mapping[FolderId, Folder],
    ) -> Iterator[ManyEdits]:
        """Set flags and categories, and move the messages to a folder, twenty at a time."""
        return self._bulk_changes.apply(messages, change, folders=folders)

    def trash_all(self, messages: Sequence[Message]) -> Iterator[ManyEdits]:
        """Move messages to the deleted items, twenty at a time."""
        return self._bulk_changes.trash(messages)

    def delete(self, message: Message) -> None:
        """Delete a message for good."""
        self._changer.delete(message)

    def create_folder(
        self,
        name: str,
        parent: Folder | None,
        *,
        colors: FolderColors | None = None,  # noqa: ARG002 - Outlook's folders have none
    ) -> Folder:
        """Make a folder, on top or in another one."""
        return self._folders.create(name, parent)

    def update_folder(
        self,
        folder: Folder,
        *,
        name: str,
        parent: Folder | None,
        colors: FolderColors | None = None,  # noqa: ARG002 - as above
    ) -> Folder:
        """Rename and move a folder with all that it holds."""
        return self._folders.update(folder, name=name, parent=parent)

    def delete_folder(self, folder: Folder) -> None:
        """Move a folder, with all that it holds, below the deleted items."""
        self._folders.delete(folder)

    # ── Sending ──────────────────────────────────────────────────────────────────────────

    def senders(self) -> Sequence[Sender]:
        """Return the mailbox's address and its aliases."""
        return self._sender.senders()

    def send(self, message: OutgoingMessage, *, again: bool = False) -> SentMessage:
        """Send a message as a draft of its own, into the conversation that it takes up."""
        return self._sender.send(message, again=again)

    def transfer(
        self,
        message: OutgoingMessage,
        *,
        files: UploadReader,
        mark: TransferMark,
        note: Callable[[TransferMark], None],
        until: datetime,
    ) -> SentMessage | None:
        """Send a message as a draft of its own, whose large files are put in piece by piece."""
        way = MessageTransfer(self._client, self._sender, message, files=files, note=note)
        return way.go_on(mark, until=until)

    def abandon(self, mark: TransferMark) -> None:
        """Delete the draft, unless it has left."""
        abandon(self._client, self._sender, mark)

    def find_sent(
        self, message_id: InternetMessageId, *, since: datetime | None = None
    ) -> SentMessage | None:
        """Look for what was sent with this Message-ID, wherever it lies now."""
        return self._sender.find_sent(message_id, since=since)

    # ── Drafts ───────────────────────────────────────────────────────────────────────────

    def create_draft(self, message: OutgoingMessage, *, starred: bool) -> ProviderDraft:
        """Make a draft, in the conversation of what it answers where that still exists."""
        return self._drafts.create(message, starred=starred)

    def find_draft(
        self, message_id: InternetMessageId, *, since: datetime | None = None
    ) -> ProviderDraft | None:
        """Look for the draft that bears this Message-ID."""
        return self._drafts.find(message_id, since=since)

    def update_draft(self, draft: Message, change: DraftChange) -> ProviderDraft:
        """Write a change into a draft, which keeps its id."""
        return self._drafts.update(draft, change)

    def delete_draft(self, draft: Message) -> None:
        """Move a draft to the deleted items."""
        self._drafts.delete(draft)

    def send_draft(
        self,
        draft: Message,
        *,
        from_alias: bool = False,  # noqa: ARG002 - Outlook refuses what is none any more
    ) -> SentMessage:
        """Send a draft, which keeps its id."""
        return self._drafts.send(draft)

    def sent_draft(self, draft: Message) -> SentMessage | None:
        """Ask for the message, which keeps its id; one that was moved on is found by Message-ID."""
        try:
            return self._drafts.sent(draft)
        except NotFound:
            sent = self._sender.find_sent(draft.internet_message_id)
            if sent is None:
                raise
            return sent
