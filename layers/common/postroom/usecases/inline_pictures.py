"""The pictures that a mail shows inside itself, fetched from its provider."""

from collections.abc import Collection
from dataclasses import dataclass

from postroom.domain.account import Account
from postroom.domain.errors import NotFound, ProviderError
from postroom.domain.ids import AttachmentId
from postroom.domain.message import Message
from postroom.domain.shown_pictures import shown_pictures
from postroom.observability import logger
from postroom.usecases.mailboxes import Mailboxes


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An inline picture."""

    attachment_id: AttachmentId
    content_type: str
    content: bytes


def inline_pictures(
    *, account: Account, message: Message, content_ids: Collection[str], mailboxes: Mailboxes
) -> dict[str, Picture]:
    """Return the pictures by content id. One that cannot be had is missing: the mail is shown."""
    wanted = shown_pictures(message, content_ids)
    if not wanted:
        return {}
    found = {}
    try:
        with mailboxes.open(account) as mailbox:
            for each in wanted:
                content = mailbox.attachment(message, each.part_id)
                found[each.content_id] = Picture(
                    attachment_id=each.id, content_type=each.content_type, content=content
                )
    except (ProviderError, NotFound) as problem:
        logger.info("inline_pictures_missing", extra={"reason": type(problem).__name__})
    return found
