"""The parts of Gmail's answers that we read. Gmail leaves out what is empty, hence total=False.

https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages#Message
"""

from typing import TypedDict


class Header(TypedDict, total=False):
    """A header field as it stands in the message, encoded words and all."""

    name: str
    value: str


class Body(TypedDict, total=False):
    """A part's content: `data` (base64url), or the id to get it by."""

    attachmentId: str
    size: int
    data: str


class Part(TypedDict, total=False):
    """A node of the MIME tree."""

    partId: str
    mimeType: str
    filename: str
    headers: list[Header]
    body: Body
    parts: list["Part"]


class GmailMessage(TypedDict, total=False):
    """A message; 64-bit numbers are strings."""

    id: str
    threadId: str
    labelIds: list[str]
    snippet: str
    historyId: str
    internalDate: str
    sizeEstimate: int
    payload: Part
    raw: str


class Thread(TypedDict, total=False):
    """A conversation with its messages."""

    id: str
    messages: list[GmailMessage]


class MessageList(TypedDict, total=False):
    """A page of ids."""

    messages: list[GmailMessage]
    nextPageToken: str


class Profile(TypedDict, total=False):
    """The mailbox as a whole."""

    emailAddress: str
    messagesTotal: int
    historyId: str


class Color(TypedDict, total=False):
    """A label's colours, as `#rrggbb`."""

    backgroundColor: str
    textColor: str


class Label(TypedDict, total=False):
    """A label; the counts come from labels.get alone."""

    id: str
    name: str
    type: str
    messagesTotal: int
    messagesUnread: int
    color: Color


class LabelList(TypedDict, total=False):
    """All labels."""

    labels: list[Label]


class SendAs(TypedDict, total=False):
    """An address that mail may be sent from."""

    sendAsEmail: str
    displayName: str
    signature: str
    isPrimary: bool
    isDefault: bool
    verificationStatus: str


class MessageAdded(TypedDict, total=False):
    """A message came, or went for good."""

    message: GmailMessage


class LabelsChanged(TypedDict, total=False):
    """Labels that were put on a message, or taken off it."""

    message: GmailMessage
    labelIds: list[str]


class HistoryRecord(TypedDict, total=False):
    """One change of the mailbox."""

    id: str
    messagesAdded: list[MessageAdded]
    messagesDeleted: list[MessageAdded]
    labelsAdded: list[LabelsChanged]
    labelsRemoved: list[LabelsChanged]


class HistoryPage(TypedDict, total=False):
    """Some changes; `historyId` is where the mailbox stands now."""

    history: list[HistoryRecord]
    nextPageToken: str
    historyId: str
