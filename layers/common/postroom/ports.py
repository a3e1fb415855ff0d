"""What Postroom needs from outside: Protocols only. Every time is aware and UTC."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from postroom.domain.account import Account, Identity, ProviderName
from postroom.domain.application import ApplicationProfile, RedirectUri
from postroom.domain.connection import AuthorizationCode, BearerToken, ConnectionRequest
from postroom.domain.credentials import Authorization, Tokens
from postroom.domain.folder import Folder
from postroom.domain.ids import (
    AccountId,
    InternetMessageId,
    MessageId,
    OutboxId,
    ProviderMessageId,
)
from postroom.domain.message import (
    Attachment,
    FullMessage,
    Message,
    MessageChange,
    MessageContent,
    MessageEdit,
    Position,
    View,
)
from postroom.domain.outgoing import OutboxEntry, OutgoingMessage, SentMessage
from postroom.domain.provider_config import ProviderConfig
from postroom.domain.sync import (
    Backfill,
    BackfillPage,
    ChangePage,
    Cursor,
    FetchResult,
    Lane,
    Lease,
    MessageRef,
    PendingFetch,
    SyncState,
    SyncUnitId,
)

# ── Providers ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderTraits:
    """How a provider differs, as data."""

    required_scopes: frozenset[str]
    """Without any one of these an account cannot be synced, changed or sent from."""


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

    def pin_cursors(self) -> dict[SyncUnitId, Cursor]:
        """Return a cursor for each sync unit that stands at this moment."""

    def changes(self, unit: SyncUnitId, cursor: Cursor) -> ChangePage:
        """Return the next changes since the cursor. Raises CursorExpired."""

    def backfill(self, position: str) -> BackfillPage:
        """Return the next messages, newest first; an empty position begins."""

    def fetch(self, refs: Sequence[MessageRef]) -> FetchResult:
        """Fetch messages with their content, grouped as is cheapest."""

    def stub(self, ref: MessageRef) -> FullMessage:
        """Return what can be said about a message that cannot be read. Raises NotFound."""

    def apply(self, message: Message, change: MessageChange) -> MessageEdit:
        """Change flags and folders. Raises NotFound, Rejected."""

    def trash(self, message: Message) -> MessageEdit:
        """Move a message to the trash. Raises NotFound."""

    def delete(self, message: Message) -> None:
        """Delete a message for good. Raises NotFound, Rejected where the scopes forbid it."""

    def send(self, message: OutgoingMessage) -> SentMessage:
        """Send a message once. Raises Rejected, Retryable (not sent), OutcomeUnknown."""

    def find_sent(self, message_id: InternetMessageId) -> SentMessage | None:
        """Look a message up by the Message-ID it was sent with."""

    def attachment(self, message: Message, part_id: str) -> bytes:
        """Return an attachment's bytes. Raises NotFound."""

    def raw(self, provider_id: ProviderMessageId) -> bytes:
        """Return a message in its MIME form (RFC 5322). Raises NotFound."""


class MailProvider(Protocol):
    """A provider with the administrator's OAuth client."""

    traits: ProviderTraits

    def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return the address of the consent page."""

    def exchange_code(
        self, *, code: str, redirect_uri: str, code_verifier: str, nonce: str
    ) -> Authorization:
        """Trade the code for tokens. Raises ConnectionRefused, Retryable, Misconfigured."""

    def refresh(self, tokens: Tokens) -> Tokens:
        """Renew tokens. Raises ReauthRequired, Retryable, Misconfigured."""

    def revoke(self, tokens: Tokens) -> None:
        """Withdraw the consent; one that is gone already is fine. Raises Retryable."""

    def mailbox(self, account_id: AccountId, tokens: AccessTokenSource) -> Mailbox:
        """Open an account's mailbox. Calls nothing yet."""


class Providers(Protocol):
    """The providers that the administrator has configured."""

    def get(self, provider: ProviderName) -> MailProvider:
        """Return a provider. Raises Misconfigured when it has no provider config."""


# ── Secrets ──────────────────────────────────────────────────────────────────────────────────


class TokenVault(Protocol):
    """Keeps each account's tokens."""

    def read(self, account_id: AccountId) -> Tokens:
        """Return the newest tokens. Raises ReauthRequired when there are none."""

    def write(self, account_id: AccountId, tokens: Tokens) -> None:
        """Keep tokens in place of the old ones."""

    def delete(self, account_id: AccountId) -> None:
        """Forget an account's tokens; none is fine."""


class ClientSecretVault(Protocol):
    """Keeps the client secret of each provider config."""

    def read(self, provider: ProviderName) -> str:
        """Return the secret. Raises Misconfigured when there is none."""

    def write(self, provider: ProviderName, client_secret: str) -> None:
        """Keep a secret in place of the old one."""

    def delete(self, provider: ProviderName) -> None:
        """Forget a secret; none is fine."""


class DeploymentSecrets(Protocol):
    """The secrets that are made with the deployment."""

    def administrator_key(self) -> str:
        """Return the administrator's first API key."""

    def signing_key(self) -> bytes:
        """Return the key for page tokens and derived Message-IDs."""


# ── Stores ───────────────────────────────────────────────────────────────────────────────────


class ProviderConfigStore(Protocol):
    """Provider configs, one per provider."""

    def get(self, provider: ProviderName) -> ProviderConfig:
        """Return a config. Raises NotFound."""

    def all(self) -> Sequence[ProviderConfig]:
        """Return all configs, ordered by provider."""

    def create(self, config: ProviderConfig) -> None:
        """Add a config. Raises Conflict when the provider has one."""

    def replace(self, config: ProviderConfig) -> None:
        """Replace a config. Raises NotFound."""

    def delete(self, provider: ProviderName) -> None:
        """Remove a config. Raises NotFound."""


class ApplicationStore(Protocol):
    """The application's profile and return addresses."""

    def profile(self) -> ApplicationProfile:
        """Return the profile; an empty one when nothing was ever saved."""

    def save_profile(self, profile: ApplicationProfile) -> None:
        """Replace the profile."""

    def redirect_uris(self) -> Sequence[RedirectUri]:
        """Return all return addresses, oldest first."""

    def redirect_uri(self, redirect_uri_id: str) -> RedirectUri:
        """Return one. Raises NotFound."""

    def put_redirect_uri(self, redirect_uri: RedirectUri) -> None:
        """Add or replace one by its id."""

    def delete_redirect_uri(self, redirect_uri_id: str) -> None:
        """Remove one. Raises NotFound."""


class ConnectionStore(Protocol):
    """One-time things of a connection in progress. The key is a secret; its hash is stored."""

    def put_request(self, state: str, request: ConnectionRequest) -> None:
        """Remember a connection request under its state."""

    def take_request(self, state: str, *, browser_hash: str, now: datetime) -> ConnectionRequest:
        """Return and remove a request, once, for the browser that began it.

        Raises ConnectionRefused when it is unknown, used, expired or of another browser.
        """

    def put_code(self, code: str, authorization: AuthorizationCode) -> None:
        """Remember an application's code."""

    def take_code(self, code: str, *, now: datetime) -> AuthorizationCode:
        """Return and remove a code, once. Raises NotFound when unknown, used or expired."""

    def put_bearer(self, token: str, bearer: BearerToken) -> None:
        """Remember a token of ours."""

    def bearer(self, token: str, *, now: datetime) -> BearerToken:
        """Return what a token stands for. Raises NotFound when unknown, revoked or expired."""

    def delete_bearer(self, token: str) -> None:
        """Revoke a token; an unknown one is fine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFilter:
    """Which accounts a list shall hold."""

    provider: ProviderName | None = None
    email: str = ""
    valid: bool | None = None


class AccountStore(Protocol):
    """Accounts, and which identity belongs to which account."""

    def get(self, account_id: AccountId) -> Account:
        """Return an account, whatever its status. Raises NotFound."""

    def by_identity(self, identity: Identity) -> AccountId | None:
        """Return the account of a provider's subject."""

    def by_email(self, email: str) -> Sequence[AccountId]:
        """Return the accounts with this address, in any case."""

    def all(self) -> Iterable[Account]:
        """Iterate over all accounts, oldest first."""

    def create(self, account: Account) -> None:
        """Add an account and its identity. Raises Conflict when the identity has one."""

    def replace(self, account: Account) -> None:
        """Replace an account.

        Raises NotFound when it was deleted meanwhile, or is DELETING: that status has no way back.
        """

    def delete(self, account_id: AccountId) -> None:
        """Remove an account and its identity; none is fine."""


class FolderStore(Protocol):
    """The folders of each account."""

    def all(self, account_id: AccountId) -> Sequence[Folder]:
        """Return all folders of an account."""

    def replace_all(self, account_id: AccountId, folders: Sequence[Folder]) -> None:
        """Keep exactly these folders; writes only what differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutOutcome:
    """What became of a put: it lost against a newer version, or what it replaced."""

    won: bool
    is_new: bool = False


class MessageStore(Protocol):
    """Messages and the views they stand in.

    A message and its views are several rows; readers must check a message against the view they
    came by (`MessageFilter.matches`), since a crash may leave a row behind. None is ever lacking
    once `put` has returned.
    """

    def get(self, account_id: AccountId, message_id: MessageId) -> Message:
        """Return a message. Raises NotFound; so does a removed one."""

    def get_many(
        self, account_id: AccountId, message_ids: Sequence[MessageId]
    ) -> dict[MessageId, Message]:
        """Return those messages that exist. At most 100 ids."""

    def put(self, messages: Sequence[Message]) -> list[PutOutcome]:
        """Store messages of one account; each wins unless a newer version (or end) is there.

        Safe to repeat: the same version may be put again. Answers in the order of the messages.
        """

    def remove(self, account_id: AccountId, message_id: MessageId, version: int | None) -> bool:
        """Remove a message and remember its end, so that no older version returns.

        `version` None means an end whose version is unknown: what is stored ends at its own
        version. An end older than what is stored changes nothing. Answers whether it was there.
        """

    def positions(
        self,
        account_id: AccountId,
        view: View,
        *,
        limit: int,
        after: Position | None = None,
        newest: datetime | None = None,
        oldest: datetime | None = None,
    ) -> Sequence[Position]:
        """Return places in a view, newest first, after a place; both times belong to the range."""

    def erase(self, account_id: AccountId, *, limit: int) -> Sequence[MessageId]:
        """Erase some messages with all their rows; answers which. Empty means none is left."""


class ContentStore(Protocol):
    """Bodies and headers of messages."""

    def put_many(self, account_id: AccountId, contents: Mapping[MessageId, MessageContent]) -> None:
        """Keep the contents of messages, in parallel."""

    def get_many(
        self, account_id: AccountId, message_ids: Sequence[MessageId]
    ) -> dict[MessageId, MessageContent]:
        """Return those contents that exist, read in parallel."""

    def delete(self, account_id: AccountId, message_ids: Sequence[MessageId]) -> None:
        """Forget contents; unknown ones are fine."""


class DownloadStore(Protocol):
    """Puts large attachments where a client can fetch them itself."""

    def offer(self, account_id: AccountId, attachment: Attachment, content: bytes) -> str:
        """Keep bytes for a day and return an address that serves them for some minutes."""


class SyncStateStore(Protocol):
    """Cursors, dirty marks, leases and what is due. Writes with a lease raise LeaseLost."""

    def create(self, account_id: AccountId, *, due_at: datetime) -> None:
        """Begin an account's sync state; an existing one is left as it is and made due."""

    def get(self, account_id: AccountId) -> SyncState:
        """Return the state. Raises NotFound."""

    def ring(self, account_id: AccountId) -> bool:
        """Raise the dirty mark. False when the account has no sync state."""

    def acquire(
        self, account_id: AccountId, lane: Lane, *, now: datetime, lifetime: timedelta
    ) -> Lease | None:
        """Take the lease of a lane, or None while another holds it or there is no state.

        While the PRESENT lease is held the account is due when it expires.
        """

    def renew(self, lease: Lease, *, expires_at: datetime) -> None:
        """Hold the lease longer."""

    def save_cursors(self, lease: Lease, cursors: dict[SyncUnitId, Cursor]) -> None:
        """Move the named cursors; others stay."""

    def save_folders_synced(self, lease: Lease, at: datetime) -> None:
        """Note when the folders were last read."""

    def save_backfill(self, lease: Lease, backfill: Backfill) -> None:
        """Note the checkpoint of the first sync."""

    def release(
        self, lease: Lease, *, synced_at: datetime | None, due_at: datetime, error: str = ""
    ) -> bool:
        """Give the lease back unless the dirty mark has moved; tells whether it was given back.

        After False the lease is still held: its holder goes on with the dirty mark of `get`.
        `synced_at` None leaves the time of the last success as it is. The BACKFILL lane has no
        dirty mark and is always given back; `synced_at` and `due_at` count for PRESENT alone.
        """

    def abandon(self, lease: Lease, *, due_at: datetime, error: str) -> None:
        """Give the lease back whatever the dirty mark says; a lost one is fine."""

    def pause(self, account_id: AccountId, until: datetime) -> None:
        """Let no worker call the provider before this time; a later pause wins."""

    def due(self, *, now: datetime, limit: int) -> Sequence[AccountId]:
        """Return accounts that are due, those that waited longest first."""

    def defer(self, account_id: AccountId, *, until: datetime) -> None:
        """Make an account due later (its worker has been called).

        Changes nothing while the PRESENT lease is held: its end is the better time.
        """

    def delete(self, account_id: AccountId) -> None:
        """Remove the state; none is fine."""


class PendingFetchStore(Protocol):
    """Messages that still have to be fetched."""

    def put(self, account_id: AccountId, pending: Sequence[PendingFetch]) -> None:
        """Remember fetches, in place of older entries for the same messages."""

    def due(self, account_id: AccountId, *, now: datetime, limit: int) -> Sequence[PendingFetch]:
        """Return fetches whose time has come."""

    def settle(self, account_id: AccountId, provider_ids: Sequence[ProviderMessageId]) -> None:
        """Forget fetches; unknown ones are fine."""

    def erase(self, account_id: AccountId) -> None:
        """Forget all of an account's fetches."""


class ListedMarks(Protocol):
    """Which messages one reading of a whole mailbox has listed. Marks vanish after a month."""

    def mark(
        self, account_id: AccountId, generation: str, message_ids: Sequence[MessageId]
    ) -> None:
        """Note that these messages were listed."""

    def unmarked(
        self, account_id: AccountId, generation: str, message_ids: Sequence[MessageId]
    ) -> Sequence[MessageId]:
        """Return those that were not."""


class OutboxStore(Protocol):
    """The durable record of sends."""

    def claim(self, entry: OutboxEntry) -> OutboxEntry | None:
        """Add an entry, once. Answers the one that is there already, or None."""

    def get(self, account_id: AccountId, outbox_id: OutboxId) -> OutboxEntry:
        """Return an entry. Raises NotFound."""

    def settle(self, entry: OutboxEntry) -> None:
        """Replace an entry, unless it is settled (SENT or REJECTED) already, or withdrawn.

        That it was SENT is noted also after it was withdrawn.
        """

    def withdraw(self, account_id: AccountId, outbox_id: OutboxId) -> None:
        """Remove an entry whose message did not leave, so that the key may be used again."""


class Locks(Protocol):
    """Short mutual exclusion between functions, for what has no row to put a condition on."""

    def acquire(self, name: str, *, holder: str, now: datetime, lifetime: timedelta) -> bool:
        """Take a lock unless another holder has it."""

    def release(self, name: str, *, holder: str) -> None:
        """Give a lock back; one that is not ours any more is left alone."""


# ── The rest of the world ────────────────────────────────────────────────────────────────────


class WorkQueue(Protocol):
    """Calls workers. Messages may come twice, late and in any order."""

    def sync(self, account_id: AccountId, *, delay: timedelta = timedelta()) -> None:
        """Have the present of an account synced. At most 15 minutes of delay."""

    def backfill(self, account_id: AccountId, *, delay: timedelta = timedelta()) -> None:
        """Have the next chunk of an account's first sync (or its erasure) done."""

    def settle_send(
        self, account_id: AccountId, outbox_id: OutboxId, *, attempt: int, delay: timedelta
    ) -> None:
        """Have an unsettled send looked up at the provider."""


class Clock(Protocol):
    """The time, and how long things take."""

    def now(self) -> datetime:
        """Return the time, aware and in UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait for a moment (never on a provider's quota)."""
