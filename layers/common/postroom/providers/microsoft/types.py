"""What Graph answers. Any property may be missing, null, or not what it should be."""

from typing import Any

Item = dict[str, Any]
"""A JSON object of which no more is certain than that it has an id: an entry of a delta."""

GraphMessage = dict[str, Any]
"""https://learn.microsoft.com/en-us/graph/api/resources/message"""

GraphAttachment = dict[str, Any]
"""Without its bytes: https://learn.microsoft.com/en-us/graph/api/resources/attachment"""

MailFolder = dict[str, Any]
"""https://learn.microsoft.com/en-us/graph/api/resources/mailfolder"""
