"""A draft: a message that its author may still change, here and in other clients.

Its id stays for its life. The message that it holds may be another one after every change, since
some providers replace it; whoever wants the draft asks for the newest.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from postroom.domain.account import Account
from postroom.domain.ids import (
    AccountId,
    CreationId,
    InternetMessageId,
    MessageId,
    ProviderDraftId,
    ProviderMessageId,
    ProviderThreadId,
)
from postroom.domain.message import Address, Header, Message
from postroom.domain.outgoing import OutgoingAttachment
from postroom.domain.send_request import SendRequest

CREATION_LIFETIME = timedelta(days=30)
"""How long the same idempotency key answers with the same draft."""

CREATION_CLAIM_LIFETIME = timedelta(minutes=1)
"""How long somebody may take to make a draft: longer than any function that answers a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderDraft:
    """Where the provider has a draft, and which message it holds now."""

    id: ProviderDraftId
    message_id: ProviderMessageId
    thread_id: ProviderThreadId


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftChange:
    """What is to be written into a draft; None leaves a part as it is, a list replaces one."""

    to: tuple[Address, ...] | None = None
    cc: tuple[Address, ...] | None = None
    bcc: tuple[Address, ...] | None = None
    reply_to: tuple[Address, ...] | None = None
    from_: Address | None = None
    from_alias: bool = False
    """`from_` is another address than the account's own."""
    subject: str | None = None
    body: str | None = None
    is_plaintext: bool = False
    """The body that is given is plain text."""
    attachments: tuple[OutgoingAttachment, ...] | None = None
    custom_headers: tuple[Header, ...] | None = None
    internet_message_id: InternetMessageId | None = None
    starred: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDraft:
    """What a draft is to begin with; it need not be complete."""

    request: SendRequest
    starred: bool = False
    metadata: Mapping[str, str] | None = None

    def digest(self) -> str:
        """SHA-256 over all of it: tells whether a repeated key carries the same draft."""
        noted = sorted((self.metadata or {}).items())
        said = repr((self.request.digest(), self.starred, noted))
        return hashlib.sha256(said.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftUpdate:
    """What is asked to be changed; None leaves a part as it is."""

    change: DraftChange
    from_: tuple[Address, ...] | None = None
    reply_to_message_id: MessageId | None = None
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftCreation:
    """The durable record that a draft is made, once for each idempotency key.

        claim ─► at work ──made────► done: its key answers with this draft
                  ▲   │  ──failed──► withdrawn: the key is free
                  └───┘ claimed by another, once the claim has expired

    Whoever claims looks for the draft by its Message-ID before making it: an earlier claim may have
    come to something without anybody's being told.
    """

    id: CreationId
    account_id: AccountId
    request_hash: str
    """SHA-256 of what was asked for: the same key with another body is a conflict."""
    internet_message_id: InternetMessageId
    created_at: datetime
    claimed_until: datetime
    claim: str
    """Tells this claim from every other."""
    draft: ProviderDraftId | None = None
    """The draft, once it is there."""


def authored(account: Account, message: Message) -> Message:
    """Name the author of a draft that names none until it is sent: the account's owner."""
    own = Address(email=account.identity.email, name=account.identity.name)
    return message if message.from_ else replace(message, from_=(own,))
