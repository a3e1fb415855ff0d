"""Things of the domain with a default for everything; a test names only what it is about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from postroom.domain.account import Account, AccountStatus, Identity, ProviderName
from postroom.domain.application import RedirectUri
from postroom.domain.connection import (
    CONNECTION_LIFETIME,
    AuthorizationCode,
    BearerKind,
    BearerToken,
    ConnectionRequest,
)
from postroom.domain.credentials import Authorization, Tokens
from postroom.domain.draft import CREATION_CLAIM_LIFETIME, DraftCreation
from postroom.domain.folder import Folder
from postroom.domain.ids import (
    AccountId,
    FolderId,
    InternetMessageId,
    MessageId,
    ProviderMessageId,
    ProviderThreadId,
    attachment_id,
    creation_id,
    message_id,
    outbox_id,
    thread_id,
)
from postroom.domain.message import (
    ALL_MAIL,
    Address,
    Attachment,
    FullMessage,
    Header,
    Message,
    MessageContent,
    MessageEdit,
)
from postroom.domain.outgoing import (
    Answered,
    AnswerKind,
    OutboxEntry,
    OutgoingMessage,
    SendState,
)
from postroom.domain.provider_config import ClientRegistration, ProviderConfig, RegistrationKind
from postroom.domain.sync import (
    Backfill,
    BackfillPhase,
    Cursor,
    MessageRef,
    PendingFetch,
    SyncUnit,
    SyncUnitId,
)

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
ACCOUNT_ID = AccountId("3f1c7a52-0d4e-4b7e-9a3c-5a1f6f0c2d11")
OTHER_ACCOUNT_ID = AccountId("9b2d8e64-71aa-4c0f-8a55-0e3f9d1b7c22")


def make_identity(**changes: Any) -> Identity:
    """Ada, as Google knows her."""
    ada = Identity(
        provider=ProviderName.GOOGLE,
        subject="108000000000000000001",
        email="ada@example.com",
        name="Ada Lovelace",
    )
    return replace(ada, **changes)


def make_account(**changes: Any) -> Account:
    """An account of Ada's that works."""
    account = Account(
        id=ACCOUNT_ID,
        identity=make_identity(),
        status=AccountStatus.ACTIVE,
        scopes=("openid", "email", "https://www.googleapis.com/auth/gmail.modify"),
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(account, **changes)


def make_tokens(**changes: Any) -> Tokens:
    """Tokens that are good for another hour."""
    tokens = Tokens(
        access_token="access-1",
        refresh_token="refresh-1",
        expires_at=NOW + timedelta(hours=1),
    )
    return replace(tokens, **changes)


def make_authorization(**changes: Any) -> Authorization:
    """Ada's consent to everything that was asked for."""
    authorization = Authorization(
        identity=make_identity(), scopes=make_account().scopes, tokens=make_tokens()
    )
    return replace(authorization, **changes)


def make_provider_config(**changes: Any) -> ProviderConfig:
    """The administrator's OAuth client at Google."""
    config = ProviderConfig(
        provider=ProviderName.GOOGLE,
        name="Google",
        client_id="1234-abcd.apps.googleusercontent.com",
        scopes=(),
        tenant="",
        topic_name="",
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(config, **changes)


def make_registration(**changes: Any) -> ClientRegistration:
    """Another client of the administrator's at Google."""
    registration = ClientRegistration(
        id="registration-1",
        provider=ProviderName.GOOGLE,
        name="The new one",
        kind=RegistrationKind.CONNECTOR,
        client_id="5678-efgh.apps.googleusercontent.com",
        tenant="",
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(registration, **changes)


def make_redirect_uri(**changes: Any) -> RedirectUri:
    """A return address of a web application."""
    redirect_uri = RedirectUri(
        id="redirect-1", url="https://app.example.com/return", platform="web", created_at=NOW
    )
    return replace(redirect_uri, **changes)


def make_connection_request(**changes: Any) -> ConnectionRequest:
    """A connection that somebody has just begun."""
    request = ConnectionRequest(
        provider=ProviderName.GOOGLE,
        redirect_uri="https://app.example.com/return",
        state="the application's own state",
        code_challenge="",
        offline=True,
        login_hint="ada@example.com",
        browser_hash="b" * 64,
        code_verifier="verifier-" + "v" * 43,
        nonce="nonce-1",
        expires_at=NOW + CONNECTION_LIFETIME,
    )
    return replace(request, **changes)


def make_authorization_code(**changes: Any) -> AuthorizationCode:
    """What a fresh code stands for."""
    code = AuthorizationCode(
        account_id=ACCOUNT_ID,
        redirect_uri="https://app.example.com/return",
        code_challenge="",
        offline=True,
        expires_at=NOW + CONNECTION_LIFETIME,
    )
    return replace(code, **changes)


def make_bearer_token(**changes: Any) -> BearerToken:
    """What a fresh access token stands for."""
    token = BearerToken(
        kind=BearerKind.ACCESS, account_id=ACCOUNT_ID, expires_at=NOW + timedelta(hours=1)
    )
    return replace(token, **changes)


def make_folder(**changes: Any) -> Folder:
    """A label that Ada made. The provider calls it by its id, unless told otherwise."""
    changes.setdefault("provider_id", changes.get("id", "Label_1"))
    return replace(
        Folder(id=FolderId("Label_1"), provider_id="Label_1", name="Receipts"), **changes
    )


def make_message(
    *,
    number: int = 1,
    account_id: AccountId = ACCOUNT_ID,
    provider_id: str = "",
    provider_thread_id: str = "",
    **changes: Any,
) -> Message:
    """An unread mail in the inbox. A higher `number` is another, newer mail of a thread of its own.

    Ids follow from the provider's ids, as they do everywhere.
    """
    provider = ProviderMessageId(provider_id or f"18c{number:013x}")
    thread = ProviderThreadId(provider_thread_id or provider)
    message = Message(
        id=message_id(account_id, provider),
        account_id=account_id,
        provider_id=provider,
        thread_id=thread_id(account_id, thread),
        provider_thread_id=thread,
        version=1000 + number,
        received_at=NOW - timedelta(days=1) + timedelta(minutes=number),
        subject=f"Notes on the engine, part {number}",
        from_=(Address(email="charles@example.org", name="Charles Babbage"),),
        to=(Address(email="ada@example.com", name="Ada Lovelace"),),
        snippet="The engine can arrange and combine its numerical quantities",
        folders=(FolderId("INBOX"),),
        unread=True,
        size_bytes=2048,
        internet_message_id=InternetMessageId(f"<part-{number}@example.org>"),
    )
    return replace(message, **changes)


def make_attachment(*, message: MessageId, part_id: str = "1", **changes: Any) -> Attachment:
    """A drawing that is attached to a message."""
    attachment = Attachment(
        id=attachment_id(message, part_id),
        part_id=part_id,
        filename="engine.pdf",
        content_type="application/pdf",
        size_bytes=51_200,
    )
    return replace(attachment, **changes)


def make_content(**changes: Any) -> MessageContent:
    """Both bodies and a few headers."""
    content = MessageContent(
        html="<p>The engine weaves algebraical patterns.</p>",
        text="The engine weaves algebraical patterns.",
        headers=(
            Header(name="Received", value="from mail.example.org by mx.example.com"),
            Header(name="Subject", value="Notes on the engine"),
        ),
    )
    return replace(content, **changes)


def make_full_message(*, content: MessageContent | None = None, **changes: Any) -> FullMessage:
    """A mail as fetched; takes what `make_message` takes."""
    return FullMessage(message=make_message(**changes), content=content or make_content())


def make_edit(message: Message, **changes: Any) -> MessageEdit:
    """A change of a message that the provider has made, newer than the message."""
    edit = MessageEdit(
        message_id=message.id,
        provider_id=message.provider_id,
        provider_thread_id=message.provider_thread_id,
        version=message.version + 1,
    )
    return replace(edit, **changes)


def make_ref(*, number: int = 1) -> MessageRef:
    """The reference to `make_message(number=...)`."""
    message = make_message(number=number)
    return MessageRef(
        provider_id=message.provider_id, provider_thread_id=message.provider_thread_id
    )


def make_pending_fetch(*, number: int = 1, **changes: Any) -> PendingFetch:
    """A fetch that failed once and is due now."""
    pending = PendingFetch(
        ref=make_ref(number=number), attempts=1, reason="backendError", retry_at=NOW
    )
    return replace(pending, **changes)


def make_backfill(**changes: Any) -> Backfill:
    """A first reading on its way."""
    return replace(Backfill(phase=BackfillPhase.RUNNING, position="page-2", stored=100), **changes)


def make_sync_unit(**changes: Any) -> SyncUnit:
    """A whole mailbox that has been begun: its cursor is known, nothing is read yet."""
    unit = SyncUnit(id=SyncUnitId("mailbox"), view=ALL_MAIL, cursor=Cursor("1"))
    return replace(unit, **changes)


def make_answered(**changes: Any) -> Answered:
    """The question that a reply takes up."""
    answered = Answered(
        kind=AnswerKind.REPLY,
        provider_id=ProviderMessageId("question"),
        provider_thread_id=ProviderThreadId("thread"),
        internet_message_id=InternetMessageId("<question@elsewhere.example>"),
        references=(InternetMessageId("<question@elsewhere.example>"),),
    )
    return replace(answered, **changes)


def make_outgoing_message(**changes: Any) -> OutgoingMessage:
    """A short answer of Ada's."""
    message = OutgoingMessage(
        message_id=InternetMessageId("<answer-1@example.com>"),
        date=NOW,
        from_=Address(email="ada@example.com", name="Ada Lovelace"),
        to=(Address(email="charles@example.org", name="Charles Babbage"),),
        subject="Re: Notes on the engine",
        body="<p>It has no pretensions to originate anything.</p>",
    )
    return replace(message, **changes)


def make_draft_creation(
    *, account_id: AccountId = ACCOUNT_ID, idempotency_key: str = "key-1", **changes: Any
) -> DraftCreation:
    """A draft that somebody has just begun to make."""
    creation = DraftCreation(
        id=creation_id(account_id, idempotency_key),
        account_id=account_id,
        request_hash="a" * 64,
        internet_message_id=InternetMessageId("<draft-1@example.com>"),
        created_at=NOW,
        claimed_until=NOW + CREATION_CLAIM_LIFETIME,
        claim="first",
    )
    return replace(creation, **changes)


def make_outbox_entry(
    *, account_id: AccountId = ACCOUNT_ID, idempotency_key: str = "key-1", **changes: Any
) -> OutboxEntry:
    """A send that has just been claimed."""
    entry = OutboxEntry(
        id=outbox_id(account_id, idempotency_key),
        account_id=account_id,
        request_hash="a" * 64,
        internet_message_id=InternetMessageId("<answer-1@example.com>"),
        state=SendState.SENDING,
        created_at=NOW,
        kept_as="kept-1",
        claims=1,
        claimed_at=NOW,
    )
    return replace(entry, **changes)
