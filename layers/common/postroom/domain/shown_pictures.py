"""Which attachments of a mail are shown inside of it: its reader has to be offered the others."""

from collections.abc import Collection

from postroom.domain.message import Attachment, Message

PICTURES_LIMIT_BYTES = 3_000_000
"""Of all together: as base64 they have to fit into one answer."""

SHOWN_TYPES = frozenset({"image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp"})
"""SVG is not among them: it is a document, not a picture."""


def shown_pictures(message: Message, content_ids: Collection[str]) -> tuple[Attachment, ...]:
    """Return the pictures that are shown where a mail's HTML names these content ids.

    The first of a content id is: what else bears it is a file like any other.
    """
    left = PICTURES_LIMIT_BYTES
    shown: dict[str, Attachment] = {}
    for each in message.attachments:
        is_named = each.content_id in content_ids and each.content_id not in shown
        is_picture = each.content_type.lower() in SHOWN_TYPES
        if is_named and is_picture and each.size_bytes <= left:
            shown[each.content_id] = each
            left -= each.size_bytes
    return tuple(shown.values())
