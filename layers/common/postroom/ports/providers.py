"""What Postroom needs from a mail provider."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from postroom.domain.account import ProviderName
from postroom.domain.audit import ListedIds, MailboxTotals
from postroom.domain.credentials import Authorization, Tokens
from postroom.domain.draft import DraftChange, ProviderDraft
from postroom.domain.errors import ConnectionRefused
from postroom.domain.folder import Folder, FolderColors, FolderRole
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
from postroom.ports.quota import Budget
from postroom.ports.uploads import UploadReader


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTraits:
    """How a provider differs, as data."""

    required_scopes: frozenset[str]
    """Without any one of these an account cannot be synced, changed or sent from."""
    one_folder_per_message: bool
    """A message lies in exactly one folder; otherwise in any number of them, or in none."""
    has_categories: bool
    """Messages have categories beside folders."""
    has_folder_colors: bool
    """Folders have colours of their owner's choice."""
    exact_versions: bool
    """Two states of a message never bear the same version. Where they may, a change is followed by
    a look at what the provider has, and a message that comes back may bear the version it had."""
    folder_names: Mapping[str, FolderRole] = field(default_factory=dict, hash=False)
    """Names, in lower case, that the provider takes in the place of a folder's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRequest:
    """What the consent page has to be told."""

    redirect_uri: str
    state: str
    nonce: str
    code_challenge: str
    """S256 of RFC 7636."""
    login_hint: str = ""


class AccessTokenSource(Protocol):
    """Gives a mailbox its access token, and a fresh one when the provider refused the last."""

    def current(self) -> str:
        """Return a token that should work. Raises ReauthRequired, Retryable, Misconfigured."""

    def replace(self, refused: str) -> str:
        """Return another token than the refused one. Raises as `current`."""


class Mailbox(Protocol):
    """One account's mailbox at its provider.

    Every call may raise Retryable, ReauthRequired, MailboxUnavailable, Misconfigured or Rejected.
    """

    def folders(self) -> Sequence[Folder]:
        """List all folders with their counts."""

    def totals(self) -> MailboxTotals:
        """Count the messages of the whole mailbox and of every folder, without reading any."""

    def listed_ids(self, folder: Folder | None, position: str) -> ListedIds:
        """List the next messages of a folder by their ids; an empty position begins.

        None lists all mail, where messages may lie in no folder or in several. A message that comes
        or goes meanwhile may be listed or not. Raises NotFound for a folder that is gone, and
        CursorExpired for a position that the provider no longer knows.
        """

    def search(self, query: str, *, limit: int, position: str) -> ListedIds:
        """Search in the provider's own language; answers ids, newest first, drafts among them.

        An empty position begins. `limit` (at most 500) is what is asked for: where the provider
        keeps to the size of its first page, a later one may hold more. Raises Rejected for a query
        that the provider cannot read, CursorExpired for a position that it no longer knows.
        """

    def sync_units(self) -> Sequence[SyncUnit]:
        """Return all units as they begin, with a cursor of this moment where they can have one."""

    def changes(self, cursors: Mapping[SyncUnitId, Cursor]) -> UnitPages[ChangePage]:
        """Return the next changes of some units, the first ones named, several at once."""

    def backfill(self, positions: Mapping[SyncUnitId, str]) -> UnitPages[BackfillPage]:
        """Return the next messages of some units, as `changes`; an empty position begins."""

    def fetch(self, refs: Sequence[MessageRef]) -> FetchResult:
        """Fetch messages with their content, grouped as is cheapest."""

    def stub(self, ref: MessageRef) -> FullMessage:
        """Return what can be said about a message that cannot be read. Raises NotFound."""

    def start_watch(self, address: str, *, secret: str) -> Watch | None:
        """Have the provider ring when anything in the mailbox changes, in place of an older watch.

        It rings at the address, and with the secret, where it lets an application choose those.
        None when the provider config has nowhere to ring. Raises Misconfigured when the provider
        cannot ring there, which is no fault of the account.
        """

    def renew_watch(self, watch: Watch) -> Watch:
        """Return the watch with a later end. Raises NotFound when it is gone: start another one."""

    def stop_watch(self, watch: Watch) -> None:
        """Have the provider ring no more; a watch that is gone is fine."""

    def apply(
        self, message: Message, change: MessageChange, *, folders: Mapping[FolderId, Folder]
    ) -> MessageEdit:
        """Change flags, categories and folders. Raises NotFound, Rejected.

        `folders` are those that the change names, at least.
        """

    def trash(self, message: Message) -> MessageEdit:
        """Move a message to the trash. Raises NotFound."""

    def apply_to_all(
        self,
        messages: Sequence[Message],
        change: MessageChange,
        *,
        folders: Mapping[FolderId, Folder],
    ) -> Iterator[ManyEdits]:
        """Change flags and folders of several messages, as `apply`, in as few calls as it takes.

        Each bunch is told when it has been done; store it before asking for the next, which may
        raise what stands in the way of all that are left.
        """

    def trash_all(self, messages: Sequence[Message]) -> Iterator[ManyEdits]:
        """Move several messages to the trash, as `apply_to_all`."""

    def delete(self, message: Message) -> None:
        """Delete a message for good. Raises NotFound, Rejected where the scopes forbid it."""

    def create_folder(
        self, name: str, parent: Folder | None, *, colors: FolderColors | None = None
    ) -> Folder:
        """Make a folder, in another one where a parent is given.

        `colors` only where the traits say that folders have them. Raises Rejected, also for a name
        that is taken, and NotFound.
        """

    def update_folder(
        self,
        folder: Folder,
        *,
        name: str,
        parent: Folder | None,
        colors: FolderColors | None = None,
    ) -> Folder:
        """Give a folder this name and this parent (None: no parent), and colours if any are given.

        Its folder id stays. Raises Rejected, also for a name that is taken, and NotFound.
        """

    def delete_folder(self, folder: Folder) -> None:
        """Delete a folder, or put it into the trash as the provider does. Raises as above."""

    def senders(self) -> Sequence[Sender]:
        """Return the addresses that the account may send from, its own first."""

    def send(self, message: OutgoingMessage, *, again: bool = False) -> SentMessage:
        """Send a message once. Raises Rejected, Retryable (not sent), OutcomeUnknown.

        `again`: an earlier attempt, which sent nothing, may have left something behind.
        """

    def transfer(
        self,
        message: OutgoingMessage,
        *,
        files: UploadReader,
        mark: TransferMark,
        note: Callable[[TransferMark], None],
        until: datetime,
    ) -> SentMessage | None:
        """Send a message of any size, once, piece by piece; None: the time was up before the end.

        `note` keeps a mark before anything depends on it. Whoever goes on gives the mark that was
        noted last (in the beginning an empty one) and the same message; what was sent under it is
        never sent again. Raises as `send`; after Retryable it is gone on with as after None.
        """

    def abandon(self, mark: TransferMark) -> None:
        """Take back what was handed over of a message that nobody goes on with."""

    def find_sent(
        self, message_id: InternetMessageId, *, since: datetime | None = None
    ) -> SentMessage | None:
        """Look a message up by the Message-ID it was sent with.

        Nothing that left before `since` is meant: a key that comes free may be used for the same
        message again, which then has the same Message-ID. None: however long ago.
        """

    def create_draft(self, message: OutgoingMessage, *, starred: bool) -> ProviderDraft:
        """Make a draft. Raises Rejected, TooLarge, Retryable.

        After a lost answer it is looked for; yet where that fails too, it may be there.
        """

    def find_draft(
        self, message_id: InternetMessageId, *, since: datetime | None = None
    ) -> ProviderDraft | None:
        """Look a draft up by its Message-ID, one that was not made before `since`."""

    def update_draft(self, draft: Message, change: DraftChange) -> ProviderDraft:
        """Write a change into a draft as it is now; may be repeated. Raises NotFound, Rejected.

        What the change does not name stays: files, what it answers, its Message-ID, its header
        fields. Raises InvalidRequest for what cannot be changed in a draft of this provider.
        """

    def delete_draft(self, draft: Message) -> None:
        """Delete a draft as the provider does, for ever or into the trash. Raises NotFound."""

    def send_draft(self, draft: Message, *, from_alias: bool = False) -> SentMessage:
        """Send a draft, which is none then. Raises NotFound, Rejected, Retryable, OutcomeUnknown.

        No draft is ever sent twice, however often this is asked. `from_alias`: its author is
        another address than the account's own; one that is no sender of the account's any more is
        Rejected.
        """

    def sent_draft(self, draft: Message) -> SentMessage | None:
        """Tell what became of a draft that was to be sent; None while it still is a draft.

        Raises NotFound when neither the draft is there nor a message that it became.
        """

    def attachment(self, message: Message, part_id: str) -> bytes:
        """Return an attachment's bytes. Raises NotFound."""

    def raw(self, provider_id: ProviderMessageId) -> bytes:
        """Return a message in its MIME form (RFC 5322). Raises NotFound."""


class MailProvider(Protocol):
    """A provider with the administrator's OAuth client."""

    traits: ProviderTraits

    def asked_scopes(self) -> frozenset[str]:
        """Return the scopes that every consent asks for."""

    def missing_scopes(self, wanted: Collection[str], *, among: Collection[str]) -> frozenset[str]:
        """Return those wanted that some scopes neither are, in another form, nor contain."""

    def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return the address of the consent page."""

    def admin_consent_url(self, *, redirect_uri: str, state: str) -> str | None:
        """Return where an administrator allows the application for an organisation, if they can."""

    def consent_refusal(
        self, *, error: str, description: str, redirect_uri: str
    ) -> ConnectionRefused:
        """Return what a person should be told who comes back from the consent page without a code.

        `error` and `description` are what the provider sent along (RFC 6749 section 4.1.2.1).
        """

    def exchange_code(
        self, *, code: str, redirect_uri: str, code_verifier: str, nonce: str
    ) -> Authorization:
        """Trade the code for tokens. Raises ConnectionRefused, Retryable, Misconfigured."""

    def authorization_of(self, refresh_token: str) -> Authorization:
        """Tell what a refresh token stands for that somebody else obtained for our client.

        Raises ConnectionRefused, Retryable, Misconfigured.
        """

    def refresh(self, tokens: Tokens) -> Tokens:
        """Renew tokens. Raises ReauthRequired, Retryable, Misconfigured."""

    def revoke(self, tokens: Tokens) -> None:
        """Withdraw the consent; one that is gone already is fine. Raises Retryable."""

    def mailbox(
        self, account_id: AccountId, tokens: AccessTokenSource, budget: Budget | None = None
    ) -> Mailbox:
        """Open an account's mailbox. Calls nothing yet.

        The budget pays for its calls, which raise BudgetSpent when it cannot. Without one they are
        not counted: those that only look whether there is a mailbox, before there is an account.
        """


class Providers(Protocol):
    """The providers that the administrator has configured."""

    def get(self, provider: ProviderName, registration_id: str = "") -> MailProvider:
        """Return a provider, with the provider config's own client or another one.

        Raises Misconfigured when it has no provider config, or there is no such client.
        """


class MailDomains(Protocol):
    """Which provider serves a domain's mail."""

    def provider_of(self, domain: str) -> str | None:
        """Return a provider by the contract's name, one that we can connect or another.

        None when nothing tells, also when nobody answers in time.
        """
