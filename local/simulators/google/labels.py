"""Gmail's labels: the system's own, the owner's, and which of them may be set.

https://developers.google.com/workspace/gmail/api/guides/labels
"""

from dataclasses import dataclass, field

SYSTEM_LABELS = (
    "CHAT",
    "SENT",
    "INBOX",
    "IMPORTANT",
    "TRASH",
    "DRAFT",
    "SPAM",
    "CATEGORY_FORUMS",
    "CATEGORY_UPDATES",
    "CATEGORY_PERSONAL",
    "CATEGORY_PROMOTIONS",
    "CATEGORY_SOCIAL",
    "STARRED",
    "UNREAD",
)
NOT_SETTABLE = frozenset({"SENT", "DRAFT", "CHAT"})
MAX_LABELS = 10_000
ROLES = {
    "INBOX": "inbox",
    "SENT": "sent",
    "DRAFT": "drafts",
    "TRASH": "trash",
    "SPAM": "junk",
    "STARRED": "starred",
    "IMPORTANT": "important",
    "UNREAD": "unread",
}
LABEL_OF_ROLE = {
    "inbox": "INBOX",
    "sent": "SENT",
    "drafts": "DRAFT",
    "trash": "TRASH",
    "junk": "SPAM",
    "spam": "SPAM",
}


@dataclass
class Label:
    """A system or user label; a `/` in a user label's name nests it."""

    id: str
    name: str
    is_system: bool = False
    message_list_visibility: str | None = None
    label_list_visibility: str | None = None
    color: dict[str, str] = field(default_factory=dict)


def system_labels() -> dict[str, Label]:
    """Return a new mailbox's labels by id."""
    return {name: Label(name, name, is_system=True) for name in SYSTEM_LABELS}
