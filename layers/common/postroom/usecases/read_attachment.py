"""Attachments: listed from the store, their bytes from the provider when somebody wants them."""

from dataclasses import dataclass

from postroom.domain.account import Account
from postroom.domain.errors import NotFound
from postroom.domain.ids import AccountId, parse_attachment_id
from postroom.domain.message import Attachment, Message
from postroom.ports import DownloadStore, MessageStore
from postroom.usecases.mailboxes import Mailboxes

DIRECT_DOWNLOAD_LIMIT_BYTES = 4_000_000
"""What still fits into an answer: Lambda carries 6 MB of JSON, base64 adds a third."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """An attachment's bytes, or the address where they can be fetched for some minutes."""

    attachment: Attachment
    content: bytes = b""
    address: str = ""


def read_attachment(
    *, account_id: AccountId, attachment_id: str, messages: MessageStore
) -> Attachment:
    """Return what is known about an attachment. Raises NotFound."""
    return _find(account_id, attachment_id, messages)[1]


def download_attachment(
    *,
    account: Account,
    attachment_id: str,
    messages: MessageStore,
    mailboxes: Mailboxes,
    downloads: DownloadStore,
) -> Download:
    """Fetch an attachment's bytes; large ones are put aside for a direct download.

    Raises NotFound, ProviderError.
    """
    message, attachment = _find(account.id, attachment_id, messages)
    with mailboxes.open(account) as mailbox:
        content = mailbox.attachment(message, attachment.part_id)
    if len(content) <= DIRECT_DOWNLOAD_LIMIT_BYTES:
        return Download(attachment=attachment, content=content)
    address = downloads.offer(account.id, filename=attachment.filename, content=content)
    return Download(attachment=attachment, address=address)


def _find(
    account_id: AccountId, attachment_id: str, messages: MessageStore
) -> tuple[Message, Attachment]:
    named = parse_attachment_id(attachment_id)
    if named is not None:
        message = messages.get(account_id, named[0])
        for attachment in message.attachments:
            if attachment.id == attachment_id:
                return message, attachment
    raise NotFound("There is no such attachment.")
