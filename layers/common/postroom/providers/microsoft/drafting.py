"""Outlook's drafts: a draft is a message, and keeps its id for life, also when it is sent.

    change ─► PATCH what is named ─► new files put in ─► old files taken out

New files come before the old ones go, so that a change which breaks off loses none; made again, it
ends as it was meant to.

https://learn.microsoft.com/en-us/graph/api/message-update
"""

from dataclasses import replace
from datetime import datetime
from email.parser import BytesHeaderParser
from email.policy import compat32
from typing import Any

from postroom.domain.draft import DraftChange, ProviderDraft
from postroom.domain.errors import InvalidRequest, NotFound, PostroomError, Rejected
from postroom.domain.ids import (
    InternetMessageId,
    ProviderDraftId,
    ProviderMessageId,
    ProviderThreadId,
)
from postroom.domain.message import Address, Message
from postroom.domain.outgoing import OutgoingMessage, SentMessage
from postroom.domain.sender import is_same_address
from postroom.providers.answers import text
from postroom.providers.decoding import decode_words
from postroom.providers.microsoft import paths
from postroom.providers.microsoft.client import LARGEST_RAW_BYTES, GraphClient
from postroom.providers.microsoft.outgoing import author, recipient
from postroom.providers.microsoft.sending import MessageSender
from postroom.providers.microsoft.types import GraphMessage

_STATE = "id,conversationId,isDraft"
_FLAGGED = {"flag": {"flagStatus": "flagged"}}
_NOT_FLAGGED = {"flag": {"flagStatus": "notFlagged"}}

_EXCHANGES = ("x-ms-", "x-originat")
"""How the names of header fields begin that Exchange writes into what it hands out."""


class Drafts:
    """The drafts of one mailbox. See ports.Mailbox for what the methods mean and raise."""

    def __init__(self, client: GraphClient, sender: MessageSender) -> None:
        self._client = client
        self._sender = sender

    def create(self, message: OutgoingMessage, *, starred: bool) -> ProviderDraft:
        """Make a draft with its files, in the conversation of what it answers."""
        draft = self._sender.drafted(message)
        if starred:
            try:
                self._client.patch(paths.message(text(draft.get("id"))), _FLAGGED)
            except PostroomError:
                self._sender.discard(text(draft.get("id")))
                raise
        return _draft(draft)

    def find(
        self, message_id: InternetMessageId, *, since: datetime | None = None
    ) -> ProviderDraft | None:
        """Return the draft that bears a Message-ID, unless it is older than `since`."""
        found = self._sender.drafts_with_id(message_id, since=since)
        return _draft(found[0]) if found else None

    def update(self, draft: Message, change: DraftChange) -> ProviderDraft:
        """Write a change into the draft."""
        path = paths.message(draft.provider_id)
        state: GraphMessage = self._client.get(path, {"$select": f"{_STATE},from"})
        if state.get("isDraft") is not True:
            raise NotFound("Outlook has sent this draft")
        if change.custom_headers is not None:
            self._check_headers(path, change)
        wanted = _properties(change)
        if change.from_ is not None:
            wanted |= self._author(state, change.from_, is_alias=change.from_alias)
        if wanted:
            state = {**state, **self._client.patch(path, wanted)}
        if change.attachments is not None:
            old = self._sender.files_of(draft.provider_id)
            for attachment in change.attachments:
                self._sender.attach(
                    draft.provider_id, attachment, is_plaintext=_is_plaintext(state, change)
                )
            for part_id in old:
                self._client.delete(paths.attachment(draft.provider_id, part_id))
        return _draft(state)

    def delete(self, draft: Message) -> None:
        """Move a draft to the deleted items, and never the mail that it has become."""
        if self.sent(draft) is not None:
            raise NotFound("Outlook has sent this draft")
        self._client.delete(paths.message(draft.provider_id))

    def send(self, draft: Message) -> SentMessage:
        """Send a draft; what is none any more Outlook refuses in words of no use."""
        try:
            self._client.send_once(paths.message(draft.provider_id, "send"))
        except Rejected as refusal:
            if self.sent(draft) is not None:
                raise NotFound("Outlook has sent this draft") from refusal
            raise
        return _sent(draft.provider_id, draft.provider_thread_id)

    def sent(self, draft: Message) -> SentMessage | None:
        """Ask for the message, which is no draft any more once it was sent."""
        state = self._client.get(paths.message(draft.provider_id), {"$select": _STATE})
        if state.get("isDraft") is not False:
            return None
        thread = text(state.get("conversationId")) or draft.provider_thread_id
        return _sent(draft.provider_id, thread)

    def _author(self, state: GraphMessage, wanted: Address, *, is_alias: bool) -> dict[str, Any]:
        """Return what has to be written so that a draft has an author; nothing, mostly.

        The account's own address is what Outlook puts in by itself, in its own spelling. The one
        that we know may be a sign-in name, and to send from that would be refused. So it is written
        only over another author, and only where Outlook tells it as an address of mail.
        """
        if is_alias:
            return {"from": author(wanted)}
        if _is_by(state, wanted):
            return {}
        mail = self._sender.mail_address()
        return {"from": author(replace(wanted, email=mail))} if mail else {}

    def _check_headers(self, path: str, change: DraftChange) -> None:
        """Refuse other headers than those it has: Outlook takes them only when it is made.

        Of a draft only the MIME form tells them. Exchange adds some of its own.
        """
        raw = self._client.read(f"{path}/$value", largest_bytes=LARGEST_RAW_BYTES)
        fields = BytesHeaderParser(policy=compat32).parsebytes(raw).items()
        known = {(name.lower(), decode_words(str(value))[0]) for name, value in fields}
        set_here = {
            (name, value)
            for name, value in known
            if name.startswith("x-") and not name.startswith(_EXCHANGES)
        }
        if {(each.name.lower(), each.value) for each in change.custom_headers or ()} != set_here:
            raise InvalidRequest(
                "The headers of an Outlook draft are set when it is made; they cannot be changed.",
                field="custom_headers",
            )


def _properties(change: DraftChange) -> dict[str, Any]:
    """Return the properties that a change names."""
    properties: dict[str, Any] = {}
    for name, people in (
        ("toRecipients", change.to),
        ("ccRecipients", change.cc),
        ("bccRecipients", change.bcc),
        ("replyTo", change.reply_to),
    ):
        if people is not None:
            properties[name] = [recipient(each) for each in people]
    if change.subject is not None:
        properties["subject"] = change.subject
    if change.body is not None:
        kind = "text" if change.is_plaintext else "html"
        properties["body"] = {"contentType": kind, "content": change.body}
    if change.internet_message_id is not None:
        properties["internetMessageId"] = change.internet_message_id
    if change.starred is not None:
        properties |= _FLAGGED if change.starred else _NOT_FLAGGED
    return properties


def _is_by(draft: GraphMessage, author: Address) -> bool:
    """Whether a draft names this author, or none, who is the account's owner."""
    named = draft.get("from")
    known = named.get("emailAddress") if isinstance(named, dict) else None
    email = text(known.get("address")) if isinstance(known, dict) else ""
    return not email or is_same_address(email, author.email)


def _is_plaintext(state: GraphMessage, change: DraftChange) -> bool:
    """Whether the draft has no HTML to show a picture in; unless it is told, it may have."""
    if change.body is not None:
        return change.is_plaintext
    body = state.get("body")
    return isinstance(body, dict) and text(body.get("contentType")).lower() == "text"


def _draft(raw: GraphMessage) -> ProviderDraft:
    return ProviderDraft(
        id=ProviderDraftId(text(raw.get("id"))),
        message_id=ProviderMessageId(text(raw.get("id"))),
        thread_id=ProviderThreadId(text(raw.get("conversationId"))),
    )


def _sent(provider_id: ProviderMessageId, thread_id: str) -> SentMessage:
    return SentMessage(provider_id=provider_id, provider_thread_id=ProviderThreadId(thread_id))
