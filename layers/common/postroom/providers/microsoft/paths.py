"""Addresses below the version: https://learn.microsoft.com/en-us/graph/api/resources/mail-api-overview."""

from urllib.parse import quote

MESSAGES = "me/messages"
FOLDERS = "me/mailFolders"


def message(provider_id: str, *rest: str) -> str:
    """Return the address of a message, or of what belongs to it; ids may hold any sign."""
    return "/".join((MESSAGES, quote(provider_id, safe=""), *rest))


def attachment(provider_id: str, part_id: str, *rest: str) -> str:
    """Return the address of an attachment, or of what belongs to it."""
    return message(provider_id, "attachments", quote(part_id, safe=""), *rest)


def folder(provider_id: str, *rest: str) -> str:
    """Return the address of a folder, by id or well-known name, or of what belongs to it."""
    return "/".join((FOLDERS, quote(provider_id, safe=""), *rest))
