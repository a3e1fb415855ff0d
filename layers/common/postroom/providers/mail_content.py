"""What every provider's mapping has in common: the words for defects, and the last touch.

A mapping is total: no content makes it raise. What cannot be read as its sender meant it is read as
well as it can be, and one of these words in `Message.defects` says so; the raw form has everything.
"""

import mimetypes
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from postroom.domain import ids
from postroom.domain.ids import AccountId
from postroom.domain.message import Attachment, FullMessage, Message, MessageContent
from postroom.domain.mime import named_in
from postroom.domain.sync import MessageRef

CHARSET = "charset"
"""A body's charset is missing, unknown or wrong: some characters may be replaced."""
HEADER_ENCODING = "header_encoding"
"""A header field holds bytes or encoded words that cannot be decoded."""
DATE_MISSING = "date_missing"
"""There is no readable Date field."""
ADDRESS = "address"
"""An address field holds something that is no address; it is kept as a name."""
STRUCTURE = "structure"
"""The MIME tree is nested too deeply to be read to its end."""
BODY_MISSING = "body_missing"
"""The provider lists a body but does not hand it out."""
LINKED_FILE = "linked_file"
"""It links to a file elsewhere, where others see an attachment; its bytes are no part of it."""
UNREADABLE = "unreadable"
"""The message could not be read at all; this is what is known about it."""

BROKEN_CONTENT = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What reading content of no known kind may raise."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of a message that has none."""


def unreadable(ref: MessageRef, account_id: AccountId) -> FullMessage:
    """Return what the reference alone says: a message of no time, which any real version beats."""
    message = Message(
        id=ids.message_id(account_id, ref.provider_id),
        account_id=account_id,
        provider_id=ref.provider_id,
        thread_id=ids.thread_id(account_id, ref.provider_thread_id),
        provider_thread_id=ref.provider_thread_id,
        version=0,
        received_at=EPOCH,
        defects=(UNREADABLE,),
    )
    return FullMessage(message=message, content=MessageContent())


def marked_unreadable(full: FullMessage) -> FullMessage:
    """Return a message of which not all could be read, and which says so."""
    defects = tuple(sorted({*full.message.defects, UNREADABLE}))
    return FullMessage(message=replace(full.message, defects=defects), content=full.content)


def shown_inline(attachments: Iterable[Attachment], markup: str) -> tuple[Attachment, ...]:
    """Settle which ones are shown inside the HTML: what it refers to is, whatever was declared."""
    listed = tuple(attachments)
    named = named_in(markup, (each.content_id for each in listed))
    return tuple(
        replace(
            each, is_inline=bool(each.content_id) and (each.is_inline or each.content_id in named)
        )
        for each in listed
    )


def filename(name: str, media_type: str) -> str:
    """Return a name that holds no path; a nameless file is called after its type."""
    if name:
        return name.replace("/", "_").replace("\\", "_")
    if media_type == "message/rfc822":
        return "message.eml"
    return f"attachment{mimetypes.guess_extension(media_type) or ''}"
