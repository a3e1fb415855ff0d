"""Whose affair a 403 is: that of one message or folder, or of the whole mailbox.

Graph's answer is the same for both. Who was refused one thing asks for something that every mailbox
has; where that is refused too, no rule about one thing is the reason.
"""

from postroom.providers.microsoft import paths
from postroom.providers.microsoft.client import GraphClient


def raise_if_closed(client: GraphClient) -> None:
    """Raise AccessDenied, or what else stands in the way, when not even the inbox is shown."""
    client.get(paths.folder("inbox"), {"$select": "id"})
