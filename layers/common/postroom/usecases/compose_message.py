"""From what an author asks to send to a message that can be sent."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from postroom.domain.account import Account, ProviderName
from postroom.domain.errors import InvalidRequest, NotFound, TooLarge
from postroom.domain.ids import AccountId, InternetMessageId
from postroom.domain.message import Address, Message
from postroom.domain.message_limit import MessageLimit
from postroom.domain.mime import named_in
from postroom.domain.mime_stream import whole_size
from postroom.domain.outgoing import (
    Answered,
    AnswerKind,
    OutgoingAttachment,
    OutgoingMessage,
)
from postroom.domain.send_request import SendRequest, UploadedFile
from postroom.domain.sender import (
    Sender,
    ascii_domain,
    find_sender,
    identity_that_received,
    is_same_address,
)
from postroom.domain.written_mime import WrittenMime
from postroom.ports import (
    Clock,
    ContentStore,
    DeploymentSecrets,
    MessageStore,
    SenderStore,
    UploadStore,
)
from postroom.usecases.mailboxes import Mailboxes


@dataclass(frozen=True, slots=True, kw_only=True)
class Composer:
    """Makes messages out of requests."""

    mailboxes: Mailboxes
    messages: MessageStore
    contents: ContentStore
    senders: SenderStore
    uploads: UploadStore
    limits: Mapping[ProviderName, MessageLimit]
    secrets: DeploymentSecrets
    clock: Clock

    def compose(
        self, account: Account, request: SendRequest, *, idempotency_key: str, request_hash: str
    ) -> OutgoingMessage:
        """Return the message; `request_hash` tells what was asked for under the key.

        Raises InvalidRequest, TooLarge (no such provider sends it), and ProviderError when senders
        are asked.
        """
        asked = (idempotency_key, request_hash)
        if request.written is not None:
            return self._as_written(account, request, request.written, asked)
        answered = self._answered_message(account.id, request)
        # What the text does not show is a file beside it: one provider lists no other.
        shown = named_in(request.body, (each.content_id for each in request.attachments))
        files = tuple(
            replace(file, is_inline=file.is_inline and file.content_id in shown)
            for file in (self._file(account.id, each) for each in request.attachments)
        )
        sender = self._sender(account, request, answered)
        message = OutgoingMessage(
            message_id=derive_message_id(
                signing_key=self.secrets.signing_key(),
                account_id=account.id,
                asked=asked,
                sender=sender,
            ),
            date=self.clock.now(),
            from_=sender,
            from_alias=is_alias(account, sender),
            to=request.to,
            cc=request.cc,
            bcc=request.bcc,
            reply_to=request.reply_to,
            subject=request.subject,
            body=request.body,
            is_plaintext=request.is_plaintext,
            attachments=files,
            custom_headers=request.custom_headers,
            answered=None if answered is None else _taken_up(answered, request),
        )
        if message.has_uploads:
            self._check_uploads(account, message, request)
        return message

    def _as_written(
        self,
        account: Account,
        request: SendRequest,
        written: WrittenMime,
        asked: tuple[str, str],
    ) -> OutgoingMessage:
        """Return what came in MIME, its own Message-ID kept.

        A lost answer is looked up by that: whoever gives it to a second message says that it is
        the first one (RFC 5322, 3.6.4).
        """
        for author in (written.from_, written.sender):
            if author is not None and self._permitted(account, author) is None:
                raise InvalidRequest(
                    "This account may not send from the address in its From or Sender.",
                    field="mime",
                )
        message_id = written.message_id or derive_message_id(
            signing_key=self.secrets.signing_key(),
            account_id=account.id,
            asked=asked,
            sender=written.from_,
        )
        mime = written.identified(message_id)
        limit = self.limits[account.identity.provider]
        if len(mime) > limit.mime_bytes:
            raise TooLarge(
                f"mime: {limit.provider_label} takes at most {limit.mime_bytes:,} bytes of MIME; "
                f"this message has {len(mime):,}. Send its files by attachment-uploads."
            )
        return OutgoingMessage(
            message_id=message_id,
            date=self.clock.now(),
            from_=written.from_,
            from_alias=is_alias(account, written.from_),
            to=request.to,
            cc=request.cc,
            bcc=request.bcc,
            reply_to=request.reply_to,
            subject=request.subject,
            mime=mime,
        )

    def _file(
        self, account_id: AccountId, given: OutgoingAttachment | UploadedFile
    ) -> OutgoingAttachment:
        if isinstance(given, OutgoingAttachment):
            return given
        try:
            upload = self.uploads.get(account_id, given.upload_id)
        except NotFound as error:
            raise InvalidRequest(str(error), field=given.field) from None
        if not upload.is_ready:
            raise InvalidRequest(
                "This upload is not complete; put its file there, and complete it.",
                field=given.field,
            )
        return OutgoingAttachment(
            filename=given.filename or upload.filename,
            content_type=upload.content_type,
            content_id=given.content_id,
            is_inline=given.is_inline,
            upload=upload,
        )

    def _check_uploads(
        self, account: Account, message: OutgoingMessage, request: SendRequest
    ) -> None:
        """Refuse what the provider would not send, and what would be gone before it is sent."""
        limit = self.limits[account.identity.provider]
        size_bytes = whole_size(message, counts_mime=limit.counts_mime)
        if size_bytes > limit.message_bytes:
            raise TooLarge(f"This message has {size_bytes:,} bytes. {limit.sentence()}")
        ends_at = min(each.upload.expires_at for each in message.attachments if each.upload)
        if request.send_at is not None and request.send_at > ends_at:
            raise InvalidRequest(
                f"An upload of this message lives until {ends_at:%Y-%m-%dT%H:%M:%SZ}; "
                "send it before.",
                field="send_at",
            )

    def _sender(self, account: Account, request: SendRequest, answered: Message | None) -> Address:
        """Return the sender; the provider is asked about any but the account's own address.

        Whoever answers without naming one answers as whom the mail was sent to, as long as the
        account may still send from there.
        """
        if len(request.from_) > 1:
            raise InvalidRequest("A message has one sender.", field="from")
        own = Address(email=account.identity.email, name=account.identity.name)
        wanted = request.from_[0] if request.from_ else self._addressed(account, answered) or own
        permitted = self._permitted(account, wanted)
        if permitted is not None:
            return permitted
        if request.from_:
            raise InvalidRequest("This account may not send from that address.", field="from")
        return own

    def _permitted(self, account: Account, wanted: Address) -> Address | None:
        """Return an address with its name, if the account may send from there."""
        own = Address(email=account.identity.email, name=account.identity.name)
        if not is_alias(account, wanted):
            return Address(email=own.email, name=wanted.name or own.name)
        alias = find_sender(self._senders(account), wanted.email)
        if alias is None:
            return None
        return Address(email=alias.email, name=wanted.name or alias.name or own.name)

    def _addressed(self, account: Account, answered: Message | None) -> Address | None:
        """Return the alias that the answered mail was sent to, if it was one."""
        if answered is None:
            return None
        known = self.senders.all(account.id)
        if all(is_same_address(each.email, account.identity.email) for each in known):
            return None
        content = self.contents.get_many(account.id, [answered.id]).get(answered.id)
        alias = identity_that_received(
            answered,
            known,
            own_email=account.identity.email,
            headers=content.headers if content else (),
        )
        return None if alias is None else Address(email=alias.email, name=alias.name)

    def _senders(self, account: Account) -> Sequence[Sender]:
        with self.mailboxes.open(account) as mailbox:
            senders = mailbox.senders()
        self.senders.replace(account.id, senders)
        return senders

    def _answered_message(self, account_id: AccountId, request: SendRequest) -> Message | None:
        for wanted, field in (
            (request.reply_to_message_id, "reply_to_message_id"),
            (request.forwarded_message_id, "forward_message_id"),
        ):
            if wanted is None:
                continue
            try:
                return self.messages.get(account_id, wanted)
            except NotFound:
                raise InvalidRequest("There is no such message.", field=field) from None
        return None


def is_alias(account: Account, author: Address) -> bool:
    """Whether an author is another address than the account's own."""
    return not is_same_address(author.email, account.identity.email)


def derive_message_id(
    *, signing_key: bytes, account_id: AccountId, asked: tuple[str, ...], sender: Address
) -> InternetMessageId:
    """Make the Message-ID that a send keeps through all of its attempts.

    `asked` is its key and the hash of what was asked for: a key comes free again, and then a mail
    or draft that says something else has another Message-ID.
    """
    said = "\0".join((account_id, *asked)).encode()
    digest = hmac.new(signing_key, said, hashlib.sha256).digest()
    local_part = base64.b32encode(digest).decode().rstrip("=").lower()
    return InternetMessageId(f"<{local_part}@{ascii_domain(sender.email)}>")


def _taken_up(answered: Message, request: SendRequest) -> Answered:
    is_reply = request.reply_to_message_id is not None
    return Answered(
        kind=AnswerKind.REPLY if is_reply else AnswerKind.FORWARD,
        provider_id=answered.provider_id,
        provider_thread_id=answered.provider_thread_id,
        internet_message_id=answered.internet_message_id,
        references=_references(answered),
    )


def _references(answered: Message) -> tuple[InternetMessageId, ...]:
    """The references of the answered message, then itself (RFC 5322 section 3.6.4)."""
    earlier = answered.references or ((answered.in_reply_to,) if answered.in_reply_to else ())
    itself = (answered.internet_message_id,) if answered.internet_message_id else ()
    return (*earlier, *itself)
