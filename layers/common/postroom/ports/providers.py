"""What Postroom needs from a mail provider."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from postroom.domain.account import ProviderName
from postroom.domain.credentials import Authorization, Tokens
from postroom.domain.folder import Folder
from postroom.domain.ids import AccountId, InternetMessageId, ProviderMessageId
from postroom.domain.message import FullMessage, Message, MessageChange, MessageEdit
from postroom.domain.outgoing import OutgoingMessage, SentMessage
from postroom.domain.sync import (
    BackfillPage,
    ChangePage,
    Cursor,
    FetchResult,
    MessageRef,
    SyncUnitId,
)


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
